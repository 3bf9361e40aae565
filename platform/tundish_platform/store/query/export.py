"""Export: raw rows of signals in forms that a stranger reads with pandas alone, in bounded memory.

Each row says what its signal is, so that a file stands for itself: ``signal, path, name_zh, name_en, unit,
ts, value, status, status_name``, and ``arrival`` where the rows have it. CSV has times in ISO 8601 with a Z
and arrays as JSON. Names repeat; the binary forms keep them once, in dictionaries.
"""

from __future__ import annotations

import io
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from pyarrow import parquet as pq

from tundish_platform.samples import empty_table
from tundish_platform.store.query.statusnames import STATUS_NAMES, status_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from typing_extensions import Buffer

    from tundish_platform.samples import SampleKind, SignalInfo
    from tundish_platform.store.query.source import Source

_LABELS: Final = ("path", "name_zh", "name_en", "unit")
_ROWS_A_CHUNK: Final = 500_000
_UNKNOWN_PERIOD_S: Final = 0.1
_STATUS: Final = pa.array(STATUS_NAMES, pa.string())


class ExportForm(StrEnum):
    """How the bytes are written.

    Arrow streams need pyarrow (``pyarrow.ipc.open_stream(f).read_pandas()``); pandas reads the others itself:
    ``read_feather``, ``read_parquet``, ``read_csv``.
    """

    ARROW = "arrow"
    FEATHER = "feather"
    PARQUET = "parquet"
    CSV = "csv"

    @property
    def media_type(self) -> str:
        """For HTTP."""
        return {
            ExportForm.ARROW: "application/vnd.apache.arrow.stream",
            ExportForm.FEATHER: "application/vnd.apache.arrow.file",
            ExportForm.PARQUET: "application/vnd.apache.parquet",
            ExportForm.CSV: "text/csv; charset=utf-8",
        }[self]


def raw_chunks(
    source: Source, kind: SampleKind, signals: Sequence[SignalInfo], windows: NDArray[np.int64]
) -> Iterator[pa.Table]:
    """Raw rows of signals and windows, read stretch by stretch of so many rows as memory should hold.

    Args:
        source: where samples come from.
        kind: signals of other kinds are left out: a file has one type of value.
        signals: whose expected periods say how long a stretch may be.
        windows: shape ``(n, 2)``, µs since 1970; windows that overlap give their rows more than once.
    """
    members = [s for s in signals if s.kind is kind]
    per_second = sum(1 / (s.period_s or _UNKNOWN_PERIOD_S) for s in members)
    if not members:
        return
    stretch = max(1_000_000, int(_ROWS_A_CHUNK / per_second * 1e6))
    for start, end in windows.tolist():
        for first in range(start, end, stretch):
            table = source.raw(kind, [s.id for s in members], first, min(first + stretch, end))
            if table.num_rows:
                yield table


def export(
    tables: Iterable[pa.Table],
    signals: Sequence[SignalInfo],
    kind: SampleKind,
    form: ExportForm,
    change: Callable[[pa.Table], pa.Table] | None = None,
) -> Iterator[bytes]:
    """Chunks of bytes of one file; only one table and what it makes are in memory.

    Args:
        tables: rows ``signal, ts, value, status`` and maybe ``arrival``, all with the same columns.
        signals: what the rows' signals are; rows of others are left out.
        kind: of the rows; says the type of the values of a file without rows.
        form: of the file.
        change: makes other values of the rows; a file without rows has their type all the same.
    """
    book, none = _Book(signals), empty_table(kind)
    if change is not None:
        tables, none = map(change, tables), change(none)
    rows = map(book.labelled, tables)
    if form is ExportForm.CSV:
        rows = map(_plain, rows)
    empty = book.labelled(none)
    first = next(rows, _plain(empty) if form is ExportForm.CSV else empty)
    sink = _Drain()
    with _writer(sink, first.schema, form) as writer:
        writer.write_table(first)
        yield from sink.drained()
        for table in rows:
            writer.write_table(table)
            yield from sink.drained()
    yield from sink.drained()


class _Drain(io.RawIOBase):
    """A file that keeps what is written until somebody takes it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes written so far, taken or not: writers note where things lie."""
        return self._position

    def write(self, data: Buffer) -> int:
        """Keep a copy."""
        self._parts.append(bytes(data))
        self._position += len(self._parts[-1])
        return len(self._parts[-1])

    def drained(self) -> Iterator[bytes]:
        """What came since the last time."""
        parts, self._parts = self._parts, []
        if parts:
            yield b"".join(parts)


class _Book:
    """What the signals are, to be written beside their rows."""

    def __init__(self, signals: Sequence[SignalInfo]) -> None:
        signals = sorted({s.id: s for s in signals}.values(), key=lambda s: s.id)
        self._ids = np.array([s.id for s in signals], dtype=np.uint32)
        # pandas refuses dictionaries that have a word twice, and signals share units and names.
        self._labels = {
            name: pa.array([getattr(s, name) for s in signals], pa.string()).dictionary_encode()
            for name in _LABELS
        }

    def labelled(self, table: pa.Table) -> pa.Table:
        """Rows of the signals with what they are."""
        table = table.filter(pc.is_in(table["signal"], pa.array(self._ids)))
        place = pa.array(np.searchsorted(self._ids, table["signal"].to_numpy()).astype(np.int32))
        codes, inverse = np.unique(table["status"].to_numpy(), return_inverse=True)
        # One dictionary for all chunks, because a file may not replace it.
        names = np.array([STATUS_NAMES.index(status_name(code)) for code in codes.tolist()], dtype=np.int32)
        columns = {"signal": table["signal"]}
        columns |= {
            name: pa.DictionaryArray.from_arrays(labels.indices.take(place), labels.dictionary)
            for name, labels in self._labels.items()
        }
        columns |= {name: table[name] for name in ("ts", "value", "status")}
        columns["status_name"] = pa.DictionaryArray.from_arrays(pa.array(names[inverse]), _STATUS)
        columns |= {name: table[name] for name in table.column_names if name == "arrival"}
        return pa.table(columns)


def _plain(table: pa.Table) -> pa.Table:
    """For CSV: ISO times, names written out, arrays as JSON."""
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_timestamp(column.type):
            columns[name] = pc.replace_substring(column.cast(pa.string()), " ", "T")
        elif pa.types.is_list(column.type):
            cells = [None if cell is None else json.dumps(cell) for cell in column.to_pylist()]
            columns[name] = pa.array(cells, pa.string())
        else:
            columns[name] = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    return pa.table(columns)


def _writer(sink: _Drain, schema: pa.Schema, form: ExportForm) -> Any:  # noqa: ANN401 - four libraries' own
    """Something with ``write_table``, as a context."""
    if form is ExportForm.CSV:
        return csv.CSVWriter(sink, schema)
    if form is ExportForm.PARQUET:
        return pq.ParquetWriter(sink, schema, compression="zstd")
    return pa.ipc.new_stream(sink, schema) if form is ExportForm.ARROW else pa.ipc.new_file(sink, schema)
