"""Writes a document as a Word file (.docx), to be edited on."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, assert_never

from tundish_platform.documents.archives import unzipped, zipped
from tundish_platform.documents.blocks import (
    Align,
    Chart,
    Column,
    Facts,
    Heading,
    Paragraph,
    Table,
    Timeline,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docx.document import Document as WordDocument

    from tundish_platform.documents.blocks import Block, Document

# Names that Word and WPS know; other programs put in what they have for Chinese.
_LATIN, _BODY, _HEADS = "Calibri", "宋体", "黑体"
_LANGUAGES: Final = {"zh": "zh-CN", "en": "en-GB"}
_GROUND: Final = {"notice": "EEF5F9", "warning": "FFF3DC"}
_HEAD_GROUND: Final = "E4ECF2"
_WIDTH_MM: Final = {False: 170.0, True: 257.0}


def docx_of(document: Document) -> bytes:
    """The document as a Word file; the same document gives the same bytes.

    A chart is written as the table of its values, a timeline as one of its spans: Word draws what it is told
    to draw only with a copy of the numbers inside, and a table can be read aloud.
    """
    # A fifth of a second to import, and most processes never write a Word file.
    import docx  # noqa: PLC0415 - see above

    word = docx.Document()
    _prepare(word, document)
    _styled(word.add_paragraph(document.title, style="Title"), 20)
    if document.subtitle:
        word.add_paragraph(document.subtitle, style="Subtitle")
    for block in document.blocks:
        _write(word, block, _WIDTH_MM[document.landscape])
    out = io.BytesIO()
    word.save(out)
    return zipped(unzipped(out.getvalue()), document.moment)


def _prepare(word: WordDocument, document: Document) -> None:
    """Paper, properties, fonts and foot."""
    from docx.enum.section import WD_ORIENT  # noqa: PLC0415 - as above
    from docx.shared import Mm  # noqa: PLC0415 - as above

    section = word.sections[0]
    long, short = Mm(297), Mm(210)
    section.page_width, section.page_height = (long, short) if document.landscape else (short, long)
    section.orientation = WD_ORIENT.LANDSCAPE if document.landscape else WD_ORIENT.PORTRAIT
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Mm(20)
    known = word.core_properties
    known.title, known.author, known.language = document.title, document.source, _LANGUAGES[document.language]
    known.created = known.modified = known.last_printed = document.moment
    known.last_modified_by, known.comments, known.revision = document.source, "", 1
    for name in ("Normal", "Title", "Subtitle", "Heading 1", "Heading 2", "List Bullet"):
        _fonts(word.styles[name], _BODY if name in {"Normal", "List Bullet"} else _HEADS, document.language)
    foot = section.footer.paragraphs[0]
    _styled(foot, 8, f"{document.source} · {document.moment_text} · ")
    _page_number(foot)


def _fonts(style: Any, chinese: str, language: str) -> None:  # noqa: ANN401 - a style of python-docx
    from docx.oxml import OxmlElement  # noqa: PLC0415 - as above
    from docx.oxml.ns import qn  # noqa: PLC0415 - as above

    style.font.name = _LATIN
    properties = style.element.get_or_add_rPr()
    fonts = properties.get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    for of, name in (("ascii", _LATIN), ("hAnsi", _LATIN), ("eastAsia", chinese)):
        fonts.set(qn(f"w:{of}"), name)
    said = OxmlElement("w:lang")
    said.set(qn("w:val"), "en-GB")
    said.set(qn("w:eastAsia"), _LANGUAGES[language] if language == "zh" else "zh-CN")
    properties.append(said)


def _page_number(paragraph: Any) -> None:  # noqa: ANN401 - a paragraph of python-docx
    from docx.oxml import OxmlElement  # noqa: PLC0415 - as above
    from docx.oxml.ns import qn  # noqa: PLC0415 - as above

    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    paragraph._p.append(field)  # noqa: SLF001 - python-docx has no fields of its own


def _styled(paragraph: Any, points: float, text: str = "") -> None:  # noqa: ANN401 - as above
    from docx.shared import Pt  # noqa: PLC0415 - as above

    if text:
        paragraph.add_run(text)
    for run in paragraph.runs:
        run.font.size = Pt(points)


def _write(word: WordDocument, block: Block, width_mm: float) -> None:
    match block:
        case Heading():
            word.add_heading(block.text, block.level)
        case Paragraph():
            _paragraph(word, block)
        case Facts():
            _table(word, Table((Column("", share=1), Column("", share=2.6)), block.rows), width_mm)
        case Table():
            _table(word, block, width_mm)
        case Chart():
            _table(word, _values(block), width_mm)
        case Timeline():
            _table(word, _spans(block), width_mm)
        case _:
            assert_never(block)


def _paragraph(word: WordDocument, block: Paragraph) -> None:
    made = word.add_paragraph(block.text)
    _styled(made, 9 if block.tone == "small" else 10.5)
    if block.tone in _GROUND:
        _shade(made._p.get_or_add_pPr(), _GROUND[block.tone])  # noqa: SLF001 - no shading in python-docx


def _values(chart: Chart) -> Table:
    columns = (Column(""), *(Column(one.name, Align.RIGHT) for one in chart.series))
    rows = tuple(
        (label, *("–" if one.y[place] is None else f"{one.y[place]:,.6g}" for one in chart.series))
        for place, label in enumerate(chart.labels)
    )
    return Table(columns, rows, f"{chart.title} ({chart.unit})" if chart.unit else chart.title)


def _spans(timeline: Timeline) -> Table:
    rows = tuple(
        (row.name, f"{span.start:%Y-%m-%d %H:%M}", f"{span.end:%Y-%m-%d %H:%M}")
        for row in timeline.rows
        for span in row.spans
    )
    return Table((Column(timeline.title), Column(timeline.first_label), Column(timeline.last_label)), rows)


def _table(word: WordDocument, table: Table, width_mm: float) -> None:
    """A table with its heads repeated on every page; without heads where no column has a name."""
    from docx.shared import Mm  # noqa: PLC0415 - as above

    if table.title:
        heading = word.add_paragraph()
        _styled(heading, 9.5, table.title)
        heading.runs[0].bold, heading.paragraph_format.keep_with_next = True, True
    headed = any(column.name for column in table.columns)
    made = word.add_table(rows=0, cols=len(table.columns), style="Table Grid")
    made.autofit = False
    whole = sum(column.share for column in table.columns)
    widths = [Mm(column.share / whole * width_mm) for column in table.columns]
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    if headed:
        _row(made, [column.name for column in table.columns], table, widths, head=True)
    for number, cells in enumerate(table.rows):
        last = table.total and number == len(table.rows) - 1
        _row(made, cells, table, widths, head=False, bold=last)
    _styled(word.add_paragraph(), 6)


def _row(
    made: Any, cells: Sequence[str], table: Table, widths: Sequence[Any], *, head: bool, bold: bool = False  # noqa: ANN401 - as above
) -> None:  # fmt: skip
    from docx.enum.text import WD_ALIGN_PARAGRAPH  # noqa: PLC0415 - as above
    from docx.oxml import OxmlElement  # noqa: PLC0415 - as above
    from docx.shared import Pt  # noqa: PLC0415 - as above

    sides = {
        Align.LEFT: WD_ALIGN_PARAGRAPH.LEFT, Align.RIGHT: WD_ALIGN_PARAGRAPH.RIGHT,
        Align.CENTRE: WD_ALIGN_PARAGRAPH.CENTER,
    }  # fmt: skip
    row = made.add_row()
    whole = row._tr.get_or_add_trPr()  # noqa: SLF001 - python-docx has no repeated heads
    whole.append(OxmlElement("w:cantSplit"))
    if head:
        whole.append(OxmlElement("w:tblHeader"))
    for cell, text, column, width in zip(row.cells, cells, table.columns, widths, strict=True):
        cell.width = width
        paragraph = cell.paragraphs[0]
        _styled(paragraph, 8.5, text)
        paragraph.alignment = sides[column.align]
        paragraph.paragraph_format.space_after = Pt(1)
        for run in paragraph.runs:
            run.bold = head or bold
        if head or bold:
            _shade(cell._tc.get_or_add_tcPr(), _HEAD_GROUND)  # noqa: SLF001 - as above


def _shade(properties: Any, colour: str) -> None:  # noqa: ANN401 - an element of python-docx
    from docx.oxml import OxmlElement  # noqa: PLC0415 - as above
    from docx.oxml.ns import qn  # noqa: PLC0415 - as above

    shading = OxmlElement("w:shd")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", colour)):
        shading.set(qn(f"w:{name}"), value)
    properties.append(shading)
