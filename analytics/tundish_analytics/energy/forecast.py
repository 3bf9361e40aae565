"""Forecast of a plant's load with an interval that covers what it says.

Features are the calendar and the loads of a day and more before, all known when the forecast is made. The
interval comes from split conformal prediction of quantile regressors (Romano, Patterson and Candès,
"Conformalized quantile regression", NeurIPS 2019), calibrated on the last part of the history, which the
regressors have not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from tundish_analytics.models.folds import SEED
from tundish_analytics.models.threads import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

STEPS_A_DAY: Final = 96
_WEEK: Final = 7 * STEPS_A_DAY
_CALIBRATED: Final = 0.25
_LEAST_DAYS: Final = 28
_STEPS_AN_HOUR: Final = 4


@dataclass(frozen=True, slots=True)
class LoadForecast:
    """Loads of the steps asked for, in the history's unit; shape ``(n,)`` each."""

    value: Values
    low: Values
    high: Values


class LoadModel:
    """Load of a quarter of an hour, a day ahead.

    Forecasts of a step use loads up to 96 steps earlier only, so that a whole day can be forecast at its
    beginning.
    """

    def __init__(
        self,
        middle: HistGradientBoostingRegressor,
        ends: tuple[HistGradientBoostingRegressor, ...],
        widening: float,
    ) -> None:
        self._middle, self._ends, self.widening = middle, ends, widening

    @classmethod
    @one_thread
    def fit(cls, load: Values, first_step: int = 0, *, coverage: float = 0.9, trees: int = 150) -> Self:
        """Train on a history.

        Args:
            load: equal quarters of an hour in order, at least four weeks; NaN where unknown.
            first_step: quarters of an hour from a Monday's midnight to the first load.
            coverage: share of true loads that the interval shall hold.
            trees: of each regressor.

        Raises:
            ValueError: the history is shorter than four weeks.
        """
        if load.size < _LEAST_DAYS * STEPS_A_DAY:
            raise ValueError(f"a load forecast needs {_LEAST_DAYS} days of history")
        features = load_features(load, first_step)
        usable = np.flatnonzero(np.isfinite(load) & np.isfinite(features[:, -1]))
        cut = int((1 - _CALIBRATED) * usable.size)
        train, calibrate = usable[:cut], usable[cut:]
        tail = (1 - coverage) / 2
        ends = tuple(
            _regressor(trees, quantile).fit(features[train], load[train]) for quantile in (tail, 1 - tail)
        )
        low, high = (end.predict(features[calibrate]) for end in ends)
        misses = np.maximum(low - load[calibrate], load[calibrate] - high)
        rank = min(1.0, np.ceil((calibrate.size + 1) * coverage) / calibrate.size)
        # The middle carries no promise of coverage, so it may learn from the calibration part too.
        middle = _regressor(trees, None).fit(features[usable], load[usable])
        return cls(middle, ends, float(np.quantile(misses, rank)))

    @one_thread
    def predict(self, load: Values, first_step: int, steps: slice) -> LoadForecast:
        """Forecast some steps.

        Args:
            load: history and, at the steps to forecast, anything: loads of a day before and earlier are read.
            first_step: as for `fit`.
            steps: which of them.
        """
        features = load_features(load, first_step)[steps]
        value = self._middle.predict(features)
        low, high = (end.predict(features) for end in self._ends)
        return LoadForecast(
            value, np.minimum(low - self.widening, value), np.maximum(high + self.widening, value)
        )


def load_features(load: Values, first_step: int) -> Values:
    """Calendar and past of each step, shape ``(n, 10)``; NaN where the past is not there."""
    step = first_step + np.arange(load.size)
    of_day, weekday = step % STEPS_A_DAY, step // STEPS_A_DAY % 7
    past = [_shifted(load, lag) for lag in (STEPS_A_DAY, 2 * STEPS_A_DAY, _WEEK)]
    hour = _moving_mean(past[0], _STEPS_AN_HOUR)
    day = _moving_mean(past[0], STEPS_A_DAY)
    week_hour = _moving_mean(past[2], _STEPS_AN_HOUR)
    angle = 2 * np.pi * of_day / STEPS_A_DAY
    working = (weekday < 5).astype(np.float64)  # noqa: PLR2004 - Monday to Friday
    columns = [of_day, weekday, working, np.sin(angle), hour, day, week_hour, past[1], past[2], past[0]]
    return np.column_stack(columns).astype(np.float64)


def seasonal_naive(load: Values) -> Values:
    """The load of a week before: what any forecast has to beat."""
    return _shifted(load, _WEEK)


def _regressor(trees: int, quantile: float | None) -> HistGradientBoostingRegressor:
    loss = "squared_error" if quantile is None else "quantile"
    return HistGradientBoostingRegressor(
        loss=loss,
        quantile=quantile,
        max_iter=trees,
        learning_rate=0.06,
        max_leaf_nodes=24,
        min_samples_leaf=40,
        random_state=SEED,
    )


def _shifted(load: Values, lag: int) -> Values:
    shifted = np.full(load.size, np.nan)
    if lag < load.size:
        shifted[lag:] = load[:-lag]
    return shifted


def _moving_mean(values: Values, width: int) -> Values:
    """Mean of the last ``width`` values that are known; NaN where none is."""
    known = np.isfinite(values)
    sums = np.cumsum(np.where(known, values, 0.0))
    counts = np.cumsum(known).astype(np.float64)
    total, number = sums.copy(), counts.copy()
    total[width:] -= sums[:-width]
    number[width:] -= counts[:-width]
    mean: Values = np.divide(total, number, out=np.full(values.size, np.nan), where=number > 0)
    return mean
