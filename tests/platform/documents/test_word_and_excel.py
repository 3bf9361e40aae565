"""Word files and workbooks are read back by the libraries that others read them with."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from zipfile import ZipFile

import docx
import pytest
from docx.oxml.ns import qn
from openpyxl import load_workbook

from tundish_platform.documents import (
    Chart,
    ChartSeries,
    Document,
    Facts,
    Grid,
    GridColumn,
    Heading,
    Kind,
    Paragraph,
    Sheet,
    Span,
    Timeline,
    TimelineRow,
    docx_of,
    table_of,
    xlsx_of,
)
from tundish_platform.documents.grids import shown

MOMENT = datetime(2026, 3, 1, 8, tzinfo=UTC)
GRID = Grid(
    (GridColumn("县", Kind.TEXT), GridColumn("家"), GridColumn("占比", Kind.SHARE),
     GridColumn("元", Kind.MONEY)),
    (("=SUM(A1)", 4172, 0.61665, 12.5), ("娄星", None, "*", None), ("合计", 4173, 1.0875, 0.0)),
    "分县", total=True,
)  # fmt: skip
CHART = Chart("走势", ("一月", "二月"), (ChartSeries("上云", (1.0, None)),), unit="家")
DOCUMENT = Document(
    "月报", "zh",
    (
        Heading("概要"), Paragraph("模拟", "warning"), Facts((("规则", "2026.2"),)), table_of(GRID), CHART,
        Timeline("线", MOMENT, MOMENT, (TimelineRow("停", (Span(MOMENT, MOMENT),)),), "始", "终"),
    ),
    "某局", MOMENT, "2026-03-01", subtitle="二月", landscape=True,
)  # fmt: skip
SHEETS = (Sheet("分县/市:区", (Heading("分县"), Paragraph("=1+1"), GRID)), Sheet("走势", (CHART,)))


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (4172, Kind.COUNT, "4,172"), (1.0875, Kind.SHARE, "108.75 %"), (0.61665, Kind.SHARE, "61.67 %"),
        (0.00005, Kind.SHARE, "0.01 %"), (1234.5, Kind.MONEY, "1,234.50"), (None, Kind.COUNT, "–"),
        ("*", Kind.SHARE, "*"),
    ],
)  # fmt: skip
def test_values_are_written_as_bulletins_print_them(value: float | str | None, kind: Kind, text: str) -> None:
    assert shown(value, kind) == text


def test_a_grid_refuses_rows_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="a value a column"):
        Grid((GridColumn("a"),), ((1, 2),))


def test_a_word_file_has_title_tables_and_repeated_heads() -> None:
    word = docx.Document(io.BytesIO(docx_of(DOCUMENT)))
    assert [p.text for p in word.paragraphs[:4]] == ["月报", "二月", "概要", "模拟"]
    facts, grid, chart, spans = word.tables
    assert [cell.text for cell in facts.rows[0].cells] == ["规则", "2026.2"]
    assert [[cell.text for cell in row.cells] for row in grid.rows] == [
        ["县", "家", "占比", "元"], ["=SUM(A1)", "4,172", "61.67 %", "12.50"], ["娄星", "–", "*", "–"],
        ["合计", "4,173", "108.75 %", "0.00"],
    ]  # fmt: skip
    assert grid.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    assert grid.rows[3].cells[0].paragraphs[0].runs[0].bold
    assert [[cell.text for cell in row.cells] for row in chart.rows][1:] == [["一月", "1"], ["二月", "–"]]
    assert spans.rows[1].cells[0].text == "停"
    section = word.sections[0]
    assert section.page_width > section.page_height
    assert "某局 · 2026-03-01" in section.footer.paragraphs[0].text
    assert "PAGE" in section.footer._element.xml
    assert (word.core_properties.title, word.core_properties.modified) == ("月报", MOMENT)
    fonts = word.styles["Normal"].element.rPr.rFonts
    assert fonts.get(qn("w:eastAsia")) == "宋体"


def test_a_workbook_keeps_numbers_and_makes_no_formula_of_texts() -> None:
    book = load_workbook(io.BytesIO(xlsx_of(SHEETS, "月报", "某局", MOMENT)))
    assert book.sheetnames == ["分县 市 区", "走势"]
    rows = [[cell.value for cell in row if cell.value is not None] for row in book.worksheets[0].iter_rows()]
    assert [row for row in rows if row] == [
        ["分县"], ["=1+1"], ["分县"], ["县", "家", "占比", "元"], ["=SUM(A1)", 4172, 0.61665, 12.5],
        ["娄星", "*"], ["合计", 4173, 1.0875, 0],
    ]  # fmt: skip
    formulas = [
        c for sheet in book.worksheets for row in sheet.iter_rows() for c in row if c.data_type == "f"
    ]
    assert not formulas
    (share,) = [c for row in book.worksheets[0].iter_rows() for c in row if c.value == 1.0875]
    assert share.number_format == "0.00%"
    assert share.font.bold
    assert len(book.worksheets[1]._charts) == 1
    assert book.properties.modified.replace(tzinfo=UTC) == MOMENT


def test_the_same_content_gives_the_same_bytes_and_another_moment_others() -> None:
    later = MOMENT + timedelta(days=31)
    assert xlsx_of(SHEETS, "月报", "某局", MOMENT) == xlsx_of(SHEETS, "月报", "某局", MOMENT)
    assert xlsx_of(SHEETS, "月报", "某局", MOMENT) != xlsx_of(SHEETS, "月报", "某局", later)
    assert docx_of(DOCUMENT) == docx_of(DOCUMENT)
    for data in (docx_of(DOCUMENT), xlsx_of(SHEETS, "月报", "某局", MOMENT)):
        with ZipFile(io.BytesIO(data)) as archive:
            assert {info.date_time for info in archive.infolist()} == {(2026, 3, 1, 8, 0, 0)}
