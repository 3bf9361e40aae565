"""Enterprises that have not moved for months, and the step each is stuck on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.programme.rules import Rule
    from tundish_platform.programme.series.stored import Stages


@dataclass(frozen=True, slots=True)
class Failing:
    """A condition that keeps an enterprise out of the next stage.

    Attributes:
        unbroken: months without a break in which it holds, the newest first; of `needed`.
    """

    text_zh: str
    text_en: str
    unbroken: int
    needed: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """An enterprise that stands where it stood.

    Attributes:
        stage: key of the stage it is in, ``""`` for none; `next` the one it doesn't reach.
        months: for how many it has stood there, the newest included; no less than is known.
        failing: every condition of the next stage that fails.
    """

    enterprise: int
    stage: str
    next: str
    months: int
    failing: tuple[Failing, ...]


def unmoved(ranks: NDArray[np.int8]) -> NDArray[np.int64]:
    """In how many months up to the newest each enterprise's rank was the newest one, shape ``(n,)``."""
    same = ranks == ranks[:, -1:]
    moved = ~same[:, ::-1]
    found: NDArray[np.int64] = np.where(moved.any(axis=1), moved.argmax(axis=1), ranks.shape[1])
    return found


def stalled(
    rule: Rule, stages: Stages, least_months: int, within: NDArray[np.bool_] | None = None, after: int = 0,
    limit: int | None = None,
) -> list[Stalled]:  # fmt: skip
    """Who has not moved for so many months and stands below the last stage, the lowest number first.

    Args:
        rule: the version the stages are of.
        stages: as they are kept.
        least_months: months without a move.
        within: which enterprises are asked for, shape ``(n,)``; all if absent.
        after: number of the last enterprise of the page before.
        limit: how many at most.
    """
    if not stages.ranks.size:
        return []
    newest, months = stages.ranks[:, -1], unmoved(stages.ranks)
    stuck = (newest >= 0) & (newest < len(rule.stages)) & (months >= least_months)
    if within is not None:
        stuck &= within
    rows = np.flatnonzero(stuck & (stages.enterprises > after))[:limit]
    return [_stalled(rule, stages, int(row), int(months[row])) for row in rows]


def _stalled(rule: Rule, stages: Stages, row: int, months: int) -> Stalled:
    rank = int(stages.ranks[row, -1])
    first = sum(len(stage.conditions) for stage in rule.stages[:rank])
    step = rule.stages[rank]
    failing = tuple(
        Failing(c.text.zh, c.text.en, int(stages.unbroken[row, first + bit]), step.windows)
        for bit, c in enumerate(step.conditions)
        if stages.missing[row] >> bit & 1
    )
    reached = rule.stages[rank - 1].key if rank else ""
    return Stalled(int(stages.enterprises[row]), reached, step.key, months, failing)


def steps(
    rule: Rule, stages: Stages, least_months: int, within: NDArray[np.bool_] | None = None
) -> list[tuple[str, int, int]]:
    """How many stalled enterprises each condition keeps back: stage, number of its condition, enterprises."""
    if not stages.ranks.size:
        return []
    newest, months = stages.ranks[:, -1], unmoved(stages.ranks)
    found = []
    for rank, stage in enumerate(rule.stages):
        here = (newest == rank) & (months >= least_months)
        if within is not None:
            here &= within
        found += [
            (stage.key, bit, int((here & (stages.missing >> bit & 1 == 1)).sum()))
            for bit in range(len(stage.conditions))
        ]
    return found
