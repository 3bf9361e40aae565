"""Targets beside what was measured: actual by month, completion, projection to the end of the year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.programme.disclosure import LEAST_ENTERPRISES
from tundish_platform.programme.series.forecast import LEVEL, SEED, moves, project
from tundish_platform.programme.series.months import row_of
from tundish_platform.programme.series.targets import Kind, Scope, completion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tundish_platform.programme.series.models import TargetRecord
    from tundish_platform.programme.series.stored import Stages


_SHUT: Final = True


@dataclass(frozen=True, slots=True)
class Places:
    """Where each enterprise of the stages lies, in their order; ``""`` where it lies in no park."""

    region: Sequence[str]
    industry: Sequence[str]
    park: Sequence[str]

    def within(self, scope: Scope) -> NDArray[np.bool_]:
        """Which enterprises a scope holds."""
        held = np.ones(len(self.region), np.bool_)
        parts = ((self.region, scope.region), (self.industry, scope.industry), (self.park, scope.park))
        for labels, wanted in parts:
            if wanted:
                held &= np.asarray(labels, dtype=str) == wanted
        return held


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """What had come of a target at the end of a month; None where too few enterprises stand behind it."""

    month: str
    actual: int | None
    completion: float | None


@dataclass(frozen=True, slots=True)
class YearEnd:
    """What is projected for December, with an interval of so much."""

    level: float
    low: int
    middle: int
    high: int
    completion_low: float | None
    completion: float | None
    completion_high: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a target is met.

    Attributes:
        suppressed: too few enterprises lie in the scope to show anything.
        actual: at the end of the newest month of the target's year; None before it.
        elapsed: share of the year's months that are counted.
        trend: by month of the year.
        year_end: None once the year is over, and while there are too few months to project from.
    """

    suppressed: bool
    actual: int | None
    completion: float | None
    elapsed: float
    trend: tuple[MonthEnd, ...]
    year_end: YearEnd | None


def progress(
    target: TargetRecord, months: Sequence[str], keys: Sequence[str], stages: Stages, places: Places
) -> Progress:
    """What was measured of a target.

    Args:
        target: in force.
        months: those of the stages.
        keys: of the rule's stages.
        stages: of each enterprise.
        places: of the same enterprises.
    """
    held = places.within(Scope(target.region, target.industry, target.park))
    rank = keys.index(target.stage) + 1
    of_year = [i for i, month in enumerate(months) if month.startswith(f"{target.year:04d}-")]
    if _is_telling(held, stages, places, target):
        return Progress(_SHUT, None, None, len(of_year) / 12, (), None)
    ranks = (stages.ranks if target.kind == Kind.CURRENT else stages.best)[held]
    counts = (ranks >= rank).sum(axis=0)
    # A year's new ones are counted from the end of the year before; before the first month nobody was.
    before = int(counts[of_year[0] - 1]) if target.kind == Kind.NEW and of_year and of_year[0] else 0
    trend = tuple(_month_end(months[i], int(counts[i]) - before, target.value) for i in of_year)
    actual = trend[-1].actual if trend else None
    ahead = _ahead(months, target.year)
    end = None if not trend or not ahead else _year_end(ranks, keys, rank, ahead, before, target.value)
    return Progress(not _SHUT, actual, completion(actual, target.value), len(of_year) / 12, trend, end)


def _ahead(months: Sequence[str], year: int) -> int:
    return len(row_of(months[-1], f"{year:04d}-12")) - 1 if months else 0


def _is_telling(held: NDArray[np.bool_], stages: Stages, places: Places, target: TargetRecord) -> bool:
    """Whether the scope, or what its county or industry has besides, holds so few that one could be told."""
    here = stages.ranks[:, -1] >= 0 if stages.ranks.size else np.zeros(len(held), np.bool_)
    sizes = [int((held & here).sum())]
    wider = [
        Scope(**{name: getattr(target, name) for name in kept})
        for kept in ((), ("region",), ("industry",), ("park",))
        if all(getattr(target, name) for name in kept)
    ]
    sizes += [int((places.within(scope) & ~held & here).sum()) for scope in wider]
    return sizes[0] == 0 or any(0 < size < LEAST_ENTERPRISES for size in sizes)


def _month_end(month: str, actual: int, target: int | None) -> MonthEnd:
    return MonthEnd(month, actual, completion(actual, target))


def _year_end(
    ranks: NDArray[np.int8], keys: Sequence[str], rank: int, ahead: int, before: int, target: int | None
) -> YearEnd | None:
    found = moves(ranks, len(keys))
    if found is None:
        return None
    made = project(found, ahead, np.random.default_rng(SEED))
    low, middle, high = (int(of[-1, rank - 1]) - before for of in (made.low, made.middle, made.high))
    return YearEnd(
        LEVEL, low, middle, high, completion(low, target), completion(middle, target),
        completion(high, target),
    )  # fmt: skip


def places_of(
    numbers: Sequence[int], register: Mapping[int, tuple[str, str]], parks: Mapping[int, str]
) -> Places:
    """Where enterprises lie, by number; one that has left the register lies nowhere."""
    found = [register.get(number, ("", "")) for number in numbers]
    return Places([r for r, _ in found], [i for _, i in found], [parks.get(n, "") for n in numbers])
