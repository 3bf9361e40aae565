"""The tenants that are open: made when somebody asks, let go when nobody does."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from tundish_platform.store.segments.reader import Readers
from tundish_platform.store.segments.segment import checksum
from tundish_platform.store.tenant import TenantStore

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from tundish_platform.store.segments.catalog import SegmentCatalog
    from tundish_platform.store.segments.reader import SegmentReader
    from tundish_platform.store.segments.segment import SegmentFile
    from tundish_platform.store.write.firstlevel import FirstLevelPart

_IDLE_S: Final = 600.0

log = structlog.get_logger(__name__)


class Tenants:
    """All open tenants' parts of the store.

    Args:
        catalog: the manifest.

    Attributes:
        objects: where segments live.
    """

    def __init__(self, catalog: SegmentCatalog) -> None:
        self._catalog = catalog
        self.objects = catalog.objects
        self._open: dict[int, TenantStore] = {}
        self._lock = threading.Lock()
        self._readers = Readers()
        self._damaged: dict[tuple[str, str], str] = {}

    def __call__(self) -> list[TenantStore]:
        """Those that are open."""
        with self._lock:
            return list(self._open.values())

    def open(self, tenant_id: int, slug: str, first_level: Sequence[FirstLevelPart] = ()) -> TenantStore:
        """A tenant's part; nothing is read for it yet."""
        with self._lock:
            store = self._open.get(tenant_id)
            if store is None:
                reader = self._catalog.reader(self._readers, slug)
                store = TenantStore(tenant_id, slug, reader, self._known, self._damage, first_level)
                self._open[tenant_id] = store
            return store

    def find(self, tenant_id: int) -> TenantStore | None:
        """A tenant's part if it is open."""
        with self._lock:
            return self._open.get(tenant_id)

    def reader(self, slug: str) -> SegmentReader:
        """The reader of a tenant's segments."""
        return self._catalog.reader(self._readers, slug)

    def drop(self, tenant_id: int) -> None:
        """Let go of a tenant with all it holds, because it is being removed."""
        store = self.find(tenant_id)
        if store is not None:
            with store.seal_lock:
                store.empty()
            with self._lock:
                self._open.pop(tenant_id, None)
                self._damaged = {key: text for key, text in self._damaged.items() if key[0] != store.slug}
        # Readers know files by their numbers, which the file system gives again.
        self._readers.close()

    def close_idle(self, idle_s: float = _IDLE_S) -> int:
        """Let go who holds no rows in memory and was not asked for so long; returns how many."""
        since = time.monotonic() - idle_s
        closed = 0
        for store in self():
            with self._lock:
                if store.close_if_idle(since):
                    del self._open[store.tenant_id]
                    closed += 1
        return closed

    def problems(self) -> list[str]:
        """Damaged segments, and what recovery could not take in."""
        with self._lock:
            damaged = list(self._damaged.values())
        return [*damaged, *(text for store in self() for text in store.problems)]

    def verify(self, slug: str | None = None, leaving: Container[int] = ()) -> list[str]:
        """Compare every segment with its checksum; put aside what is damaged and what no manifest names.

        Args:
            slug: of one tenant; all if absent.
            leaving: tenants that are being removed are left alone.
        """
        for number, name in self._catalog.slugs().items():
            if slug in {None, name} and number not in leaving:
                self._verify(self.open(number, name))
        return self.problems()

    def close(self) -> None:
        """Close all files."""
        self._readers.close()

    def _verify(self, store: TenantStore) -> None:
        with store.seal_lock:
            # Nothing is being written while the lock is held, so what is unnamed stays unnamed.
            known = self._catalog.segments(store.tenant_id)
            kept = [*self._catalog.retired(store.tenant_id), *self._catalog.pending(store.tenant_id)]
            self._catalog.put_aside_unnamed(store.slug, [*kept, *(segment.path for segment in known)])
        for segment in known:
            intact = self._intact(store, segment)
            if segment.damaged and intact:
                self._catalog.mark(store.tenant_id, segment.path, damaged=False)
                self._damaged.pop((store.slug, segment.path), None)
            elif not segment.damaged and not intact and segment in store.segments():
                self._put_aside(store, segment.path)
        store.forget_segments()

    def _known(self, store: TenantStore) -> list[SegmentFile]:
        found = self._catalog.segments(store.tenant_id)
        sizes = self.objects.sizes(store.slug, [segment.kept for segment in found])
        return [replace(s, damaged=True) if self._is_damaged(store, s, sizes) else s for s in found]

    def _is_damaged(self, store: TenantStore, segment: SegmentFile, sizes: dict[str, int]) -> bool:
        wrong = sizes.get(segment.kept) != segment.bytes
        if wrong or segment.damaged:
            self._name(store, segment.path, there=segment.kept in sizes)
        if wrong and not segment.damaged:
            self._catalog.mark(store.tenant_id, segment.path, damaged=True)
        return wrong or segment.damaged

    def _damage(self, store: TenantStore, file: str) -> None:
        """A reader says so; it is believed where the file is not what the manifest says."""
        for segment in store.segments():
            if file not in {segment.path, segment.kept} or segment.damaged:
                continue
            if self._intact(store, segment):
                # The reader's copy, memory or disk cache was at fault, or it is wrong.
                log.warning("a segment told to be damaged is whole", path=f"{store.slug}/{file}")
            else:
                self._put_aside(store, segment.path)

    def _put_aside(self, store: TenantStore, file: str) -> None:
        self._name(store, file, there=file in self.objects.sizes(store.slug, [file]))
        self._catalog.mark(store.tenant_id, file, damaged=True)
        self._catalog.quarantine(store.slug, file)
        store.forget_segments()

    def _intact(self, store: TenantStore, segment: SegmentFile) -> bool:
        name = f"{store.slug}/{segment.kept}"
        self.objects.renewed(name)
        try:
            return checksum(self.objects.local(name)) == (segment.bytes, segment.crc32)
        except FileNotFoundError:
            return False

    def _name(self, store: TenantStore, file: str, *, there: bool) -> None:
        how = "damaged" if there else "missing"
        text = (
            f"segment {store.slug}/{file} is {how}: its samples cannot be read and are told as a gap. "
            "Bring the file back from a backup and verify the store"
        )
        with self._lock:
            self._damaged[store.slug, file] = text
        log.error("segment cannot be read", path=f"{store.slug}/{file}", how=how)
