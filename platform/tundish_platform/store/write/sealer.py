"""Turns buffers into segments, merges small segments of a day, and lets the log go behind them."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import structlog

from tundish_platform.store.rows import merged
from tundish_platform.store.segments import segment as segments

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from tundish_platform.store.files import FileLayer
    from tundish_platform.store.log.interface import Log
    from tundish_platform.store.segments.catalog import SegmentCatalog
    from tundish_platform.store.segments.segment import SegmentFile
    from tundish_platform.store.tenant import TenantStore
    from tundish_platform.store.write.buffer import Buffer

MERGE_FROM: Final = 8
_MERGE_AT_LEAST: Final = 4
_SMALLEST_TIER: Final = 4096
_MERGE_ROWS: Final = 4_000_000
_TURN_S: Final = 2.0

log = structlog.get_logger(__name__)


class Sealer:
    """One thread that keeps buffers and days small.

    Args:
        catalog: the manifest.
        files: the file layer.
        log_: the log to be let go behind segments.
        stores: gives all tenants' parts.
        seal_rows, seal_after: when a buffer is due.
    """

    def __init__(
        self,
        catalog: SegmentCatalog,
        files: FileLayer,
        log_: Log,
        stores: Callable[[], list[TenantStore]],
        seal_rows: int,
        seal_after: timedelta,
    ) -> None:
        self._catalog = catalog
        self._files = files
        self._log = log_
        self._stores = stores
        self._seal_rows = seal_rows
        self._seal_after_s = seal_after.total_seconds()
        self._due: dict[int, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)
        self._failed: dict[int, str] = {}

    @property
    def problems(self) -> list[str]:
        """What could not be sealed at the last try, in words."""
        return [f"tenant {number}: {text}" for number, text in sorted(self._failed.items())]

    def start(self) -> None:
        """Seal and merge from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way and end."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def seal_all(self) -> None:
        """Seal every tenant's buffer now, merge, and let the log go."""
        for store in self._stores():
            self.seal(store)
            with store.seal_lock:
                self._merge_days(store)
        self._release()

    def seal(self, store: TenantStore) -> None:
        """Write a tenant's buffer as segments: files first, then the manifest, then the log may go."""
        with store.seal_lock:
            with store.gate.shut():
                buffer = store.begin_seal()
            if buffer is None:
                return
            if buffer.written is None:
                buffer.written = self._write(store, buffer)
            # The manifest may name them although its answer fails, so each new try names the same files.
            self._catalog.add(store.tenant_id, buffer.written, buffer.last_sequence)
            store.end_seal(buffer.written)

    def _write(self, store: TenantStore, buffer: Buffer) -> list[SegmentFile]:
        written: list[SegmentFile] = []
        try:
            for kind, table in buffer.merged().items():
                for day, rows in segments.by_day(table):
                    written.append(segments.write(store.folder, self._files, kind, day, rows))
        except OSError:
            # A full disk must not be filled further by each new try.
            for segment in written:
                self._files.remove(store.folder / segment.path)
            raise
        return written

    def _run(self) -> None:
        while not self._stopped.wait(_TURN_S):
            sealed = [self._turn(store) for store in self._stores()]
            if any(sealed):
                try:
                    self._release()
                except OSError:
                    log.exception("log files that are not needed any more could not be removed")

    def _turn(self, store: TenantStore) -> bool:
        """Seal a tenant's buffer if it is due; one tenant's trouble must not stop the others."""
        try:
            if not self._is_due(store):
                return False
            self.seal(store)
            with store.seal_lock:
                self._merge_days(store)
        except Exception as error:
            self._failed[store.tenant_id] = f"sealing failed and is tried again: {error}"
            log.exception("sealing failed", tenant=store.tenant_id)
            return False
        self._failed.pop(store.tenant_id, None)
        self._due.pop(store.tenant_id, None)
        return True

    def _is_due(self, store: TenantStore) -> bool:
        rows = store.buffered_rows()
        if not rows:
            return False
        now = time.monotonic()
        since = self._due.setdefault(store.tenant_id, now)
        return rows >= self._seal_rows or now - since >= self._seal_after_s

    def _merge_days(self, store: TenantStore) -> None:
        """Merge segments of a day that are of like size, so that each row is merged only a few times."""
        groups: dict[tuple[str, object, int], list[SegmentFile]] = defaultdict(list)
        for segment in store.segments():
            groups[segment.kind, segment.day, _tier(segment)].append(segment)
        for parts in groups.values():
            chosen = _fitting(parts)
            if len(parts) >= MERGE_FROM and len(chosen) >= _MERGE_AT_LEAST:
                self._merge(store, chosen)

    def _merge(self, store: TenantStore, parts: list[SegmentFile]) -> None:
        kind, day = parts[0].kind, parts[0].day
        table = merged([store.reader.rows(kind, [part.path for part in parts])], kind)
        new = segments.write(store.folder, self._files, kind, day, table)
        self._catalog.replace(store.tenant_id, parts, new)
        store.replace(parts, new)
        for part in parts:
            self._files.remove(store.folder / part.path)

    def _release(self) -> None:
        # Read before the tenants are looked at: whatever is written later has a higher sequence.
        needed = [self._log.next_sequence]
        for store in self._stores():
            with store.gate.shut():
                first = store.first_unsealed()
            if first is not None:
                needed.append(first)
        self._log.release(min(needed))


def _fitting(parts: list[SegmentFile]) -> list[SegmentFile]:
    """The smallest ones, as many as may be merged in memory."""
    smallest = sorted(parts, key=lambda part: part.rows)
    totals = accumulate(part.rows for part in smallest)
    return [part for part, total in zip(smallest, totals, strict=True) if total <= _MERGE_ROWS]


def _tier(segment: SegmentFile) -> int:
    """Which of the sizes 16 Ki, 128 Ki, 1 Mi, … rows a segment fits in."""
    return max(0, (segment.rows - 1) // _SMALLEST_TIER).bit_length() // 3
