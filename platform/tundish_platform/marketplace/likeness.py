"""How much a signal looks like what an input asks for, where its semantic kind does not say so.

Likeness makes suggestions for a person, never a grant.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tundish_platform.samples.semantics import semantic_kind
from tundish_platform.samples.units import units

if TYPE_CHECKING:
    from tundish_platform.samples import SignalInfo
    from tundish_platform.sdk.manifest import Input

LEAST: Final = 0.27
"""Below it a signal is not suggested. A kind's parent in the right unit is above, a unit alone is not."""

_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[\u4e00-\u9fff]+")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
# They stand in names of everything.
_EMPTY_WORDS: Final = frozenset({"of", "the", "a", "an", "in", "per", "and", "or", "value", "signal", "信号"})
_NAME, _FAMILY, _UNIT = 0.6, 0.25, 0.15


def likeness(wanted: Input, signal: SignalInfo) -> float:
    """From 0 to 1; 0 where the units are of different quantities, whatever the names say.

    The share of the input's words that the signal's names and path have, in the better of the two languages;
    how much of the semantic kind is the same; and whether the unit is of the right quantity.
    """
    pattern = wanted.semantic.removesuffix(".*")
    kind = semantic_kind(pattern)
    unit = _unit(wanted.unit or (kind.unit if kind else ""), signal.unit)
    if unit is None:
        return 0.0
    leaf = " ".join(signal.path.split("/")[-2:])
    has = words(f"{signal.name_zh} {signal.name_en} {leaf}")
    asked = {wanted.name.zh, wanted.name.en} | ({kind.name_zh, kind.name_en} if kind else set())
    name = max((_share(words(text), has) for text in asked), default=0.0)
    return _NAME * name + _FAMILY * _family(pattern, signal.semantic) + _UNIT * unit


@lru_cache(maxsize=4096)
def words(text: str) -> frozenset[str]:
    """Words of English text and names in camel case, and pairs of Chinese characters."""
    found: set[str] = set()
    for piece in _WORD.findall(unicodedata.normalize("NFKC", text)):
        if _CHINESE.match(piece):
            found |= {piece[i : i + 2] for i in range(max(1, len(piece) - 1))}
        else:
            found.add(piece.lower())
    return frozenset(found - _EMPTY_WORDS)


def _share(asked: frozenset[str], has: frozenset[str]) -> float:
    return len(asked & has) / len(asked) if asked else 0.0


def _family(pattern: str, semantic: str) -> float:
    """Share of the kind's parts, from the left, that are the same; a kind below the one asked for is it."""
    asked, has = pattern.split("."), semantic.split(".")
    same = 0
    for one, other in zip(asked, has, strict=False):
        if one != other:
            break
        same += 1
    return same / len(asked)


def _unit(wanted: str, held: str) -> float | None:
    """1 for the same quantity, 0 where one is not known, None for different ones."""
    known = units()
    if wanted not in known or held not in known:
        return 0.0
    return 1.0 if known[wanted].quantity == known[held].quantity else None
