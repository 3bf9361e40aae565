"""The pages that blocks are written on: A4, embedded fonts, footer, colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from tundish_platform.documents.wrapping import wrap

if TYPE_CHECKING:
    from tundish_platform.documents.blocks import Document
    from tundish_platform.documents.fonts import Fonts

FAMILY: Final = "text"
INK: Final = (27, 39, 51)
MUTED: Final = (91, 107, 122)
LINE: Final = (219, 226, 232)
GROUND: Final = (244, 247, 249)
ACCENT: Final = (31, 95, 134)
GROUNDS: Final = {"notice": (238, 245, 249), "warning": (255, 243, 224)}
# Told apart by people with any kind of colour vision (Okabe and Ito).
COLOURS: Final = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (138, 109, 0), (86, 180, 233),
)  # fmt: skip
_MARGIN_MM: Final = 16.0
_FOOT_MM: Final = 16.0
# Widths are rounded where the library breaks lines itself; ours are never to be broken again.
_SLACK_MM: Final = 0.4
_PAGE = {"zh": "第 {} 页, 共 {{nb}} 页", "en": "Page {} of {{nb}}"}


class Paper(FPDF):
    """A4 pages with the document's source, moment and page number at each foot. Lengths in mm."""

    def __init__(self, document: Document, fonts: Fonts) -> None:
        super().__init__(orientation="landscape" if document.landscape else "portrait", format="A4")
        self._document = document
        self.set_creation_date(document.moment)
        self.set_title(document.title)
        self.set_author(document.source)
        self.set_lang({"zh": "zh-CN", "en": "en"}[document.language])
        self.set_producer("Tundish")
        self.add_font(FAMILY, "", fonts.regular, collection_font_number=fonts.regular_index)
        self.add_font(FAMILY, "B", fonts.bold, collection_font_number=fonts.bold_index)
        self.set_margins(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=_FOOT_MM + 4.0)
        self.c_margin = 1.2
        self.add_page()

    def footer(self) -> None:
        """Write the foot of a page; the library calls it for each."""
        document = self._document
        self.set_y(-_FOOT_MM)
        self.set_draw_color(*LINE)
        self.line(self.l_margin, self.y, self.w - self.r_margin, self.y)
        self.pen(7.5, MUTED)
        page = _PAGE[document.language].format(self.page_no())
        said = wrap(f"{document.source} · {document.moment_text}", self.epw - 40.0, self.get_string_width)[0]
        self.cell(self.epw - 38.0, 7.0, said)
        self.cell(38.0, 7.0, page, align="R")

    def pen(self, size: float, colour: tuple[int, int, int] = INK, *, bold: bool = False) -> None:
        """Write with this size in points and this colour from now on."""
        self.set_font(FAMILY, "B" if bold else "", size)
        self.set_text_color(*colour)

    def wrapped(self, text: str, width: float) -> str:
        """The text in lines that fit a cell of that width in the font that is set."""
        room = width - 2 * self.c_margin - _SLACK_MM
        return "\n".join(wrap(text, room, self.get_string_width))

    def write_lines(self, text: str, height: float, *, fill: bool = False) -> None:
        """Write a text over the whole width and go to the next line."""
        self.multi_cell(
            self.epw, height, self.wrapped(text, self.epw), align="L", fill=fill,
            new_x=XPos.LMARGIN, new_y=YPos.NEXT,
        )  # fmt: skip

    def keep(self, height: float) -> None:
        """Begin a new page where so much has no room on this one."""
        if self.will_page_break(height):
            self.add_page()
