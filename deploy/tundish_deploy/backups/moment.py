"""The store and its database held still at one moment, while writing, merging and retention go on.

Rows wander from the log into first level and segments, and leave the log only when the manifest names where
they are. So the log is held first, by hard links, and the database is copied after it: what is in neither was
never acknowledged before. Files that the copy names are linked last; where one has gone meanwhile, a merge or
retention was quicker, and the database is copied again.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from tundish_deploy.backups.database import opened, snapshot
from tundish_platform.samples import SampleKind, decode_batch
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.log import records
from tundish_platform.store.rows import merged
from tundish_platform.store.segments.rollups import beside
from tundish_platform.store.write.chunks import chunk_of
from tundish_platform.store.write.firstlevel import FirstLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

TRIES: Final = 8
_HELD: Final = "held"


class NoStandingStill(Exception):  # noqa: N818 - says what happened
    """Files went away faster than they could be held, again and again."""


class NamedFile(NamedTuple):
    """A file that the manifest names.

    Attributes:
        path: below the tenant's folder; of a segment whose raw rows went, its rollups.
        segment: the name in the manifest.
        order: highest log sequence inside; of equal rows the higher one holds.
        rows: raw rows inside.
    """

    kind: SampleKind
    day: date
    path: str
    segment: str
    bytes: int
    crc32: int
    order: int
    rows: int
    expired: bool

    @property
    def mark(self) -> str:
        """Says whether a file of the same name is the same file."""
        return f"{self.bytes}-{self.crc32}"


class HeldFile(NamedTuple):
    """A file under the name it has in the store, and where it is held.

    Attributes:
        bytes: only so many count; what comes behind was appended later.
    """

    name: str
    path: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class Tenant:
    """What the manifest says of one tenant.

    Attributes:
        known_to: log sequence up to which all rows lie in segments.
        damaged: segments that could not be read at their source.
    """

    id: int
    slug: str
    known_to: int
    files: tuple[NamedFile, ...]
    damaged: tuple[str, ...]


@dataclass(slots=True)
class Moment:
    """Everything that belongs together.

    Attributes:
        at: whatever was acknowledged before is inside.
        folder: where it is held; gone at the end.
        database: the copy, a SQLite file.
        revision: its revision.
        log, first_level: files.
        tenants: by slug.
        paths: by slug and name, where a segment is held; those that need not be held are absent.
    """

    at: datetime
    folder: Path
    database: Path
    revision: str = ""
    log: list[HeldFile] = field(default_factory=list)
    first_level: list[HeldFile] = field(default_factory=list)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    paths: dict[tuple[str, str], Path] = field(default_factory=dict)


@contextmanager
def held_moment(
    root: Path, database: str, known: Callable[[str, NamedFile], bool], only: str | None = None
) -> Iterator[Moment]:
    """Hold the store below `root` and its database still.

    Args:
        root: the store's folder.
        database: URL of the metadata database.
        known: says which segments need not be held, because their content is safe elsewhere.
        only: hold the segments of this tenant alone.

    Raises:
        NoStandingStill: files went away faster than they could be held.
    """
    # Below the store, for a hard link cannot leave its file system.
    holds = root / _HELD
    LocalFiles().make_folder(holds)
    folder = holds / secrets.token_hex(8)
    with (root / f"{_HELD}.lock").open("w") as alone:
        # What a killed backup left would keep the room of files that are long gone.
        fcntl.flock(alone, fcntl.LOCK_EX)
        for left in holds.iterdir():
            shutil.rmtree(left, ignore_errors=True)
        folder.mkdir(mode=0o700)
        yield from _holding(root, folder, database, known, only)


def _holding(
    root: Path, folder: Path, database: str, known: Callable[[str, NamedFile], bool], only: str | None
) -> Iterator[Moment]:
    try:
        moment = Moment(datetime.now(UTC), folder, folder / "metadata.sqlite")
        moment.log = _linked(root / "log", sorted((root / "log").glob("*.log")), folder / "log", missing=True)
        for left in reversed(range(TRIES)):
            try:
                _hold_named(moment, root, database, known, only)
            except FileNotFoundError as error:
                if not left:
                    raise NoStandingStill(
                        f"files went away while they were held: {error.filename}"
                    ) from error
                _drop(moment)
            else:
                break
        yield moment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hold_named(
    moment: Moment,
    root: Path,
    database: str,
    known: Callable[[str, NamedFile], bool],
    only: str | None,
) -> None:
    moment.revision = snapshot(database, moment.database)
    with opened(moment.database) as connection:
        moment.tenants = {t.slug: t for t in tenants_in(connection) if only in {None, t.slug}}
        names = _first_level(connection)
    level = root / "first-level"
    moment.first_level = _linked(level, [level / name for name in names], moment.folder / "first-level")
    place = moment.folder / "segments"
    place.mkdir()
    for slug, tenant in moment.tenants.items():
        for file in tenant.files:
            if not known(slug, file):
                link = place / f"{len(moment.paths)}{Path(file.path).suffix}"
                os.link(root / "tenants" / slug / file.path, link)
                moment.paths[slug, file.path] = link


def _drop(moment: Moment) -> None:
    moment.paths.clear()
    moment.database.unlink(missing_ok=True)
    for name in ("first-level", "segments"):
        shutil.rmtree(moment.folder / name, ignore_errors=True)


def _linked(source: Path, files: Sequence[Path], folder: Path, *, missing: bool = False) -> list[HeldFile]:
    """Hard links to files, with their sizes of now; `missing` ones have been let go by the log."""
    folder.mkdir(exist_ok=True)
    found = []
    for file in files:
        link = folder / file.name
        try:
            os.link(file, link)
        except FileNotFoundError:
            if not missing:
                raise
        else:
            found.append(HeldFile(file.relative_to(source).as_posix(), link, link.stat().st_size))
    return found


def tenants_in(connection: sa.Connection) -> list[Tenant]:
    """All tenants of a database of whatever revision, with their part of the manifest."""
    columns = {
        "tenant": ("id", "slug"),
        "sealed_up_to": ("tenant_id", "sequence"),
        "segment": ("tenant_id", "kind", "day", "path", "rows", "bytes", "max_sequence", "crc32", "damaged",
                    "expired"),
    }  # fmt: skip
    rows = {name: _rows(connection, name, wanted) for name, wanted in columns.items()}
    sealed = {row["tenant_id"]: int(row["sequence"]) for row in rows["sealed_up_to"]}
    files: dict[int, list[NamedFile]] = {}
    damaged: dict[int, list[str]] = {}
    for row in sorted(rows["segment"], key=lambda one: int(one["max_sequence"])):
        if row["damaged"]:
            damaged.setdefault(row["tenant_id"], []).append(row["path"])
        else:
            files.setdefault(row["tenant_id"], []).append(_named(row))
    return [
        Tenant(
            row["id"], row["slug"], sealed.get(row["id"], 0),
            tuple(files.get(row["id"], ())), tuple(damaged.get(row["id"], ())),
        )
        for row in rows["tenant"]
    ]  # fmt: skip


def pending(
    log: Sequence[Path], first_level: Path, names: Sequence[str], known_to: Mapping[int, int]
) -> dict[int, dict[SampleKind, pa.Table]]:
    """Rows that lie in no segment yet, by tenant and kind, sorted, each once.

    Args:
        log: its files, in order; copies will do.
        first_level: folder of the first level's files.
        names: those that the manifest names, in order.
        known_to: by tenant, the sequence up to which rows lie in segments.
    """
    tables: dict[int, dict[SampleKind, list[pa.Table]]] = {}
    reached = dict(known_to)
    level = FirstLevel(first_level, LocalFiles())
    for name in names:
        for tenant, part in level.open(name).parts.items():
            if part.max_sequence > known_to.get(tenant, 0):
                tables.setdefault(tenant, {}).setdefault(part.kind, []).append(part.chunk().rows())
                reached[tenant] = max(reached.get(tenant, 0), part.max_sequence)
    for path in log:
        for record in records.scan(path.read_bytes()).records:
            if record.sequence > reached.get(record.tenant, 0):
                batch = decode_batch(record.payload)
                tables.setdefault(record.tenant, {}).setdefault(batch.kind, []).append(chunk_of(batch).rows())
    return {
        tenant: {kind: merged(found, kind) for kind, found in kinds.items()}
        for tenant, kinds in tables.items()
    }


def _named(row: Mapping[str, Any]) -> NamedFile:
    path, expired = str(row["path"]), bool(row["expired"])
    return NamedFile(
        SampleKind(row["kind"]), date.fromisoformat(str(row["day"])), beside(path) if expired else path, path,
        int(row["bytes"]), int(row["crc32"]), int(row["max_sequence"]), int(row["rows"]), expired,
    )  # fmt: skip


def _first_level(connection: sa.Connection) -> list[str]:
    rows = _rows(connection, "first_level", ("name", "max_sequence"))
    return [str(row["name"]) for row in sorted(rows, key=lambda one: int(one["max_sequence"]))]


def _rows(connection: sa.Connection, table: str, columns: Sequence[str]) -> list[Mapping[str, Any]]:
    # By name, not by the models: the database may be of an earlier revision than this program.
    inspector = sa.inspect(connection)
    there = {one["name"] for one in inspector.get_columns(table)} if inspector.has_table(table) else set()
    if not there:
        return []
    wanted: list[sa.ColumnClause[Any]] = [sa.column(name) for name in columns if name in there]
    found = sa.select(*wanted).select_from(sa.table(table))
    return [dict.fromkeys(columns) | dict(row) for row in connection.execute(found).mappings()]
