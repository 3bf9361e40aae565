"""From an earlier version of the platform to this one: look, back up, migrate, look again."""

from __future__ import annotations

import fcntl
import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from tundish_platform.migrations import revision_of, upgrade, waiting
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above, Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tundish_deploy.settings import Settings

_COUNTED_UP: Final = "identity_version"
# A migration on SQLite may write a table anew beside itself.
_TIMES: Final = 2.5


class UpgradeRefused(Exception):  # noqa: N818 - reads as what it is where it is caught
    """Nothing was changed; the message says why and what to do."""


@dataclass(slots=True)
class Upgraded:
    """What an upgrade did.

    Attributes:
        before, after: the database's revision.
        steps: revisions that were applied, each with what it does.
        backup: name of the backup that was made first; none if there was nothing to do, or none was wanted.
        rows: by table, rows before and after, where they differ.
        faults: what is wrong now, in words.
    """

    before: str | None
    after: str | None = None
    steps: list[tuple[str, str]] = field(default_factory=list)
    backup: str | None = None
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "before": self.before, "after": self.after,
            "steps": [{"revision": revision, "does": words} for revision, words in self.steps],
            "backup": self.backup, "rows": self.rows, "faults": self.faults,
        }  # fmt: skip


def run_upgrade(settings: Settings, back_up: Callable[[], str] | None) -> Upgraded:
    """Bring a platform that is stopped to this version; does nothing to one that is.

    Args:
        settings: of the platform.
        back_up: makes a backup and returns its name; None to go without.

    Raises:
        UpgradeRefused: it runs, there is no room, or a file of it is of another version.
        NewerDatabase: a later version wrote it.
    """
    with _stopped(settings):
        metadata = Metadata(settings.owner_database)
        try:
            with metadata.engine.connect() as connection:
                found = Upgraded(revision_of(connection), steps=waiting(connection))
            if found.before is None:
                raise UpgradeRefused(f"there is no platform in {settings.data_dir}; `tundish up` makes one")
            found.after = found.before
            if not found.steps:
                return found
            _check_room(settings)
            _check_log(settings)
            found.backup = None if back_up is None else back_up()
            counted = _counts(metadata)
            upgrade(metadata)
            _look_again(settings, metadata, counted, found)
        finally:
            metadata.close()
    _look_into_store(settings, found)
    return found


@contextmanager
def _stopped(settings: Settings) -> Iterator[None]:
    """Keep every writer out meanwhile."""
    root = settings.data_dir / "store"
    if not root.is_dir():
        yield
        return
    with (root / "writer.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UpgradeRefused(
                "平台正在运行: 请先停止所有进程再升级。\n"
                f"The platform runs: a process writes to {root}. Stop all of it, then upgrade."
            ) from error
        yield


def _check_room(settings: Settings) -> None:
    file = settings.data_dir / "metadata.sqlite"
    if settings.metadata_url is not None or not file.exists():
        return
    needed, free = int(file.stat().st_size * _TIMES), shutil.disk_usage(settings.data_dir).free
    if free < needed:
        raise UpgradeRefused(
            f"the upgrade may need {needed} bytes in {settings.data_dir}, and {free} are free; make room"
        )


def _check_log(settings: Settings) -> None:
    from tundish_platform.store.log.records import HEADER_BYTES, ForeignLog, scan

    for path in sorted((settings.data_dir / "store" / "log").glob("*.log")):
        with path.open("rb") as file:
            try:
                scan(file.read(HEADER_BYTES))
            except ForeignLog as error:
                raise UpgradeRefused(
                    f"{path} is of another version ({error}): start the version that wrote it once more, and "
                    "stop it when `tundish store` shows no rows outside of segments"
                ) from error


def _counts(metadata: Metadata) -> dict[str, int]:
    tables = sa.MetaData()
    with metadata.engine.begin() as connection:
        tables.reflect(connection)
    with metadata.engine.begin() as connection:
        if connection.dialect.name == "postgresql" and (revision_of(connection) or "") >= "0010":
            Reach(above=Above.OPERATOR).set(connection)
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in tables.sorted_tables
            if not table.name.startswith("signal_search")
        }


def _look_again(settings: Settings, metadata: Metadata, counted: dict[str, int], found: Upgraded) -> None:
    from tundish_platform.audit import verify_trail
    from tundish_platform.migrations.rowsecurity import weak_spots

    with metadata.engine.connect() as connection:
        found.after = revision_of(connection)
        left = waiting(connection)
        spots = weak_spots(connection)
    found.faults += [f"revision {revision} was not applied" for revision, _ in left]
    found.faults += [f"row-level security: {spot}" for spot in spots if "no protection" in spot]
    now = _counts(metadata)
    for table, rows in counted.items():
        if table in now and now[table] != rows:
            found.rows[table] = rows, now[table]
        if now.get(table, 0) < rows and table != _COUNTED_UP:
            found.faults.append(f"table {table} had {rows} rows and has {now.get(table, 0)}")
    reading = Metadata(settings.database)
    try:
        with reading.above(Above.OPERATOR).session() as session:
            found.faults += [f"audit trail: {fault}" for fault in verify_trail(session, {}).faults]
    finally:
        reading.close()


def _look_into_store(settings: Settings, found: Upgraded) -> None:
    """Open the store as its writer does, and compare every segment with its checksum."""
    from tundish_platform.store import Telemetry

    root = settings.data_dir / "store"
    if not found.steps or settings.store.mode == "cluster" or not root.is_dir():
        return
    metadata = Metadata(settings.database)
    try:
        with closing(Telemetry(root, metadata.above(Above.STORE), background=False)) as store:
            found.faults += [f"store: {problem}" for problem in store.verify()]
    finally:
        metadata.close()
