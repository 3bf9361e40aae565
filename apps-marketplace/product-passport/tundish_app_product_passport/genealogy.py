"""The genealogy as a graph: what went into a product, what became of it; each product once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Genealogy:
    """Products by series and number, and who was made of whom.

    Attributes:
        products: the declaration of each, in the order of declaration.
        sources: what went into each, with the time.
        made: what was made of each.
    """

    products: Mapping[Key, Mapping[str, Any]]
    sources: Mapping[Key, Mapping[Key, Any]] = field(default_factory=dict)
    made: Mapping[Key, set[Key]] = field(default_factory=dict)

    def before(self, product: Key) -> dict[Key, int]:
        """Steps to everything that went into it, on the shortest way."""
        return _steps(product, {key: set(of) for key, of in self.sources.items()})

    def after(self, product: Key) -> dict[Key, int]:
        """Steps to everything that was made of it."""
        return _steps(product, self.made)

    def finished(self) -> list[Key]:
        """Pieces nothing was made of, newest first."""
        pieces = [k for k, row in self.products.items() if row["kind"] == "piece" and not self.made.get(k)]
        return pieces[::-1]

    def recall(self, suspect: Key) -> list[Key]:
        """Finished pieces with anything of a suspect product in them, and itself if it is one."""
        touched = {suspect, *self.after(suspect)}
        return sorted(key for key in self.finished() if key in touched)


def genealogy(events: Iterable[Mapping[str, Any]]) -> Genealogy:
    """The graph of product events; a row without a number tells nothing."""
    products: dict[Key, Mapping[str, Any]] = {}
    sources: dict[Key, dict[Key, Any]] = {}
    made: dict[Key, set[Key]] = {}
    for row in events:
        key = (row["series"], row["number"])
        if None in key:
            continue
        if row["event"] == "declared":
            products.setdefault(key, row)
        elif row["event"] == "made_from" and row["from_series"] and row["from_number"]:
            source = (row["from_series"], row["from_number"])
            sources.setdefault(key, {})[source] = row["at"]
            made.setdefault(source, set()).add(key)
    return Genealogy(products, sources, made)


def key_of(text: str) -> Key:
    """``series/number``; the number may hold slashes, a series does not."""
    series, _, number = text.partition("/")
    return series, number


def _steps(start: Key, edges: Mapping[Key, set[Key]]) -> dict[Key, int]:
    found, level, steps = {start: 0}, {start}, 0
    while level:
        steps += 1
        level = {n for key in level for n in edges.get(key, ())} - found.keys()
        found |= dict.fromkeys(level, steps)
    del found[start]
    return found
