"""The first level: rows of many tenants in shared files, private to the writer, until each has enough.

A file of one kind holds one Arrow record batch of `STORED` columns, uncompressed: a tenant's rows are a
slice of mapped memory. The schema's metadata has the index: which rows are whose, and of which log sequences.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from tundish_platform.samples import SampleKind
from tundish_platform.store.write.chunks import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tundish_platform.store.files import FileLayer

_INDEX: Final = b"tundish.index"
_KIND: Final = b"tundish.kind"
_FORMAT: Final = b"tundish.format"
_VERSION: Final = b"1"
_INDEX_SCHEMA: Final = pa.schema(
    [
        pa.field("tenant", pa.uint32()),
        pa.field("rows", pa.int64()),
        pa.field("min_sequence", pa.uint64()),
        pa.field("max_sequence", pa.uint64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Share:
    """One tenant's rows for a file.

    Attributes:
        tenant: row number of the tenant.
        table: `STORED` columns, sorted by (signal, ts), each once.
        sequences: lowest and highest log sequence they come from.
    """

    tenant: int
    table: pa.Table
    sequences: tuple[int, int]


class FirstLevelPart:
    """One tenant's rows in a file.

    Attributes:
        file: the file's name.
        kind: of the rows.
        rows: how many.
        min_sequence, max_sequence: range of log sequences.
    """

    __slots__ = ("_place", "file", "kind", "max_sequence", "min_sequence", "rows")

    def __init__(self, file: str, kind: SampleKind, table: pa.Table, first: int, row: dict[str, int]) -> None:
        self.file = file
        self.kind = kind
        self.rows = row["rows"]
        self.min_sequence = row["min_sequence"]
        self.max_sequence = row["max_sequence"]
        self._place = (table, first)

    def chunk(self) -> Chunk:
        """The rows. Made anew each time: tens of thousands of parts are kept, few are asked for."""
        table, first = self._place
        return Chunk(table.slice(first, self.rows), ordered=True)

    def share(self, tenant: int) -> Share:
        """The rows for another file."""
        table, first = self._place
        return Share(tenant, table.slice(first, self.rows), (self.min_sequence, self.max_sequence))

    def move(self, other: FirstLevelPart) -> None:
        """The same rows lie in another file now."""
        self.file, self._place = other.file, other._place


@dataclass(frozen=True, slots=True)
class FirstLevelFile:
    """A file that was written.

    Attributes:
        name: below the first level's folder.
        rows, bytes: its size.
        max_sequence: highest log sequence inside.
        parts: by tenant.
    """

    name: str
    rows: int
    bytes: int
    max_sequence: int
    parts: dict[int, FirstLevelPart]


class FirstLevel:
    """The folder of those files.

    Args:
        folder: of the first level.
        files: the file layer.
    """

    def __init__(self, folder: Path, files: FileLayer) -> None:
        self._folder = folder
        self._files = files

    def write(self, kind: SampleKind, shares: Sequence[Share]) -> FirstLevelFile:
        """Write a file, durably; it counts only once the manifest names it.

        Raises:
            OSError: it could not be made durable; nothing is left of it.
        """
        last = max(share.sequences[1] for share in shares)
        name = f"{last:020d}-{secrets.token_hex(4)}.{kind}.arrow"
        final = self._folder / name
        temporary = final.with_suffix(".tmp")
        self._files.make_folder(self._folder)
        table = pa.concat_tables([share.table for share in shares]).combine_chunks()
        table = table.replace_schema_metadata(
            {_KIND: kind.value.encode(), _INDEX: _index(shares), _FORMAT: _VERSION}
        )
        try:
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
            self._files.sync(temporary)
            self._files.rename(temporary, final)
            self._files.sync_folder(self._folder)
        except OSError:
            temporary.unlink(missing_ok=True)
            final.unlink(missing_ok=True)
            raise
        return self.open(name)

    def open(self, name: str) -> FirstLevelFile:
        """A file's rows as mapped memory.

        Raises:
            OSError, pa.ArrowInvalid: it is missing or damaged.
            ValueError: a later version wrote it.
        """
        path = self._folder / name
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        metadata = table.schema.metadata
        # The first ones said nothing of a version.
        if metadata.get(_FORMAT, _VERSION) != _VERSION:
            raise ValueError(f"format {metadata[_FORMAT].decode()} is of a later version")
        index = pa.ipc.open_stream(pa.py_buffer(metadata[_INDEX])).read_all()
        kind = SampleKind(metadata[_KIND].decode())
        table = table.replace_schema_metadata(None)
        parts = {}
        first = 0
        for row in index.to_pylist():
            parts[row["tenant"]] = FirstLevelPart(name, kind, table, first, row)
            first += row["rows"]
        last = max(part.max_sequence for part in parts.values())
        return FirstLevelFile(name, table.num_rows, path.stat().st_size, last, parts)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files that nobody needs any more; rows that are mapped stay readable until let go."""
        for name in names:
            self._files.remove(self._folder / name)

    def names(self) -> Iterator[str]:
        """All files there are, named by a manifest or not."""
        if self._folder.is_dir():
            yield from (entry.name for entry in os.scandir(self._folder))


def _index(shares: Sequence[Share]) -> bytes:
    rows = [
        {
            "tenant": share.tenant,
            "rows": share.table.num_rows,
            "min_sequence": share.sequences[0],
            "max_sequence": share.sequences[1],
        }
        for share in shares
    ]
    table = pa.Table.from_pylist(rows, schema=_INDEX_SCHEMA)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
