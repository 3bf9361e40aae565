"""`Telemetry`: the store as the platform sees it. One process writes; everything takes a `TenantScope`."""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from tundish_platform.samples import encode_batch
from tundish_platform.store.access import TelemetryAccess
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.inbox import Inbox, accepted
from tundish_platform.store.lifecycle.erased import ErasedTenant, Leaving
from tundish_platform.store.lifecycle.forgotten import ForgottenSignals, SignalRemovals
from tundish_platform.store.lifecycle.housekeeping import Housekeeper
from tundish_platform.store.lifecycle.policy import Policies
from tundish_platform.store.lifecycle.quota import Limits
from tundish_platform.store.lifecycle.removal import Removals
from tundish_platform.store.lifecycle.retained import RetainedSegments
from tundish_platform.store.lifecycle.retention import Retention
from tundish_platform.store.log.filelog import FileLog
from tundish_platform.store.log.interface import StoreFailed, StoreFull
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.segments.catalog import SegmentCatalog
from tundish_platform.store.segments.publishing import Publisher
from tundish_platform.store.tenants import Tenants
from tundish_platform.store.write.firstlevel import FirstLevel
from tundish_platform.store.write.sealer import Sealer, SealSettings
from tundish_platform.store.write.spilling import Spiller
from tundish_platform.tenancy.scope import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store.files import FileLayer
    from tundish_platform.store.lifecycle.policy import PolicyDefaults
    from tundish_platform.store.lifecycle.quota import LimitSizes, QueryBudget
    from tundish_platform.store.log.fence import Share
    from tundish_platform.store.log.interface import Log
    from tundish_platform.store.log.records import LogRecord
    from tundish_platform.store.objects import Objects
    from tundish_platform.store.tenant import TenantStore
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import TenantScope

# A buffer of so many times `seal_rows` is sealed by whoever appends to it: who sends most waits most.
_BACKLOG: Final = 4


class StoreInUse(Exception):  # noqa: N818 - the state of the folder
    """Another process writes to this store; two writers would lose each other's samples."""


@dataclass(frozen=True, slots=True)
class StoreState:
    """How the store stands.

    Attributes:
        rows: in segments and buffers; late repetitions count until they are merged.
        buffered: of them not in segments yet.
        segments, bytes: files and their size.
        ready: samples are taken; otherwise they can only be read.
        problems: what is damaged or failing, in words.
    """

    rows: int
    buffered: int
    segments: int
    bytes: int
    ready: bool
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Appended(int):
    """How many rows were made durable and visible.

    Args:
        rows: of them.
        expired: further rows that were not taken, because their days are older than retention keeps.
    """

    def __new__(cls, rows: int, expired: int = 0) -> Self:
        """The number itself, and what it does not count."""
        made = super().__new__(cls, rows)
        made.expired = expired
        return made

    expired: int


