"""Publishes segments as the tenant's own Delta tables, and keeps what their readers may still need."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import structlog

from tundish_platform.samples import SampleKind
from tundish_platform.store.query.rollup import HOUR_US
from tundish_platform.store.rows import micros
from tundish_platform.store.segments import segment as segments
from tundish_platform.store.segments.rollups import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from numpy.typing import NDArray

    from tundish_platform.store.files import FileLayer
    from tundish_platform.store.segments.catalog import SegmentCatalog
    from tundish_platform.store.segments.delta import DataFile, DeltaTables
    from tundish_platform.store.segments.segment import SegmentFile
    from tundish_platform.store.tenant import TenantStore

KEEP: Final = timedelta(hours=24)
_SETTLED_AFTER: Final = timedelta(hours=25)

log = structlog.get_logger(__name__)


class Publisher:
    """Commits to Delta tables behind the manifest; a commit that fails is made up for by the next one.

    Args:
        catalog: the manifest.
        files: the file layer.
    """

    def __init__(self, catalog: SegmentCatalog, files: FileLayer) -> None:
        self._catalog = catalog
        self._files = files
        self._tables: DeltaTables | None = None
        self._complete: set[tuple[int, SampleKind]] = set()
        self._changed: dict[int, set[tuple[SampleKind, date]]] = defaultdict(set)
        self._settled: dict[tuple[int, SampleKind, date], frozenset[str]] = {}
        self._lock = threading.Lock()

    def changed(self, store: TenantStore, written: Sequence[SegmentFile]) -> None:
        """Days of a tenant have other segments now."""
        with self._lock:
            self._changed[store.tenant_id] |= {(segment.kind, segment.day) for segment in written}

    def days_changed(self, store: TenantStore, days: Sequence[tuple[SampleKind, date]]) -> None:
        """Days of a tenant have fewer segments now."""
        with self._lock:
            self._changed[store.tenant_id] |= set(days)

    def removable(self, store: TenantStore, paths: Sequence[str]) -> set[str]:
        """Which of a tenant's files no reader of its tables needs any more; rollups are in none."""
        kinds: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            if path.endswith(".parquet"):
                kinds[path.split("/", 1)[0]].append(path)
        found = {path for path in paths if not path.endswith(".parquet")}
        with self._lock:
            for kind, of_kind in kinds.items():
                if kind not in set(SampleKind):
                    found |= set(of_kind)
                else:
                    found |= self._delta().removable(self._place(store), SampleKind(kind), of_kind)
        return found

    def publish(self, store: TenantStore) -> None:
        """Commit what changed of a tenant, a commit a kind."""
        with self._lock:
            changed = self._changed.pop(store.tenant_id, set())
            known: dict[SampleKind, dict[date, list[SegmentFile]]] = defaultdict(lambda: defaultdict(list))
            for segment in store.segments() if changed else ():
                if not (segment.damaged or segment.expired):
                    known[segment.kind][segment.day].append(segment)
            for kind in {kind for kind, _ in changed}:
                complete = (store.tenant_id, kind) not in self._complete
                days = known[kind] if complete else {d: known[kind][d] for k, d in changed if k is kind}
                try:
                    self._commit(store, kind, days, complete=complete)
                except Exception:
                    # The manifest is what counts; whoever reads the table sees its last state meanwhile.
                    log.exception("a Delta table could not be brought up to date", tenant=store.tenant_id)
                    self._complete.discard((store.tenant_id, kind))
                else:
                    self._complete.add((store.tenant_id, kind))

    def unsettled(self, store: TenantStore) -> list[list[SegmentFile]]:
        """Segments of days past whose repeated rows only a merge takes away; a group a day."""
        days: dict[tuple[SampleKind, date], list[SegmentFile]] = defaultdict(list)
        for segment in store.segments():
            if not (segment.damaged or segment.expired) and _is_past(segment.day):
                days[segment.kind, segment.day].append(segment)
        found = []
        for (kind, day), parts in days.items():
            # A day is looked at once; it changes its files when late rows come.
            names = frozenset(part.path for part in parts)
            if len(parts) > 1 and self._settled.get((store.tenant_id, kind, day)) != names:
                if len(_disjoint(store, parts)) < len(parts):
                    found.append(parts)
                else:
                    self._settled[store.tenant_id, kind, day] = names
        return found

    def drop_retired(self, store: TenantStore, now: datetime) -> int:
        """Remove files that merges replaced and that no reader of the tables needs any more."""
        retired = self._catalog.retired(store.tenant_id, now - KEEP)
        if not retired:
            return 0
        by_kind: dict[SampleKind, list[str]] = defaultdict(list)
        for path in retired:
            by_kind[SampleKind(path.split("/", 1)[0])].append(path)
        with self._lock:
            gone = {
                path
                for kind, paths in by_kind.items()
                for path in self._delta().removable(self._place(store), kind, paths)
            }
        for path in gone:
            segments.remove(self._catalog.objects, store.slug, path)
        self._catalog.forget_retired(store.tenant_id, sorted(gone))
        return len(gone)

    def _commit(
        self,
        store: TenantStore,
        kind: SampleKind,
        days: dict[date, list[SegmentFile]],
        *,
        complete: bool,
    ) -> None:
        named = {day: [_data(f) for f in _disjoint(store, parts)] for day, parts in days.items()}
        self._delta().publish(self._place(store), kind, named, complete=complete)

    def _place(self, store: TenantStore) -> Path | str:
        return self._catalog.objects.table(store.slug)

    def _delta(self) -> DeltaTables:
        if self._tables is None:
            # A hundred megabytes that only a process that seals needs.
            from tundish_platform.store.segments.delta import DeltaTables  # noqa: PLC0415 - see above

            self._tables = DeltaTables(self._files, self._catalog.objects.table_options, keep=KEEP)
        return self._tables


