"""A method card: headings, lists, paragraphs and bold words; everything else in it is shown as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dash import html

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dash.development.base_component import Component

_BOLD: Final = re.compile(r"\*\*(.+?)\*\*")


def method_card(text: str) -> Component:
    """The card of a publisher whom nobody has to trust: no links, no pictures, no HTML."""
    parts: list[Component] = []
    items: list[Component] = []
    for line in [*text.splitlines(), ""]:
        words = line.strip()
        if words.startswith(("- ", "* ")):
            items.append(html.Li(list(_words(words[2:]))))
            continue
        if items:
            parts.append(html.Ul(items))
            items = []
        if words.startswith("#"):
            parts.append(html.H3(list(_words(words.lstrip("# ")))))
        elif words:
            parts.append(html.P(list(_words(words))))
    return html.Div(parts, className="method-card")


def _words(line: str) -> Iterator[str | Component]:
    """Every second piece stood between two pairs of asterisks."""
    for number, piece in enumerate(_BOLD.split(line)):
        if piece:
            yield html.Strong(piece) if number % 2 else piece
