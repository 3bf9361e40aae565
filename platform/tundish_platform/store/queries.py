"""What can be asked of the store; every answer is for one `TenantScope`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SampleKind, is_good
from tundish_platform.store.rows import EARLIEST, STORED, TIMESTAMP, micros
from tundish_platform.store.summary import SUMMARY_SCHEMA, Samples, hold_us, summarise
from tundish_platform.store.trend import thinned
from tundish_platform.tenancy.scope import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.tenant import TenantStore
    from tundish_platform.tenancy.scope import TenantScope

_MINUTE_US: Final = 60_000_000
_NUMBERS: Final = (SampleKind.NUMERIC, SampleKind.INTEGER)
_MAX_AGE_STEPS: Final = 10
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)

FACTS_SCHEMA = pa.schema(
    [
        pa.field("signal", pa.uint32(), nullable=False),
        pa.field("minute", TIMESTAMP, nullable=False),
        pa.field("good", pa.int64(), nullable=False),
        pa.field("total", pa.int64(), nullable=False),
    ]
)


class Queries(ABC):
    """The reading half of `Telemetry`. Narrowed scopes see only their signals."""

    @abstractmethod
    def _store(self, scope: TenantScope) -> TenantStore:
        """The part of the store that belongs to a scope's tenant."""

    def latest(self, scope: TenantScope, signals: Sequence[int] | None = None) -> pa.Table:
        """Newest sample of each signal by source time, as `LATEST_SCHEMA`; without samples, none."""
        scope.require(Permission.READ)
        if signals is None and scope.signals is not None:
            signals = sorted(scope.signals)
        wanted = None if signals is None else _allowed(scope, signals)
        return self._store(scope).latest().table(wanted)

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
        return table.drop_columns(["sequence", "live"])

    def gaps(self, scope: TenantScope, signals: Sequence[int], start: datetime, end: datetime) -> pa.Table:
        """Recorded gaps that overlap ``[start, end)``: ``signal, ts, end, reason``."""
        table = self._rows(scope, SampleKind.GAP, signals, None, end)
        table = table.filter(pc.greater(table["end"], pa.scalar(start, TIMESTAMP)))
        return table.select(["signal", "ts", "end", "reason"])

    def trend(
        self, scope: TenantScope, signals: Sequence[int], start: datetime, end: datetime, max_points: int
    ) -> pa.Table:
        """Numbers for a chart, at most `max_points` a signal, peaks and bad samples kept: see `thinned`."""
        tables = [
            thinned(self._rows(scope, kind, signals, start, end), _micros(start), _micros(end), max_points)
            for kind in _NUMBERS
        ]
        return pa.concat_tables(tables).sort_by([("signal", "ascending"), ("ts", "ascending")])

    def summary(
        self, scope: TenantScope, signals: Sequence[SignalInfo], start: datetime, end: datetime
    ) -> pa.Table:
        """Per signal ``mean, min, max, count, good_share, completeness`` over ``[start, end)``.

        Raises:
            ValueError: the window is empty.
        """
        if end <= start:
            raise ValueError("a summary needs a window that ends after it starts")
        found = []
        gaps = _by_signal(self.gaps(scope, [s.id for s in signals], start, end))
        for kind in SampleKind:
            members = [s for s in signals if s.kind is kind]
            hold = max((hold_us(s) for s in members), default=0)
            before = _earlier(start, hold)
            rows = (
                _by_signal(self._rows(scope, kind, [s.id for s in members], before, end)) if members else {}
            )
            for spec in members:
                table = rows.get(spec.id)
                samples = Samples.of(
                    table if table is not None else STORED[kind].empty_table(), number=kind in _NUMBERS
                )
                row = summarise(spec, samples, _intervals(gaps.get(spec.id)), _micros(start), _micros(end))
                found.append({"signal": spec.id, **row})
        table = pa.Table.from_pylist(found, schema=SUMMARY_SCHEMA)
        return table.sort_by("signal")

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
        """
        age = max_age or _MAX_AGE_STEPS * step
        grid = np.arange(_micros(start), _micros(end), step // timedelta(microseconds=1), dtype=np.int64)
        columns: dict[str, pa.Array] = {"ts": pa.array(grid).cast(TIMESTAMP)}
        tables: dict[int, pa.Table] = {}
        for kind in _NUMBERS:
            tables |= _by_signal(self._rows(scope, kind, signals, start - age, end))
        for signal in signals:
            columns[f"s{signal}"] = _as_of(tables.get(signal), grid, age // timedelta(microseconds=1))
        return pa.table(columns)

    def facts(self, scope: TenantScope, start: datetime, end: datetime) -> pa.Table:
        """What arrived live in ``[start, end)``: ``signal, minute, good, total`` samples by arrival minute.

        Imported history is left out. Of repeated deliveries each counts, because each did arrive.
        """
        scope.require(Permission.READ)
        signals = sorted(scope.signals) if scope.signals is not None else self._all_signals(scope)
        tables = []
        for kind in SampleKind:
            if kind is not SampleKind.GAP:
                tables += self._store(scope).arrivals(kind, signals, start)
        if not tables:
            return FACTS_SCHEMA.empty_table()
        table = pa.concat_tables(tables)
        arrival = table["arrival"]
        inside = pc.and_(
            pc.greater_equal(arrival, pa.scalar(start, TIMESTAMP)),
            pc.less(arrival, pa.scalar(end, TIMESTAMP)),
        )
        table = table.filter(pc.and_(inside, table["live"]))
        minute = pa.array(micros(table["arrival"]) // _MINUTE_US * _MINUTE_US).cast(TIMESTAMP)
        good = pa.array(is_good(table["status"].to_numpy()).astype(np.int64))
        counted = pa.table({"signal": table["signal"], "minute": minute, "good": good})
        grouped = counted.group_by(["signal", "minute"]).aggregate([("good", "sum"), ("good", "count")])
        grouped = grouped.rename_columns({"good_sum": "good", "good_count": "total"})
        return (
            grouped.select(FACTS_SCHEMA.names)
            .cast(FACTS_SCHEMA)
            .sort_by([("signal", "ascending"), ("minute", "ascending")])
        )

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

    def _all_signals(self, scope: TenantScope) -> list[int]:
        found: list[int] = self._store(scope).latest().table(None)["signal"].to_pylist()
        return found


def _allowed(scope: TenantScope, signals: Sequence[int]) -> list[int]:
    return sorted(set(signals) if scope.signals is None else set(signals) & scope.signals)


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _US


def _earlier(start: datetime, hold: int) -> datetime:
    return max(EARLIEST, start - hold * _US)


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
