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
    from collections.abc import Callable, Container, Iterable, Sequence

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

    def recover(self, sealed: dict[int, int], known: Container[int]) -> dict[int, list[FirstLevelPart]]:
        """By tenant, the parts whose rows are in no segment yet, oldest first; what is unnamed goes.

        An unnamed file is the rest of a spill that was cut off: its rows are in the log.

        Args:
            sealed: by tenant, up to which log sequence its rows lie in segments.
            known: tenants there are; what others had goes with the rest of its file.
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
                if tenant in known and part.max_sequence > sealed.get(tenant, 0):
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

    def holding(self, tenant: int) -> list[str]:
        """Names of files with rows of a tenant."""
        return [name for name in self._catalog.first_level() if tenant in self._parts(name)]

    def without(self, tenant: int, stores: Callable[[], Sequence[TenantStore]]) -> int:
        """Write all files that hold rows of a tenant anew without them; returns how many there were.

        Args:
            tenant: it must be closed, so that nothing more comes.
            stores: the others, whose parts come to lie in other files.

        Raises:
            OSError: some files could not be written; they stay as they are.
        """
        names = self.holding(tenant)
        for name in names:
            parts = self._parts(name)
            shares = {number: part.share(number) for number, part in parts.items() if number != tenant}
            if shares:
                new = self._level.write(parts[tenant].kind, list(shares.values()))
                needed = self._moved(name, new, stores)
            else:
                self._catalog.drop_first_level([name])
            self._level.remove([name])
            if shares and not needed:
                self._drop([new.name])
        return len(names)

    def _moved(self, old: str, new: FirstLevelFile, stores: Callable[[], Sequence[TenantStore]]) -> int:
        """Name a file in the place of another; returns how many parts of it are needed."""
        with self._lock:
            self._catalog.replace_first_level([old], [new])
            # Parts that were sealed meanwhile are in no list any more, so they do not count.
            moving = [(store.tenant_id, part) for store in stores() for part in store.parts_in(old)]
            for number, part in moving:
                part.move(new.parts[number])
            self._needed.pop(old, None)
            self._needed[new.name] = len(moving)
            return len(moving)

    def _parts(self, name: str) -> dict[int, FirstLevelPart]:
        try:
            return self._level.open(name).parts
        except FileNotFoundError:
            # Its last rows came into segments meanwhile.
            return {}

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
