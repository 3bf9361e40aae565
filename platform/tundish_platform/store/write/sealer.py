"""Turns buffers into segments, merges small segments of a day, and lets the log go behind them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tundish_platform.store.rows import merged
from tundish_platform.store.segments import segment as segments
from tundish_platform.store.write.ahead import one_behind
from tundish_platform.store.write.days import by_day
from tundish_platform.store.write.merging import MERGE_ROWS, due_merges

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pyarrow as pa

    from tundish_platform.samples import SampleKind
    from tundish_platform.store.log.interface import Log
    from tundish_platform.store.segments.catalog import SegmentCatalog
    from tundish_platform.store.segments.publishing import Publisher
    from tundish_platform.store.segments.segment import SegmentFile
    from tundish_platform.store.tenant import TenantStore
    from tundish_platform.store.tenants import Tenants
    from tundish_platform.store.write.buffer import Buffer
    from tundish_platform.store.write.firstlevel import FirstLevelPart
    from tundish_platform.store.write.spilling import Spiller

_TURN_S: Final = 1.0
_SEALS_A_TURN: Final = 64
_OVERFULL: Final = 8
_TIDY_S: Final = 60.0
_PAUSE_S: Final = 0.05
_SETTLES_A_TURN: Final = 16

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SealSettings:
    """When rows move on.

    Attributes:
        seal_rows: a tenant's buffer of so many rows becomes segments at once.
        own_rows: a tenant with so many rows gets segments of its own when rows move; others share a file.
        seal_after: no row stays in memory longer.
        compact_after: no row stays in the first level longer.
        memory_bytes: all buffers together; beyond it the first level takes them.
        log_bytes: the log's size; beyond it likewise.
    """

    seal_rows: int = 2_000_000
    own_rows: int = 65_536
    seal_after: timedelta = timedelta(minutes=15)
    compact_after: timedelta = timedelta(days=1)
    memory_bytes: int = 256 * 1024 * 1024
    log_bytes: int = 1024 * 1024 * 1024


class Sealer:
    """One thread that keeps buffers and days small.

    Args:
        catalog: the manifest.
        log_: the log to be let go behind segments.
        stores: all tenants' parts that are open.
        spiller: the first level; None where each tenant's rows become segments of its own instead.
        settings: when rows move on.
        publisher: keeps the tenants' Delta tables, if they are wanted.
    """

    def __init__(
        self,
        catalog: SegmentCatalog,
        log_: Log,
        stores: Tenants,
        spiller: Spiller | None,
        settings: SealSettings,
        publisher: Publisher | None = None,
    ) -> None:
        self._catalog = catalog
        self._objects = catalog.objects
        self._log = log_
        self._stores = stores
        self._spiller = spiller
        self._settings = settings
        self._since: dict[int, float] = {}
        self._spilled: dict[int, float] = {}
        self._stopped = threading.Event()
        self._wanted = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)
        self._failed: dict[int, str] = {}
        self._tidied = time.monotonic()
        self._settled = 0
        self._spill_failed = ""
        self._publisher = publisher
        self.overfull = False

    @property
    def problems(self) -> list[str]:
        """What could not be sealed at the last try, in words."""
        spill = [self._spill_failed] if self._spill_failed else []
        return [*spill, *(f"tenant {number}: {text}" for number, text in sorted(self._failed.items()))]

    def start(self) -> None:
        """Seal and merge from now on."""
        self._thread.start()

    def wake(self) -> None:
        """A buffer is full: look at once."""
        self._wanted.set()

    def await_room(self) -> None:
        """Return once memory has room again; the log keeps meanwhile what others append."""
        while self.overfull and not self._stopped.is_set():
            self._wanted.set()
            self._stopped.wait(_PAUSE_S)

    def stop(self) -> None:
        """Finish what is under way and end."""
        self._stopped.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def seal_all(self) -> None:
        """Seal every tenant's rows now, merge, publish, and let the log go."""
        for store in self._stores():
            self.seal(store)
            self.merge(store)
            self._publish(store)
        self.release()

    def spill_all(self) -> None:
        """Move every tenant's buffer into the first level now, and let the log go."""
        if self._spiller is None:
            self.seal_all()
        else:
            self._spiller.spill(self._stores())
            self.release()

    def seal(self, store: TenantStore) -> None:
        """Write a tenant's rows as segments: files first, then the manifest, then the log may go."""
        with store.seal_lock:
            buffer, parts = store.begin_seal()
            sealed_up_to = max([buffer.last_sequence, *(part.max_sequence for part in parts)])
            if not sealed_up_to:
                return
            if buffer.written is None:
                buffer.written = self._write(store, buffer, parts)
            # The manifest may name them although its answer fails, so each new try names the same files.
            self._catalog.add(store.tenant_id, buffer.written, sealed_up_to)
            written = buffer.written
            store.end_seal(written, parts)
            if self._spiller is not None:
                self._spiller.release(parts)
            self._tell(store, written)

    def merge(self, store: TenantStore) -> None:
        """Merge the tenant's small segments of a day."""
        with store.seal_lock:
            for parts in due_merges(store.segments()):
                self._merge(store, parts)

    def settle(self, store: TenantStore) -> None:
        """Merge days past in which segments repeat rows of others, so that they can be published whole."""
        if self._publisher is None:
            return
        with store.seal_lock:
            for parts in self._publisher.unsettled(store):
                if sum(part.rows for part in parts) <= MERGE_ROWS:
                    self._merge(store, parts)
        self._publisher.drop_retired(store, datetime.now(UTC))
        self._publish(store)

    def release(self) -> None:
        """Let the log go as far as no buffer needs it."""
        # Read before the tenants are looked at: whatever is written later has a higher sequence.
        needed = [self._log.next_sequence]
        needed += [first for store in self._stores() if (first := store.first_unsealed()) is not None]
        self._log.release(min(needed))

    def _write(
        self, store: TenantStore, buffer: Buffer, parts: Sequence[FirstLevelPart]
    ) -> list[SegmentFile]:
        tables: dict[SampleKind, list[pa.Table]] = {}
        for part in parts:
            tables.setdefault(part.kind, []).append(part.chunk().rows())
        for kind, newer in buffer.tables().items():
            tables.setdefault(kind, []).extend(newer)
        first = [part.min_sequence for part in parts]
        first += [] if buffer.first_sequence is None else [buffer.first_sequence]
        last = max([buffer.last_sequence, *(part.max_sequence for part in parts)])

        def write(ordered: tuple[SampleKind, date, pa.Table]) -> SegmentFile:
            return segments.write(self._objects, store.slug, *ordered, (min(first), last))

        ordered = ((kind, *of_day) for kind, rows in tables.items() for of_day in by_day(rows, kind))
        written: list[SegmentFile] = []
        try:
            written.extend(one_behind(write, ordered))
        except OSError:
            # A full disk must not be filled further by each new try.
            for segment in written:
                segments.remove(self._objects, store.slug, segment.path)
            raise
        return written

    def _merge(self, store: TenantStore, parts: list[SegmentFile]) -> None:
        kind, day = parts[0].kind, parts[0].day
        table = merged(store.reader.rows(kind, parts, None, None, None), kind)
        sequences = (parts[0].min_sequence, parts[-1].max_sequence)
        new = segments.write(self._objects, store.slug, kind, day, table, sequences)
        published = self._publisher is not None
        self._catalog.replace(store.tenant_id, parts, [new], datetime.now(UTC) if published else None)
        store.replace(parts, [new])
        self._tell(store, [new])
        for part in parts:
            if not published:
                segments.remove(self._objects, store.slug, part.path)

    def _tell(self, store: TenantStore, written: Sequence[SegmentFile]) -> None:
        if self._publisher is not None:
            self._publisher.changed(store, written)

    def _publish(self, store: TenantStore) -> None:
        if self._publisher is not None:
            self._publisher.publish(store)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wanted.wait(_TURN_S)
            self._wanted.clear()
            if not self._stopped.is_set():
                self.turn()

    def turn(self) -> None:
        """Move on whatever is due; one tenant's trouble does not stop the others."""
        now = time.monotonic()
        if now - self._tidied > _TIDY_S:
            self._tidied = now
            self._settle_some()
            self._stores.close_idle()
        stores = self._stores()
        sealed = [self._seal_due(store) for store in self._due(stores)]
        spilled = self._spill_due(stores)
        if any(sealed) or spilled:
            try:
                self.release()
            except OSError:
                log.exception("log files that are not needed any more could not be removed")

    def _settle_some(self) -> None:
        """Look at a few tenants' days past; each has its turn within hours."""
        stores = self._stores()
        first = self._settled % max(1, len(stores))
        for store in stores[first : first + _SETTLES_A_TURN]:
            try:
                self.settle(store)
            except Exception:
                log.exception("days past could not be settled", tenant=store.tenant_id)
        self._settled = first + _SETTLES_A_TURN

    def _seal_due(self, store: TenantStore) -> bool:
        try:
            self.seal(store)
            self.merge(store)
            self._publish(store)
        except Exception as error:
            self._failed[store.tenant_id] = f"sealing failed and is tried again: {error}"
            log.exception("sealing failed", tenant=store.tenant_id)
            return False
        self._failed.pop(store.tenant_id, None)
        self._since.pop(store.tenant_id, None)
        self._spilled.pop(store.tenant_id, None)
        return True

    def _due(self, stores: Sequence[TenantStore]) -> list[TenantStore]:
        """Tenants whose rows are to become segments of their own now."""
        now = time.monotonic()
        due = []
        for store in stores:
            buffered, waiting = store.unsealed_rows, store.first_level_rows
            since = now - self._since.setdefault(store.tenant_id, now) if buffered else 0.0
            shared = now - self._spilled.setdefault(store.tenant_id, now) if waiting else 0.0
            if not buffered:
                self._since.pop(store.tenant_id, None)
            if not waiting:
                self._spilled.pop(store.tenant_id, None)
            own = buffered + waiting >= self._settings.own_rows
            if (
                buffered >= self._settings.seal_rows
                or waiting >= self._settings.own_rows
                or (own and since >= self._settings.seal_after.total_seconds())
                or shared >= self._settings.compact_after.total_seconds()
            ):
                due.append(store)
        return due[:_SEALS_A_TURN]

    def _spill_due(self, stores: Sequence[TenantStore]) -> bool:
        now = time.monotonic()
        old = self._settings.seal_after.total_seconds()
        total = sum(store.nbytes for store in stores)
        self.overfull = total > _OVERFULL * self._settings.memory_bytes
        full = total > self._settings.memory_bytes or self._log.nbytes > self._settings.log_bytes
        due = [
            store
            for store in stores
            if store.unsealed_rows
            and store.tenant_id not in self._failed
            and (full or now - self._since.get(store.tenant_id, now) >= old)
        ]
        if not due:
            return False
        if self._spiller is None:
            sealed = [self._seal_due(store) for store in due[:_SEALS_A_TURN]]
            return any(sealed)
        try:
            self._spiller.spill(due)
        except Exception as error:
            self._spill_failed = f"rows could not be moved out of memory and are tried again: {error}"
            log.exception("spilling failed")
            return False
        self._spill_failed = ""
        for store in due:
            self._since.pop(store.tenant_id, None)
        return True
