"""A tenant's segments as Delta tables of its own, one a kind, so that any Delta reader sees them without us.

A table is the folder of a kind: ``<tenant>/<kind>/_delta_log`` names the Parquet files below ``day=<day>/``.
The manifest stays the truth; a table follows it at compaction, and can be brought back from it at any time.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, PostCommitHookProperties, Schema
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.schema import ArrayType, PrimitiveType
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from tundish_platform.samples import SampleKind
from tundish_platform.store.segments.deltalog import COUNT, DeltaLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from tundish_platform.store.files import FileLayer

CHECKPOINT_EVERY: Final = 20
KEEP: Final = timedelta(hours=24)
_LOG_KEPT: Final = "interval 7 days"

# Delta has no unsigned numbers; a Bad status (0x80……) would not fit its 32 bits.
_COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "signal": ("long", "number of the signal, below 2^32"),
    "ts": ("timestamp", "source time, UTC"),
    "status": (
        "long",
        "OPC UA StatusCode, below 2^32; the two highest bits 00: good, 01: uncertain, 10: bad",
    ),
    "end": ("timestamp", "end of the gap that begins at ts, UTC"),
    "reason": ("string", "why nothing is known"),
    "arrival": ("timestamp", "when the store got it, UTC"),
    "live": ("boolean", "false for imported history"),
    "day": ("date", "UTC day of ts, from the folder's name"),
}
_VALUES: Final[Mapping[SampleKind, PrimitiveType | ArrayType]] = {
    SampleKind.NUMERIC: PrimitiveType("double"),
    SampleKind.INTEGER: PrimitiveType("long"),
    SampleKind.TEXT: PrimitiveType("string"),
    SampleKind.ARRAY: ArrayType(PrimitiveType("double")),
}
_NO_HOOKS: Final = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)


class PublishFailed(RuntimeError):  # noqa: N818 - says what happened
    """A table could not be brought up to the manifest; the store itself is not touched by it."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """What a table says of a segment.

    Attributes:
        path: below the tenant's folder, ``<kind>/day=<day>/<name>.parquet``; the file is synced already.
        rows, bytes: of the file.
        min_ts, max_ts: range of source time, both included.
    """

    path: str
    rows: int
    bytes: int
    min_ts: datetime
    max_ts: datetime


@dataclass(frozen=True, slots=True)
class Published:
    """What one call changed.

    Attributes:
        version: of the table now; -1 if there is none, because nothing was ever published.
        added, removed: files that came into the table and left it.
    """

    version: int
    added: int = 0
    removed: int = 0


class DeltaTables:
    """Commits segments to the tables of tenants. One writer a tenant; not to be shared by threads.

    Args:
        files: syncs the log of tables on the local file system, which delta-rs does not.
        storage_options: for tables on an object store, as delta-rs takes them.
        keep: how long a file stays readable after it left the table, in whole hours.
    """

    def __init__(
        self,
        files: FileLayer,
        storage_options: Mapping[str, str] | None = None,
        keep: timedelta = KEEP,
    ) -> None:
        self._files = files
        self._options = dict(storage_options) if storage_options else None
        self._keep_hours = int(keep / timedelta(hours=1))
        self._mended: set[str] = set()

    def publish(
        self,
        place: Path | str,
        kind: SampleKind,
        days: Mapping[date, Sequence[DataFile]],
        *,
        complete: bool = False,
    ) -> Published:
        """Make the table hold exactly these files on these days, in one commit; none if it already does.

        Args:
            place: the tenant's folder, or its URL on an object store.
            kind: which of the tenant's tables.
            days: all files that count on each day, disjoint in (signal, ts); no files empties the day.
            complete: whether days that are not named are emptied too. The first call for a table after a
                start should be complete: it mends what a crash between manifest and commit left behind.

        Raises:
            ValueError: a file does not lie where the table's readers expect its day.
            PublishFailed: the table is damaged beyond its newest commit, or another writer was faster.
            OSError: the commit could not be made durable; it was taken back.
        """
        files = {path: (day, file) for day, found in days.items() for path, file in _named(kind, day, found)}
        log = self._log(place, kind)
        table = self._opened(place, kind, log)
        held = {} if table is None else _held(table)
        leaving = {
            path: entry
            for path, entry in held.items()
            if path not in files and (complete or entry["day"] in days)
        }
        added = [_added(path, day, file) for path, (day, file) in files.items() if path not in held]
        if not added and not leaving:
            return Published(-1 if table is None else table.version())
        try:
            version = self._commit(place, kind, table, added, [_removed(*e) for e in leaving.items()])
            if log is not None:
                log.keep(version)
            self._tend(place, kind, log, version)
        except DeltaError as error:
            raise PublishFailed(
                f"the {kind} table of {place} did not take {len(added)} files: {error}"
            ) from error
        return Published(version, len(added), len(leaving))

    def removable(self, place: Path | str, kind: SampleKind, paths: Iterable[str]) -> set[str]:
        """Which of the tenant's files no reader of the table needs any more.

        A file in the table's newest version is needed, and so is one that left it less than `keep` ago.
        Whether the store's own queries still read a file is the caller's to know.

        Args:
            place: the tenant's folder or URL.
            kind: which table.
            paths: of files below the tenant's folder, ``<kind>/day=<day>/<name>.parquet``.
        """
        table = self._opened(place, kind, self._log(place, kind))
        if table is None:
            return set(paths)
        left = set(table.vacuum(retention_hours=0, dry_run=True, enforce_retention_duration=False))
        old = set(
            table.vacuum(retention_hours=self._keep_hours, dry_run=True, enforce_retention_duration=False)
        )
        needed = set(_held(table)) | (left - old)
        return {path for path in paths if path.removeprefix(f"{kind}/") not in needed}

    def rebuild(self, place: Path, kind: SampleKind, days: Mapping[date, Sequence[DataFile]]) -> Published:
        """Put a damaged log of a local table aside and publish all files anew, as version 0."""
        DeltaLog(place / kind, self._files).put_aside()
        return self.publish(place, kind, days, complete=True)

    def _log(self, place: Path | str, kind: SampleKind) -> DeltaLog | None:
        return DeltaLog(place / kind, self._files) if isinstance(place, Path) else None

    def _opened(self, place: Path | str, kind: SampleKind, log: DeltaLog | None) -> DeltaTable | None:
        uri = _uri(place, kind)
        if log is not None and uri not in self._mended:
            log.mend()
            self._mended.add(uri)
        if log is not None and not log.exists():
            return None
        try:
            return DeltaTable(uri, storage_options=self._options)
        except TableNotFoundError:
            return None
        except DeltaError as error:
            raise PublishFailed(f"the {kind} table of {place} cannot be read: {error}; rebuild it") from error

    def _commit(
        self,
        place: Path | str,
        kind: SampleKind,
        table: DeltaTable | None,
        added: list[AddAction],
        removed: list[RemoveAction],
    ) -> int:
        marked = CommitProperties(custom_metadata={COUNT: len(added) + len(removed)})
        if table is not None:
            # One try only: a second writer must not be merged with, it must be noticed.
            marked.max_commit_retries = 0
            table.create_write_transaction(
                [*removed, *added],
                "append",
                schema_of(kind),
                ["day"],
                commit_properties=marked,
                post_commithook_properties=_NO_HOOKS,
            )
            # The object itself may still be at the version it was opened with.
            return table.version() + 1
        create_table_with_add_actions(
            _uri(place, kind),
            schema_of(kind),
            added,
            partition_by=["day"],
            name=kind.value,
            configuration={
                "delta.logRetentionDuration": _LOG_KEPT,
                # Without this, deltalake takes a column without statistics for one without any values.
                "delta.dataSkippingStatsColumns": "ts",
                "delta.deletedFileRetentionDuration": f"interval {self._keep_hours} hours",
            },
            storage_options=self._options,
            commit_properties=marked,
            post_commithook_properties=_NO_HOOKS,
        )
        return 0

    def _tend(self, place: Path | str, kind: SampleKind, log: DeltaLog | None, version: int) -> None:
        """Now and then a checkpoint, so that opening stays cheap; the log behind it goes once it is safe."""
        if version % CHECKPOINT_EVERY or not version:
            return
        table = DeltaTable(_uri(place, kind), storage_options=self._options)
        table.create_checkpoint()
        if log is not None:
            log.keep_checkpoint(version)
        table.cleanup_metadata()


def schema_of(kind: SampleKind) -> Schema:
    """Columns of a kind's table, each with a comment in its metadata."""
    value = _VALUES.get(kind)
    if value is None:
        return Schema([_field(name) for name in ("signal", "ts", "end", "reason", "arrival", "live", "day")])
    fields = [_field(name) for name in ("signal", "ts", "status", "arrival", "live", "day")]
    fields.insert(2, Field("value", value, metadata={"comment": "as the source gave it"}))
    return Schema(fields)


