"""One file as tables of rows by path: CSV, Excel or Parquet, long or wide."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from tundish_connectors.files.long import ROWS_PER_TABLE, LongFileError, split_long
from tundish_connectors.files.table import PathTable
from tundish_platform.samples import GOOD, SCHEMAS, SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tundish_connectors.files.config import FolderConnection

SUFFIXES: Final = (".csv", ".xlsx", ".parquet")
_TIMESTAMP: Final = SCHEMAS[SampleKind.NUMERIC].field("ts").type


def read_tables(path: Path, connection: FolderConnection) -> Iterator[PathTable]:
    """The rows of a file, some 100,000 a table, with paths below the connection's prefix.

    Raises:
        LongFileError: it cannot be read, or lacks a column; the message says what to do, in both languages.
    """
    try:
        for table in _tables(path, connection):
            zoned = _with_times(table, connection)
            yield from _long(zoned, connection) if connection.layout == "long" else _wide(zoned, connection)
    except LongFileError:
        raise
    except (pa.ArrowException, ValueError, KeyError, TypeError, OSError) as error:
        raise LongFileError(
            f"{path.name} could not be read: {error}. / 无法读取 {path.name}:{error}。"
        ) from error


def _tables(path: Path, connection: FolderConnection) -> Iterator[pa.Table]:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS_PER_TABLE):
                yield pa.Table.from_batches([batch])
    elif path.suffix == ".csv":
        long = {"path": pa.string(), "value": pa.string(), "status": pa.uint32()}
        wide = {_column(one): _plain(one.kind) for one in connection.signals}
        types = {connection.time_column: pa.string(), **(long if connection.layout == "long" else wide)}
        options = pacsv.ConvertOptions(column_types=types, strings_can_be_null=True)
        with pacsv.open_csv(path, convert_options=options) as reader:
            for batch in reader:
                yield pa.Table.from_batches([batch])
    else:
        yield from _sheet(path, connection)


def _plain(kind: SampleKind) -> pa.DataType:
    return pa.string() if kind is SampleKind.ARRAY else SCHEMAS[kind].field("value").type


def _sheet(path: Path, connection: FolderConnection) -> Iterator[pa.Table]:
    import openpyxl  # noqa: PLC0415 - only where a workbook is read

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    # openpyxl lets the errors of zip and XML through as they are.
    except Exception as error:
        raise LongFileError(
            f"{path.name} is no workbook that could be read: {error}. / "
            f"{path.name} 不是可读取的工作簿:{error}。"
        ) from error
    try:
        sheet = book[connection.sheet] if connection.sheet else book.worksheets[0]
        rows = sheet.iter_rows(values_only=True)
        names = [str(name) for name in next(rows, ())]
        part: list[Sequence[Any]] = []
        for row in rows:
            if any(cell is not None for cell in row):
                part.append(row)
            if len(part) == ROWS_PER_TABLE:
                yield _from_cells(names, part, connection)
                part = []
        if part:
            yield _from_cells(names, part, connection)
    finally:
        book.close()


def _from_cells(
    names: Sequence[str], rows: Sequence[Sequence[Any]], connection: FolderConnection
) -> pa.Table:
    """Columns of cells: times as text, values as they are or, in long files, as text."""
    columns = {}
    for name, cells in zip(names, zip(*rows, strict=False), strict=False):
        if name == connection.time_column or (connection.layout == "long" and name in ("path", "value")):
            columns[name] = pa.array([_text(cell) for cell in cells], pa.string())
        elif name != "None":
            columns[name] = pa.array([None if cell == "" else cell for cell in cells], from_pandas=True)
    return pa.table(columns)


def _text(cell: Any) -> str | None:  # noqa: ANN401 - whatever a cell holds
    if cell is None or cell == "":
        return None
    return cell.isoformat() if isinstance(cell, datetime) else str(cell)


def _with_times(table: pa.Table, connection: FolderConnection) -> pa.Table:
    """The table with its times in UTC under ``ts``."""
    name = connection.time_column
    if name not in table.column_names:
        raise LongFileError(f"the file has no column {name} for the times. / 文件缺少时间列 {name}。")
    column = table[name]
    if column.null_count:
        raise LongFileError("a row has no time. / 有的行没有时间。")
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        times = column.cast(_TIMESTAMP, safe=False)
    else:
        texts = column.cast(pa.string()).to_pylist()
        zone = ZoneInfo(connection.timezone) if connection.timezone else None
        times = pa.chunked_array([pa.array([_moment(text, zone) for text in texts], _TIMESTAMP)])
    return table.set_column(table.column_names.index(name), "ts", times)


def _moment(text: str, zone: ZoneInfo | None) -> datetime:
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        if zone is None:
            raise LongFileError(
                f"the time {text!r} has no zone; write it like 2026-01-31T08:00:00+08:00, or set timezone. / "
                f"时间 {text!r} 没有时区;请写成 2026-01-31T08:00:00+08:00,或在设置中填写 timezone。"
            )
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def _long(table: pa.Table, connection: FolderConnection) -> Iterator[PathTable]:
    missing = [name for name in ("path", "value") if name not in table.column_names]
    if missing:
        raise LongFileError(
            f"the file has no column {', '.join(missing)}; set layout = wide for a column a signal. / "
            f"文件缺少列 {', '.join(missing)};如每个信号一列,请设置 layout = wide。"
        )
    kinds = {one.path: one.kind for one in connection.signals}
    for part in split_long(table, kinds):
        names = part.table["path"].cast(pa.string())
        unknown = sorted(set(pc.unique(names).to_pylist()) - kinds.keys())
        if unknown:
            raise LongFileError(
                f"{', '.join(unknown[:5])} is not among the signals of this connection. / "
                f"{', '.join(unknown[:5])} 不在此连接的信号表中。"
            )
        yield _prefixed(part, connection)


def _prefixed(part: PathTable, connection: FolderConnection) -> PathTable:
    if not connection.prefix:
        return part
    paths = part.table["path"].cast(pa.string())
    full = pc.binary_join_element_wise(connection.prefix, paths, "/").combine_chunks()
    return PathTable(part.kind, part.table.set_column(0, "path", full.dictionary_encode()))


def _wide(table: pa.Table, connection: FolderConnection) -> Iterator[PathTable]:
    for signal in connection.signals:
        column = _column(signal)
        if column not in table.column_names:
            raise LongFileError(f"the file has no column {column}. / 文件缺少列 {column}。")
        known = table.filter(pc.is_valid(table[column]))
        if not known.num_rows:
            continue
        path = connection.path(signal.path)
        columns = {
            "path": pa.array([path] * known.num_rows).dictionary_encode(),
            "ts": known["ts"],
            "value": known[column].cast(SCHEMAS[signal.kind].field("value").type),
            "status": pa.array([GOOD] * known.num_rows, pa.uint32()),
        }
        yield PathTable(signal.kind, pa.table(columns))


def _column(signal: Any) -> str:  # noqa: ANN401 - a FileSignal
    return str(signal.column or signal.path)
