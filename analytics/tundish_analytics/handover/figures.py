"""Figures of one line in one shift, from stretches of state and from counts; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.oee.counters import read_counter
from tundish_analytics.oee.figures import ProductCount, Ratio, figures_of, losses
from tundish_analytics.oee.timesplit import SECOND, State, Time, classify
from tundish_platform.handover.facts import MAX_LISTED, RatioFact, StopFact
from tundish_platform.handover.plans import moment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_analytics.oee.hearing import Heard
    from tundish_analytics.oee.timesplit import Pieces, States
    from tundish_platform.samples.shifts import Shift

    Times = NDArray[np.int64]

NO_STATE: Final = "NO_STATE"
NO_COUNT: Final = "NO_COUNT"
NO_IDEAL_CYCLE: Final = "NO_IDEAL_CYCLE"
NO_REJECTS: Final = "NO_REJECTS"
# How much faster than the ideal cycle a counter may run before a jump is doubted.
_FASTER: Final = 1.5
_COUNTED: Final = (Time.PRODUCING, Time.MICRO_STOP, Time.SETUP, Time.DOWN, Time.DELAY)
_STOPS: Final = (Time.SETUP, Time.DOWN, Time.DELAY)


@dataclass(frozen=True, slots=True)
class Counted:
    """Pieces, each at the time it was finished.

    Attributes:
        at: µs UTC, shape ``(n,)``, ascending.
        steps: pieces finished at each.
        resets, suspects: of the counter, within the stretch asked for.
    """

    at: Times
    steps: NDArray[np.float64]
    resets: int = 0
    suspects: int = 0

    def within(self, start: int, end: int) -> float:
        """Pieces of ``(start, end]``: a counter tells of a piece when it is finished."""
        return float(self.steps[(self.at > start) & (self.at <= end)].sum())


@dataclass(frozen=True, slots=True)
class Judged:
    """What the shift says of itself."""

    oee: RatioFact
    availability: RatioFact
    performance: RatioFact
    quality: RatioFact
    seconds: dict[str, float]
    losses: dict[str, float]
    stop_count: int
    stops: tuple[StopFact, ...]
    warnings: tuple[str, ...]


def count_pieces(at: Times, identities: list[str]) -> Counted:
    """Each identity that differs from the one before is a piece.

    Args:
        at: µs UTC, ascending.
        identities: of good samples only.
    """
    names = np.array(identities, object)
    new = np.append(True, names[1:] != names[:-1]) if names.size else np.zeros(0, np.bool_)
    # The first one may have been in work before; what came before it says whether it was counted there.
    return Counted(at[new], np.ones(int(new.sum())))


def count_steps(
    at: Times, values: NDArray[np.float64], start: int, end: int, ideal_s: float | None
) -> Counted:
    """Steps of a counter that only rises.

    Args:
        at: µs UTC, ascending, with the last reading before the shift if there is one.
        values: good readings.
        start: of the shift; resets and doubts before it are none of its.
        end: of the shift.
        ideal_s: bounds what can be counted; None bounds nothing.
    """
    if at.size < 2:  # noqa: PLR2004 - a step has two ends
        return Counted(np.zeros(0, np.int64), np.zeros(0))
    read = read_counter(at / SECOND, values)
    doubtful = np.zeros(read.steps.size, np.bool_)
    if ideal_s is not None:
        # One piece more than the pace allows may have been finished just before each reading.
        doubtful = read.steps > _FASTER * np.diff(at) / SECOND / ideal_s + 1
    inside = (at[1:] > start) & (at[1:] <= end)
    resets = sum(bool(inside[place - 1]) for place in read.resets)
    return Counted(at[1:], np.where(doubtful, 0.0, read.steps), resets, int((doubtful & inside).sum()))


def judge(
    heard: Heard | None, shift: Shift, until: int, total: Counted | None, rejects: Counted | None,
    ideal_s: float | None,
) -> Judged:  # fmt: skip
    """The figures of ``[shift.start, until)``.

    Without a state, counts or an ideal cycle the figures that need them have no value and say why; no piece
    is taken for good unless rejects are counted.

    Args:
        heard: None where no signal tells the state.
        shift: with its breaks.
        until: µs UTC, in the shift, after its start.
        total: all pieces.
        rejects: bad ones.
        ideal_s: seconds a piece takes at best.
    """
    if heard is None:
        none = RatioFact(reason=NO_STATE)
        quality = _quality(total, rejects, shift.start, until)
        return Judged(none, none, none, quality, {}, {}, 0, (), ())
    pieces = classify(heard.states, [shift], shift.start, until)
    split = pieces.split()
    made = _planned(pieces, total) if total else 0.0
    bad = min(_planned(pieces, rejects), made) if rejects else 0.0
    counts = [ProductCount("", ideal_s or 1.0, made, made - bad)]
    figures = figures_of(split, counts)
    without = NO_COUNT if total is None else NO_IDEAL_CYCLE if ideal_s is None else ""
    performance = RatioFact(reason=without) if without else _fact(figures.performance)
    without = without or ("" if rejects else NO_REJECTS)
    oee = RatioFact(reason=without) if without else _fact(figures.oee)
    listed = _stops(pieces, heard.states, until, shift.end)
    return Judged(
        oee, _fact(figures.availability), performance, _quality(total, rejects, shift.start, until),
        {kind.name.lower(): split[kind] / SECOND for kind in Time},
        {} if without else losses(split, counts),
        len(listed), tuple(listed[:MAX_LISTED]),
        figures.warnings if not performance.reason else (),
    )  # fmt: skip


def _quality(total: Counted | None, rejects: Counted | None, start: int, until: int) -> RatioFact:
    if total is None or rejects is None:
        return RatioFact(reason=NO_COUNT if total is None else NO_REJECTS)
    made = total.within(start, until)
    if made <= 0:
        return RatioFact(reason="NO_PIECES")
    value = max(made - rejects.within(start, until), 0.0) / made
    return RatioFact(value=value, low=value, high=value)


def _planned(pieces: Pieces, counted: Counted) -> float:
    """Pieces finished in known planned time, for which alone the time is known."""
    place = np.searchsorted(pieces.start, counted.at, side="left") - 1
    inside = (place >= 0) & (counted.at <= pieces.end[-1])
    kinds = pieces.kind[np.clip(place, 0, None)]
    return float(counted.steps[inside & np.isin(kinds, [int(kind) for kind in _COUNTED])].sum())


def _stops(pieces: Pieces, states: States, until: int, ends: int) -> list[StopFact]:
    """Stretches of planned time in which the machine stood longer than a minor stop, the longest first."""
    chosen = np.flatnonzero(np.isin(pieces.kind, [int(kind) for kind in _STOPS]))
    found: list[StopFact] = []
    for place in chosen.tolist():
        source = int(pieces.source[place])
        found.append(
            StopFact(
                state=State(int(states.state[source])).name.lower(), reason=states.reason[source],
                start=moment(int(pieces.start[place])), end=moment(int(pieces.end[place])),
                goes_on=int(pieces.end[place]) == until and until < ends,
            )
        )  # fmt: skip
    found.sort(key=lambda stop: (stop.start - stop.end, stop.start))
    return found


def _fact(ratio: Ratio) -> RatioFact:
    return RatioFact(value=ratio.value, low=ratio.low, high=ratio.high, reason=ratio.reason)
