"""How often a projection's interval held what came: made histories cut off, projected, and then looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tundish_deploy.benchmarks.programme.histories import wandering
from tundish_platform.programme.series.forecast import PATHS, moves, project

_MONTHS: Final = 36


@dataclass(frozen=True, slots=True)
class Backtest:
    """What became of intervals of 90 %.

    Attributes:
        coverage: share of stages whose count lay in the interval.
        width: mean width of the interval as a share of the enterprises.
        error: mean distance of the median from what came, as a share of the enterprises.
        stages: how many were looked at.
    """

    coverage: float
    width: float
    error: float
    stages: int


def backtest(
    seed: int, histories: int, enterprises: int, unevenness: float, *, ahead: int = 9, paths: int = PATHS
) -> Backtest:
    """Cut made histories off `ahead` months before their end, and project the end.

    Args:
        seed: of histories and projections.
        histories: how many, each with a law of its own.
        enterprises: of each.
        unevenness: how much the months of a history differ, see `histories.wandering`.
        ahead: months from the cut to the end.
        paths: futures drawn for each.
    """
    rng = np.random.default_rng(seed)
    held, widths, errors = [], [], []
    for _ in range(histories):
        ranks = wandering(rng, enterprises, _MONTHS, unevenness=unevenness)
        found = moves(ranks[:, : _MONTHS - ahead], 5)
        if found is None:
            raise ValueError("a history is too short to project from")
        made = project(found, ahead, rng, paths)
        came = np.array([(ranks[:, -1] >= rank).sum() for rank in range(1, 6)])
        low, middle, high = made.low[-1], made.middle[-1], made.high[-1]
        held += ((low <= came) & (came <= high)).tolist()
        widths += ((high - low) / enterprises).tolist()
        errors += (np.abs(middle - came) / enterprises).tolist()
    return Backtest(float(np.mean(held)), float(np.mean(widths)), float(np.mean(errors)), len(held))
