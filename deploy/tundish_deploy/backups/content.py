"""What a backup holds of a tenant's samples, in numbers: rows by signal and a digest of each day.

They are made of the held files, by the way of a takeout, and looked at again after a restore by the way of a
query. A day whose files and newest rows are those of the backup before keeps its numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from tundish_platform.samples import SCHEMAS, SampleKind
from tundish_platform.store.lifecycle.merge import merged_runs
from tundish_platform.store.lifecycle.retention import Level
from tundish_platform.store.lifecycle.snapshot import FileSnapshot, HeldFile, Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date
    from pathlib import Path

    from tundish_deploy.backups.moment import NamedFile, Tenant


class DayFacts(BaseModel):
    """One kind's rows of one UTC day.

    Attributes:
        inputs: digest of the files' marks and of the rows that were in no file; where it is the same, so is
            the rest.
        rows: by signal, each (signal, ts) once.
        sha256: of all rows in order by (signal, ts), with value and status.
    """

    model_config = ConfigDict(extra="forbid")

    inputs: str
    rows: dict[int, int]
    sha256: str


Facts = dict[SampleKind, dict[str, DayFacts]]


class RowDigest:
    """Counts rows by signal and digests them, however they are cut into tables."""

    def __init__(self, kind: SampleKind) -> None:
        self._names = SCHEMAS[kind].names
        # Each of a column's lanes by itself, for tables may be cut anywhere.
        self._digests: dict[tuple[str, int], Any] = {}
        self.rows: Counter[int] = Counter()

    def add(self, table: pa.Table) -> None:
        """Take in the next rows, sorted by (signal, ts) behind those before."""
        signals, counts = np.unique(table["signal"].to_numpy(), return_counts=True)
        self.rows.update(dict(zip(signals.tolist(), counts.tolist(), strict=True)))
        for name in self._names:
            for lane, part in enumerate(_lanes(table[name].combine_chunks())):
                self._digests.setdefault((name, lane), hashlib.sha256()).update(part)

    @property
    def hexdigest(self) -> str:
        """Of all columns together."""
        found = [(name, lane, one.hexdigest()) for (name, lane), one in sorted(self._digests.items())]
        return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def facts_of(
    tenant: Tenant,
    pending: Mapping[SampleKind, pa.Table],
    before: Facts,
    find: Callable[[NamedFile], Path],
) -> Facts:
    """Numbers of every kind and day.

    Args:
        tenant: with its files.
        pending: rows that lie in no file yet, sorted, each once.
        before: of the backup before.
        find: where a file's content can be read now.
    """
    newest = _by_day(pending)
    found: Facts = {}
    for kind in SampleKind:
        files: dict[date, list[NamedFile]] = {}
        for file in tenant.files:
            if file.kind is kind and not file.expired:
                files.setdefault(file.day, []).append(file)
        for day in sorted(files.keys() | newest.get(kind, {}).keys()):
            table = newest.get(kind, {}).get(day)
            inputs = _inputs(kind, files.get(day, []), table)
            known = before.get(kind, {}).get(str(day))
            if known is None or known.inputs != inputs:
                known = _counted(kind, day, inputs, files.get(day, []), table, find)
            found.setdefault(kind, {})[str(day)] = known
    return found


def total_rows(facts: Facts) -> dict[str, int]:
    """By kind, rows of all days and signals."""
    return {
        kind.value: sum(sum(day.rows.values()) for day in days.values())
        for kind, days in facts.items()
        if days
    }


def rows_by_signal(facts: Facts) -> dict[str, dict[int, int]]:
    """By kind and signal, rows of all days."""
    found: dict[str, dict[int, int]] = {}
    for kind, days in facts.items():
        total: Counter[int] = Counter()
        for day in days.values():
            total.update(day.rows)
        found[kind.value] = dict(total)
    return found


def _counted(
    kind: SampleKind,
    day: date,
    inputs: str,
    files: Iterable[NamedFile],
    newest: pa.Table | None,
    find: Callable[[NamedFile], Path],
) -> DayFacts:
    held = [HeldFile(kind, day, Level.RAW, find(file), file.path) for file in files]
    chunks = {} if newest is None else {kind: [newest]}
    digest = RowDigest(kind)
    for table in merged_runs(FileSnapshot(Listing(held, chunks)).runs(kind, day, Level.RAW)):
        digest.add(table)
    return DayFacts(inputs=inputs, rows=dict(digest.rows), sha256=digest.hexdigest)


def _inputs(kind: SampleKind, files: Iterable[NamedFile], newest: pa.Table | None) -> str:
    digest = hashlib.sha256(json.dumps([[file.path, file.mark] for file in files]).encode())
    if newest is not None:
        rows = RowDigest(kind)
        rows.add(newest)
        digest.update(rows.hexdigest.encode())
    return digest.hexdigest()


def _by_day(pending: Mapping[SampleKind, pa.Table]) -> dict[SampleKind, dict[date, pa.Table]]:
    found: dict[SampleKind, dict[date, pa.Table]] = {}
    for kind, table in pending.items():
        days = pc.cast(table["ts"], pa.date32())
        for day in pc.unique(days).to_pylist():
            found.setdefault(kind, {})[day] = table.filter(pc.equal(days, day))
    return found


def _lanes(column: pa.Array) -> Iterable[bytes]:
    """A column's content as lanes of bytes: the same for the same values, however the array came about."""
    yield column.is_valid().cast(pa.uint8()).to_numpy(zero_copy_only=False).tobytes()
    if pa.types.is_list(column.type):
        yield pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False).tobytes()
        yield from _lanes(column.flatten())
    elif pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
        text = column.cast(pa.string()).fill_null("")
        yield pc.binary_length(text).to_numpy(zero_copy_only=False).tobytes()
        yield "".join(text.to_pylist()).encode()
    else:
        plain = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        yield plain.fill_null(0).to_numpy(zero_copy_only=False).tobytes()
