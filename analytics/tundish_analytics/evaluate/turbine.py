"""CO and NOx of a gas turbine from its process values: a soft sensor, judged on later years."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.evaluate.files import Unfit, find_table, numbers
from tundish_analytics.life.conformal import TooFewUnits
from tundish_analytics.life.scores import rmse
from tundish_analytics.models.intervals import drawn, of_share
from tundish_analytics.models.threads import one_thread
from tundish_analytics.quality.labs import LabCorrection, best_gain, follow
from tundish_analytics.quality.soft import SoftSensor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from tundish_analytics.quality.soft import SoftReading

    Values = NDArray[np.float64]

PROCESS: Final = ("AT", "AP", "AH", "AFDP", "GTEP", "TIT", "TAT", "TEY", "CDP")
TARGETS: Final = {"CO": "mg/m3", "NOX": "mg/m3"}
YEAR: Final = "year_inferred"
WEEK: Final = 168
# A sample a shift, whose result is there a shift later.
LAB_EVERY: Final = 8
LAB_DELAY: Final = 8
_TESTED: Final = 1 / 3
_PROTOCOL: Final = (
    "Trained on the earlier part of the time, judged on the later: on the last year of the file where it "
    "has years, else on its last third; a file that holds other hours than the shipped ones is judged "
    "whole, by a model of the shipped years. Hourly rows in the order of the file, nine process values of "
    "the same hour, a soft sensor and no forecast. Interval: jackknife+ over four long parts of the training "
    "time with a week between part and training; sixty stretches of time, a stretch counts once. Two "
    "answers: 'never corrected', and corrected by the true value of one hour in eight, known eight hours "
    "later (as a laboratory would give it), which shifts the estimate and sets the width of the interval "
    "(adaptive conformal inference). The gain of the shift is the one that errs least on the training years "
    "held out. Hours outside the applicability domain get no answer and are not counted, but their error is "
    "told."
)
_GUARD: Final = (
    "CO is no input for NOX nor NOX for CO; hours that occur in the judged part are taken out of the "
    "training part; nothing is learnt, scaled or chosen from the later part, but for the corrected figures "
    "the hourly values that were known by then, none of them of the hour judged or later."
)
_INTERVALS: Final = "500 bootstrap draws of whole weeks; coverage: binomial, a week's hours counting together"


def read_turbine(path: Path) -> pd.DataFrame:
    """Hours with `PROCESS`, `TARGETS` and, where known, ``year_inferred``.

    Raises:
        Unfit: a column is missing.
    """
    table = find_table(path, [*PROCESS, *TARGETS])
    values = numbers(table, [*PROCESS, *TARGETS])
    return values.assign(**{YEAR: table[YEAR].to_numpy()}) if YEAR in table.columns else values


@one_thread
def evaluate_turbine(
    shipped: pd.DataFrame, given: pd.DataFrame | None = None, trees: int = 100
) -> Evaluation:
    """Figures of both estimates; columns `PROCESS`, `TARGETS` and, where known, ``year_inferred``.

    Raises:
        Unfit: there are too few hours to train on or to judge.
    """
    train, test = _parts(shipped, given)
    figures: list[Figure] = []
    facts: dict[str, Any] = {"hours trained on": len(train), "hours judged": len(test)}
    for target, unit in TARGETS.items():
        known = test[target].notna()
        if not known.any():
            raise Unfit(f"{target} 没有可评估的小时", f"no hour with {target} is there to be judged")
        try:
            found, gain = _of_target(target, unit, train, test[known], trees)
        except TooFewUnits as error:
            raise Unfit("训练小时太少", f"too few hours to train on: {error}") from error
        figures += found
        facts[f"gain of the {target} correction, from the training years"] = gain
    facts |= {"never read": "the other emission", "true values known": f"one hour in {LAB_EVERY}"}
    return Evaluation("gas-turbine", _PROTOCOL, _GUARD, _INTERVALS, tuple(figures), facts)


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


def _of_target(
    target: str, unit: str, train: pd.DataFrame, test: pd.DataFrame, trees: int
) -> tuple[list[Figure], float]:
    x, y = train[list(PROCESS)].to_numpy(np.float64), train[target].to_numpy(np.float64)
    x_test, truth = test[list(PROCESS)].to_numpy(np.float64), test[target].to_numpy(np.float64)
    sensor = SoftSensor.fit(x, y, gap=WEEK, trees=trees)
    reading, anywhere = sensor.estimate(x_test), sensor.anywhere(x_test)
    gain = best_gain(sensor.held_out, sensor.truth, _samples(sensor.truth), LAB_DELAY)
    corrected = follow(reading, _samples(truth), LAB_DELAY, LabCorrection(gain))
    known = np.isfinite(y)
    line = make_pipeline(SimpleImputer(), StandardScaler(), LinearRegression()).fit(x[known], y[known])
    inside, week = reading.inside, np.arange(len(truth)) // WEEK
    outside = rmse(anywhere.value[~inside], truth[~inside]) if (~inside).any() else float("nan")
    by_line = line.predict(x_test)
    return [
        *_judged(target, unit, corrected, truth, week),
        *_judged(target, unit, reading, truth, week, ", never corrected"),
        Figure(f"{target} share of hours answered", float(inside.mean()), interval=of_share(inside, week)),
        Figure(f"{target} rmse, hours without an answer", outside, unit, "none"),
        Figure(f"{target} rmse, linear regression", rmse(by_line[inside], truth[inside]), unit, "none"),
        Figure(f"{target} standard deviation of the judged hours", float(truth.std()), unit, "none"),
    ], gain


def _samples(truth: Values) -> Values:
    """The values that the laboratory takes: the others are unknown."""
    return np.where(np.arange(len(truth)) % LAB_EVERY == 0, truth, np.nan)


def _judged(
    target: str, unit: str, said: SoftReading, truth: Values, week: NDArray[np.int64], note: str = ""
) -> list[Figure]:
    answered = said.inside
    found, low, high, right, block = (c[answered] for c in (said.value, said.low, said.high, truth, week))
    hit = (low <= right) & (right <= high)

    def error(name: str, score: Callable[..., float]) -> Figure:
        ends = drawn(block, lambda rows: float(score(right[rows], found[rows])))
        return Figure(f"{target} {name}{note}", float(score(right, found)), unit, "less", interval=ends)

    return [
        error("rmse", lambda t, f: rmse(f, t)),
        error("mae", mean_absolute_error),
        replace(error("r2", r2_score), unit="1", better="more"),
        Figure(
            f"{target} interval90_coverage{note}",
            float(hit.mean()),
            better="none",
            interval=of_share(hit, block),
        ),
        Figure(f"{target} interval90 mean width{note}", float((high - low).mean()), unit, "less"),
    ]
