"""From state words to stretches of state: what a machine said, as long as it said it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.oee.calendar import instant
from tundish_analytics.oee.timesplit import SECOND, State, States

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_analytics.oee.reading import Reading
    from tundish_platform.samples import SignalInfo

    Times = NDArray[np.int64]

# A state that is sent again each period is known for so many periods after the last time.
_SILENCE: Final = 2.5
_IN: Final = {
    State.PRODUCING: "execute completing executing producing",
    State.IDLE: "idle complete stopped stopping resetting starting notexecuting",
    State.FAULT: "held holding unholding aborted aborting clearing fault outofservice",
    State.STARVED: "suspended suspending unsuspending starved",
    State.BLOCKED: "blocked",
    State.SETUP: "setup",
    State.MAINTENANCE: "maintenance",
    State.PLANNED_STOP: "planned_maint",
    State.UNKNOWN: "unknown notavailable off",
}
WORDS: Final = {word: state for state, words in _IN.items() for word in words.split()}
# What the mode makes of a machine that is not producing.
_MODES: Final = {"setup": State.SETUP, "maintenance": State.MAINTENANCE}


@dataclass(frozen=True, slots=True)
class Heard:
    """A machine's states.

    Attributes:
        states: stretches, neighbours of the same state as one.
        unread: words that no state is known for; their time is unknown.
    """

    states: States
    unread: tuple[str, ...]


def hear(reading: Reading, state: SignalInfo, mode: SignalInfo | None, reason: SignalInfo | None) -> Heard:
    """The states of one machine within the window; silence and bad samples are unknown."""
    said, modes = _Held.of(reading, state), _Held.of(reading, mode) if mode else None
    start, end = instant(reading.start), instant(reading.end)
    marks = [said.at, said.until, *([modes.at, modes.until] if modes else []), np.array([start, end])]
    edges = np.unique(np.concatenate(marks))
    edges = edges[(edges >= start) & (edges <= end)]
    words = said.words(edges[:-1])
    # A shift has thousands of words, of which few differ.
    known = {word: WORDS.get(_plain(word)) for word in set(words)}
    unread = sorted(word for word, state in known.items() if word and state is None)
    told = {word: State.UNKNOWN if state is None else state for word, state in known.items()}
    numbers = np.array([told[word] for word in words], np.int64)
    if modes is not None:
        changed = [_MODES.get(_plain(word)) for word in modes.words(edges[:-1])]
        numbers = np.array([_under(State(n), m) for n, m in zip(numbers.tolist(), changed, strict=True)])
    return Heard(_stretches(reading, edges, numbers, reason), tuple(unread))


def _under(state: State, mode: State | None) -> State:
    return state if mode is None or state in (State.PRODUCING, State.UNKNOWN) else mode


def _stretches(reading: Reading, edges: Times, numbers: Times, reason: SignalInfo | None) -> States:
    first = np.flatnonzero(np.diff(numbers, prepend=-1) != 0)
    ends = np.append(edges[first[1:]], edges[-1])
    begins, kinds = edges[first], numbers[first]
    known = kinds != State.UNKNOWN
    begins, ends, kinds = begins[known], ends[known], kinds[known]
    given = _reasons(reading, reason, begins, ends) if reason is not None else [""] * begins.size
    return States(begins, ends, kinds, tuple(given))


def _reasons(reading: Reading, reason: SignalInfo, begins: Times, ends: Times) -> list[str]:
    """The last reason given during each stretch; a reason holds for no other stop."""
    held = _Held.of(reading, reason)
    last = np.searchsorted(held.at, ends, side="left") - 1
    return [
        held.said[place] if place >= 0 and held.at[place] >= begin else ""
        for place, begin in zip(last.tolist(), begins.tolist(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Held:
    """Texts with the time each was said and until when it holds, µs UTC; empty where the sample is bad."""

    at: Times
    until: Times
    said: tuple[str, ...]

    @classmethod
    def of(cls, reading: Reading, signal: SignalInfo) -> _Held:
        table = reading.samples(signal)
        at = table.column("ts").cast("timestamp[us]").to_numpy().astype(np.int64)
        good = np.right_shift(table.column("status").to_numpy(), 30) == 0
        said = [
            word if fine and word else ""
            for word, fine in zip(table.column("value").to_pylist(), good.tolist(), strict=True)
        ]
        until = np.append(at[1:], instant(reading.end)) if at.size else at
        if signal.period_s is not None:
            until = np.minimum(until, at + int(_SILENCE * signal.period_s * SECOND))
        return cls(at, until, tuple(said))

    def words(self, moments: Times) -> list[str]:
        place = np.searchsorted(self.at, moments, side="right") - 1
        return [
            self.said[p] if p >= 0 and moment < self.until[p] else ""
            for p, moment in zip(place.tolist(), moments.tolist(), strict=True)
        ]


def _plain(word: str) -> str:
    return word.strip().lower().replace(" ", "")
