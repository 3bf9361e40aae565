"""Writes sheets as an Excel workbook: numbers stay numbers, texts never become formulas."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, assert_never

from tundish_platform.documents.archives import unzipped, zipped
from tundish_platform.documents.blocks import Chart, Facts, Heading, Paragraph
from tundish_platform.documents.grids import Grid, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from openpyxl.worksheet.worksheet import Worksheet

    from tundish_platform.documents.grids import GridColumn

SheetBlock = Heading | Paragraph | Facts | Grid | Chart

_FORMATS: Final = {Kind.COUNT: "#,##0", Kind.SHARE: "0.00%", Kind.MONEY: "#,##0.00"}
_WIDEST: Final = 60
_NARROWEST: Final = 9
_CHINESE: Final = "⺀"
_FORBIDDEN: Final = re.compile(r"[\[\]:*?/\\]")
_LONGEST_NAME: Final = 31
# openpyxl writes the clock's time here, whatever it is given.
_MODIFIED: Final = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name, and what stands on it from top to bottom."""

    name: str
    blocks: tuple[SheetBlock, ...]


def xlsx_of(sheets: Sequence[Sheet], title: str, source: str, moment: datetime) -> bytes:
    """An Excel workbook; the same sheets give the same bytes.

    Args:
        sheets: at least one, of names that differ.
        title: of the file.
        source: who says this.
        moment: the file's date.
    """
    # A tenth of a second to import, and most processes never write a workbook.
    from openpyxl import Workbook  # noqa: PLC0415 - see above

    book = Workbook()
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    book.properties.title, book.properties.creator, book.properties.created = title, source, naive
    book.remove(book.worksheets[0])
    for sheet in sheets:
        _fill(book.create_sheet(_FORBIDDEN.sub(" ", sheet.name)[:_LONGEST_NAME]), sheet.blocks)
    out = io.BytesIO()
    book.save(out)
    said = naive.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    return zipped(
        (
            (name, _MODIFIED.sub(rb"\g<1>" + said, content) if name == "docProps/core.xml" else content)
            for name, content in unzipped(out.getvalue())
        ),
        moment,
    )


def _fill(made: Worksheet, blocks: Sequence[SheetBlock]) -> None:
    from openpyxl.worksheet.properties import PageSetupProperties  # noqa: PLC0415 - as above

    widths: dict[int, int] = {}
    for block in blocks:
        match block:
            case Heading():
                _line(made, block.text, bold=True, size=14 if block.level == 1 else 11)
            case Paragraph():
                _line(made, block.text)
            case Facts():
                for row in block.rows:
                    _cells(made, row, widths=widths)
            case Grid():
                _grid(made, block, widths)
            case Chart():
                _chart(made, block)
            case _:
                assert_never(block)
        made.append([])
    for column, width in widths.items():
        made.column_dimensions[_letter(column)].width = min(max(width + 2, _NARROWEST), _WIDEST)
    made.page_setup.orientation, made.page_setup.fitToWidth, made.page_setup.fitToHeight = "landscape", 1, 0
    made.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    made.page_setup.paperSize = made.PAPERSIZE_A4


def _line(made: Worksheet, text: str, *, bold: bool = False, size: float = 10) -> None:
    from openpyxl.styles import Font  # noqa: PLC0415 - as above

    cell = _cells(made, [text])[0]
    cell.font = Font(bold=bold, size=size)


def _grid(made: Worksheet, grid: Grid, widths: dict[int, int]) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill  # noqa: PLC0415 - as above

    if grid.title:
        _line(made, grid.title, bold=True)
    ground = PatternFill("solid", fgColor="E4ECF2")
    heads = _cells(made, [column.name for column in grid.columns], widths=widths)
    for cell in heads:
        cell.font, cell.fill = Font(bold=True), ground
        cell.alignment = Alignment(wrap_text=True, vertical="center")
    for number, row in enumerate(grid.rows):
        cells = _cells(made, row, grid.columns, widths)
        if grid.total and number == len(grid.rows) - 1:
            for cell in cells:
                cell.font, cell.fill = Font(bold=True), ground


def _cells(
    made: Worksheet, row: Sequence[object], columns: Sequence[GridColumn] = (),
    widths: dict[int, int] | None = None,
) -> list[Any]:  # fmt: skip
    from openpyxl.styles import Alignment  # noqa: PLC0415 - as above

    made.append(list(row))
    cells = list(made[made.max_row])[: len(row)]
    for place, cell in enumerate(cells):
        if isinstance(cell.value, str):
            # Set as text, or "=A1" from somebody's register would become a formula.
            cell.data_type = "s"
        elif columns and columns[place].kind in _FORMATS:
            cell.number_format = _FORMATS[columns[place].kind]
        if columns and columns[place].kind is not Kind.TEXT:
            cell.alignment = Alignment(horizontal="right")
        if widths is not None:
            widths[place + 1] = max(widths.get(place + 1, 0), _width(cell.value))
    return cells


def _width(value: object) -> int:
    """Places that a value takes; a Chinese letter takes two."""
    text = "" if value is None else str(value)
    return sum(2 if letter >= _CHINESE else 1 for letter in text)


def _chart(made: Worksheet, chart: Chart) -> None:
    """The chart's values as a table, and a chart of Excel's own that is drawn from it."""
    from openpyxl.chart import BarChart, LineChart, Reference  # noqa: PLC0415 - as above

    _line(made, f"{chart.title} ({chart.unit})" if chart.unit else chart.title, bold=True)
    top = made.max_row + 1
    _cells(made, ["", *(one.name for one in chart.series)])
    for place, label in enumerate(chart.labels):
        _cells(made, [label, *(one.y[place] for one in chart.series)])
    drawn = LineChart() if chart.kind == "line" else BarChart()
    bottom, wide = made.max_row, len(chart.series) + 1
    values = Reference(made, min_col=2, max_col=wide, min_row=top, max_row=bottom)
    drawn.add_data(values, titles_from_data=True)
    drawn.set_categories(Reference(made, min_col=1, min_row=top + 1, max_row=bottom))
    drawn.title, drawn.height, drawn.width = chart.title, 8.5, 18
    # Newer versions of Excel hide axes of which this isn't said.
    drawn.x_axis.delete = drawn.y_axis.delete = False
    made.add_chart(drawn, f"{_letter(wide + 2)}{top}")


def _letter(column: int) -> str:
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - as above

    return str(get_column_letter(column))