def _field(name: str) -> Field:
    type_, comment = _COLUMNS[name]
    return Field(name, PrimitiveType(type_), metadata={"comment": comment})


def _uri(place: Path | str, kind: SampleKind) -> str:
    return str(place / kind) if isinstance(place, Path) else f"{place.rstrip('/')}/{kind}"


def _named(kind: SampleKind, day: date, files: Iterable[DataFile]) -> Iterable[tuple[str, DataFile]]:
    for file in files:
        # polars takes the day from the path and never from the log: elsewhere it would read nulls.
        if not file.path.startswith(f"{kind}/day={day}/"):
            raise ValueError(f"{file.path} must lie in {kind}/day={day}/ to be published for that day")
        yield file.path.removeprefix(f"{kind}/"), file


def _held(table: DeltaTable) -> dict[str, dict[str, Any]]:
    """The newest version's files with their size and day."""
    actions = pa.table(table.get_add_actions(flatten=True))
    columns = (actions[name].to_pylist() for name in ("path", "size_bytes", "partition.day"))
    return {path: {"size": size, "day": day} for path, size, day in zip(*columns, strict=True)}


def _added(path: str, day: date, file: DataFile) -> AddAction:
    stats = {
        "numRecords": file.rows,
        "minValues": {"ts": _milliseconds(file.min_ts)},
        "maxValues": {"ts": _milliseconds(file.max_ts + timedelta(microseconds=999))},
        "nullCount": {"ts": 0},
    }
    return AddAction(
        path, file.bytes, {"day": day.isoformat()}, _now_ms(), data_change=True, stats=json.dumps(stats)
    )


def _removed(path: str, entry: Mapping[str, Any]) -> RemoveAction:
    values = {"day": entry["day"].isoformat()}
    return RemoveAction(
        path, data_change=True, deletion_timestamp=_now_ms(), size=entry["size"], partition_values=values
    )


def _milliseconds(instant: datetime) -> str:
    """Cut to the milliseconds that the protocol's statistics have."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
