"""How columns are laid out in Parquet: small, quick to write, readable by anyone.

Measured on 4 million rows of 1,000 signals at a sensor's resolution (docs/reference/store.md): a dictionary
of values takes 1.6 B a row where splitting bytes takes 3.7; numbers that hardly repeat are the reverse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

# Small enough that a chart of one signal decodes little beside it, large enough for dictionaries.
ROW_GROUP: Final = 16 * 1024
_DELTA: Final = "DELTA_BINARY_PACKED"
_HARDLY_REPEATING: Final = 0.5
# Measured for arrivals: below it a dictionary is smaller and takes two thirds of the time.
_OFTEN_REPEATING: Final = 0.01


def write_options(kind: SampleKind, table: pa.Table) -> dict[str, Any]:
    """Arguments of `pyarrow.parquet.write_table` for rows of `STORED` columns, sorted by (signal, ts)."""
    names = table.schema.names
    encodings = {"ts": _DELTA}
    dictionary = {"signal", "status", "value", "reason", "end"} & set(names)
    # Arrivals repeat only where batches are large; as differences they are small everywhere.
    if _distinct_share(table["arrival"]) < _OFTEN_REPEATING:
        dictionary.add("arrival")
    else:
        encodings["arrival"] = _DELTA
    if kind is SampleKind.NUMERIC and _distinct_share(table["value"]) > _HARDLY_REPEATING:
        dictionary.discard("value")
        encodings["value"] = "BYTE_STREAM_SPLIT"
    if kind is SampleKind.INTEGER and _distinct_share(table["value"]) > _HARDLY_REPEATING:
        dictionary.discard("value")
        encodings["value"] = _DELTA
    if kind is SampleKind.ARRAY:
        dictionary.discard("value")
    worth = {"ts", "arrival", "value", "end"}
    return {
        # Runs of one number are a few bytes as they are; a codec would only cost time.
        "compression": {_leaf(kind, name): "zstd" if name in worth else "none" for name in names},
        "compression_level": {_leaf(kind, name): 1 for name in names if name in worth},
        "use_dictionary": sorted(dictionary),
        "column_encoding": encodings,
        "row_group_size": ROW_GROUP,
        "data_page_version": "2.0",
        "write_statistics": ["signal", "ts", "arrival"],
        "write_page_checksum": True,
    }


def _leaf(kind: SampleKind, name: str) -> str:
    """Parquet's own name of a column's numbers."""
    return "value.list.element" if kind is SampleKind.ARRAY and name == "value" else name


def _distinct_share(column: pa.ChunkedArray) -> float:
    """Distinct ones among the first row group's values."""
    first = column.slice(0, ROW_GROUP)
    values: NDArray[Any] = first.to_numpy()
    return len(np.unique(values)) / max(1, len(values))
