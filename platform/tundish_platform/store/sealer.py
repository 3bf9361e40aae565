"""Turns buffers into segments, merges small segments of a day, and lets the log go behind them."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import structlog

from tundish_platform.store import segments
from tundish_platform.store.rows import merged
from tundish_platform.store.tenant import rows_by_kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from tundish_platform.store.catalog import SegmentCatalog
    from tundish_platform.store.files import FileLayer
    from tundish_platform.store.log import FileLog
    from tundish_platform.store.segments import SegmentFile
    from tundish_platform.store.tenant import TenantStore

_MERGE_FROM: Final = 8
_MERGE_ROWS: Final = 8_000_000
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
        log_: FileLog,
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
        self.problems: list[str] = []

    def start(self) -> None:
        """Seal and merge from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way and end."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def seal_all(self) -> None:
        """Seal every tenant's buffer now and let the log go."""
        for store in self._stores():
            self.seal(store)
            self._merge_days(store)
        self._release()

    def seal(self, store: TenantStore) -> None:
        """Write a tenant's buffer as segments: files first, then the manifest, then the log may go."""
        with store.seal_lock:
            with store.append_lock:
                buffer = store.begin_seal()
            if buffer is None:
                return
            written = [
                segments.write(store.folder, self._files, kind, day, rows)
                for kind, table in rows_by_kind(buffer).items()
                for day, rows in segments.by_day(table)
            ]
            self._catalog.add(store.tenant_id, written, buffer.last_sequence)
            store.end_seal(written)

    def _run(self) -> None:
        while not self._stopped.wait(_TURN_S):
            try:
                self._turn()
            except Exception as error:
                self.problems[:] = [f"sealing failed and is tried again: {error}"]
                log.exception("sealing failed")
            else:
                self.problems.clear()

    def _turn(self) -> None:
        now = time.monotonic()
        sealed = False
        for store in self._stores():
            rows = store.buffered_rows()
            if not rows:
                self._due.pop(store.tenant_id, None)
                continue
            since = self._due.setdefault(store.tenant_id, now)
            if rows >= self._seal_rows or now - since >= self._seal_after_s:
                self._due.pop(store.tenant_id, None)
                self.seal(store)
                self._merge_days(store)
                sealed = True
        if sealed:
            self._release()

    def _merge_days(self, store: TenantStore) -> None:
        days: dict[tuple[str, object], list[SegmentFile]] = defaultdict(list)
        for segment in store.segments():
            days[segment.kind, segment.day].append(segment)
        for parts in days.values():
            if len(parts) >= _MERGE_FROM:
                self._merge(store, _smallest(parts))

    def _merge(self, store: TenantStore, parts: list[SegmentFile]) -> None:
        kind, day = parts[0].kind, parts[0].day
        tables = [segments.read(store.folder / part.path, kind, None, None, None) for part in parts]
        new = segments.write(store.folder, self._files, kind, day, merged(tables, kind))
        self._catalog.replace(store.tenant_id, parts, new)
        store.replace(parts, new)
        for part in parts:
            self._files.remove(store.folder / part.path)

    def _release(self) -> None:
        # Read before the tenants are looked at: whatever is written later has a higher sequence.
        horizon = self._log.next_sequence
        needed = [horizon]
        for store in self._stores():
            with store.append_lock:
                first = store.first_unsealed()
            if first is not None:
                needed.append(first)
        self._log.release(min(needed))


def _smallest(parts: list[SegmentFile]) -> list[SegmentFile]:
    """The small ones among a day's segments, as many as may be merged in memory."""
    chosen: list[SegmentFile] = []
    rows = 0
    for part in sorted(parts, key=lambda p: p.rows):
        if rows + part.rows > _MERGE_ROWS and chosen:
            break
        chosen.append(part)
        rows += part.rows
    return chosen
