"""How good a load forecast was: days that the model had not seen, each forecast at its beginning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.energy.forecast import STEPS_A_DAY, LoadModel, seasonal_naive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

TESTED_DAYS: Final = 7
_LEAST_SHARE: Final = 0.5


class NothingToTest(ValueError):  # noqa: N818 - says what is lacking
    """Too little of the tested days is known."""


@dataclass(frozen=True, slots=True)
class ForecastError:
    """Errors over the tested days, in the load's unit.

    Attributes:
        mae: mean absolute error of a quarter; ``naive_mae`` that of the load a week before, over the quarters
            that know both; None where none does.
        peak_mae: mean absolute error of a day's largest quarter, over days of which all is known; None
            without any.
        covered: share of quarters that lay within the interval; ``promised``: what was asked for.
        quarters: how many were compared.
    """

    mae: float
    naive_mae: float | None
    peak_mae: float | None
    covered: float
    promised: float
    quarters: int


def forecast_error(
    load: Values, first_step: int, *, coverage: float = 0.8, days: int = TESTED_DAYS
) -> ForecastError:
    """Fit without the last days, forecast each of them at its beginning, and compare.

    Args:
        load: equal quarters of an hour in order, NaN where unknown, as `LoadModel.fit` takes them.
        first_step: quarters of an hour from a Monday's midnight to the first load.
        coverage: share of true loads that the interval shall hold.
        days: of 96 quarters at the end that are kept from the model.

    Raises:
        ValueError: the rest is shorter than four weeks.
        NothingToTest: less than half of the tested quarters is known.
    """
    cut = load.size - days * STEPS_A_DAY
    model = LoadModel.fit(load[: max(cut, 0)], first_step, coverage=coverage)
    found = model.predict(load, first_step, slice(cut, None))
    truth, naive = load[cut:], seasonal_naive(load)[cut:]
    known = np.isfinite(truth)
    if known.mean() < _LEAST_SHARE:
        raise NothingToTest(f"only {known.mean():.0%} of the last {days} days is known")
    both = known & np.isfinite(naive)
    shape = (days, STEPS_A_DAY)
    whole = known.reshape(shape).all(axis=1)
    tops = found.value.reshape(shape)[whole].max(axis=1) - truth.reshape(shape)[whole].max(axis=1)
    inside = (found.low <= truth) & (truth <= found.high)
    return ForecastError(
        float(np.abs(found.value - truth)[known].mean()),
        float(np.abs(naive - truth)[both].mean()) if both.any() else None,
        float(np.abs(tops).mean()) if tops.size else None,
        float(inside[known].mean()),
        coverage,
        int(known.sum()),
    )
