"""Which process signals a quality result goes along with: groups of like signals, ranked, with intervals.

An association, not a cause: a signal may stand for something that was not measured. Only a trial on the line
that changes the signal alone can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingRegressor

from tundish_analytics.life.conformal import unit_folds
from tundish_analytics.models.folds import SEED
from tundish_analytics.models.intervals import Ends, drawn
from tundish_analytics.models.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

# Rank correlation above which signals are taken together: the forest could use either in the other's place.
ALIKE: Final = 0.7
FOLDS: Final = 5
SHUFFLES: Final = 5
CONTROLS: Final = 3
_FEWEST_BLOCKS: Final = 10
STATEMENT_ZH: Final = (
    "这是关联,不是因果:信号可能只是代表了未测量的因素。只有在产线上单独改变该信号的试验才能说明原因。"
)
STATEMENT_EN: Final = (
    "This is association, not cause: a signal may stand for something that was not measured. Only a trial on "
    "the line that changes the signal alone can tell."
)


class TooFewBlocks(ValueError):  # noqa: N818 - says what is lacking
    """So few blocks of pieces that none can be held out and drawn anew."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A group of like signals.

    Attributes:
        signals: names, the one that goes along most with the result first.
        importance: share of the result's variance that is lost when the group is shuffled in pieces held out.
        interval: 95 % ends of it, over blocks.
        correlation: rank correlation of the first signal with the result; its sign says the direction.
        ranked: whether it lies above 0 and above all that shuffled results show.
    """

    signals: tuple[str, ...]
    importance: float
    interval: Ends
    correlation: float
    ranked: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """All groups, the most important first.

    Attributes:
        causes: ranked or not.
        skill: share of the result's variance that the model explains in blocks held out; 0 or less: nothing
            is ranked.
        noise: the largest importance of any group with the result shuffled; what a ranked group must exceed.
        pieces, blocks: how many were used.
        statement_zh, statement_en: what this is not.
    """

    causes: tuple[Cause, ...]
    skill: float
    noise: float
    pieces: int
    blocks: int
    statement_zh: str = STATEMENT_ZH
    statement_en: str = STATEMENT_EN


@one_thread
def ranked_causes(
    x: Values, y: Values, names: Sequence[str], block: NDArray[np.int64], seed: int = SEED
) -> Ranking:
    """Rank groups of signals by what a model loses without them.

    Permutation importance (Breiman, "Random forests", Machine Learning 45, 2001) on blocks held out, the
    signals of a group shuffled together, as correlated signals alone would vouch for each other (Gregorutti,
    Michel, Saint-Pierre, "Grouped variable importance with random forests", CSDA 90, 2015).

    Args:
        x: process values of each piece, shape ``(pieces, signals)``; NaN where unknown.
        y: result of each piece: a measurement, or 0 and 1 for good and bad; NaN: the piece is left out.
        names: of the signals.
        block: number of the block of pieces that were made together (heat, shift, campaign): a block is on
            one side of a split only.
        seed: of folds and shuffles.

    Raises:
        TooFewBlocks: fewer than ten blocks.
        ValueError: the result never changes.
    """
    known = np.isfinite(y)
    x, y, block = x[known], y[known], block[known]
    if len(np.unique(block)) < _FEWEST_BLOCKS:
        raise TooFewBlocks(f"needs {_FEWEST_BLOCKS} blocks of pieces, got {len(np.unique(block))}")
    if not np.ptp(y):
        raise ValueError("the result is the same for all pieces")
    groups = signal_groups(x)
    lost, base = _losses(x, y, block, groups, seed)
    generator = np.random.default_rng(seed)
    shuffled = [_losses(x, generator.permutation(y), block, groups, seed)[0] for _ in range(CONTROLS)]
    variance = float(np.var(y))
    noise = max(float(control.mean(axis=0).max()) / variance for control in shuffled)
    skill = 1 - float(base.mean()) / variance
    causes = []
    for number, group in enumerate(groups):
        loss = lost[:, number] / variance
        ends = _interval(loss, block)
        order, correlation = _by_correlation(x, y, group)
        causes.append(
            Cause(
                tuple(names[column] for column in order),
                float(loss.mean()),
                ends,
                correlation,
                ranked=bool(skill > 0 and ends[0] > max(noise, 0.0)),
            )
        )
    causes.sort(key=lambda cause: -cause.importance)
    return Ranking(tuple(causes), skill, noise, len(y), len(np.unique(block)))


def _interval(loss: Values, block: NDArray[np.int64]) -> Ends:
    return drawn(block, lambda rows: float(loss[rows].mean())) or (-np.inf, np.inf)


def signal_groups(x: Values, alike: float = ALIKE) -> list[list[int]]:
    """Columns taken together: average linkage over 1 - |rank correlation|; ``(pieces, signals)`` in."""
    if x.shape[1] == 1:
        return [[0]]
    correlation = np.abs(_rank_correlation(x))
    distance = squareform(1 - correlation, checks=False)
    label = fcluster(linkage(distance, "average"), 1 - alike, "distance")
    return [np.flatnonzero(label == number).tolist() for number in np.unique(label)]


def _rank_correlation(x: Values) -> Values:
    """Spearman's, unknown values at the middle rank; 0 for columns that never change."""
    known = pd.DataFrame(x)
    ranks = np.apply_along_axis(rankdata, 0, known.fillna(known.median()).fillna(0.0).to_numpy(np.float64))
    ranks -= ranks.mean(axis=0)
    size = np.sqrt((ranks**2).sum(axis=0))
    found: Values = ranks.T @ ranks / np.maximum(np.outer(size, size), 1e-12)
    np.fill_diagonal(found, 1.0)
    return np.clip(found, -1.0, 1.0)


def _by_correlation(x: Values, y: Values, group: list[int]) -> tuple[list[int], float]:
    """The group's columns, the one first that goes along most with the result, and how that one does."""
    correlation = _rank_correlation(np.column_stack([x[:, group], y]))[-1, :-1]
    order = np.argsort(-np.abs(correlation), kind="stable")
    return [group[at] for at in order], float(correlation[order[0]])


def _losses(
    x: Values, y: Values, block: NDArray[np.int64], groups: list[list[int]], seed: int
) -> tuple[Values, Values]:
    """Growth of each piece's squared error by group, ``(pieces, groups)``, and the error itself."""
    generator = np.random.default_rng(seed)
    lost, base = np.zeros((len(y), len(groups))), np.zeros(len(y))
    for train, held in unit_folds(block, FOLDS, seed):
        rows = np.flatnonzero(np.isin(block, held))
        learnt = np.isin(block, train)
        model = _make_model().fit(without_blank(x[learnt]), y[learnt])
        base[rows] = (model.predict(x[rows]) - y[rows]) ** 2
        for number, group in enumerate(groups):
            changed = np.tile(x[rows], (SHUFFLES, 1))
            drawn_rows = np.concatenate([generator.permutation(rows) for _ in range(SHUFFLES)])
            changed[:, group] = x[np.ix_(drawn_rows, np.array(group))]
            error = (model.predict(changed).reshape(SHUFFLES, -1) - y[rows]) ** 2
            lost[rows, number] = error.mean(axis=0) - base[rows]
    return lost, base


def without_blank(x: Values) -> Values:
    """Columns without one known value become 0: boosting cannot bin them."""
    return np.where(np.isfinite(x).any(axis=0), x, 0.0)


def _make_model() -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        max_iter=80, learning_rate=0.08, max_leaf_nodes=12, min_samples_leaf=20, random_state=SEED
    )
