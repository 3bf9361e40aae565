"""The forecast of a day, and what shifting load within it would save."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.energy.forecast import STEPS_A_DAY, LoadModel, seasonal_naive
from tundish_analytics.energy.peak import Storage, plan_peak

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_analytics.energy.forecast import LoadForecast

    Values = NDArray[np.float64]

# P10 to P90.
COVERAGE: Final = 0.8
_MOST_MOVABLE: Final = 0.5
_DAY_MIN: Final = 1_440


def forecast(demand: Values, first_step: int) -> LoadForecast:
    """The next 96 quarters, kW; never below zero.

    Raises:
        ValueError: the history is shorter than four weeks.
    """
    model = LoadModel.fit(demand, first_step, coverage=COVERAGE)
    longer = np.concatenate([demand, np.full(STEPS_A_DAY, np.nan)])
    found = model.predict(longer, first_step, slice(demand.size, None))
    return type(found)(*(np.maximum(part, 0.0) for part in (found.value, found.low, found.high)))


def week_before(demand: Values) -> Values:
    """The same quarters a week earlier, NaN where unknown."""
    return seasonal_naive(np.concatenate([demand, np.full(STEPS_A_DAY, np.nan)]))[demand.size :]


@dataclass(frozen=True, slots=True)
class Shift:
    """Load moved within the day.

    Attributes:
        moved: kW into (above 0) or out of (below 0) each quarter; adds up to 0.
        peak_saved: kW by which the largest demand falls.
        cost_saved: yuan by the tariff; None without one.
    """

    moved: Values
    peak_saved: float
    cost_saved: float | None


def shift_load(load: Values, share: float, prices: Values | None) -> Shift:
    """The plan with the lowest peak; with a tariff, then as much from dear to cheap as keeps that peak.

    Args:
        load: expected kW of each quarter.
        share: of each quarter's load that can run at another time of the day.
        prices: yuan per kWh of each quarter.

    Raises:
        ValueError: the share is below 0 or above a half.
        NoPlan: the solver finds none.
    """
    if not 0 <= share <= _MOST_MOVABLE:
        raise ValueError(f"movable_share {share:g}")
    plan = plan_peak(load, 0.25, Storage(0.0, 0.0), share * load)
    if prices is None:
        return Shift(plan.shifted, plan.before_kw - plan.after_kw, None)
    moved = _cheapest(load, share, prices, plan.after_kw)
    saved = -float(np.sum(moved * prices)) / 4
    return Shift(moved, plan.before_kw - plan.after_kw, saved)


def _cheapest(load: Values, share: float, prices: Values, peak: float) -> Values:
    """Moves of lowest cost under a peak, and of those nearly the quietest.

    All movable load is taken out and put back from the cheapest price on, at each price first where it came
    from. With one price per quarter and load that is free to go anywhere that is the cheapest there is.
    """
    fixed = (1 - share) * load
    room, rest = np.maximum(peak - fixed, 0.0), share * float(load.sum())
    back = np.zeros(load.size)
    for price in np.unique(prices).tolist():
        there = prices == price
        for wanted in (np.minimum(share * load, room), room - back):
            offered = np.where(there, np.maximum(wanted, 0.0), 0.0)
            taken = offered * min(1.0, rest / max(float(offered.sum()), 1e-12))
            back, rest = back + taken, rest - float(taken.sum())
    return fixed + back - load


class Tariff:
    """Prices by the local clock.

    Raises:
        ValueError: a part cannot be read, or a minute of the day has no price or two.
    """

    def __init__(self, text: str) -> None:
        by_minute = np.full(_DAY_MIN, np.nan)
        for part in text.split():
            span, _, price = part.partition("=")
            low, _, high = span.partition("-")
            begin, end = _minute(low), _minute(high)
            chosen = np.arange(begin, end if end > begin else end + _DAY_MIN) % _DAY_MIN
            if np.isfinite(by_minute[chosen]).any():
                raise ValueError(f"tariff {part!r}: two prices at one time")
            by_minute[chosen] = float(price)
        if not np.isfinite(by_minute).all():
            missing = int(np.flatnonzero(~np.isfinite(by_minute))[0])
            raise ValueError(f"tariff: no price at {missing // 60:02d}:{missing % 60:02d}")
        self._by_minute = by_minute

    def of(self, moments: list[datetime]) -> Values:
        """Yuan per kWh at each moment of the plant's clock."""
        return self._by_minute[[moment.hour * 60 + moment.minute for moment in moments]]


def _minute(text: str) -> int:
    if text == "24:00":
        return 0
    clock = time.fromisoformat(text)
    return clock.hour * 60 + clock.minute