def _data(segment: SegmentFile) -> DataFile:
    from tundish_platform.store.segments.delta import DataFile  # noqa: PLC0415 - as above

    return DataFile(segment.path, segment.rows, segment.bytes, segment.min_ts, segment.max_ts)


def _is_past(day: date) -> bool:
    return datetime.now(UTC) - datetime(day.year, day.month, day.day, tzinfo=UTC) > _SETTLED_AFTER


def _disjoint(store: TenantStore, parts: Sequence[SegmentFile]) -> list[SegmentFile]:
    """The oldest segments of a day that have no (signal, ts) in common, as many as there are."""
    spans: dict[str, NDArray[np.int64]] = {}
    chosen: list[SegmentFile] = []
    for part in sorted(parts, key=lambda part: part.max_sequence):
        near = [c for c in chosen if part.min_ts <= c.max_ts and part.max_ts >= c.min_ts]
        for one in (*near, part) if near else ():
            spans[one.path] = spans[one.path] if one.path in spans else _spans(store, one)
        if not near or not _overlap(np.concatenate([spans[one.path] for one in (*near, part)])):
            chosen.append(part)
    return chosen


def _spans(store: TenantStore, segment: SegmentFile) -> NDArray[np.int64]:
    """Signal, first and last time of stretches that hold all of a segment's rows; shape ``(n, 3)``."""
    if segment.kind in KINDS:
        day = datetime(segment.day.year, segment.day.month, segment.day.day, tzinfo=UTC)
        start = int(day.timestamp()) * 1_000_000
        table = store.reader.pieces(
            HOUR_US, [segment], None, start, start + 24 * HOUR_US, ["signal", "ts", "first_us", "last_us"]
        )
        begins = micros(table["ts"])
        first, last = begins + table["first_us"].to_numpy(), begins + table["last_us"].to_numpy()
    else:
        tables = store.reader.rows(segment.kind, [segment], None, columns=["signal", "ts"])
        table = pa.concat_tables(tables)
        first = last = micros(table["ts"])
    return np.column_stack([table["signal"].to_numpy().astype(np.int64), first, last])


def _overlap(spans: NDArray[np.int64]) -> bool:
    ordered = spans[np.lexsort((spans[:, 1], spans[:, 0]))]
    same = ordered[1:, 0] == ordered[:-1, 0]
    return bool((same & (ordered[1:, 1] <= ordered[:-1, 2])).any())
