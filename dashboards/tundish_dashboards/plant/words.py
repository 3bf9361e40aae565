"""Values and statuses of signals in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_platform.samples import Severity, SignalRole, severity

if TYPE_CHECKING:
    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.plant.conditions import SignalState

_CODE_MASK: Final = 0xFFFF0000
# Codes of OPC 10000-6, Annex A, that servers send most; others are shown by severity and number.
_CODES: Final = {
    0x40900000: "uncertain_last_usable",
    0x40910000: "uncertain_substitute",
    0x40930000: "uncertain_sensor",
    0x40940000: "uncertain_range",
    0x40950000: "uncertain_sub_normal",
    0x80310000: "bad_no_communication",
    0x80320000: "bad_waiting",
    0x80890000: "bad_configuration",
    0x808A0000: "bad_not_connected",
    0x808B0000: "bad_device",
    0x808C0000: "bad_sensor",
    0x808D0000: "bad_out_of_service",
}
_TEXT_SHOWN: Final = 60


def status_words(view: TenantView, status: int) -> str:
    """An OPC UA status code in words, with its number where there is more to look up."""
    if severity(status) is Severity.GOOD:
        return view.t("quality.good")
    known = _CODES.get(status & _CODE_MASK)
    key = known or ("uncertain" if severity(status) is Severity.UNCERTAIN else "bad")
    return f"{view.t(f'quality.{key}')} (0x{status:08X})"


def value_words(view: TenantView, state: SignalState) -> str:
    """The newest value with its unit; a dash for a status without a value."""
    signal, latest = state.signal, state.latest
    if latest is None or latest.value is None:
        return "–"
    value = latest.value
    if isinstance(value, str):
        known = view.t.maybe(f"machine_state.{value}", value) if signal.role is SignalRole.STATE else value
        return known if len(known) <= _TEXT_SHOWN else f"{known[:_TEXT_SHOWN]}…"
    if isinstance(value, list):
        return view.t("plant.values", n=len(value))
    whole = 0 if isinstance(value, int) else None
    return view.formats.quantity(value, signal.unit, whole)
