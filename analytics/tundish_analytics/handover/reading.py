"""The samples that a line's figures are made of, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_analytics.handover.figures import Counted, count_pieces, count_steps
from tundish_analytics.oee.hearing import SILENCE, Held
from tundish_platform.handover.plans import moment
from tundish_platform.samples import SampleKind, SignalRole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.access import TelemetryAccess
    from tundish_platform.tenancy import TenantScope

    Times = NDArray[np.int64]

# How far back the last word, or reading, before a shift is looked for where nothing says how often it comes.
_BACK: Final = timedelta(days=1)
_NUMBERS: Final = (SampleKind.NUMERIC, SampleKind.INTEGER)
_GOOD: Final = 0
# The most direct first; a cycle is a piece only where nothing counts pieces.
_COUNTERS: Final = ("count.processed", "identity.piece", "count.cycle")
_REJECTS: Final = ("count.defective",)
_STATES: Final = ("state.packml", "state.machinery")
_REASONS: Final = ("reason.stop",)
_KWH: Final = {"W.h": 0.001, "kW.h": 1.0, "MW.h": 1000.0}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which of a line's signals tell what.

    Attributes:
        ambiguous: keys of the warnings about it.
    """

    state: SignalInfo | None
    reason: SignalInfo | None
    total: SignalInfo | None
    rejects: SignalInfo | None
    energy: tuple[SignalInfo, ...]
    quality: tuple[SignalInfo, ...]
    ambiguous: tuple[str, ...]


def choose(signals: Sequence[SignalInfo], state: str, total: str, rejects: str) -> Chosen:
    """The signals by the plan's paths, else by what they mean: beside the state's machine before elsewhere.

    Args:
        signals: of the line, by path.
        state: path of the plan's, empty for none; as `total` and `rejects`.
        total: see `state`.
        rejects: see `state`.
    """
    by_path = {signal.path: signal for signal in signals}
    states = [s for s in signals if s.semantic in _STATES and s.kind is SampleKind.TEXT]
    told = by_path.get(state) or next(iter(states), None)
    near = [s for s in signals if told is None or s.path.startswith(_machine(told.path))]
    counting = _meaning(near, _COUNTERS) or _meaning(signals, _COUNTERS)
    counter = by_path.get(total) or next(iter(counting), None)
    doubtful = []
    if not state and len(states) > 1:
        doubtful.append("SEVERAL_STATES")
    same = [one for one in counting if counter is not None and one.semantic == counter.semantic]
    if not total and len(same) > 1:
        doubtful.append("SEVERAL_COUNTERS")
    bad = _meaning(near, _REJECTS) or _meaning(signals, _REJECTS)
    return Chosen(
        told,
        next(iter(_meaning(near, _REASONS)), None),
        counter,
        by_path.get(rejects) or next(iter(bad), None),
        _meters(signals),
        tuple(s for s in signals if s.role is SignalRole.RESULT and s.kind is SampleKind.NUMERIC),
        tuple(doubtful),
    )


def words_held(
    telemetry: TelemetryAccess, scope: TenantScope, signal: SignalInfo, start: int, end: int, known_until: int
) -> Held:
    """A signal's texts from the last one before the shift on."""
    back = timedelta(seconds=SILENCE * signal.period_s) if signal.period_s is not None else _BACK
    table = telemetry.read(scope, [signal.id], moment(start) - back, moment(end), SampleKind.TEXT)
    # What is sent again each period is known until it fails to come; what is sent on change, as far as the
    # line has been heard of.
    known = known_until if signal.period_s is None else end
    said = table["value"].to_pylist()
    return Held.of(times_of(table), said, severity_good(table), known, signal.period_s)


def counted(
    telemetry: TelemetryAccess, scope: TenantScope, signal: SignalInfo, start: int, end: int,
    ideal_s: float | None,
) -> Counted:  # fmt: skip
    """Pieces by a signal, from the last reading before the shift on."""
    first, last = moment(start) - _BACK, moment(end) + timedelta(microseconds=1)
    table = telemetry.read(scope, [signal.id], first, last, signal.kind)
    table = table.filter(pa.array(severity_good(table)))
    if signal.kind is SampleKind.TEXT:
        return count_pieces(times_of(table), [str(value) for value in table["value"].to_pylist()])
    return count_steps(times_of(table), numbers_of(table), start, end, ideal_s)


def energy_kwh(
    telemetry: TelemetryAccess, scope: TenantScope, meters: Sequence[SignalInfo], start: int, end: int
) -> tuple[float | None, bool]:
    """Energy of a shift by counters of it, and whether they were read over less than the whole shift."""
    whole, part = None, False
    for meter in meters:
        reach = timedelta(seconds=SILENCE * (meter.period_s or 3_600.0))
        table = telemetry.read(
            scope, [meter.id], moment(start) - reach, moment(end) + timedelta(microseconds=1), meter.kind
        )
        table = table.filter(pa.array(severity_good(table)))
        at, values = times_of(table), numbers_of(table)
        if at.size < 2:  # noqa: PLR2004 - a difference has two ends
            part = True
            continue
        slack = reach // timedelta(microseconds=1)
        part = part or at[0] > start or at[-1] < end - slack
        # From the last reading at or before the start; the first one where there is none.
        first = max(int(np.searchsorted(at, start, side="right")) - 1, 0)
        steps = count_steps(at[first:], values[first:], start, end, None)
        whole = (whole or 0.0) + float(steps.steps.sum()) * _KWH[meter.unit]
    return whole, part


def values_of(
    telemetry: TelemetryAccess, scope: TenantScope, signal: SignalInfo, start: datetime, end: datetime
) -> tuple[Times, NDArray[np.float64]]:
    """Good values of ``[start, end)`` with their times, µs UTC."""
    table = telemetry.read(scope, [signal.id], start, end, signal.kind)
    table = table.filter(pa.array(severity_good(table)))
    values = numbers_of(table)
    finite = np.isfinite(values)
    return times_of(table)[finite], values[finite]


def severity_good(table: pa.Table) -> NDArray[np.bool_]:
    """Which samples their source vouches for."""
    good: NDArray[np.bool_] = np.right_shift(table["status"].to_numpy(), 30) == _GOOD
    return good


def times_of(table: pa.Table) -> Times:
    """Source times, µs UTC."""
    times: Times = table["ts"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    return times


def numbers_of(table: pa.Table) -> NDArray[np.float64]:
    """Values as numbers."""
    values: NDArray[np.float64] = pc.cast(table["value"], pa.float64(), safe=False).to_numpy(
        zero_copy_only=False
    )
    return values


def _meaning(signals: Sequence[SignalInfo], semantics: Sequence[str]) -> list[SignalInfo]:
    """The signals of the first of the kinds that any has."""
    for semantic in semantics:
        kinds = (SampleKind.TEXT,) if semantic.startswith(("identity.", "reason.")) else _NUMBERS
        if found := [s for s in signals if s.semantic == semantic and s.kind in kinds]:
            return found
    return []


def _meters(signals: Sequence[SignalInfo]) -> tuple[SignalInfo, ...]:
    return tuple(
        s
        for s in signals
        if s.semantic == "energy.active" and s.kind in _NUMBERS and s.unit in _KWH
        and s.role is SignalRole.COUNTER
    )  # fmt: skip


def _machine(path: str) -> str:
    """The prefix of what hangs on the same machine: Site/Area/Line/Machine/."""
    return "/".join(path.split("/")[:4]) + "/"
