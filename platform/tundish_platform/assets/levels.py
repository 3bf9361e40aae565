"""Levels of the equipment tree after ISA-95 (IEC 62264-1), and on which node a signal hangs. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from tundish_platform.samples import SignalRole

LINE_DEPTH: Final = 3


class Level(StrEnum):
    """From the whole down to the part.

    ISA-95 calls a line of pieces a work centre and a machine a work unit. A component may have components.
    """

    ENTERPRISE = "enterprise"
    SITE = "site"
    AREA = "area"
    LINE = "line"
    MACHINE = "machine"
    COMPONENT = "component"


_DOWNWARDS: Final = tuple(Level)
# What models and apps compute of a line is no equipment of it.
_OF_THE_LINE: Final = frozenset({SignalRole.PREDICTION, SignalRole.OUTPUT})


def level_at(path: str) -> Level:
    """The level of a path: none is the enterprise, one part a site, three a line, five and on a component."""
    depth = path.count("/") + 1 if path else 0
    return _DOWNWARDS[min(depth, len(_DOWNWARDS) - 1)]


def below(level: Level) -> Level:
    """The level of a node's children."""
    return _DOWNWARDS[min(_DOWNWARDS.index(level) + 1, len(_DOWNWARDS) - 1)]


def may_hold(parent: Level, child: Level) -> bool:
    """Whether a node may have children of that level; no level is ever left out."""
    return below(parent) is child and child is not Level.ENTERPRISE


def above_path(path: str) -> str:
    """The path of the node above, ``""`` for the enterprise."""
    return path.rpartition("/")[0]


def place_of(signal: str, role: SignalRole) -> str:
    """Path of the node a signal hangs on: all but the variable, or the line for what was computed of it."""
    place = above_path(signal)
    return "/".join(place.split("/")[:LINE_DEPTH]) if role in _OF_THE_LINE else place
