"""A takeout from the command line: everything, unless the store's only writer does not answer."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tundish_deploy.settings import Settings
    from tundish_platform.store.lifecycle.snapshot import Listing
    from tundish_platform.store.lifecycle.takeout import Target
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata


def take_out(
    session: Session,
    metadata: Metadata,
    scope: TenantScope,
    settings: Settings,
    target: Path,
    by: Literal["month", "day"],
) -> tuple[bool, dict[str, Any]]:
    """Write a tenant's data to a folder or a zip file; returns whether it is complete, and the manifest.

    Raises:
        FileExistsError: the target is there already.
        StoreFailed: the servers of a cluster's log do not answer.
    """
    from tundish_platform.assets import list_signals
    from tundish_platform.store.lifecycle.retention import removed
    from tundish_platform.store.lifecycle.snapshot import held_still
    from tundish_platform.store.lifecycle.takeout import write_takeout

    signals = list_signals(session, scope)
    gone = removed(session, scope, date(1970, 1, 1), date(2200, 1, 1))
    # Sealing writes to the same database.
    session.commit()
    with ExitStack() as stack:
        whole, folder, listing = _source(stack, settings, metadata, scope)
        snapshot = stack.enter_context(held_still(folder, listing))
        place = stack.enter_context(_opened(target))
        return whole, write_takeout(place, scope, snapshot, signals, gone, by=by)


def _source(
    stack: ExitStack, settings: Settings, metadata: Metadata, scope: TenantScope
) -> tuple[bool, Path, Callable[[], Listing]]:
    """Whether everything will be there, where links can be made, and what there is."""
    from tundish_deploy.stores import joined

    if settings.store.mode == "cluster":
        from tundish_platform.store.clusterreader import ClusterReader

        cluster = stack.enter_context(joined(settings, metadata, "takeout"))
        reader = ClusterReader(cluster)
        stack.callback(reader.close)
        return True, cluster.objects.reading(scope.slug)[0], lambda: reader.listing(scope)
    from tundish_platform.store.lifecycle.listing import manifest_listing
    from tundish_platform.store.objects import LocalObjects

    root = settings.data_dir / "store"
    objects = LocalObjects(root / "tenants")
    whole = _all_in_segments(root, metadata)
    return whole, root / "tenants" / scope.slug, lambda: manifest_listing(metadata, scope, objects)


def _all_in_segments(root: Path, metadata: Metadata) -> bool:
    """Seal what lies in the log, or have whoever writes to the store seal it."""
    from tundish_platform.store import StoreInUse, Telemetry
    from tundish_platform.store.remote.client import RemoteTelemetry
    from tundish_platform.store.remote.errors import WriterAway

    telemetry: Telemetry | RemoteTelemetry
    try:
        telemetry = Telemetry(root, metadata, background=False)
    except StoreInUse:
        telemetry = RemoteTelemetry(root, metadata)
    try:
        telemetry.seal()
    except WriterAway:
        return False
    finally:
        telemetry.close()
    return True


@contextmanager
def _opened(target: Path) -> Iterator[Target]:
    from tundish_platform.store.lifecycle.targets import FolderTarget, ZipTarget

    if target.suffix != ".zip":
        yield FolderTarget(target)
        return
    with target.open("xb") as file, ZipTarget(file) as archive:
        yield archive
