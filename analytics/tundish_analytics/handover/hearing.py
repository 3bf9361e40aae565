"""Stretches of a machine's state from the words it said, each known as long as it is vouched for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.oee.timesplit import SECOND, State, States

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Times = NDArray[np.int64]

SILENCE: Final = 2.5
"""Periods after which a state that is sent again each period is known no more."""
_IN: Final = {
    State.PRODUCING: "execute completing executing producing running",
    State.IDLE: "idle complete completed stopped stopping resetting starting notexecuting",
    State.FAULT: "held holding unholding aborted aborting clearing fault outofservice",
    State.STARVED: "suspended suspending unsuspending starved",
    State.BLOCKED: "blocked",
    State.SETUP: "setup",
    State.MAINTENANCE: "maintenance",
    State.PLANNED_STOP: "planned_maint",
    State.UNKNOWN: "unknown notavailable off",
}
WORDS: Final = {word: state for state, words in _IN.items() for word in words.split()}
"""PackML's and machinery's words of state, without blanks and in lower case."""


@dataclass(frozen=True, slots=True)
class Held:
    """Texts, the time each was said and until when it holds.

    Attributes:
        at, until: µs UTC, shape ``(n,)``, ascending.
        said: empty where the sample was bad.
    """

    at: Times
    until: Times
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """A machine's states.

    Attributes:
        states: stretches within the window; neighbours of the same state are one.
        unread: words that no state is known for; their time is unknown.
    """

    states: States
    unread: tuple[str, ...]


def held(at: Times, said: Sequence[str], known_until: int, period_s: float | None) -> Held:
    """Texts as they hold: each until the next one, none beyond its silence or what was heard at all.

    Args:
        at: µs UTC, ascending.
        said: empty for a bad sample.
        known_until: nothing is known from then on, µs UTC.
        period_s: in which a text is sent again; None where it is sent on change only.
    """
    until = np.append(at[1:], known_until) if at.size else at
    if period_s is not None:
        until = np.minimum(until, at + int(SILENCE * period_s * SECOND))
    return Held(at, np.maximum(np.minimum(until, known_until), at), tuple(said))


def hear(state: Held, reason: Held | None, start: int, end: int) -> Heard:
    """The states within ``[start, end)``; silence and bad samples are unknown.

    Args:
        state: words of state.
        reason: of stops; the last one said during a stop is its reason.
        start: µs UTC.
        end: µs UTC.
    """
    low, high = np.maximum(state.at, start), np.minimum(state.until, end)
    plain = [_plain(word) for word in state.said]
    numbers = np.array([WORDS.get(word, State.UNKNOWN) for word in plain], np.int64)
    some = (high > low) & (numbers != State.UNKNOWN)
    unread = sorted({word for word in plain if word and word not in WORDS})
    low, high, numbers = low[some], high[some], numbers[some]
    first = np.ones(low.size, np.bool_)
    first[1:] = (numbers[1:] != numbers[:-1]) | (low[1:] != high[:-1])
    begins, kinds = low[first], numbers[first]
    ends = high[np.append(np.flatnonzero(first)[1:] - 1, low.size - 1)] if low.size else high
    said = _reasons(reason, begins, ends) if reason is not None else ("",) * begins.size
    return Heard(States(begins, ends, kinds, said), tuple(unread))


def _reasons(reason: Held, begins: Times, ends: Times) -> tuple[str, ...]:
    """The last reason given during each stretch; a reason holds for no other stop."""
    last = np.searchsorted(reason.at, ends, side="left") - 1
    return tuple(
        reason.said[place] if place >= 0 and reason.at[place] >= begin else ""
        for place, begin in zip(last.tolist(), begins.tolist(), strict=True)
    )


def _plain(word: str) -> str:
    return word.strip().lower().replace(" ", "")
