"""Segments: sorted Parquet files in the tenant's own folder, one kind and one UTC day of source time each.

``tenants/<slug>/<kind>/day=<day>/<sequence>-<random>.parquet``; any Parquet reader can read them without us.
"""

from __future__ import annotations

import secrets
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tundish_platform.store.segments import rollups
from tundish_platform.store.segments.encoding import write_options

if TYPE_CHECKING:
    from datetime import date, datetime
    from pathlib import Path

    from tundish_platform.samples import SampleKind
    from tundish_platform.store.objects import Objects

_BLOCK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A segment as queries need it.

    Attributes:
        path: below the tenant's folder.
        min_ts, max_ts: range of source time, both included.
        max_arrival: newest arrival inside.
        min_sequence, max_sequence: range of log sequences inside, both included; those of a tenant's
            segments of one kind and day do not overlap: of equal (signal, ts) the higher range holds.
        crc32: zlib's checksum of the file.
        damaged: the file is missing or not what was written; its rows cannot be read.
        expired: its rows were removed by retention; the rollups beside it are kept, and `rows` is 0.
    """

    kind: SampleKind
    day: date
    path: str
    rows: int
    bytes: int
    min_ts: datetime
    max_ts: datetime
    max_arrival: datetime
    min_sequence: int
    max_sequence: int
    crc32: int
    damaged: bool = False
    expired: bool = False

    @property
    def kept(self) -> str:
        """The file that `bytes` and `crc32` speak of, below the tenant's folder."""
        return rollups.beside(self.path) if self.expired else self.path

    def overlaps(self, start: datetime | None, end: datetime | None) -> bool:
        """Whether it may hold rows with ``start <= ts < end``."""
        return (start is None or self.max_ts >= start) and (end is None or self.min_ts < end)


def write(
    objects: Objects, slug: str, kind: SampleKind, day: date, table: pa.Table, sequences: tuple[int, int]
) -> SegmentFile:
    """Write rows of one day, durably; the file counts only once the manifest names it.

    Args:
        objects: where segments live.
        slug: the tenant's short name.
        kind: of the rows.
        day: UTC day of all source times.
        table: `STORED` columns, sorted by (signal, ts), each once.
        sequences: lowest and highest log sequence that the rows come from.

    Raises:
        OSError: it could not be made durable; nothing is left of it.
    """
    path = f"{kind}/day={day:%Y-%m-%d}/{sequences[1]:020d}-{secrets.token_hex(4)}.parquet"
    name = f"{slug}/{path}"
    files = [(name, objects.staged(name))]
    try:
        pq.write_table(table, files[0][1], **write_options(kind, table))
        size, crc32 = checksum(files[0][1])
        if kind in rollups.KINDS:
            files += [(other, objects.staged(other)) for other in beside(name)]
            files[1][1].write_bytes(rollups.content(table))
    except OSError:
        for _, staged in files:
            staged.unlink(missing_ok=True)
        raise
    objects.put_all(files)
    limits = pc.min_max(table["ts"]).as_py()
    arrival = pc.max(table["arrival"]).as_py()
    return SegmentFile(
        kind, day, path, table.num_rows, size, limits["min"], limits["max"], arrival, *sequences, crc32
    )


def remove(objects: Objects, slug: str, path: str) -> None:
    """Remove a segment and what lies beside it."""
    objects.remove(f"{slug}/{path}")
    for other in beside(path):
        objects.remove(f"{slug}/{other}")


def beside(path: str) -> list[str]:
    """Names of files that are derived from a segment and go with it."""
    return [rollups.beside(path)]


def checksum(path: Path) -> tuple[int, int]:
    """Size in bytes and CRC-32 of a file."""
    crc32 = size = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            crc32 = zlib.crc32(block, crc32)
            size += len(block)
    return size, crc32
