"""Edges: what is known between two runs, under the signal's hold and outside recorded gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tundish_platform.store.query.keys import ranks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.store.query.compose import Answer, Question


class Spoken(NamedTuple):
    """What samples say over some stretches of time.

    Attributes:
        area: integral of the value over good time, value · µs.
        good: time in which a good sample speaks, µs.
        known: time in which any sample speaks, µs.
    """

    area: NDArray[np.float64]
    good: NDArray[np.float64]
    known: NDArray[np.float64]


class Edges:
    """Between the last sample of each run and the first of the next: who speaks, how long, what value.

    There must be runs.
    """

    def __init__(self, question: Question, answer: Answer) -> None:
        runs = answer.runs
        self._runs = runs
        self._next = np.append(runs.first[1:], np.iinfo(np.int64).max)
        self._until = np.minimum(self._next, runs.last + question.hold_of(runs))
        near = answer.gaps.near(runs.first)
        if len(near):
            speaks = answer.gaps.speaks_until(runs.last[near])
            self._until[near] = np.minimum(self._until[near], speaks)
        # A line runs on to the next sample if that is good and within reach.
        line = (self._until == self._next) & np.append(runs.first_good[1:], False)
        if question.step.any():
            line &= ~question.step[ranks(runs.first)] if not question.step.all() else False
        rise = np.append(runs.first_value[1:], 0.0) - runs.last_value
        self._rise = np.where(line, rise, 0.0)

    def whole(self) -> Spoken:
        """Area, good time and known time of all edges."""
        known = (self._until - self._runs.last).astype(np.float64)
        good = known if self._runs.last_good.all() else np.where(self._runs.last_good, known, 0.0)
        return Spoken((self._runs.last_value + self._rise / 2) * good, good, known)

    def part(self, run: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]) -> Spoken:
        """The same of parts ``[low, high)`` (keys) of some edges; nothing for run -1."""
        last, until = self._runs.last[run], self._until[run]
        low, high = np.maximum(low, last), np.minimum(high, until)
        there = (run >= 0) & (high > low)
        known = np.where(there, high - low, 0).astype(np.float64)
        good = np.where(self._runs.last_good[run], known, 0.0)
        # A line's integral is its middle's value times its length.
        middle = ((low - last) + (high - last)) / 2
        length = np.maximum(self._next[run] - last, 1)
        value = self._runs.last_value[run] + self._rise[run] * np.where(there, middle, 0.0) / length
        return Spoken(value * good, good, known)
