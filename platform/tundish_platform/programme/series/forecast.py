"""Projection of stages to coming months, with an interval, from how enterprises moved of late.

Each month ahead takes the moves of one of the last twelve months. Which months a path draws from is drawn
first, with replacement and half as many as there are, so that the interval holds both that months differ and
that twelve of them are few (m out of n bootstrap; Bickel and others 1997). A month's rates are drawn towards
those of all months by `_SHRINK` enterprises, and how many of a stage's enterprises then move is multinomial.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

LEAST_MONTHS: Final = 6
MOST_MONTHS: Final = 12
PATHS: Final = 1_000
LEVEL: Final = 0.9
# Futures are drawn from one seed: the same months give the same projection.
SEED: Final = 20_260_401
_SHRINK: Final = 20.0
_FEWER: Final = 0.5
_UNSEEN: Final = 0.25


@dataclass(frozen=True, slots=True)
class Moves:
    """How enterprises moved, by month.

    Attributes:
        between: shape ``(m, ranks, ranks+1)``; from a rank at the month before to one at its end; the last
            column left the register.
        entered: shape ``(m, ranks)``; new on the register, by the rank at the month's end.
        standing: shape ``(ranks,)``; at the end of the newest month.
    """

    between: NDArray[np.int64]
    entered: NDArray[np.int64]
    standing: NDArray[np.int64]


def moves(ranks: NDArray[np.int8], stages: int) -> Moves | None:
    """The moves of the newest months; None where there are too few to tell.

    Args:
        ranks: shape ``(n, m)``, -1 where absent.
        stages: how many the rule has.
    """
    width = stages + 1
    months = min(MOST_MONTHS, ranks.shape[1] - 1)
    if months < LEAST_MONTHS:
        return None
    between = np.zeros((months, width, width + 1), np.int64)
    entered = np.zeros((months, width), np.int64)
    for place, column in enumerate(range(ranks.shape[1] - months, ranks.shape[1])):
        before, after = ranks[:, column - 1].astype(np.int64), ranks[:, column].astype(np.int64)
        there, new = before >= 0, (before < 0) & (after >= 0)
        to = np.where(after < 0, width, after)
        pairs = np.bincount(before[there] * (width + 1) + to[there], minlength=width * (width + 1))
        between[place] = pairs.reshape(width, width + 1)
        entered[place] = np.bincount(after[new], minlength=width)
    newest = ranks[:, -1]
    return Moves(between, entered, np.bincount(newest[newest >= 0].astype(np.int64), minlength=width))


@dataclass(frozen=True, slots=True)
class Projection:
    """Enterprises in each stage or above it, of shape ``(months ahead, stages)`` each.

    Attributes:
        low, high: bounds of the interval of 90 %.
        middle: median.
    """

    low: NDArray[np.int64]
    middle: NDArray[np.int64]
    high: NDArray[np.int64]


def project(found: Moves, ahead: int, rng: Generator, paths: int = PATHS) -> Projection:
    """Projection of so many months, from the moves of the last ones.

    Args:
        found: of the newest months.
        ahead: months.
        rng: the same seed gives the same figures.
        paths: how many futures are drawn.
    """
    months, width = found.entered.shape
    usual = _usual(found.between, rng, paths)
    drawn = rng.integers(months, size=(paths, max(1, round(months * _FEWER))))
    state = np.tile(found.standing, (paths, 1))
    steps = np.zeros((ahead, paths, width - 1), np.int64)
    for step in range(ahead):
        month = drawn[np.arange(paths), rng.integers(drawn.shape[1], size=paths)]
        seen = found.between[month] + _SHRINK * usual
        rates = seen / seen.sum(axis=2, keepdims=True)
        after = found.entered[month].copy()
        for rank in range(width):
            after += rng.multinomial(state[:, rank], rates[:, rank])[:, :width]
        state = after
        steps[step] = state[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    tail = (1 - LEVEL) / 2
    bounds = [tail, 0.5, 1 - tail]
    low, middle, high = np.quantile(steps, bounds, axis=1, method="closest_observation")
    return Projection(low, middle, high)


def _usual(between: NDArray[np.int64], rng: Generator, paths: int) -> NDArray[np.float64]:
    """Shares that move in any month, one draw a path of shape ``(paths, ranks, ranks+1)``.

    Drawn from the Dirichlet law after what was seen, so that a move not seen among few isn't impossible.
    """
    width = between.shape[1]
    prior = np.zeros((width, width + 1))
    for rank in range(width):
        prior[rank, max(0, rank - 1) : min(width, rank + 2)] = _UNSEEN
    drawn = rng.standard_gamma(between.sum(axis=0) + prior, (paths, width, width + 1))
    shares: NDArray[np.float64] = drawn / drawn.sum(axis=2, keepdims=True)
    return shares


def as_figures(found: Projection, stage: int) -> Mapping[str, list[int]]:
    """One stage's projection by name, as it is shown."""
    return {
        name: of[:, stage].tolist()
        for name, of in (("low", found.low), ("middle", found.middle), ("high", found.high))
    }
