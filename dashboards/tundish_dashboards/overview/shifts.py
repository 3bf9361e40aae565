"""The running shift of many lines, read from the store at once and judged one by one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_analytics.oee.machine import judge_machine
from tundish_platform.samples import SCHEMAS, SampleKind, SignalRole, is_good

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from tundish_analytics.oee.calendar import Shift
    from tundish_analytics.oee.machine import Judged
    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.overview.plans import Stretch
    from tundish_platform.samples import SignalInfo

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A state that is told on changes only may have been told long before the shift began.
_TOLD_BEFORE: Final = timedelta(days=2)
# One that is told again and again holds for a few periods.
_STATED_BEFORE: Final = timedelta(minutes=10)
# The reading of a counter before the shift, from which its first step counts.
_COUNTED_BEFORE: Final = timedelta(hours=1)
_BAD: Final = 0x80000000
_COLUMNS: Final = ("ts", "value", "status")
STATES: Final = frozenset({"state.packml", "state.machinery"})
_BESIDE: Final = {
    "state.mode": "mode",
    "reason.stop": "reason",
    "count.processed": "total",
    "count.defective": "rejects",
    "identity.piece": "pieces",
    "count.cycle": "cycles",
}
_COUNTERS: Final = frozenset({"total", "rejects", "cycles"})


def moment(micros: int) -> datetime:
    """An instant of µs since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def states_of(signals: Iterable[SignalInfo]) -> list[SignalInfo]:
    """Signals that tell what a machine does in words of PackML or OPC 40001."""
    return [s for s in signals if s.semantic in STATES and s.kind is SampleKind.TEXT]


def beside(state: SignalInfo, signals: Iterable[SignalInfo]) -> dict[str, SignalInfo]:
    """What else `judge_machine` can use of the state's machine, the same component's signals first."""
    component = state.path.rpartition("/")[0]
    same = [s for s in signals if s.machine == state.machine and s.semantic in _BESIDE]
    found: dict[str, SignalInfo] = {}
    for signal in sorted(same, key=lambda s: (s.path.rpartition("/")[0] != component, s.path)):
        key = _BESIDE[signal.semantic]
        counts = signal.kind in {SampleKind.NUMERIC, SampleKind.INTEGER} and signal.role is SignalRole.COUNTER
        if counts if key in _COUNTERS else signal.kind is SampleKind.TEXT:
            found.setdefault(key, signal)
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """One line's machine to be judged.

    Attributes:
        state: of the machine.
        near: its other signals, see `beside`.
        known_until: how far the line's own time has come; beyond it no state is known.
        stretch: the line's shift and plan.
    """

    state: SignalInfo
    near: Mapping[str, SignalInfo]
    known_until: datetime
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class ShiftReading:
    """A shift so far with the samples of many machines; a `Reading` for one of them at a time.

    Attributes:
        tables: by kind ``signal, ts, value, status``, sorted by (signal, ts); from before the start, too.
        known_until: as in `Asked`.
    """

    start: datetime
    end: datetime
    tables: Mapping[SampleKind, pa.Table]
    known_until: datetime

    def samples(self, signal: SignalInfo) -> pa.Table:
        """Every sample of one signal; one that is told on changes is known until the line fell silent."""
        table = self.tables.get(signal.kind, SCHEMAS[signal.kind].empty_table())
        # Sorted by signal, so that two searches find what a filter would look for in every row.
        numbers = table["signal"].to_numpy()
        first, last = (int(np.searchsorted(numbers, signal.id, side=side)) for side in ("left", "right"))
        kept = table.slice(first, last - first).select(list(_COLUMNS))
        if signal.period_s is not None or self.known_until >= self.end:
            return kept
        silence = {"ts": [self.known_until], "value": [None], "status": [_BAD]}
        told = kept.filter(pc.less(kept["ts"], pa.scalar(self.known_until, kept.schema.field("ts").type)))
        return pa.concat_tables([told, pa.table(silence, schema=kept.schema)])

    def good(self, signal: SignalInfo) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
        """Times and values of one signal's good samples."""
        table = self.samples(signal)
        values = table["value"].cast(pa.float64()).to_numpy()
        kept = is_good(table["status"].to_numpy()) & np.isfinite(values)
        return table["ts"].cast(pa.timestamp("us")).to_numpy()[kept], values[kept]


def judge_shifts(view: TenantView, end: datetime, asked: Mapping[str, Asked]) -> dict[str, Judged]:
    """Each line's figures from the beginning of its shift to ``end``; none of lines without a shift.

    The store is asked six times at most for all lines whose shifts began at the same instant.
    """
    groups: dict[int, list[tuple[str, Asked, Shift]]] = defaultdict(list)
    for path, one in asked.items():
        shift = one.stretch.shift
        if shift is not None and end > moment(shift.start):
            groups[shift.start].append((path, one, shift))
    found = {}
    for start, group in groups.items():
        reading = _read(view, moment(start), end, [one for _, one, _ in group])
        for path, one, shift in group:
            plan = one.stretch.plan
            found[path] = judge_machine(
                replace(reading, known_until=one.known_until), one.state, one.near, [shift],
                ideal_s=plan.ideal_of(one.state), micro_stop_s=plan.micro_stop_s,
            )  # fmt: skip
    return found


def _read(view: TenantView, start: datetime, end: datetime, asked: Sequence[Asked]) -> ShiftReading:
    signals = {s.id: s for one in asked for s in (one.state, *one.near.values())}.values()
    tables = {
        kind: _of_kind(view, [s for s in signals if s.kind is kind], kind, (start, end))
        for kind in (SampleKind.TEXT, SampleKind.NUMERIC, SampleKind.INTEGER)
    }
    return ShiftReading(start, end, tables, end)


def _of_kind(
    view: TenantView, signals: Sequence[SignalInfo], kind: SampleKind, window: tuple[datetime, datetime]
) -> pa.Table:
    """Samples of the window, and of a while before it where the first one may lie there."""
    often = [s.id for s in signals if s.period_s is not None]
    seldom = [s.id for s in signals if s.period_s is None]
    before = _STATED_BEFORE if kind is SampleKind.TEXT else _COUNTED_BEFORE
    parts = [
        view.context.telemetry.read(view.scope, numbers, window[0] - back, window[1], kind)
        for numbers, back in ((often, before), (seldom, _TOLD_BEFORE))
        if numbers
    ]
    if not parts:
        return SCHEMAS[kind].empty_table()
    found = pa.concat_tables(parts).select(["signal", *_COLUMNS])
    return found.sort_by([("signal", "ascending"), ("ts", "ascending")]).combine_chunks()