class Telemetry(TelemetryAccess):
    """All tenants' samples, gaps included; the only writer of its folder.

    Args:
        root: the store's folder.
        metadata: the manifest's database, migrated.
        files: the file layer.
        settings: when rows move from memory to segments.
        log: makes a log of another kind than files in the store's folder; told the lowest sequence to give.
        objects: where segments live, if not in the store's folder.
        share: the part of the store that this process has, where several write to one.
        publish: keep each tenant's segments as its own Delta tables, too.
        policy: quotas and retention of tenants without a policy of their own.
        limits: how much may be under way at once.
        now: the wall clock, by which days grow old.
        background: seal, merge and apply policies in threads of its own; without it call `seal` and
            `housekeep`.

    Attributes:
        limits: quotas and turns, in front of appends and queries.

    Raises:
        StoreInUse: another process has the folder.
        ForeignLog: a program of another version wrote the log.
    """

    def __init__(  # noqa: PLR0913 - each is a part that another installation replaces
        self,
        root: Path,
        metadata: Metadata,
        *,
        files: FileLayer | None = None,
        settings: SealSettings | None = None,
        log: Callable[[int], Log] | None = None,
        objects: Objects | None = None,
        share: Share | None = None,
        publish: bool = False,
        policy: PolicyDefaults | None = None,
        limits: LimitSizes | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        background: bool = True,
    ) -> None:
        layer = files or LocalFiles()
        layer.make_folder(root)
        self._lock_file = _lock(root)
        metadata.settle()
        settings = settings or SealSettings()
        self._backlog = _BACKLOG * settings.seal_rows
        self._seal_rows = settings.seal_rows
        self._metadata = metadata
        self._catalog = SegmentCatalog(objects or LocalObjects(root / "tenants", layer), metadata, share)
        # Whoever takes a share over cannot read this machine's disk: rows leave memory as segments only.
        level = FirstLevel(root / "first-level", layer) if share is None else None
        self._spiller = Spiller(self._catalog, level) if level else None
        self._tenants = Tenants(self._catalog)
        self._inbox = Inbox(self._catalog, self._tenants)
        try:
            self._leaving = Leaving(metadata)
            policies = Policies(metadata, policy)
            first = self._catalog.next_sequence()
            self._log = log(first) if log else FileLog(root / "log", layer, first_sequence=first)
            self._recover()
        except BaseException:
            os.close(self._lock_file)
            raise
        publisher = Publisher(self._catalog, layer) if publish else None
        self._sealer = Sealer(self._catalog, self._log, self._tenants, self._spiller, settings, publisher)
        self.limits = Limits(policies.of, self._stored_bytes, limits)
        kept = RetainedSegments(metadata, self._catalog, self._tenants, self._sealer.seal, publisher)
        self._retention = Retention(metadata, policies, kept, now)
        close = partial(self._leaving.close, limits=self.limits)
        erased = ErasedTenant(root, layer, self._log, self._tenants, self._sealer, self._spiller, close)
        removals = Removals(metadata, erased, self.limits.forget, self._catalog.has)
        forgotten = ForgottenSignals(self._catalog, self._tenants, kept, publisher)
        signals = SignalRemovals(metadata, forgotten, now)
        self._housekeeper = Housekeeper(
            policies, self.limits, self._leaving, self._retention, removals, signals
        )
        self._log.deliver(self._take)
        if background:
            self._sealer.start()
            self._housekeeper.start()

    @property
    def ready(self) -> bool:
        """Whether samples are taken. After a failed write or sync they are only read until the next start."""
        return self._log.failed is None

    def append(self, scope: TenantScope, batches: Sequence[SampleBatch]) -> Appended:
        """Make batches durable and visible; returns their rows. All of them or none.

        Rows of days older than retention keeps are left out and counted as `Appended.expired`.

        Raises:
            AccessDenied: the scope may not ingest, or not these signals, or its tenant is being removed.
            QuotaExceeded: the tenant's quota does not allow it now; nothing was stored, come again.
            TimeOutOfRange: a source time that no clock should show.
            ValueError: a column that must not has nulls.
            StoreFull: no space is left; keep the batches and come again.
            StoreFailed: it cannot be said that they are durable.
        """
        batches = accepted(scope, batches)
        if not batches:
            return Appended(0)
        rows, size = sum(map(len, batches)), sum(batch.table.nbytes for batch in batches)
        self._store(scope)
        with self.limits.appending(scope.tenant_id, rows, size):
            taken = [self._retention.take(scope.tenant_id, batch) for batch in batches]
            batches = [batch for batch, _ in taken if len(batch)]
            late = sum(number for _, number in taken)
            if batches:
                self._write(scope, batches)
            return Appended(rows - late, late)

    def _write(self, scope: TenantScope, batches: Sequence[SampleBatch]) -> None:
        # Asked again behind the quota: whoever removes the tenant waits for those that were let in.
        store = self._store(scope)
        if store.unsealed_rows > self._backlog or self._sealer.overfull:
            self._relieve(store)
        payloads = [encode_batch(batch) for batch in batches]

        def taken(sequences: Sequence[int]) -> None:
            while not self._tenants.open(scope.tenant_id, scope.slug).add(batches, sequences):
                pass

        self._log.append(scope.tenant_id, payloads, taken)
        if store.unsealed_rows >= self._seal_rows:
            self._sealer.wake()

    def tenant_store(self, scope: TenantScope) -> TenantStore:
        """The part of the store that belongs to a scope's tenant, for who answers in the writer's name.

        Raises:
            AccessDenied: the tenant is being removed.
        """
        if scope.tenant_id in self._leaving:
            raise AccessDenied(f"tenant {scope.slug} is being removed")
        return self._tenants.open(scope.tenant_id, scope.slug)

    def seal(self) -> None:
        """Turn every buffer into segments now."""
        self._sealer.seal_all()

    def spill(self) -> None:
        """Move every buffer into the first level now, as the background does when memory is short."""
        self._sealer.spill_all()

    def housekeep(self) -> None:
        """Read policies again, apply retention, and go on with removals now, as the background does."""
        self._housekeeper.turn_now()

    def verify(self, scope: TenantScope | None = None) -> list[str]:
        """Read every segment, of one tenant or all, and put aside what is damaged or unnamed; in words."""
        return self._tenants.verify(None if scope is None else scope.slug, self._leaving)

    def problems(self) -> tuple[str, ...]:
        """What is damaged or failing, in words."""
        failed = [] if self._log.failed is None else [str(self._log.failed)]
        spilled = self._spiller.problems if self._spiller else ()
        known = (*self._log.problems, *spilled, *self._inbox.problems, *self._tenants.problems())
        return (*failed, *known, *self._sealer.problems, *self._housekeeper.problems)

    def state(self) -> StoreState:
        """How the whole store stands; for the operator."""
        buffered = sum(store.buffered_rows for store in self._tenants())
        totals = self._catalog.totals()
        rows = totals.rows + buffered
        return StoreState(rows, buffered, totals.segments, totals.bytes, self.ready, self.problems())

    def close(self) -> None:
        """Stop writing. What is buffered lies in the log and comes back at the next start."""
        self._housekeeper.stop()
        self._sealer.stop()
        self._log.close()
        self._tenants.close()
        if self._lock_file >= 0:
            os.close(self._lock_file)
            self._lock_file = -1

    def _relieve(self, store: TenantStore) -> None:
        """Sealing is behind: do it here, so that memory stays bounded and nobody else waits."""
        if self._sealer.overfull:
            raise StoreFull("too many samples wait in memory because they cannot be written to the disk")
        try:
            self._sealer.seal(store)
        except OSError as error:
            kind = StoreFull if error.errno in {errno.ENOSPC, errno.EDQUOT} else StoreFailed
            raise kind(f"segments cannot be written ({error}), and the buffer is full") from error

    def _recover(self) -> None:
        sealed = self._catalog.sealed()
        # Rows of a tenant that is gone, or is going, go with the log and the first level.
        slugs = {
            number: slug for number, slug in self._catalog.slugs().items() if number not in self._leaving
        }
        known = dict(sealed)
        spilled = self._spiller.recover(sealed, slugs) if self._spiller else {}
        for tenant, parts in spilled.items():
            self._tenants.open(tenant, slugs[tenant], parts)
            known[tenant] = max(part.max_sequence for part in parts)
        for record in self._log.replay():
            slug = slugs.get(record.tenant)
            if slug is not None and record.sequence > known.get(record.tenant, 0):
                self._tenants.open(record.tenant, slug).add_record(record.sequence, record.payload)

    def _admitted(self, scope: TenantScope) -> AbstractContextManager[QueryBudget]:
        return self.limits.querying(scope.tenant_id)

    def _stored_bytes(self, tenant_id: int) -> int:
        store = self._tenants.find(tenant_id)
        return 0 if store is None else sum(file.bytes for file in store.segments()) + store.nbytes

    def _take(self, record: LogRecord) -> None:
        """Another process appended to the log; it comes in the order of the log."""
        self._sealer.await_room()
        if self._inbox.take(record) >= self._seal_rows:
            self._sealer.wake()

    def _store(self, scope: TenantScope) -> TenantStore:
        return self.tenant_store(scope)


def _lock(root: Path) -> int:
    """Take the folder for this process; the kernel gives it back however the process ends."""
    descriptor = os.open(root / "writer.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreInUse(f"another process writes to {root}; stop it first") from error
    return descriptor
