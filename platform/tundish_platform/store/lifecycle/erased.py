"""Removal's place in the store: the writer lets go of a tenant in memory, log, first level and folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tundish_platform.store.lifecycle.removal import removing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tundish_platform.store.files import FileLayer
    from tundish_platform.store.lifecycle.quota import Limits
    from tundish_platform.store.log.interface import Log
    from tundish_platform.store.tenants import Tenants
    from tundish_platform.store.write.sealer import Sealer
    from tundish_platform.store.write.spilling import Spiller
    from tundish_platform.tenancy.metadata import Metadata

_SPILLS: Final = 4
_UNDER_WAY_S: Final = 120.0
_LOOK_S: Final = 0.005


class StillWriting(RuntimeError):  # noqa: N818 - says how it stands
    """An append of the tenant does not end; the removal tries again."""


class Leaving:
    """Tenants that are being removed: nothing of them is taken, answered or recovered.

    Args:
        metadata: database of removals.
    """

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._numbers: frozenset[int] = frozenset()
        self.refresh()

    def __contains__(self, tenant_id: object) -> bool:
        return tenant_id in self._numbers

    def close(self, tenant_id: int, limits: Limits) -> None:
        """From now on; returns once no append of the tenant is under way.

        Raises:
            StillWriting: an append that was let in before does not end.
        """
        self._numbers |= {tenant_id}
        until = time.monotonic() + _UNDER_WAY_S
        # Who is let in later sees that the tenant leaves.
        while limits.appends.holds(tenant_id):
            if time.monotonic() > until:
                raise StillWriting(f"an append of tenant {tenant_id} is still under way")
            time.sleep(_LOOK_S)

    def refresh(self) -> None:
        """Read what was begun, by whichever process, and what is done: a number may be given again."""
        with self._metadata.session() as session:
            self._numbers = frozenset(removing(session))


class ErasedTenant:
    """`RemovalPlace` over the writer's parts.

    Args:
        root: the store's folder.
        files: the file layer.
        log: of all tenants.
        tenants: those that are open.
        sealer: moves rows on.
        spiller: the first level, if there is one.
        close: lets nothing more of a tenant in, and returns once nothing is under way.
    """

    def __init__(
        self,
        root: Path,
        files: FileLayer,
        log: Log,
        tenants: Tenants,
        sealer: Sealer,
        spiller: Spiller | None,
        close: Callable[[int], None],
    ) -> None:
        self._root = root
        self._files = files
        self._objects = tenants.objects
        self._log = log
        self._tenants = tenants
        self._sealer = sealer
        self._spiller = spiller
        self._close = close

    @property
    def root(self) -> Path:
        """The folder below which everything of the store lies."""
        return self._root

    def close_tenant(self, tenant_id: int) -> None:
        """Take and answer nothing of the tenant any more; drop its buffers, latest values and readers."""
        self._close(tenant_id)
        self._tenants.drop(tenant_id)

    def clear_log(self, tenant_id: int) -> None:
        """Move the other tenants' rows on and let the log go, and copies of damaged log files with it."""
        for _ in range(_SPILLS):
            # A file also holds what others appended meanwhile, so one time may not be enough.
            for store in self._tenants():
                if store.half_sealed:
                    self._sealer.seal(store)
            self._sealer.spill_all()
            if not self._in_log(tenant_id):
                break
        copies = list(self._copies())
        for path in copies:
            self._files.remove(path)
        if copies:
            self._files.sync_folder(copies[0].parent)

    def clear_first_level(self, tenant_id: int) -> None:
        """Write shared first-level files anew without the tenant."""
        if self._spiller is not None:
            self._spiller.without(tenant_id, self._tenants)

    def clear_folder(self, tenant_id: int, slug: str) -> Mapping[str, int]:
        """Remove the tenant's folder with segments, rollups, tables and foundlings; gives figures."""
        del tenant_id
        sizes = [size for _, size in self._objects.listing(slug)]
        self._objects.remove_all(slug)
        return {"files": len(sizes), "bytes": sum(sizes)}

    def leftovers(self, tenant_id: int, slug: str) -> list[str]:
        """What log, first level and folders still hold of the tenant, in words; no slug: it is forgotten."""
        spilled = () if self._spiller is None else self._spiller.holding(tenant_id)
        found = [f"first-level file {name} holds rows of it" for name in spilled]
        found += ["the log holds records of it"] if self._in_log(tenant_id) else []
        found += [f"{path} may hold records of it" for path in self._copies()]
        if slug:
            found += [f"{name} is there" for name, _ in self._objects.listing(slug)]
            folder = self._objects.table(slug)
            found += [f"{folder} is there"] if isinstance(folder, Path) and folder.exists() else []
        return found

    def _in_log(self, tenant_id: int) -> bool:
        while True:
            try:
                return any(record.tenant == tenant_id for record in self._log.replay())
            except FileNotFoundError:
                # The log was let go behind what was read; what is left is looked at again.
                continue

    def _copies(self) -> Iterator[Path]:
        folder = self._root / "log" / "quarantine"
        return folder.iterdir() if folder.is_dir() else iter(())
