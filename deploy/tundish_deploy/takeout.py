"""A takeout from the command line: everything if the server stands still, else all that lies in segments."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tundish_platform.store.lifecycle.takeout import Target
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata


def take_out(
    session: Session,
    metadata: Metadata,
    scope: TenantScope,
    root: Path,
    target: Path,
    by: Literal["month", "day"],
) -> tuple[bool, dict[str, Any]]:
    """Write a tenant's data to a folder or a zip file; returns whether it is complete, and the manifest.

    Raises:
        FileExistsError: the target is there already.
    """
    from tundish_platform.assets import list_signals
    from tundish_platform.store.lifecycle.listing import manifest_listing
    from tundish_platform.store.lifecycle.retention import removed
    from tundish_platform.store.lifecycle.snapshot import held_still
    from tundish_platform.store.lifecycle.takeout import write_takeout

    folder = root / "tenants" / scope.slug
    signals = list_signals(session, scope)
    gone = removed(session, scope, date(1970, 1, 1), date(2200, 1, 1))
    # Sealing writes to the same database.
    session.commit()
    whole = _all_in_segments(root, metadata)
    with (
        held_still(folder, lambda: manifest_listing(metadata, scope, folder)) as snapshot,
        _opened(target) as place,
    ):
        return whole, write_takeout(place, scope, snapshot, signals, gone, by=by)


def _all_in_segments(root: Path, metadata: Metadata) -> bool:
    """Seal what lies in the log, unless a server is at it."""
    from tundish_platform.store import StoreInUse, Telemetry

    try:
        telemetry = Telemetry(root, metadata, background=False)
    except StoreInUse:
        return False
    try:
        telemetry.seal()
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
