"""Writes a document as PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from tundish_platform.documents.blocks import (
    Align,
    Chart,
    Facts,
    Heading,
    Paragraph,
    Table,
    Timeline,
)
from tundish_platform.documents.fonts import find_fonts

if TYPE_CHECKING:
    from tundish_platform.documents.blocks import Block, Document
    from tundish_platform.documents.fonts import Fonts
    from tundish_platform.documents.paper import Paper

_SIDES: Final = {Align.LEFT: "L", Align.RIGHT: "R", Align.CENTRE: "C"}


def pdf_of(document: Document, fonts: Fonts | None = None) -> bytes:
    """The document as a PDF file with its letters embedded; the same document gives the same bytes.

    Args:
        document: what to write.
        fonts: those of this machine where none are given.

    Raises:
        FontsMissing: no font for Chinese text is installed here.
    """
    # fpdf2 takes a quarter of a second to import, and most processes never write a document.
    from tundish_platform.documents.paper import ACCENT, MUTED, Paper  # noqa: PLC0415 - see above

    paper = Paper(document, fonts or find_fonts())
    paper.pen(18.0, ACCENT, bold=True)
    paper.write_lines(document.title, 9.0)
    if document.subtitle:
        paper.pen(10.5, MUTED)
        paper.write_lines(document.subtitle, 6.0)
    paper.ln(3.0)
    for block in document.blocks:
        _write(paper, block)
    return bytes(paper.output())


def _write(paper: Paper, block: Block) -> None:
    from tundish_platform.documents.charts import draw_chart, draw_timeline  # noqa: PLC0415 - as above

    match block:
        case Heading():
            _heading(paper, block)
        case Paragraph():
            _paragraph(paper, block)
        case Facts():
            _facts(paper, block)
        case Table():
            _table(paper, block)
        case Chart():
            draw_chart(paper, block)
        case Timeline():
            draw_timeline(paper, block)
        case _:
            assert_never(block)


def _heading(paper: Paper, heading: Heading) -> None:
    paper.keep(32.0)  # never alone at the foot of a page
    paper.ln(2.5)
    paper.pen(13.0 if heading.level == 1 else 10.5, bold=True)
    paper.write_lines(heading.text, 7.0)
    paper.ln(0.5)


def _paragraph(paper: Paper, paragraph: Paragraph) -> None:
    from tundish_platform.documents.paper import GROUNDS, INK, MUTED  # noqa: PLC0415 - as above

    small = paragraph.tone == "small"
    paper.pen(8.0 if small else 10.0, MUTED if small else INK)
    ground = GROUNDS.get(paragraph.tone)
    if ground:
        paper.set_fill_color(*ground)
    paper.write_lines(paragraph.text, 4.4 if small else 5.4, fill=ground is not None)
    paper.ln(1.8)


def _facts(paper: Paper, facts: Facts) -> None:
    from tundish_platform.documents.paper import MUTED  # noqa: PLC0415 - as above

    paper.pen(9.5)
    first = min(max((paper.get_string_width(key) for key, _ in facts.rows), default=0.0) + 8.0, 70.0)
    for key, value in facts.rows:
        paper.pen(9.5)
        told = paper.wrapped(value, paper.epw - first)
        paper.pen(9.5, MUTED)
        name = paper.wrapped(key, first)
        height = 5.4 * (1 + max(told.count("\n"), name.count("\n")))
        paper.keep(height)
        top = paper.y
        paper.multi_cell(first, 5.4, name, align="L")
        paper.set_xy(paper.l_margin + first, top)
        paper.pen(9.5)
        paper.multi_cell(paper.epw - first, 5.4, told, align="L")
        paper.set_xy(paper.l_margin, top + height)
    paper.ln(2.5)


def _table(paper: Paper, table: Table) -> None:
    from fpdf.fonts import FontFace  # noqa: PLC0415 - as above

    from tundish_platform.documents.paper import ACCENT, GROUND, LINE  # noqa: PLC0415 - as above

    if table.title:
        paper.keep(22.0)
        paper.pen(9.0, bold=True)
        paper.write_lines(table.title, 5.5)
    whole = sum(column.share for column in table.columns)
    widths = [column.share / whole * paper.epw for column in table.columns]
    paper.set_draw_color(*LINE)
    paper.set_fill_color(255)  # or the ground of a notice before it stays
    paper.pen(8.5)
    # A row's lines are broken here, in the weight they will be written in, so that Chinese breaks well.
    body = [
        [paper.wrapped(cell, width) for cell, width in zip(row, widths, strict=True)] for row in table.rows
    ]
    paper.pen(8.5, bold=True)
    heads = [paper.wrapped(c.name, width) for c, width in zip(table.columns, widths, strict=True)]
    if table.total and table.rows:
        body[-1] = [paper.wrapped(cell, width) for cell, width in zip(table.rows[-1], widths, strict=True)]
    paper.pen(8.5)
    with paper.table(
        col_widths=widths, text_align=[_SIDES[column.align] for column in table.columns], line_height=4.6,
        padding=(0.7, 0.0), borders_layout="HORIZONTAL_LINES", repeat_headings=1,
        headings_style=FontFace(emphasis="BOLD", color=ACCENT, fill_color=GROUND), v_align="TOP",
    ) as drawn:  # fmt: skip
        drawn.row(heads)
        for number, cells in enumerate(body):
            last = table.total and number == len(body) - 1
            drawn.row(cells, style=FontFace(emphasis="BOLD", fill_color=GROUND) if last else None)
    paper.ln(4.0)
