"""Moves many tenants' buffers into the first level together: memory is bounded, nobody pays for a file."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pyarrow as pa
import structlog

from tundish_platform.store.rows import merged
from tundish_platform.store.write.firstlevel import Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tundish_platform.samples import SampleKind
    from tundish_platform.store.segments.catalog import SegmentCatalog
    from tundish_platform.store.tenant import TenantStore
    from tundish_platform.store.write.buffer import Buffer
    from tundish_platform.store.write.firstlevel import FirstLevel, FirstLevelFile, FirstLevelPart

log = structlog.get_logger(__name__)


class Spiller:
    """The writer's first level.

    Args:
        catalog: the manifest.
        level: the files.

    Attributes:
        problems: what was found damaged, in words.
    """

    def __init__(self, catalog: SegmentCatalog, level: FirstLevel) -> None:
        self._catalog = catalog
        self._level = level
        self._lock = threading.Lock()
        self._needed: Counter[str] = Counter()
        self.problems: list[str] = []

    def recover(self, sealed: dict[int, int]) -> dict[int, list[FirstLevelPart]]:
        """By tenant, the parts whose rows are in no segment yet, oldest first; what is unnamed goes.

        An unnamed file is the rest of a spill that was cut off: its rows are in the log.
        """
        found: dict[int, list[FirstLevelPart]] = {}
        named = self._catalog.first_level()
        for name in named:
            try:
                file = self._level.open(name)
            except (OSError, pa.ArrowException, KeyError, ValueError) as error:
                self.problems.append(
                    f"first-level file {name} cannot be read ({error}): its samples are missing. "
                    "Bring the file back from a backup, then start again"
                )
                log.exception("damaged first-level file", file=name)
                continue
            for tenant, part in file.parts.items():
                if part.max_sequence > sealed.get(tenant, 0):
                    found.setdefault(tenant, []).append(part)
                    self._needed[name] += 1
            if not self._needed[name]:
                self._drop([name])
        self._level.remove(set(self._level.names()) - set(named))
        return found

    def spill(self, stores: Sequence[TenantStore]) -> int:
        """Move the stores' buffers; returns how many tenants had rows.

        Raises:
            OSError: nothing was moved; all rows stay where they are.
        """
        with ExitStack() as locks:
            chosen: list[tuple[TenantStore, Buffer]] = []
            for store in stores:
                locks.enter_context(store.seal_lock)
                buffer = store.begin_spill()
                if buffer is not None:
                    chosen.append((store, buffer))
            if not chosen:
                return 0
            files = self._write(chosen)
            # The manifest may name them although its answer fails; the next try writes others, and rows
            # that are twice in the first level are one row.
            self._catalog.add_first_level(files)
            with self._lock:
                for file in files:
                    self._needed[file.name] += len(file.parts)
            for store, _ in chosen:
                parts = [file.parts[store.tenant_id] for file in files if store.tenant_id in file.parts]
                store.end_spill(parts)
            return len(chosen)

    def release(self, parts: Iterable[FirstLevelPart]) -> None:
        """Parts whose rows lie in segments now; a file that holds no others goes."""
        with self._lock:
            for part in parts:
                self._needed[part.file] -= 1
            empty = [name for name, count in self._needed.items() if count <= 0]
            for name in empty:
                del self._needed[name]
        if empty:
            self._drop(empty)

    def _drop(self, names: list[str]) -> None:
        # Manifest first: a named file that is missing would be damage.
        self._catalog.drop_first_level(names)
        self._level.remove(names)

    def _write(self, chosen: Sequence[tuple[TenantStore, Buffer]]) -> list[FirstLevelFile]:
        shares: dict[SampleKind, list[Share]] = {}
        for store, buffer in chosen:
            sequences = (buffer.first_sequence or 0, buffer.last_sequence)
            for kind, tables in buffer.tables().items():
                shares.setdefault(kind, []).append(Share(store.tenant_id, merged(tables, kind), sequences))
        written: list[FirstLevelFile] = []
        try:
            for kind, of_kind in shares.items():
                written.append(self._level.write(kind, of_kind))
        except OSError:
            self._level.remove([file.name for file in written])
            raise
        return written
