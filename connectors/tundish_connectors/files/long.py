"""Long files: one row a value, columns ``path, ts, value`` and, if wanted, ``status``; Parquet or CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from tundish_connectors.files.table import PathTable
from tundish_platform.samples import GOOD, SCHEMAS, SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tundish_platform.samples import SignalSpec

ROWS_PER_TABLE: Final = 100_000
_NEEDED: Final = ("path", "ts", "value")
# A cell of a CSV file holds one value.
_CSV_KINDS: Final = frozenset({SampleKind.NUMERIC, SampleKind.INTEGER, SampleKind.TEXT})
_TIMESTAMP: Final = SCHEMAS[SampleKind.NUMERIC].field("ts").type


class LongFileError(ValueError):
    """The file is not a long file; the message says what is wrong with it and what to do."""


def read_long_file(path: Path, specs: Sequence[SignalSpec]) -> Iterator[PathTable]:
    """The rows of a file, about 100,000 a table, apart by kind.

    Args:
        path: a ``.parquet`` or ``.csv`` file. Times need a zone; an empty value means none was read, and its
            status should say so. Without a status column every row is Good.
        specs: the signals, which say of what kind each path's values are. Rows of other paths are given as
            text, so that whoever delivers them can name them.

    Raises:
        LongFileError: another kind of file, a missing column, or values that do not fit their signal.
    """
    kinds = {spec.path: spec.kind for spec in specs}
    try:
        for batch in _batches(path):
            yield from split_long(pa.Table.from_batches([batch]), kinds)
    except pa.ArrowException as error:
        raise LongFileError(
            f"{path.name} could not be read: {error}. Check the column types: path and text values are text, "
            f"ts a time with zone such as 2026-01-31T08:00:00Z. / 无法读取 {path.name}:{error}。"
            "请检查各列类型:path 为文本,ts 为带时区的时间(如 2026-01-31T08:00:00Z)。"
        ) from error


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        _check_columns(path, file.schema_arrow.names)
        wanted = [name for name in (*_NEEDED, "status") if name in file.schema_arrow.names]
        yield from file.iter_batches(ROWS_PER_TABLE, columns=wanted)
    elif path.suffix == ".csv":
        types = {"path": pa.string(), "ts": _TIMESTAMP, "value": pa.string(), "status": pa.uint32()}
        convert = pacsv.ConvertOptions(column_types=types, strings_can_be_null=True)
        with pacsv.open_csv(path, convert_options=convert) as reader:
            _check_columns(path, reader.schema.names)
            yield from reader
    else:
        raise LongFileError(
            f"{path.name} is neither a .parquet nor a .csv file. / {path.name} 不是 .parquet 或 .csv 文件。"
        )


def _check_columns(path: Path, names: Sequence[str]) -> None:
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise LongFileError(
            f"{path.name} has no column {', '.join(missing)}. A long file has path, ts, value and, if "
            "wanted, status. / "
            f"{path.name} 缺少列 {', '.join(missing)}。长表文件应包含 path、ts、value,可选 status。"
        )


def split_long(table: pa.Table, kinds: dict[str, SampleKind]) -> Iterator[PathTable]:
    """The rows of a long table, apart by kind; those of unknown paths as text.

    Raises:
        pyarrow.ArrowInvalid: values that do not fit their signal, times without a zone, missing paths.
    """
    ts = table["ts"]
    if not pa.types.is_timestamp(ts.type) or ts.type.tz is None:
        raise pa.ArrowInvalid("the column ts holds no times with a zone")
    path = table["path"].cast(pa.string())
    if path.null_count or ts.null_count:
        raise pa.ArrowInvalid("a row has no path or no time")
    for kind in SampleKind:
        mine = pa.array([name for name, other in kinds.items() if other is kind], pa.string())
        mask = pc.is_in(path, mine)
        if kind is SampleKind.TEXT:
            mask = pc.or_(mask, pc.invert(pc.is_in(path, pa.array(list(kinds), pa.string()))))
        if pc.any(mask).as_py():
            yield _of_kind(table.filter(mask), kind)


def _of_kind(table: pa.Table, kind: SampleKind) -> PathTable:
    if kind not in _CSV_KINDS and pa.types.is_string(table["value"].type):
        raise pa.ArrowInvalid("arrays need a Parquet file whose value column is a list")
    status = table["status"].cast(pa.uint32()) if "status" in table.column_names else None
    if status is None:
        status = pa.chunked_array([pa.repeat(pa.scalar(GOOD, pa.uint32()), table.num_rows)])
    columns = {
        "path": table["path"].cast(pa.string()).dictionary_encode(),
        "ts": table["ts"].cast(_TIMESTAMP),
        "value": table["value"].cast(SCHEMAS[kind].field("value").type),
        "status": status,
    }
    return PathTable(kind, pa.table(columns))
