"""Reading a store on several machines from any process: the manifest, the objects and the end of the log."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from tundish_platform.samples import SampleKind, decode_batch
from tundish_platform.store.lifecycle.listing import listing_of
from tundish_platform.store.log.jetstream import JetStreamLog
from tundish_platform.store.log.partitions import partition_of
from tundish_platform.store.query.queries import Queries
from tundish_platform.store.reading import Snapshot, TenantReading, as_micros, as_numbers
from tundish_platform.store.segments.catalog import SegmentCatalog
from tundish_platform.store.segments.reader import Readers
from tundish_platform.store.write.chunks import chunk_of
from tundish_platform.store.write.latest import LatestValues
from tundish_platform.tenancy.scope import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pyarrow as pa

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store.cluster import Cluster
    from tundish_platform.store.lifecycle.snapshot import Listing
    from tundish_platform.store.log.records import LogRecord
    from tundish_platform.store.segments.segment import SegmentFile
    from tundish_platform.tenancy.scope import TenantScope

# So many records may come between two looks at what lies in segments meanwhile.
_PRUNE_EVERY: Final = 4096


class LogTail:
    """The records of a partition that lie in no segment yet, as the log hands them over.

    Args:
        cluster: what the processes share.
        partition: which one.
        catalog: the manifest.
    """

    def __init__(self, cluster: Cluster, partition: int, catalog: SegmentCatalog) -> None:
        self._catalog = catalog
        self._batches: dict[int, dict[int, bytes | SampleBatch]] = {}
        self._lock = threading.Lock()
        self._taken = 0
        self._let_go: dict[int, int] = {}
        self._begun = 0.0
        self._refreshing = threading.Lock()
        self.log = JetStreamLog(cluster.link, partition, cluster.streams, first_sequence=None)
        for record in self.log.replay():
            self._take(record)
        self.log.deliver(self._take)

    def refresh(self) -> None:
        """Return once all is here that anybody was told to be safe before this call; asked for many at once.

        Raises:
            StoreFailed: the log's servers do not answer.
        """
        asked = time.monotonic()
        with self._refreshing:
            if self._begun < asked:
                begun = time.monotonic()
                self.log.refresh()
                self._begun = begun

    def beyond(self, tenant: int, sealed: int) -> list[SampleBatch] | None:
        """A tenant's batches behind a sequence, in the order of the log; those up to it are let go.

        None where some behind it were let go already: more lies in segments than the caller has seen.
        """
        with self._lock:
            if self._let_go.get(tenant, 0) > sealed:
                return None
            self._let_go[tenant] = sealed
            kept = {n: one for n, one in self._batches.get(tenant, {}).items() if n > sealed}
            found = {n: decode_batch(one) if isinstance(one, bytes) else one for n, one in kept.items()}
            self._batches[tenant] = dict(found)
        return list(found.values())

    def _take(self, record: LogRecord) -> None:
        self._taken += 1
        if self._taken % _PRUNE_EVERY == 0:
            self._prune()
        with self._lock:
            self._batches.setdefault(record.tenant, {})[record.sequence] = record.payload

    def _prune(self) -> None:
        sealed = self._catalog.sealed()
        with self._lock:
            for tenant, batches in list(self._batches.items()):
                upto = max(sealed.get(tenant, 0), self._let_go.get(tenant, 0))
                self._let_go[tenant] = upto
                self._batches[tenant] = {n: one for n, one in batches.items() if n > upto}


class TailedTenant(TenantReading):
    """One tenant's rows for one query.

    Args:
        scope: whose.
        catalog: the manifest.
        readers: shared by all tenants.
        tail: of the tenant's partition.
    """

    def __init__(self, scope: TenantScope, catalog: SegmentCatalog, readers: Readers, tail: LogTail) -> None:
        self.tenant_id = scope.tenant_id
        self.reader = catalog.reader(readers, scope.slug)
        self._slug = scope.slug
        self._catalog = catalog
        self._tail = tail
        self._unreadable: set[str] = set()
        self._reported: set[str] = set()

    def snapshot(
        self, kind: SampleKind, signals: Sequence[int] | None, start: datetime | None, end: datetime | None
    ) -> Snapshot:
        """Segments that may hold rows with ``start <= ts < end``, and the newer rows that do."""
        known, batches = self.of_one_moment()
        wanted, first, last = as_numbers(signals), as_micros(start), as_micros(end)
        newer = [chunk_of(batch) for batch in batches if batch.kind is kind]
        tables = [chunk.chosen(wanted, first, last) for chunk in newer]
        known = [file for file in known if file.kind is kind and file.overlaps(start, end)]
        damaged = [file for file in known if file.damaged or file.path in self._unreadable]
        whole = [file for file in known if file not in damaged]
        return Snapshot(
            [file for file in whole if not file.expired],
            [table for table in tables if table is not None],
            damaged,
            [file for file in whole if file.expired],
        )

    def latest(self, signals: Sequence[int] | None) -> pa.Table:
        """Newest sample of each signal."""
        return self.consistently(self._latest).table(signals)

    def report_damaged(self, file: str) -> None:
        """It may be the local copy: that is fetched anew once, then the segment is left out of this query."""
        if file in self._reported or not self._catalog.objects.renewed(f"{self._slug}/{file}"):
            self._unreadable.add(file)
        self._reported.add(file)

    def of_one_moment(self) -> tuple[list[SegmentFile], list[SampleBatch]]:
        """The tenant's segments, and the batches that came behind them."""
        while True:
            known, sealed = self._catalog.segments_and_sealed(self.tenant_id)
            batches = self._tail.beyond(self.tenant_id, sealed)
            if batches is not None:
                return known, batches

    def _latest(self) -> LatestValues:
        found = LatestValues()
        for kind in SampleKind:
            if kind is not SampleKind.GAP:
                snapshot = self.snapshot(kind, None, None, None)
                for table in (*self.reader.newest(kind, snapshot.files), *snapshot.tables):
                    found.update(kind, table)
        return found


class ClusterReader(Queries):
    """Answers as the writers do, without asking them.

    Args:
        cluster: what the processes share.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._metadata = cluster.metadata
        self._catalog = SegmentCatalog(cluster.objects, cluster.metadata)
        self._readers = Readers()
        self._tails: dict[int, LogTail] = {}
        self._lock = threading.Lock()

    def refresh(self, scope: TenantScope) -> None:
        """Return once the answers hold all that anybody was told to be safe before this call.

        Raises:
            StoreFailed: the log's servers do not answer.
        """
        self._tail(scope).refresh()

    def listing(self, scope: TenantScope) -> Listing:
        """All that the tenant has at this moment, for a takeout; fetches what is not here yet.

        Raises:
            StoreFailed: the log's servers do not answer.
            FileNotFoundError: a segment went away meanwhile; ask again.
        """
        scope.require(Permission.READ)
        self.refresh(scope)
        known, batches = self._store(scope).of_one_moment()
        chunks = {kind: [chunk_of(b).rows() for b in batches if b.kind is kind] for kind in SampleKind}
        return listing_of(known, scope, self._cluster.objects, chunks)

    def close(self) -> None:
        """Let everything go."""
        for tail in self._tails.values():
            tail.log.close()
        self._readers.close()

    def _store(self, scope: TenantScope) -> TailedTenant:
        return TailedTenant(scope, self._catalog, self._readers, self._tail(scope))

    def _tail(self, scope: TenantScope) -> LogTail:
        partition = partition_of(scope.tenant_id, self._cluster.partitions)
        with self._lock:
            if partition not in self._tails:
                self._tails[partition] = LogTail(self._cluster, partition, self._catalog)
            return self._tails[partition]
