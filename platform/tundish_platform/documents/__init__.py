"""Documents to hand on: reports, statements and certificates as PDF, in one language each.

A document is data (`Document` of blocks); `pdf_of` writes it. The same document gives the same bytes.
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
    "Heading",
    "Paragraph",
    "Span",
    "Table",
    "Timeline",
    "TimelineRow",
    "find_fonts",
    "pdf_of",
]
