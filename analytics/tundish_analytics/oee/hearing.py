"""From state words to stretches of state: what a machine said, as long as it said it."""

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
"""Periods after which a text that is sent again each period is known no more."""
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
_WORDS: Final = {word: state for state, words in _IN.items() for word in words.split()}
# What the mode makes of a machine that is not producing.
_MODES: Final = {"setup": State.SETUP, "maintenance": State.MAINTENANCE}


@dataclass(frozen=True, slots=True)
class Heard:
    """A machine's states.

    Attributes:
        states: stretches within the window, neighbours of the same state as one.
        unread: words that no state is known for; their time is unknown.
    """

    states: States
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """Texts, the time each was said and until when it holds.

    Attributes:
        at, until: µs UTC, shape ``(n,)``, rising.
        said: empty where the sample is bad.
    """

    at: Times
    until: Times
    said: tuple[str, ...]

    @classmethod
    def of(cls, at: Times, said: Sequence[str | None], good: NDArray[np.bool_], known_until: int,
           period_s: float | None = None) -> Held:  # fmt: skip
        """Samples of a text signal.

        Args:
            at: times, µs UTC, rising, shape ``(n,)``.
            said: text of each.
            good: whether its status is good.
            known_until: µs UTC; the last text holds until then, and from then on nothing is known.
            period_s: of a signal that says its text again each period.
        """
        words = tuple(word if fine and word else "" for word, fine in zip(said, good.tolist(), strict=True))
        until = np.append(at[1:], known_until) if at.size else at
        if period_s is not None:
            until = np.minimum(until, at + int(SILENCE * period_s * SECOND))
        return cls(at, np.maximum(np.minimum(until, known_until), at), words)

    def words(self, moments: Times) -> list[str]:
        """What is said at each moment; empty where nothing is known."""
        place = np.searchsorted(self.at, moments, side="right") - 1
        return [
            self.said[p] if p >= 0 and moment < self.until[p] else ""
            for p, moment in zip(place.tolist(), moments.tolist(), strict=True)
        ]


def state_of(word: str) -> State:
    """What a word of state means, in any case and spacing; unknown for a word that nobody knows."""
    return _WORDS.get(_plain(word), State.UNKNOWN)


def heard(state: Held, start: int, end: int, mode: Held | None = None, reason: Held | None = None) -> Heard:
    """The states of one machine within a window; silence and bad samples are unknown.

    Args:
        state: words of PackML, of OPC UA's machinery states or of this platform.
        start: of the window, µs UTC.
        end: of the window, after its start.
        mode: the machine's operation mode, where it has one.
        reason: codes that people or the control give for a stop; the last one during a stop is its reason.
    """
    marks = [state.at, state.until, *([mode.at, mode.until] if mode else []), np.array([start, end])]
    edges = np.unique(np.concatenate(marks))
    edges = edges[(edges >= start) & (edges <= end)]
    words = state.words(edges[:-1])
    # A shift has thousands of words, of which few differ.
    known = {word: _WORDS.get(_plain(word)) for word in set(words)}
    unread = sorted(word for word, found in known.items() if word and found is None)
    told = {word: State.UNKNOWN if found is None else found for word, found in known.items()}
    numbers = np.array([told[word] for word in words], np.int64)
    if mode is not None:
        changed = [_MODES.get(_plain(word)) for word in mode.words(edges[:-1])]
        numbers = np.array([_under(State(n), m) for n, m in zip(numbers.tolist(), changed, strict=True)])
    return Heard(_stretches(edges, numbers, reason), tuple(unread))


def _under(state: State, mode: State | None) -> State:
    return state if mode is None or state in (State.PRODUCING, State.UNKNOWN) else mode


def _stretches(edges: Times, numbers: Times, reason: Held | None) -> States:
    first = np.flatnonzero(np.diff(numbers, prepend=-1) != 0)
    ends = np.append(edges[first[1:]], edges[-1])
    begins, kinds = edges[first], numbers[first]
    known = kinds != State.UNKNOWN
    begins, ends, kinds = begins[known], ends[known], kinds[known]
    given = _reasons(reason, begins, ends) if reason is not None else [""] * begins.size
    return States(begins, ends, kinds, tuple(given))


def _reasons(reason: Held, begins: Times, ends: Times) -> list[str]:
    """The last reason given during each stretch; a reason holds for no other stop."""
    last = np.searchsorted(reason.at, ends, side="left") - 1
    return [
        reason.said[place] if place >= 0 and reason.at[place] >= begin else ""
        for place, begin in zip(last.tolist(), begins.tolist(), strict=True)
    ]


def _plain(word: str) -> str:
    return word.strip().lower().replace(" ", "")
