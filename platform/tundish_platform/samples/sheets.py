"""Tables that people edit: CSV and Excel, read row by row, written as Excel shows them right."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final
from zipfile import BadZipFile, ZipFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MAX_ROWS: Final = 200_000
MAX_BYTES: Final = 64 * 1024**2
_MAX_COLUMNS: Final = 200
# A cell that begins so is a formula to a spreadsheet program, and browse names come from a machine.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_YES: Final = frozenset({"yes", "y", "true", "1", "是"})
_NO: Final = frozenset({"no", "n", "false", "0", "否"})


class SheetError(ValueError):
    """The file as a whole cannot be read."""


def read_sheet(
    data: bytes, columns: Sequence[str], needed: str, *, excel: bool, max_rows: int = MAX_ROWS,
    max_bytes: int | None = None, also: Mapping[str, str] | None = None,
) -> list[tuple[int, dict[str, str]]]:  # fmt: skip
    """The rows of a table with their numbers in the file; cells that are empty are absent.

    Args:
        data: the file. CSV in UTF-8, or in GB 18030 as a Chinese Excel writes it.
        columns: what the first row may name.
        needed: the column that must be there.
        excel: a workbook, of which the first sheet is read; CSV otherwise.
        max_rows: more are refused.
        max_bytes: a bigger file is refused, and a workbook that unpacks to four times as much.
        also: other names of columns that the first row may have.

    Raises:
        SheetError: it is no such file, is too big, or has other columns.
    """
    max_bytes = max_bytes or MAX_BYTES
    if len(data) > max_bytes:
        raise SheetError(f"more than {max_bytes >> 20} MiB")
    try:
        lines = (
            _of_workbook(data, 4 * max_bytes) if excel else csv.reader(io.StringIO(_text(data), newline=""))
        )
        return list(_table(lines, columns, needed, max_rows, also or {}))
    except (OSError, KeyError, csv.Error, UnicodeDecodeError) as error:
        raise SheetError(str(error)) from error


def write_sheet(
    columns: Sequence[str], rows: Iterable[Sequence[object]], title: str, *, excel: bool
) -> bytes:
    """A table as CSV (UTF-8 with a mark, which Excel needs) or as a workbook.

    Args:
        columns: of the first row.
        rows: None is an empty cell, a truth is yes or no.
        title: of the workbook's sheet.
        excel: a workbook; CSV otherwise.
    """
    texts = [[_shown(cell) for cell in row] for row in rows]
    if excel:
        return _workbook(columns, texts, title)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([[_harmless(cell) for cell in row] for row in texts])
    return out.getvalue().encode("utf-8-sig")


def truth_of(cell: str) -> bool | None:
    """Yes or no in either language; None for anything else."""
    if cell.lower() in _YES:
        return True
    return False if cell.lower() in _NO else None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def _of_workbook(data: bytes, max_unpacked: int) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - Excel files only
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415 - as above

    try:
        with ZipFile(io.BytesIO(data)) as parts:
            # A few bytes may unpack to all of the memory.
            if sum(part.file_size for part in parts.infolist()) > max_unpacked:
                raise SheetError("the workbook unpacks to too much")
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, KeyError, ValueError) as error:
        raise SheetError(f"no Excel workbook: {error}") from error
    try:
        # One by one: a cell at the far end of the sheet makes a row of every row before it.
        for row in book.worksheets[0].iter_rows(max_col=_MAX_COLUMNS, values_only=True):
            empty = row.count(None) == len(row)
            yield [] if empty else ["" if cell is None else _cell(cell) for cell in row]
    finally:
        book.close()


def _cell(cell: object) -> str:
    # Excel keeps every number as a float; 3.0 was written as 3.
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _table(
    rows: Iterable[Sequence[str]], columns: Sequence[str], needed: str, max_rows: int, also: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, str]]]:
    header: list[str] | None = None
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if header is None:
            header = [also.get(cell.lower(), cell.lower()) for cell in cells]
            odd = sorted(set(header) - set(columns) - {""})
            if odd or needed not in header:
                raise SheetError(f"the first row names the columns {', '.join(columns)}; got {odd or header}")
            continue
        if number > max_rows:
            raise SheetError(f"more than {max_rows} rows")
        yield number, {name: _bare(cell) for name, cell in zip(header, cells, strict=False) if name and cell}


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) and not _number(cell) else cell


def _bare(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _workbook(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> bytes:
    from openpyxl import Workbook  # noqa: PLC0415 - Excel files only

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    sheet.freeze_panes = "A2"
    sheet.append(list(columns))
    for down, row in enumerate(rows, start=2):
        for across, cell in enumerate(row, start=1):
            if cell:
                # Set as text, or "=A1" from a browse name would become a formula.
                target = sheet.cell(down, across)
                target.value = cell
                target.data_type = "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
