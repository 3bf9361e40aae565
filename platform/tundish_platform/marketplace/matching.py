"""Which of a tenant's signals can serve as which input of an app, which look like it, and why others cannot.

Pure: what a person confirmed is in `tundish_platform.marketplace.mapping`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tundish_platform.marketplace.likeness import LEAST, likeness
from tundish_platform.sdk.fit import Why, obstacles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tundish_platform.samples import SignalInfo
    from tundish_platform.sdk import Manifest
    from tundish_platform.sdk.fit import Obstacle
    from tundish_platform.sdk.manifest import Input

MOST_SUGGESTED: Final = 5
MOST_NEAR: Final = 10
# Below them lie machines; the same three levels are a line everywhere else.
_LINE_LEVELS: Final = 3


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A signal that only looks like the input; ``score`` from 0 to 1."""

    signal: SignalInfo
    score: float


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A signal of the right semantic kind, and what stands against it all the same."""

    signal: SignalInfo
    obstacles: tuple[Obstacle, ...]


@dataclass(frozen=True, slots=True)
class InputMatch:
    """One input against all signals.

    Attributes:
        fits: signals that serve, those of exactly the kind before those of its family, then by path.
        suggestions: only where nothing fits: what looks like it, the likest first.
        near: of the right kind, but with something else against them; at most `MOST_NEAR`.
        others: only where nothing fits: those with nothing but their semantic kind against them, by path.
    """

    wanted: Input
    fits: tuple[SignalInfo, ...]
    suggestions: tuple[Suggestion, ...]
    near: tuple[NearMiss, ...]
    others: tuple[SignalInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Stock:
    """A tenant's signals, put together by contract: what stands against a signal depends on it alone.

    Thousands of signals share a few dozen contracts, so that a catalogue is matched in a blink.

    Attributes:
        signals: all of them, by path.
        groups: those of one contract, with seconds between samples as measured.
    """

    signals: tuple[SignalInfo, ...]
    groups: tuple[tuple[tuple[SignalInfo, ...], float | None], ...]


def stock_of(signals: Iterable[SignalInfo], periods: Mapping[int, float] | None = None) -> Stock:
    """Signals to match with, of the whole tenant or of the lines that were picked.

    Args:
        signals: in any order.
        periods: seconds between samples as measured, by number; a source's own word counts for the others.
    """
    known = tuple(sorted(signals, key=lambda s: s.path))
    measured = periods or {}
    groups: dict[tuple[object, ...], list[SignalInfo]] = defaultdict(list)
    for s in known:
        groups[s.kind, s.role, s.semantic, s.unit, s.period_s, measured.get(s.id)].append(s)
    return Stock(known, tuple((tuple(members), measured.get(members[0].id)) for members in groups.values()))


def match(manifest: Manifest, stock: Stock, *, suggest: bool = False) -> tuple[InputMatch, ...]:
    """Every input of an app against a tenant's signals.

    Args:
        manifest: of the app.
        stock: the signals.
        suggest: whether to look for what is alike where nothing fits, which looks at every name.
    """
    return tuple(_match(wanted, stock, suggest=suggest) for wanted in manifest.inputs)


def line_of(signal: SignalInfo) -> str:
    """The path of the line that a signal belongs to."""
    return "/".join(signal.path.split("/")[:_LINE_LEVELS])


def in_lines(signals: Iterable[SignalInfo], lines: Iterable[str]) -> list[SignalInfo]:
    """Those of some lines; all where none was picked."""
    picked = frozenset(lines)
    return [s for s in signals if not picked or line_of(s) in picked]


def lines_of(signals: Iterable[SignalInfo]) -> tuple[str, ...]:
    """The lines that signals belong to."""
    return tuple(sorted({line_of(signal) for signal in signals}))


def _match(wanted: Input, stock: Stock, *, suggest: bool) -> InputMatch:
    fits: list[SignalInfo] = []
    near: list[NearMiss] = []
    others: list[SignalInfo] = []
    for members, period in stock.groups:
        found = obstacles(wanted, members[0], period)
        reasons = {one.why for one in found}
        if not reasons:
            fits += members
        elif Why.SEMANTIC not in reasons:
            near += [NearMiss(signal, found) for signal in members]
        elif reasons == {Why.SEMANTIC}:
            others += members
    fits.sort(key=lambda s: (s.semantic != wanted.semantic, s.path))
    near.sort(key=lambda one: one.signal.path)
    if not suggest or fits:
        return InputMatch(wanted, tuple(fits), (), tuple(near[:MOST_NEAR]))
    others.sort(key=lambda s: s.path)
    return InputMatch(wanted, (), _alike(wanted, others), tuple(near[:MOST_NEAR]), tuple(others))


def _alike(wanted: Input, others: Iterable[SignalInfo]) -> tuple[Suggestion, ...]:
    scored = (Suggestion(signal, likeness(wanted, signal)) for signal in others)
    found = sorted(
        (one for one in scored if one.score >= LEAST), key=lambda one: (-one.score, one.signal.path)
    )
    return tuple(found[:MOST_SUGGESTED])
