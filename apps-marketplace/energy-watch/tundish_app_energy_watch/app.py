"""Entry point: choose the best signal there is, count energy, say what is not known."""

from __future__ import annotations

from datetime import UTC, datetime

from tundish_app_energy_watch.figures import figures_of
from tundish_app_energy_watch.pieces import UnknownUnit, pieces_of
from tundish_app_energy_watch.screen import missing_screen, screen, unit_screen
from tundish_platform.sdk import AppInputs, AppOutputs, SignalInfo, window_values

# The most direct first: a meter's own intervals, then its counter, then power that must be integrated.
_KEYS = ("interval", "counter", "power")


def run(inputs: AppInputs) -> AppOutputs:
    """Count the window."""
    missing = inputs.missing()
    chosen = _choose(inputs)
    if missing or chosen is None:
        return AppOutputs(missing=missing or _KEYS, screen=missing_screen())
    key, signal = chosen
    given = inputs.parameters.get("max_power_kw")
    try:
        pieces = pieces_of(inputs, key, signal, float(given) if given is not None else None)
    except UnknownUnit:
        return AppOutputs(screen=unit_screen(signal))
    figures = figures_of(inputs, pieces, _state_beside(inputs, signal))
    values: dict[str, float | str | None] = {
        "energy": figures.energy,
        "maximum_demand": figures.maximum_demand,
        "load_factor": figures.load_factor,
        "idle_share": figures.idle_share,
        "coverage": figures.coverage,
        "resets": float(pieces.resets),
        "basis": signal.path,
    }
    at = datetime.fromtimestamp(pieces.end[-1], tz=UTC) if pieces.end.size else inputs.end
    shown = screen(key, signal, pieces, figures)
    return AppOutputs(values=window_values(values, min(max(at, inputs.start), inputs.end)), screen=shown)


def _choose(inputs: AppInputs) -> tuple[str, SignalInfo] | None:
    path = inputs.parameters.get("signal")
    found = [(key, signal) for key in _KEYS for signal in inputs.found(key)]
    return next((pair for pair in found if path in (None, pair[1].path)), None)


def _state_beside(inputs: AppInputs, signal: SignalInfo) -> SignalInfo | None:
    """The state of the same machine; else the only one there is on the line."""
    states = inputs.found("state")
    near = [s for s in states if s.machine == signal.machine]
    line = [s for s in states if s.path.split("/")[:3] == signal.path.split("/")[:3]]
    return near[0] if near else (line[0] if len(line) == 1 else None)
