"""Cases: production on and treatment off for longer than lag and least duration allow; not in maintenance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tundish_app_pollution_check.minutes import Minutes
    from tundish_app_pollution_check.thresholds import Threshold

    Flags = NDArray[np.bool_]

LEAST_MINUTES: Final = 15
# Running at a tenth of its usual share of production's power, treatment is on in name only.
_LEAST_RATIO: Final = 0.1


@dataclass(frozen=True, slots=True)
class Case:
    """One stretch, half open, with what speaks for it.

    Attributes:
        first, last: places of its first minute and the one behind its last.
        production, treatment: mean power, kW.
        expected: treatment power that production at that power usually comes with, kW.
        confidence: 0 to 1: how clear both states are, times the share of minutes that were measured.
    """

    first: int
    last: int
    starts_at: datetime
    ends_at: datetime
    production: float
    treatment: float
    expected: float
    confidence: float

    @property
    def minutes(self) -> int:
        """How long it lasted."""
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a window shows: the cases, and which of its minutes could be judged."""

    cases: tuple[Case, ...]
    judged: Flags


def judge(
    grid: Minutes,
    bounds: tuple[Threshold, Threshold],
    excluded: Flags,
    lag: int,
    least: int,
) -> Judgement:
    """Find the cases of a window.

    Args:
        grid: both powers by the minute.
        bounds: of production and of treatment.
        excluded: minutes of planned maintenance.
        lag: minutes by which treatment may start after production, or stop before production does.
        least: minutes a case lasts at least; never less than `LEAST_MINUTES`.
    """
    made, treated = bounds
    known = np.isfinite(grid.production) & np.isfinite(grid.treatment)
    on = known & (grid.production >= made.level)
    usual = _usual_ratio(grid, on & (grid.treatment >= treated.level))
    idle = (grid.treatment < treated.level) | (grid.treatment < _LEAST_RATIO * usual * grid.production)
    suspect = on & idle & ~excluded & ~_near_a_change(on, known, lag)
    runs = _runs(_closed(suspect, known | excluded, excluded))
    found = [
        _case(grid, bounds, suspect, usual, *run)
        for run in runs
        if run[1] - run[0] >= max(least, LEAST_MINUTES)
    ]
    return Judgement(tuple(found), known & ~excluded)


def maintained(grid: Minutes, windows: Sequence[Mapping[str, Any]], paths: Sequence[str]) -> Flags:
    """Minutes in which something that was read, or lies above it, was under planned maintenance."""
    flags = np.zeros(grid.times.size, bool)
    for row in windows:
        place, start, end = row["path"], row["starts_at"], row["ends_at"]
        if not place or not start or not end or not any(f"{p}/".startswith(f"{place}/") for p in paths):
            continue
        since, until = (np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "s") for at in (start, end))
        flags |= (grid.times + np.timedelta64(1, "m") > since) & (grid.times < until)
    return flags


def _usual_ratio(grid: Minutes, both: Flags) -> float:
    if not both.any():
        return 0.0
    return float(np.median(grid.treatment[both] / grid.production[both]))


def _near_a_change(on: Flags, known: Flags, lag: int) -> Flags:
    """The first and last ``lag`` minutes of each stretch of production, in which treatment may be late."""
    flags = np.zeros(on.size, bool)
    for first, last in _runs(on):
        # A stretch that begins at a hole, or at the window's edge, began earlier for all we know.
        if first > 0 and known[first - 1]:
            flags[first : first + lag] = True
        if last < on.size and known[last]:
            flags[max(first, last - lag) : last] = True
    return flags


def _closed(flags: Flags, known: Flags, excluded: Flags) -> Flags:
    """The same with holes of one or two minutes without data closed, where both sides are flagged."""
    closed = flags.copy()
    for first, last in _runs(~known & ~excluded):
        inside = first > 0 and last < flags.size
        if inside and last - first <= 2 and flags[first - 1] and flags[last]:  # noqa: PLR2004 - as said above
            closed[first:last] = True
    return closed


def _runs(flags: Flags) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _case(
    grid: Minutes, bounds: tuple[Threshold, Threshold], suspect: Flags, usual: float, first: int, last: int
) -> Case:
    inside = np.arange(first, last)[suspect[first:last]]
    production, treatment = grid.production[inside], grid.treatment[inside]
    clear = np.minimum(bounds[0].sureness(production), bounds[1].sureness(treatment))
    moments = (grid.times[first], grid.times[last - 1] + np.timedelta64(1, "m"))
    start, end = (at.astype("datetime64[s]").item().replace(tzinfo=UTC) for at in moments)
    return Case(
        first, last, start, end, float(production.mean()), float(treatment.mean()),
        usual * float(production.mean()), float(clear.mean()) * inside.size / (last - first),
    )  # fmt: skip
