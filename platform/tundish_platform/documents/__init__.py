"""Documents to hand on: reports, statements and certificates as PDF, Word or Excel, in one language each.

A document is data (`Document` of blocks); `pdf_of` and `docx_of` write it, and `xlsx_of` sheets of the same
blocks with numbers that stay numbers (`Grid`). The same document gives the same bytes.
"""

from tundish_platform.documents.blocks import (
    Align,
    Block,
    Chart,
    ChartSeries,
    Column,
    Document,
    Facts,
    Heading,
    Paragraph,
    Span,
    Table,
    Timeline,
    TimelineRow,
)
from tundish_platform.documents.fonts import Fonts, FontsMissing, find_fonts
from tundish_platform.documents.grids import Grid, GridColumn, Kind, table_of
from tundish_platform.documents.word import docx_of
from tundish_platform.documents.workbook import Sheet, xlsx_of
from tundish_platform.documents.writing import pdf_of

__all__ = [
    "Align",
    "Block",
    "Chart",
    "ChartSeries",
    "Column",
    "Document",
    "Facts",
    "Fonts",
    "FontsMissing",
    "Grid",
    "GridColumn",
    "Heading",
    "Kind",
    "Paragraph",
    "Sheet",
    "Span",
    "Table",
    "Timeline",
    "TimelineRow",
    "docx_of",
    "find_fonts",
    "pdf_of",
    "table_of",
    "xlsx_of",
]
