"""Segments: sorted Parquet files in the tenant's own folder, one kind and one UTC day of source time each.

``tenants/<slug>/<kind>/<day>/<sequence>-<random>.parquet``; any Parquet reader can read them without us.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tundish_platform.samples import SampleKind
from tundish_platform.store.rows import STORED, micros

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tundish_platform.store.files import FileLayer

ROW_GROUP: Final = 64 * 1024
_DAY_US: Final = 86_400_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A segment as queries need it.

    Attributes:
        path: below the tenant's folder.
        min_ts, max_ts: range of source time, both included.
        max_arrival: newest arrival inside.
        max_sequence: highest log sequence inside.
    """

    kind: SampleKind
    day: date
    path: str
    rows: int
    bytes: int
    min_ts: datetime
    max_ts: datetime
    max_arrival: datetime
    max_sequence: int

    def overlaps(self, start: datetime | None, end: datetime | None) -> bool:
        """Whether it may hold rows with ``start <= ts < end``."""
        return (start is None or self.max_ts >= start) and (end is None or self.min_ts < end)


def by_day(table: pa.Table) -> Iterator[tuple[date, pa.Table]]:
    """The rows of each UTC day, in the order they are in."""
    days = micros(table["ts"]) // _DAY_US
    for day in np.unique(days).tolist():
        yield (_EPOCH + timedelta(days=day)).date(), table.filter(pa.array(days == day))


def write(folder: Path, files: FileLayer, kind: SampleKind, day: date, table: pa.Table) -> SegmentFile:
    """Write rows of one day, durably; the file counts only once the manifest names it.

    Args:
        folder: of the tenant.
        files: the file layer.
        kind: of the rows.
        day: UTC day of all source times.
        table: `STORED` columns, sorted by (signal, ts), each once.

    Raises:
        OSError: it could not be made durable; nothing is left of it.
    """
    last = int(pc.max(table["sequence"]).as_py())
    path = f"{kind}/{day:%Y-%m-%d}/{last:020d}-{secrets.token_hex(4)}.parquet"
    final = folder / path
    temporary = final.with_suffix(".tmp")
    files.make_folder(final.parent)
    try:
        pq.write_table(table, temporary, **_encoding(kind))
        size = temporary.stat().st_size
        files.sync(temporary)
        files.rename(temporary, final)
        files.sync_folder(final.parent)
    except OSError:
        # Nobody will ask for it: the next try writes another file.
        temporary.unlink(missing_ok=True)
        final.unlink(missing_ok=True)
        raise
    limits = pc.min_max(table["ts"]).as_py()
    arrival = pc.max(table["arrival"]).as_py()
    return SegmentFile(kind, day, path, table.num_rows, size, limits["min"], limits["max"], arrival, last)


def _encoding(kind: SampleKind) -> dict[str, object]:
    delta = {"ts": "DELTA_BINARY_PACKED", "arrival": "DELTA_BINARY_PACKED", "sequence": "DELTA_BINARY_PACKED"}
    if kind is SampleKind.INTEGER:
        delta["value"] = "DELTA_BINARY_PACKED"
    if kind is SampleKind.GAP:
        delta["end"] = "DELTA_BINARY_PACKED"
    names = set(STORED[kind].names) - delta.keys()
    # Recorded values repeat (a sensor's resolution), so a dictionary beats splitting bytes.
    dictionary = sorted(names - {"live"} if kind is not SampleKind.ARRAY else {"signal", "status"})
    return {
        "compression": "zstd",
        "use_dictionary": dictionary,
        "column_encoding": delta,
        "row_group_size": ROW_GROUP,
        "data_page_version": "2.0",
        "write_statistics": True,
    }
