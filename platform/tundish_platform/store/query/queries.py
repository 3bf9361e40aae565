"""What can be asked of the store; every answer is for one `TenantScope`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SCHEMAS, GapReason, SampleKind
from tundish_platform.store.lifecycle.retention import Removed, removed
from tundish_platform.store.query.aggregate import aggregate
from tundish_platform.store.query.budget import piecewise, query
from tundish_platform.store.query.chart import chart
from tundish_platform.store.query.export import ExportForm, export, raw_chunks
from tundish_platform.store.query.facts import FACTS_SCHEMA, live_minutes
from tundish_platform.store.query.grid import wide
from tundish_platform.store.query.lttb import lttb_thinned
from tundish_platform.store.query.states import time_in_state
from tundish_platform.store.query.summary import SUMMARY_SCHEMA, hold_us
from tundish_platform.store.query.tenantsource import SAMPLE, TenantSource
from tundish_platform.store.rows import TIMESTAMP
from tundish_platform.tenancy.scope import Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.query.budget import Budget
    from tundish_platform.store.reading import TenantReading
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import TenantScope

_NUMBERS: Final = (SampleKind.NUMERIC, SampleKind.INTEGER)
_POINTS: Final = SCHEMAS[SampleKind.NUMERIC]
_CHART: Final = _POINTS.names
_HIGHEST_SIGNAL: Final = 2**32 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)


class Thinning(StrEnum):
    """Which samples of a chart stay.

    First, last, lowest, highest and worst of each bucket; the same, always from raw rows; or those that keep
    the line's shape (largest triangles).
    """

    EXTREMES = "extremes"
    RAW_EXTREMES = "raw"
    SHAPE = "shape"


class Queries(ABC):
    """The reading half of `Telemetry`. Narrowed scopes see only their signals.

    All methods that read samples may raise `OverQuota` or `QueryTooLong`.
    """

    _metadata: Metadata

    @abstractmethod
    def _store(self, scope: TenantScope) -> TenantReading:
        """The part of the store that belongs to a scope's tenant."""

    def _admitted(self, scope: TenantScope) -> AbstractContextManager[Budget | None]:
        """Let a query in, and give it the time it may take."""
        del scope
        return nullcontext()

    def removed(self, scope: TenantScope, start: datetime, end: datetime) -> list[Removed]:
        """What retention removed of the days that ``[start, end)`` touches, so that nobody calls it missing.

        Args:
            scope: must allow reading.
            start: of the window; whole UTC days count.
            end: of the window, itself outside.
        """
        days = start.astimezone(UTC).date(), (end - _US).astimezone(UTC).date() + timedelta(days=1)
        with self._metadata.session() as session:
            return removed(session, scope, *days)

    @query
    def latest(self, scope: TenantScope, signals: Sequence[int] | None = None) -> pa.Table:
        """Newest sample of each signal by source time, as `LATEST_SCHEMA`; without samples, none."""
        scope.require(Permission.READ)
        if signals is None and scope.signals is not None:
            signals = sorted(scope.signals)
        wanted = None if signals is None else _allowed(scope, signals)
        return self._store(scope).latest(wanted)

    @query
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

    @query
    def gaps(self, scope: TenantScope, signals: Sequence[int], start: datetime, end: datetime) -> pa.Table:
        """Recorded gaps that overlap ``[start, end)``: ``signal, ts, end, reason``.

        A segment that cannot be read is a gap of all signals from its first to its last sample.
        """
        table = self._rows(scope, SampleKind.GAP, signals, None, end)
        table = table.filter(pc.greater(table["end"], pa.scalar(start, TIMESTAMP)))
        # A record of no length says that the gap was filled.
        table = table.filter(pc.greater(table["end"], table["ts"]))
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

    @query
    def trend(
        self,
        scope: TenantScope,
        signals: Sequence[SignalInfo],
        start: datetime,
        end: datetime,
        max_points: int,
        *,
        thinning: Thinning = Thinning.EXTREMES,
    ) -> pa.Table:
        """Samples for a chart as they were: ``signal, ts, value, status``, at most `max_points` a signal.

        Args:
            scope: whose.
            signals: numeric or integer ones.
            start: of the window.
            end: of the window, itself outside.
            max_points: at least; five where fewer were asked for.
            thinning: which samples stay; long windows of extremes are answered from rollups.

        Raises:
            ValueError: the window is empty.
        """
        numbers = [s for s in _granted(scope, signals) if s.kind in _NUMBERS]
        first, last = _micros(start), _micros(end)
        source = self._source(scope)
        if thinning is not Thinning.SHAPE:
            rollups = thinning is Thinning.EXTREMES
            return chart(source, numbers, first, last, max_points, rollups=rollups)
        if end <= start:
            raise ValueError("a chart needs a window that ends after it starts")
        found = []
        for kind in _NUMBERS:
            members = [s for s in numbers if s.kind is kind]
            if members:
                rows = source.raw(kind, [s.id for s in members], first, last)
                found.append(lttb_thinned(rows, max_points, {s.id: hold_us(s) for s in members}))
        tables = [SCHEMAS[SampleKind.NUMERIC].empty_table(), *(t.select(_CHART).cast(_POINTS) for t in found)]
        return pa.concat_tables(tables).sort_by([("signal", "ascending"), ("ts", "ascending")])

    @query
    def aggregate(
        self,
        scope: TenantScope,
        signals: Sequence[SignalInfo],
        windows: NDArray[np.int64],
        interpolation: Mapping[int, bool] | None = None,
    ) -> pa.Table:
        """Time-weighted aggregates with their completeness, `AGGREGATE_SCHEMA`: see `aggregate`.

        Args:
            scope: whose.
            signals: of any kind.
            windows: shape ``(n, 2)``, µs since 1970; `ShiftCalendar.windows` makes them by shift or day.
            interpolation: by signal, true to hold values, false for lines; else as the signal says.
        """
        return aggregate(self._source(scope), _granted(scope, signals), windows, interpolation)

    @query
    def states(
        self,
        scope: TenantScope,
        signals: Sequence[SignalInfo],
        windows: NDArray[np.int64],
        known_until: datetime | None = None,
    ) -> pa.Table:
        """Seconds and entries of each state by window, `STATES_SCHEMA`: see `time_in_state`.

        Args:
            scope: whose.
            signals: texts, whole numbers or booleans.
            windows: shape ``(n, 2)``, µs since 1970.
            known_until: nothing is known from then on; now if absent.
        """
        until = datetime.now(UTC) if known_until is None else known_until
        return time_in_state(self._source(scope), _granted(scope, signals), windows, _micros(until))

    @query
    def summary(
        self, scope: TenantScope, signals: Sequence[SignalInfo], start: datetime, end: datetime
    ) -> pa.Table:
        """``signal, mean, min, max, count, good_share, completeness`` over ``[start, end)``.

        Raises:
            ValueError: the window is empty.
        """
        if end <= start:
            raise ValueError("a summary needs a window that ends after it starts")
        table = self.aggregate(scope, signals, np.array([[_micros(start), _micros(end)]]))
        return table.select(SUMMARY_SCHEMA.names).cast(SUMMARY_SCHEMA)

    @query
    def wide(
        self,
        scope: TenantScope,
        signals: Sequence[SignalInfo],
        start: datetime,
        end: datetime,
        step: timedelta,
        *,
        max_age: timedelta | None = None,
        interpolation: Mapping[int, bool] | None = None,
    ) -> pa.Table:
        """One row a step: ``ts`` and a column ``s<id>`` a signal, null where nothing is known: see `wide`.

        Args:
            scope: whose.
            signals: numeric or integer ones.
            start: first instant of the grid.
            end: the grid stops before it.
            step: of the grid.
            max_age: how old a value may be; ten steps if absent.
            interpolation: by signal, false for lines between samples; else values are held.

        Raises:
            ValueError: the step is not positive, or the grid has too many cells.
        """
        grid = (_micros(start), _micros(end), step // _US)
        age = None if max_age is None else max_age // _US
        return wide(self._source(scope), _granted(scope, signals), grid, age, interpolation)

    def export(
        self,
        scope: TenantScope,
        signals: Sequence[SignalInfo],
        windows: NDArray[np.int64],
        kind: SampleKind,
        form: ExportForm,
        change: Callable[[pa.Table], pa.Table] | None = None,
    ) -> Iterator[bytes]:
        """Raw rows as one file, in chunks: see `export`. Signals of other kinds are left out.

        Args:
            scope: whose.
            signals: as the file shall tell of them.
            windows: shape ``(n, 2)``, µs since 1970.
            kind: of the rows.
            form: of the file.
            change: makes other values of them, such as in another unit; all tables get the same columns.
        """
        members = [s for s in _granted(scope, signals) if s.kind is kind]
        chunks = raw_chunks(self._source(scope, None), kind, members, windows)
        return export(piecewise(chunks, lambda: self._admitted(scope)), members, kind, form, change)

    @query
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

    def _source(self, scope: TenantScope, columns: Sequence[str] | None = SAMPLE) -> TenantSource:
        scope.require(Permission.READ)

        def recorded(signals: Sequence[int], start: datetime, end: datetime) -> pa.Table:
            return self.gaps(scope, signals, start, end)

        return TenantSource(self._store(scope), recorded, columns)


def _granted(scope: TenantScope, signals: Sequence[SignalInfo]) -> list[SignalInfo]:
    return [s for s in signals if scope.signals is None or s.id in scope.signals]


def _allowed(scope: TenantScope, signals: Sequence[int]) -> list[int]:
    wanted = {number for number in signals if 0 <= number <= _HIGHEST_SIGNAL}
    return sorted(wanted if scope.signals is None else wanted & scope.signals)


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _US
