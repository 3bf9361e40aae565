"""The text in which a signal is searched, and the words looked for in it. Pure.

Databases index every three letters that follow each other (trigrams), which finds parts of words in any
language, but no term of two; and 压力 is a whole word. So each two Chinese characters that follow each other
are put behind the text once more with a mark before them, which makes a trigram of them.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MARK: Final = "\u2038"
TRIGRAM: Final = 3
_PAIR: Final = 2
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]{2,}")


def normal(text: str) -> str:
    """Without case, and full-width letters as narrow ones: what looks the same is found the same."""
    return unicodedata.normalize("NFKC", text).lower().replace(MARK, " ")


def search_text(path: str, name_zh: str, name_en: str) -> str:
    """What is searched of a signal."""
    text = "\n".join(normal(part) for part in (path, name_zh, name_en))
    pairs = {run[n : n + _PAIR] for run in _HAN.findall(text) for n in range(len(run) - 1)}
    return "\n".join([text, *(MARK + pair for pair in sorted(pairs))])


def indexed_term(term: str) -> str | None:
    """A normal term as the index knows it; None for one too short for it."""
    if len(term) >= TRIGRAM:
        return term
    return MARK + term if _HAN.fullmatch(term) else None
