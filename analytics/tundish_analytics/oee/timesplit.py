"""Calendar time of a machine, split so that each microsecond belongs to exactly one class.

The time model is ISO 22400-2's: planned busy time without down time, set-up, delays and what nobody knows
is production time (APT). Short stops without a reason stay in it, as a loss of performance. Times are µs
UTC, half-open.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_analytics.oee.calendar import Shift

SECOND: Final = 1_000_000
MICRO_STOP_S: Final = 120


class State(IntEnum):
    """What a machine says it does."""

    PRODUCING = 0
    SETUP = 1
    FAULT = 2
    MAINTENANCE = 3
    STARVED = 4
    BLOCKED = 5
    IDLE = 6
    PLANNED_STOP = 7
    UNKNOWN = 8


class Time(IntEnum):
    """The class a microsecond belongs to."""

    PRODUCING = 0
    MICRO_STOP = 1
    SETUP = 2
    DOWN = 3
    DELAY = 4
    PLANNED_STOP = 5
    UNKNOWN = 6
    NOT_SCHEDULED = 7


_CLASS_OF: Final = np.array(
    [
        Time.PRODUCING,
        Time.SETUP,
        Time.DOWN,
        Time.DOWN,
        Time.DELAY,
        Time.DELAY,
        Time.DELAY,
        Time.PLANNED_STOP,
        Time.UNKNOWN,
    ]
)


@dataclass(frozen=True, slots=True)
class States:
    """Stretches of a machine's state in order; where none is, the state is unknown.

    Attributes:
        start, end: shape ``(n,)``, µs UTC, none overlapping.
        state: `State` numbers.
        reason: reason codes; empty where nobody gave one.

    Raises:
        ValueError: stretches overlap, are out of order or the shapes differ.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    state: NDArray[np.int64]
    reason: tuple[str, ...]

    def __post_init__(self) -> None:
        sizes = {self.start.size, self.end.size, self.state.size, len(self.reason)}
        if len(sizes) != 1 or np.any(self.end <= self.start) or np.any(self.start[1:] < self.end[:-1]):
            raise ValueError("stretches of state follow each other, each ends after its start")


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Microseconds of each class, in the order of `Time`; splits of stretches that don't overlap add up.

    Attributes:
        worked_outside: of what is not planned busy time, how much the machine produced.
    """

    durations: tuple[int, ...]
    worked_outside: int = 0

    def __add__(self, other: TimeSplit) -> TimeSplit:
        durations = tuple(a + b for a, b in zip(self.durations, other.durations, strict=True))
        return TimeSplit(durations, self.worked_outside + other.worked_outside)

    def __getitem__(self, kind: Time) -> int:
        return self.durations[kind]

    @property
    def calendar(self) -> int:
        """All of it."""
        return sum(self.durations)

    @property
    def scheduled(self) -> int:
        """Within shifts."""
        return self.calendar - self[Time.NOT_SCHEDULED]

    @property
    def busy(self) -> int:
        """Planned busy time (PBT)."""
        return self.scheduled - self[Time.PLANNED_STOP]

    @property
    def known_busy(self) -> int:
        """Planned busy time of which the state is known."""
        return self.busy - self[Time.UNKNOWN]

    @property
    def production(self) -> int:
        """Actual production time (APT), short stops included."""
        return self[Time.PRODUCING] + self[Time.MICRO_STOP]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The stretches after cutting at every boundary.

    Attributes:
        start, end: µs UTC.
        kind: `Time` numbers.
        source: which of the states each piece came from; -1 where none was.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    kind: NDArray[np.int64]
    source: NDArray[np.int64]

    def split(self) -> TimeSplit:
        """The sums; production outside the plan is told apart by `split_time`."""
        sums = [int(np.sum((self.end - self.start)[self.kind == kind])) for kind in Time]
        return TimeSplit(tuple(sums))


def classify(
    states: States, shifts: Sequence[Shift], start: int, end: int, *, micro_stop_s: float = MICRO_STOP_S
) -> Pieces:
    """Cut a window at every change of state, shift and break.

    Args:
        states: may reach beyond the window: a short stop across its edge is judged whole.
        shifts: of the calendar; the plan wins over the state.
        start: of the window, µs UTC.
        end: of the window, after its start.
        micro_stop_s: stops shorter than this, without a reason, stay in production time.

    Raises:
        ValueError: the window ends before it starts.
    """
    if end <= start:
        raise ValueError("the window ends after its start")
    breaks = [span for shift in shifts for span in shift.breaks]
    spans = [(shift.start, shift.end) for shift in shifts]
    marks = np.array([mark for span in (*spans, *breaks) for mark in span], np.int64)
    edges = np.unique(np.concatenate([states.start, states.end, marks, [start, end]]))
    edges = edges[(edges >= start) & (edges <= end)]
    low, high = edges[:-1], edges[1:]
    source = _inside(low, states.start, states.end)
    kinds = np.append(_kinds(states, micro_stop_s), Time.UNKNOWN)
    kind = kinds[source]
    scheduled = _within(low, spans)
    kind = np.where(scheduled & _within(low, breaks), Time.PLANNED_STOP, kind)
    kind = np.where(scheduled, kind, Time.NOT_SCHEDULED)
    return Pieces(low, high, kind, source)


def split_time(
    states: States, shifts: Sequence[Shift], start: int, end: int, *, micro_stop_s: float = MICRO_STOP_S
) -> TimeSplit:
    """The window's microseconds per class; arguments as with `classify`."""
    pieces = classify(states, shifts, start, end, micro_stop_s=micro_stop_s)
    outside = (pieces.kind == Time.NOT_SCHEDULED) | (pieces.kind == Time.PLANNED_STOP)
    producing = np.append(states.state == State.PRODUCING, False)[pieces.source]
    worked = int(np.sum((pieces.end - pieces.start)[outside & producing]))
    return TimeSplit(pieces.split().durations, worked)


def _kinds(states: States, micro_stop_s: float) -> NDArray[np.int64]:
    """Class of each stretch by its state; neighbouring stops without a reason count as one stop."""
    kinds = _CLASS_OF[states.state]
    stopped = ((kinds == Time.DOWN) | (kinds == Time.DELAY)) & (np.array(states.reason, str) == "")
    if not stopped.any():
        return kinds
    joined = np.zeros(kinds.size, np.bool_)
    joined[1:] = stopped[1:] & stopped[:-1] & (states.start[1:] == states.end[:-1])
    stop = np.cumsum(~joined) - 1
    length = np.bincount(stop, weights=(states.end - states.start).astype(np.float64))[stop]
    return np.where(stopped & (length < micro_stop_s * SECOND), Time.MICRO_STOP, kinds)


def _inside(low: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which stretch holds each point; -1 for none."""
    if start.size == 0:
        return np.full(low.size, -1)
    found = np.searchsorted(start, low, side="right") - 1
    return np.where((found >= 0) & (low < end[found]), found, -1)


def _within(low: NDArray[np.int64], spans: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    ordered = np.array(sorted(spans), np.int64).reshape(-1, 2)
    return _inside(low, ordered[:, 0], ordered[:, 1]) >= 0
