"""Targets beside what was measured: actual by month, completion, projection to the end of the year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.programme.disclosure import LEAST_ENTERPRISES
from tundish_platform.programme.series.figures import open_cells
from tundish_platform.programme.series.forecast import LEVEL, SEED, moves, project
from tundish_platform.programme.series.guarding import guarded, nearest
from tundish_platform.programme.series.months import row_of
from tundish_platform.programme.series.targets import Kind, Scope, completion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_platform.programme.series.models import TargetRecord
    from tundish_platform.programme.series.places import Places
    from tundish_platform.programme.series.stored import Stages


_SHUT: Final = True


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
        rounded: the scope is a part of the city, and its counts are shown as `guarding` lets them be.
        actual: at the end of the newest month of the target's year; None before it.
        elapsed: share of the year's months that are counted.
        trend: by month of the year.
        year_end: None once the year is over, and while there are too few months to project from.
    """

    suppressed: bool
    rounded: bool
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
    scope = Scope(target.region, target.industry, target.park)
    held, rank = places.within(scope), keys.index(target.stage) + 1
    of_year = [i for i, month in enumerate(months) if month.startswith(f"{target.year:04d}-")]
    rounded = scope != Scope()
    if _is_telling(held, stages, places, target):
        return Progress(_SHUT, rounded, None, None, len(of_year) / 12, (), None)
    ranks = (stages.ranks if target.kind == Kind.CURRENT else stages.best)[held]
    counts: list[int | None] = (ranks >= rank).sum(axis=0).tolist()
    if rounded:
        counts = _shown(counts, open_months(stages, places, scope, held))
    # A year's new ones are counted from the end of the year before; before the first month nobody was.
    before = counts[of_year[0] - 1] or 0 if target.kind == Kind.NEW and of_year and of_year[0] else 0
    trend = tuple(_month_end(months[i], counts[i], before, target.value) for i in of_year)
    actual = trend[-1].actual if trend else None
    ahead = _ahead(months, target.year)
    bounds = _year_end(ranks, keys, rank, ahead, rounded=rounded) if trend and ahead else None
    end = None if bounds is None else _judged(bounds, before, target.value)
    done = completion(actual, target.value)
    return Progress(not _SHUT, rounded, actual, done, len(of_year) / 12, trend, end)


def open_months(stages: Stages, places: Places, scope: Scope, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The months in which a scope may be shown, shape ``(m,)``; of a county or park those of its series."""
    here = stages.ranks >= 0
    for one, labels in (
        (Scope(region=scope.region), places.region), (Scope(industry=scope.industry), places.industry),
        (Scope(park=scope.park), places.park),
    ):  # fmt: skip
        wanted = one.region or one.industry or one.park
        if one == scope and wanted in labels:
            names, cell = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
            sizes = np.stack([here[cell == place].sum(axis=0) for place in range(len(names))])
            shown: NDArray[np.bool_] = open_cells([str(name) for name in names], sizes)[names == wanted][0]
            return shown
    inside, outside = here[held].sum(axis=0), here[~held].sum(axis=0)
    enough: NDArray[np.bool_] = (inside >= LEAST_ENTERPRISES) & (
        (outside == 0) | (outside >= LEAST_ENTERPRISES)
    )
    return enough


def _shown(counts: Sequence[int | None], open_: NDArray[np.bool_]) -> list[int | None]:
    known = np.array([counts], np.int64)
    of = guarded(known, open_[None, :])[0].tolist()
    return [n if told else None for n, told in zip(of, open_.tolist(), strict=True)]


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


def _month_end(month: str, count: int | None, before: int, target: int | None) -> MonthEnd:
    actual = None if count is None else count - before
    return MonthEnd(month, actual, completion(actual, target))


def _year_end(
    ranks: NDArray[np.int8], keys: Sequence[str], rank: int, ahead: int, *, rounded: bool
) -> list[int] | None:
    """Low, middle and high count of December; None where too few months are known."""
    found = moves(ranks, len(keys))
    if found is None:
        return None
    made = project(found, ahead, np.random.default_rng(SEED))
    bounds = [int(of[-1, rank - 1]) for of in (made.low, made.middle, made.high)]
    return [nearest(n) for n in bounds] if rounded else bounds


def _judged(bounds: Sequence[int], before: int, target: int | None) -> YearEnd:
    low, middle, high = (n - before for n in bounds)
    return YearEnd(
        LEVEL, low, middle, high, completion(low, target), completion(middle, target),
        completion(high, target),
    )  # fmt: skip
