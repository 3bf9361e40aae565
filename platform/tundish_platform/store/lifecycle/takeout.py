"""Leaving with everything: a tenant's data as plain Parquet and CSV, in a folder or one zip stream.

A day's rows are merged as a stream, so memory holds a piece of each file and no more. The manifest with the
checksums is written last: without it a takeout is not whole.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tundish_platform.samples import SampleKind
from tundish_platform.samples.signals import SignalInfo
from tundish_platform.store.lifecycle.merge import PIECE, merged_runs
from tundish_platform.store.lifecycle.retention import LEVELS, Level
from tundish_platform.store.lifecycle.takeout_readme import readme
from tundish_platform.tenancy.scope import Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import date
    from typing import BinaryIO

    from tundish_platform.store.lifecycle.retention import Removed
    from tundish_platform.store.lifecycle.snapshot import Snapshot
    from tundish_platform.tenancy.scope import TenantScope

FORMAT: Final = "tundish-takeout-1"
MANIFEST: Final = "manifest.json"


class Target(Protocol):
    """Where a takeout goes, file by file."""

    def member(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A new file to write, one at a time; it is there when the context ends."""
        ...


@dataclass(slots=True)
class _Takeout:
    target: Target
    check: Callable[[], None]
    files: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def member(self, name: str, **facts: Any) -> Iterator[_Counted]:  # noqa: ANN401 - whatever JSON takes
        self.check()
        with self.target.member(name) as raw:
            counted = _Counted(raw)
            entry: dict[str, Any] = {"path": name}
            yield counted
        entry |= {"bytes": counted.written, "sha256": counted.digest.hexdigest(), **counted.facts, **facts}
        self.files.append(entry)


class _Counted(io.RawIOBase):
    """Writes on, and knows size and checksum of what went through."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.written = 0
        self.digest = hashlib.sha256()
        self.facts: dict[str, Any] = {}

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer, as `io` has it
        view = memoryview(data).cast("B")
        self._raw.write(view)
        self.digest.update(view)
        self.written += len(view)
        return len(view)

    def tell(self) -> int:
        return self.written


def write_takeout(
    target: Target,
    scope: TenantScope,
    snapshot: Snapshot,
    signals: Iterable[SignalInfo],
    removed: Iterable[Removed] = (),
    *,
    by: Literal["month", "day"] = "month",
    check: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Write everything a tenant has; returns the manifest.

    Args:
        target: where to.
        scope: must allow reading, of all signals.
        snapshot: the rows, held still.
        signals: of the tenant.
        removed: what retention has taken away.
        by: one file a month or a day, for each kind.
        check: called between parts; may raise to end it.

    Raises:
        AccessDenied: the scope may not read everything.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    taken_at = datetime.now(UTC)
    takeout = _Takeout(target, check)
    with takeout.member("README.txt") as file:
        file.write(readme(scope.slug, taken_at).encode())
    _write_signals(takeout, signals)
    _write_removed(takeout, removed)
    for level in LEVELS:
        for kind in SampleKind:
            _write_kind(takeout, snapshot, kind, level, by)
    manifest = {
        "format": FORMAT,
        "tenant": scope.slug,
        "taken_at": taken_at.isoformat(),
        "rows": _rows(takeout.files),
        "damaged": list(snapshot.damaged),
        "files": takeout.files,
    }
    with target.member(MANIFEST) as raw:
        raw.write(json.dumps(manifest, indent=1, ensure_ascii=False).encode())
    return manifest


def _write_kind(
    takeout: _Takeout, snapshot: Snapshot, kind: SampleKind, level: Level, by: Literal["month", "day"]
) -> None:
    days = snapshot.days(kind, level)
    if level is not Level.RAW:
        # Rollups speak where raw rows are gone; elsewhere they say nothing that the raw rows do not.
        raw = set(snapshot.days(kind, Level.RAW))
        days = [day for day in days if day not in raw]
    folder = kind.value if level is Level.RAW else f"rollup-{level}s/{kind}"
    for name, members in groupby(days, lambda day: f"{day:%Y-%m}" if by == "month" else str(day)):
        _write_part(takeout, f"{folder}/{name}.parquet", snapshot, kind, level, list(members))


def _write_part(
    takeout: _Takeout, name: str, snapshot: Snapshot, kind: SampleKind, level: Level, days: list[date]
) -> None:
    tables = _day_tables(takeout, snapshot, kind, level, days)
    first = next(tables, None)
    if first is None:
        return
    rows, earliest, latest = 0, None, None
    with (
        takeout.member(name) as file,
        pq.ParquetWriter(file, first.schema, compression="zstd", version="2.6") as writer,
    ):
        for table in _even([first], tables):
            writer.write_table(table)
            limits = pc.min_max(table["ts"]).as_py()
            rows += table.num_rows
            earliest = min(earliest or limits["min"], limits["min"])
            latest = max(latest or limits["max"], limits["max"])
            file.facts = {"rows": rows, "first": earliest.isoformat(), "last": latest.isoformat()}


def _day_tables(
    takeout: _Takeout, snapshot: Snapshot, kind: SampleKind, level: Level, days: list[date]
) -> Iterator[pa.Table]:
    for day in days:
        takeout.check()
        for table in merged_runs(snapshot.runs(kind, day, level), once=level is Level.RAW):
            yield table.replace_schema_metadata(None)


def _even(first: list[pa.Table], rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of at least `PIECE` rows, so that the file has few row groups."""
    waiting, rows = first, first[0].num_rows
    for table in rest:
        if rows >= PIECE:
            yield pa.concat_tables(waiting)
            waiting, rows = [], 0
        waiting.append(table)
        rows += table.num_rows
    yield pa.concat_tables(waiting)


def _write_signals(takeout: _Takeout, signals: Iterable[SignalInfo]) -> None:
    names = ["id", *(name for name in SignalInfo.model_fields if name != "id")]
    rows = ([getattr(signal, name) for name in names] for signal in signals)
    _write_csv(takeout, "signals.csv", names, rows)


def _write_removed(takeout: _Takeout, removed: Iterable[Removed]) -> None:
    names = ["kind", "level", "start", "end", "rows", "bytes", "days", "removed_at"]
    rows = ([getattr(entry, name) for name in names] for entry in removed)
    _write_csv(takeout, "removed.csv", names, rows)


def _write_csv(takeout: _Takeout, name: str, names: list[str], rows: Iterable[list[Any]]) -> None:
    count = 0
    with takeout.member(name) as file:
        # Spreadsheets take UTF-8 for something else without the mark; pandas does not mind it.
        file.write(b"\xef\xbb\xbf")
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(names)
        for row in rows:
            writer.writerow(row)
            count += 1
            file.write(text.getvalue().encode())
            text.seek(0)
            text.truncate()
        file.write(text.getvalue().encode())
        file.facts = {"rows": count}


def _rows(files: list[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in files:
        folder, _, part = entry["path"].rpartition("/")
        if part.endswith(".parquet"):
            found[folder] = found.get(folder, 0) + entry["rows"]
    return found
