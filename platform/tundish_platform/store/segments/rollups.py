"""Rollups beside a segment: what long windows are answered from. Made again from the segment if lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_platform.samples import SampleKind
from tundish_platform.store.query.rollup import DENSE, HOUR_US, MINUTE_US, rollup
from tundish_platform.store.segments.rollupfile import encoded

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tundish_platform.store.files import FileLayer

WIDTHS: Final = (HOUR_US, MINUTE_US)
SUFFIX: Final = ".rollup"
KINDS: Final = (SampleKind.NUMERIC, SampleKind.INTEGER)


def content(table: pa.Table) -> bytes:
    """The content of a rollup file.

    Args:
        table: rows of `KINDS`, sorted by (signal, ts), each once.
    """
    return encoded(levels(table))


def levels(table: pa.Table) -> dict[int, pa.Table]:
    """Rollups by width in µs, of rows as for `content`."""
    table = table.select(["signal", "ts", "value", "status"])
    found = {HOUR_US: rollup(table, HOUR_US)}
    dense = _dense(found[HOUR_US])
    if len(dense):
        found[MINUTE_US] = rollup(_of(table, dense), MINUTE_US)
    return found


def write(segment: Path, files: FileLayer, kind: SampleKind, table: pa.Table) -> int:
    """Write the rollups of a segment's rows beside it, synced; the caller syncs the folder.

    Args:
        segment: its file.
        files: the file layer.
        kind: of the rows; those without numbers have no rollups.
        table: `STORED` columns, sorted by (signal, ts), each once.

    Returns:
        Bytes written.

    Raises:
        OSError: they could not be made durable; nothing is left of them.
    """
    if kind not in KINDS:
        return 0
    return put(segment, files, content(table))


def put(segment: Path, files: FileLayer, found: bytes) -> int:
    """Write the content of a rollup file beside a segment, or where it would be, as `write` does."""
    (final,) = paths(segment)
    temporary = final.with_suffix(f"{SUFFIX}.tmp")
    try:
        temporary.write_bytes(found)
        files.sync(temporary)
        files.rename(temporary, final)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return len(found)


def paths(segment: Path) -> list[Path]:
    """Where a segment's rollups lie, whether they exist or not."""
    return [segment.with_name(beside(segment.name))]


def beside(path: str) -> str:
    """The path of a segment's rollups, by its own."""
    return path.removesuffix(".parquet") + SUFFIX


def _dense(hours: pa.Table) -> NDArray[np.uint32]:
    """Signals with `DENSE` samples a minute in the time from the first to the last one of each hour."""
    if not hours.num_rows:
        return np.zeros(0, dtype=np.uint32)
    signal = hours["signal"].to_numpy()
    signals, starts = np.unique(signal, return_index=True)
    length = hours["last_us"].to_numpy().astype(np.int64) - hours["first_us"].to_numpy()
    minutes = np.add.reduceat(length // MINUTE_US + 1, starts)
    samples = np.add.reduceat(hours["count"].to_numpy().astype(np.int64), starts)
    dense: NDArray[np.uint32] = signals[samples >= DENSE * minutes]
    return dense


def _of(table: pa.Table, signals: NDArray[np.uint32]) -> pa.Table:
    """Rows of some signals (rising), of a table sorted by signal."""
    number = table["signal"].to_numpy()
    lows, highs = np.searchsorted(number, signals), np.searchsorted(number, signals, "right")
    cuts = np.flatnonzero(lows[1:] != highs[:-1]) + 1
    begins, ends = lows[np.append(0, cuts)], highs[np.append(cuts, len(highs)) - 1]
    return pa.concat_tables(
        [table.slice(low, high - low) for low, high in zip(begins.tolist(), ends.tolist(), strict=True)]
    )
