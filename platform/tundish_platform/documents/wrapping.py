"""Lines of mixed Chinese and Latin text. Pure.

Chinese may break after any character, words of Latin letters only between them; no line begins with a
closing sign or ends with an opening one (the prohibitions of GB/T 15834 and of JLREQ's line composition).
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CLOSING: Final = frozenset(",。、;:?!)》」』】〕〉…—%℃’”.,;:?!)]}")
_OPENING: Final = frozenset("(《「『【〔〈‘“([{")
_PIECES: Final = re.compile(r"\s+|[^\s⺀-鿿豈-﫿︰-﹏＀-￯]+|.", re.DOTALL)


def wrap(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Break a text into lines.

    Args:
        text: line feeds in it are kept.
        width: of a line, in what `measure` returns.
        measure: how wide a text is.

    Returns:
        The lines; a word wider than a line is broken anywhere.
    """
    return [line for part in text.split("\n") for line in _lines(part, width, measure)]


def _lines(text: str, width: float, measure: Callable[[str], float]) -> Iterator[str]:
    line = ""
    for unit in _units(text):
        if measure(line + unit.rstrip()) <= width:
            line += unit
            continue
        if line.strip():
            yield line.rstrip()
        line = unit.lstrip()
        while measure(line.rstrip()) > width and len(line) > 1:
            cut = next((n for n in range(len(line) - 1, 1, -1) if measure(line[:n]) <= width), 1)
            yield line[:cut]
            line = line[cut:]
    yield line.rstrip()


def _units(text: str) -> Iterator[str]:
    """What must not be broken: a word, or a Chinese character with the signs that belong to it."""
    unit = ""
    for match in _PIECES.finditer(unicodedata.normalize("NFC", text)):
        piece = match.group()
        if not unit or piece[0] in _CLOSING or piece.isspace() or unit[-1] in _OPENING:
            unit += piece
        else:
            yield unit
            unit = piece
    if unit:
        yield unit
