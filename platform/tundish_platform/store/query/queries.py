"""What can be asked of the store; every answer is for one `TenantScope`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import GapReason, SampleKind
from tundish_platform.store.query.facts import FACTS_SCHEMA, live_minutes
from tundish_platform.store.query.summary import SUMMARY_SCHEMA, Samples, hold_us, summarise
from tundish_platform.store.query.trend import thinned
from tundish_platform.store.rows import EARLIEST, LATEST, STORED, TIMESTAMP, micros
from tundish_platform.tenancy.scope import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.reading import TenantReading
    from tundish_platform.tenancy.scope import TenantScope

_NUMBERS: Final = (SampleKind.NUMERIC, SampleKind.INTEGER)
_MAX_AGE_STEPS: Final = 10
_MAX_CELLS: Final = 20_000_000
_HIGHEST_SIGNAL: Final = 2**32 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)


class Queries(ABC):
    """The reading half of `Telemetry`. Narrowed scopes see only their signals."""

    @abstractmethod
    def _store(self, scope: TenantScope) -> TenantReading:
        """The part of the store that belongs to a scope's tenant."""

    def latest(self, scope: TenantScope, signals: Sequence[int] | None = None) -> pa.Table:
        """Newest sample of each signal by source time, as `LATEST_SCHEMA`; without samples, none."""
        scope.require(Permission.READ)
        if signals is None and scope.signals is not None:
            signals = sorted(scope.signals)
        wanted = None if signals is None else _allowed(scope, signals)
        return self._store(scope).latest(wanted)

    def read(
        self,
        scope: TenantScope,
        signals: Sequence[int],
        start: datetime,
        end: datetime,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> pa.Table:
        """Rows with ``start <= ts < end``: ``signal, ts, value, status, arrival``, each (signal, ts) once."""
        table = self._rows(scope, kind, signals, start, end)
        return table.drop_columns(["live"])

    def gaps(self, scope: TenantScope, signals: Sequence[int], start: datetime, end: datetime) -> pa.Table:
        """Recorded gaps that overlap ``[start, end)``: ``signal, ts, end, reason``.

        A segment that cannot be read is a gap of all signals from its first to its last sample.
        """
        table = self._rows(scope, SampleKind.GAP, signals, None, end)
        table = table.filter(pc.greater(table["end"], pa.scalar(start, TIMESTAMP)))
        table = table.select(["signal", "ts", "end", "reason"])
        damaged = self._store(scope).damaged(start, end)
        if not damaged:
            return table
        rows = [
            {
                "signal": signal,
                "ts": s.min_ts,
                "end": s.max_ts + _US,
                "reason": GapReason.SEGMENT_DAMAGED.value,
            }
            for signal in _allowed(scope, signals)
            for s in damaged
        ]
        told = pa.concat_tables([table, pa.Table.from_pylist(rows, schema=table.schema)])
        return told.sort_by([("signal", "ascending"), ("ts", "ascending")])

    def trend(
        self, scope: TenantScope, signals: Sequence[int], start: datetime, end: datetime, max_points: int
    ) -> pa.Table:
        """Numbers for a chart, `max_points` (or five) a signal at most, peaks kept: see `thinned`."""
        tables = [
            thinned(self._rows(scope, kind, signals, start, end), _micros(start), _micros(end), max_points)
            for kind in _NUMBERS
        ]
        return pa.concat_tables(tables).sort_by([("signal", "ascending"), ("ts", "ascending")])

    def summary(
        self, scope: TenantScope, signals: Sequence[SignalInfo], start: datetime, end: datetime
    ) -> pa.Table:
        """``signal, mean, min, max, count, good_share, completeness`` over ``[start, end)``: see `summary`.

        Raises:
            ValueError: the window is empty.
        """
        if end <= start:
            raise ValueError("a summary needs a window that ends after it starts")
        signals = [s for s in signals if scope.signals is None or s.id in scope.signals]
        longest = max((hold_us(s) for s in signals), default=0)
        gaps = _by_signal(self.gaps(scope, [s.id for s in signals], _earlier(start, longest), end))
        found = []
        for kind in SampleKind:
            members = [s for s in signals if s.kind is kind]
            if members:
                rows = self._around(scope, kind, members, start, end)
                found += [
                    {
                        "signal": spec.id,
                        **summarise(
                            spec, rows[spec.id], _intervals(gaps.get(spec.id)), _micros(start), _micros(end)
                        ),
                    }
                    for spec in members
                ]
        return pa.Table.from_pylist(found, schema=SUMMARY_SCHEMA).sort_by("signal")

    def wide(
        self,
        scope: TenantScope,
        signals: Sequence[int],
        start: datetime,
        end: datetime,
        step: timedelta,
        max_age: timedelta | None = None,
    ) -> pa.Table:
        """One row a step: ``ts`` and a column ``s<id>`` a signal: its newest good number not older than that.

        Args:
            scope: whose.
            signals: numeric or integer ones.
            start: first instant of the grid.
            end: the grid stops before it.
            step: of the grid.
            max_age: ten steps if absent.

        Raises:
            ValueError: the step is not positive, or the grid has too many cells.
        """
        age = _MAX_AGE_STEPS * step if max_age is None else max_age
        if step <= timedelta(0) or max(1, len(signals)) * ((end - start) / step) > _MAX_CELLS:
            raise ValueError(
                f"a grid needs a step above 0 and at most {_MAX_CELLS} cells; take a longer step"
            )
        grid = np.arange(_micros(start), _micros(end), step // _US, dtype=np.int64)
        columns: dict[str, pa.Array] = {"ts": pa.array(grid).cast(TIMESTAMP)}
        tables: dict[int, pa.Table] = {}
        for kind in _NUMBERS:
            tables |= _by_signal(self._rows(scope, kind, signals, _earlier(start, age // _US), end))
        for signal in _allowed(scope, signals):
            columns[f"s{signal}"] = _as_of(tables.get(signal), grid, age // _US)
        return pa.table(columns)

    def facts(self, scope: TenantScope, start: datetime, end: datetime) -> pa.Table:
        """What arrived live in ``[start, end)``: ``signal, minute, good, total`` samples by arrival minute.

        Imported history is left out. A sample that was sent twice counts twice until a merge takes one away.
        """
        scope.require(Permission.READ)
        signals = None if scope.signals is None else sorted(scope.signals)
        counted = [FACTS_SCHEMA.empty_table()]
        for kind in SampleKind:
            if kind is not SampleKind.GAP:
                chunks, sealed = self._store(scope).live_minutes(kind, signals, start, end)
                counted += [live_minutes(chunk, start, end) for chunk in chunks]
                counted += [] if sealed is None else [sealed.select(FACTS_SCHEMA.names).cast(FACTS_SCHEMA)]
        grouped = pa.concat_tables(counted).group_by(["signal", "minute"])
        total = grouped.aggregate([("good", "sum"), ("total", "sum")])
        total = total.rename_columns({"good_sum": "good", "total_sum": "total"})
        return total.sort_by([("signal", "ascending"), ("minute", "ascending")])

    def _rows(
        self,
        scope: TenantScope,
        kind: SampleKind,
        signals: Sequence[int],
        start: datetime | None,
        end: datetime | None,
    ) -> pa.Table:
        scope.require(Permission.READ)
        return self._store(scope).read(kind, _allowed(scope, signals), start, end)

    def _around(
        self,
        scope: TenantScope,
        kind: SampleKind,
        members: Sequence[SignalInfo],
        start: datetime,
        end: datetime,
    ) -> dict[int, Samples]:
        """Samples of the window and one hold before and behind it."""
        hold = max(hold_us(s) for s in members)
        before, behind = _earlier(start, hold), min(LATEST, end + hold * _US)
        rows = _by_signal(self._rows(scope, kind, [s.id for s in members], before, behind))
        empty = STORED[kind].empty_table()
        return {s.id: Samples.of(rows.get(s.id, empty), number=kind in _NUMBERS) for s in members}


def _allowed(scope: TenantScope, signals: Sequence[int]) -> list[int]:
    wanted = {number for number in signals if 0 <= number <= _HIGHEST_SIGNAL}
    return sorted(wanted if scope.signals is None else wanted & scope.signals)


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _US


def _earlier(start: datetime, hold: int) -> datetime:
    return start - min(start - EARLIEST, hold * _US) if start > EARLIEST else start


def _by_signal(table: pa.Table) -> dict[int, pa.Table]:
    """Slices of a table that is sorted by signal."""
    if table.num_rows == 0:
        return {}
    signal = table["signal"].to_numpy()
    numbers, firsts = np.unique(signal, return_index=True)
    lasts = np.append(firsts[1:], len(signal))
    return {
        number: table.slice(first, last - first)
        for number, first, last in zip(numbers.tolist(), firsts.tolist(), lasts.tolist(), strict=True)
    }


def _intervals(gaps: pa.Table | None) -> NDArray[np.int64]:
    if gaps is None:
        return np.zeros((0, 2), dtype=np.int64)
    return np.column_stack([micros(gaps["ts"]), micros(gaps["end"])])


def _as_of(table: pa.Table | None, grid: NDArray[np.int64], age: int) -> pa.Array:
    """The newest good value at each instant of the grid, null where it is older than `age` µs."""
    if table is None:
        return pa.nulls(len(grid), pa.float64())
    samples = Samples.of(table, number=True)
    ts, value = samples.ts[samples.good], samples.value[samples.good]
    at = np.searchsorted(ts, grid, side="right") - 1
    known = at >= 0
    known[known] &= grid[known] - ts[at[known]] <= age
    return pa.array(np.where(known, value[np.maximum(at, 0)] if len(value) else 0.0, 0.0), mask=~known)
