"""Semantic kinds: what a signal means, by names that do not depend on who made the machine."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class SemanticKind:
    """A kind of the vocabulary.

    Attributes:
        name: ``quantity.medium_or_part[.qualifier]``.
        unit: UCUM code in which machines are compared; ``""`` for what has no unit.
        name_zh, name_en: for people.
        difference: values are differences, so converting them must not move the zero.
    """

    name: str
    unit: str
    name_zh: str
    name_en: str
    difference: bool


@cache
def semantic_kinds() -> Mapping[str, SemanticKind]:
    """The vocabulary by name."""
    rows = tomllib.loads(files("tundish_platform.samples").joinpath("semantics.toml").read_text("utf-8"))
    return MappingProxyType(
        {
            name: SemanticKind(name, row["unit"], row["zh"], row["en"], row.get("difference", False))
            for name, row in rows.items()
        }
    )


def semantic_kind(semantic: str) -> SemanticKind | None:
    """The kind itself, or else the longest part of its name that the vocabulary has; None if it has none."""
    known = semantic_kinds()
    while semantic not in known:
        semantic, dot, _ = semantic.rpartition(".")
        if not dot:
            return None
    return known[semantic]
