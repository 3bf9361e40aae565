"""CO and NOx of a gas turbine from its process values: a soft sensor, judged on a later year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.life.conformal import HeldOut, unit_folds
from tundish_analytics.life.scores import coverage, rmse
from tundish_analytics.models.folds import SEED
from tundish_analytics.models.threads import one_thread

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

PROCESS: Final = ("AT", "AP", "AH", "AFDP", "GTEP", "TIT", "TAT", "TEY", "CDP")
TARGETS: Final = {"CO": "mg/m3", "NOX": "mg/m3"}
YEAR: Final = "year_inferred"
_BLOCKS: Final = 60
_FOLDS: Final = 5
_TESTED: Final = 1 / 3
_PROTOCOL: Final = (
    "Trained on the earlier part of the time, judged on the later: on the last year of the file where it "
    "has years, else on its last third; a file that holds other hours than the shipped ones is judged "
    "whole, by a model of the shipped years. Hourly rows in the order of the file, nine process values of "
    "the same hour, a soft sensor and no forecast. Interval: jackknife+ over folds of sixty stretches of "
    "time, a stretch counts once. Leakage guard: CO is no input for NOX nor NOX for CO; hours that occur in "
    "the judged part are taken out of the training part; nothing is learnt from the later part. Years "
    "differ, so intervals that rest on earlier years may cover less than they aim at."
)


@one_thread
def evaluate_turbine(
    shipped: pd.DataFrame, given: pd.DataFrame | None = None, trees: int = 100
) -> Evaluation:
    """Figures of both estimates; columns `PROCESS`, `TARGETS` and, where known, ``year_inferred``."""
    train, test = _parts(shipped, given)
    figures: list[Figure] = []
    for target, unit in TARGETS.items():
        figures += _of_target(target, unit, train, test, trees)
    facts = {"hours trained on": len(train), "hours judged": len(test), "never read": "the other emission"}
    return Evaluation("gas-turbine", _PROTOCOL, tuple(figures), facts)


def _parts(shipped: pd.DataFrame, given: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = [*PROCESS, *TARGETS]
    if given is None:
        return _later(shipped)
    keys = {row.tobytes() for row in given[columns].to_numpy(np.float32)}
    apart = np.array([row.tobytes() not in keys for row in shipped[columns].to_numpy(np.float32)])
    # A file that repeats most of the shipped hours is judged by its own later part.
    return (shipped[apart], given) if apart.mean() > _TESTED else _later(given)


def _later(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    if YEAR in table.columns and len(table[YEAR].unique()) > 1:
        last = table[YEAR] == table[YEAR].max()
        return table[~last], table[last]
    cut = int((1 - _TESTED) * len(table))
    return table.iloc[:cut], table.iloc[cut:]


def _of_target(target: str, unit: str, train: pd.DataFrame, test: pd.DataFrame, trees: int) -> list[Figure]:
    x, y = train[list(PROCESS)].to_numpy(np.float64), train[target].to_numpy(np.float64)
    x_test, truth = test[list(PROCESS)].to_numpy(np.float64), test[target].to_numpy(np.float64)
    block = np.arange(len(y)) * _BLOCKS // len(y)
    scores, folds, values, spreads = np.zeros(len(y)), np.zeros(len(y), np.int64), [], []
    for number, (_, held) in enumerate(unit_folds(block, _FOLDS)):
        apart = np.isin(block, held)
        fitted = [member.fit(x[~apart], y[~apart]) for member in _members(trees)]
        value, spread = _said(fitted, x[apart])
        scores[apart], folds[apart] = (y[apart] - value) / spread, number
        value, spread = _said(fitted, x_test)
        values.append(value)
        spreads.append(spread)
    found = np.mean(values, axis=0)
    some = np.arange(0, len(y), max(len(y) // 2_000, 1))
    held_out = HeldOut(block[some], folds[some], scores[some])
    low, high = _in_parts(held_out, np.column_stack(values), np.column_stack(spreads))
    line = make_pipeline(StandardScaler(), LinearRegression()).fit(x, y).predict(x_test)
    return [
        Figure(f"{target} rmse", rmse(found, truth), unit, "less"),
        Figure(f"{target} mae", float(mean_absolute_error(truth, found)), unit, "less"),
        Figure(f"{target} r2", float(r2_score(truth, found))),
        Figure(f"{target} rmse, linear regression", rmse(line, truth), unit, "none"),
        Figure(f"{target} standard deviation of the judged hours", float(truth.std()), unit, "none"),
        Figure(f"{target} interval90_coverage", coverage(low, high, truth), better="none"),
        Figure(f"{target} interval90 mean width", float((high - low).mean()), unit, "less"),
    ]


def _members(trees: int) -> list[Pipeline]:
    boosting = HistGradientBoostingRegressor(
        max_iter=3 * trees, learning_rate=0.05, min_samples_leaf=40, random_state=SEED
    )
    forest = ExtraTreesRegressor(trees, min_samples_leaf=5, max_features=0.5, random_state=SEED)
    return [make_pipeline(boosting), make_pipeline(forest)]


def _said(members: list[Pipeline], x: Values) -> tuple[Values, Values]:
    found = np.column_stack([member.predict(x) for member in members])
    # How far the trees of the forest lie apart says where hours of this kind were rare.
    trees = np.column_stack([tree.predict(x) for tree in members[1][-1].estimators_[:30]])
    return found.mean(axis=1), np.maximum(trees.std(axis=1), 1e-3 * max(float(np.abs(found).mean()), 1e-9))


def _in_parts(held_out: HeldOut, values: Values, spreads: Values) -> tuple[Values, Values]:
    ends = [
        held_out.interval(values[at : at + 500], spreads[at : at + 500]) for at in range(0, len(values), 500)
    ]
    return np.concatenate([low for low, _ in ends]), np.concatenate([high for _, high in ends])
