"""Steel Industry Energy: what can be said of a quarter of an hour when, each with the same test part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from tundish_analytics.energy.forecast import STEPS_A_DAY, LoadModel, load_features, seasonal_naive
from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.evaluate.files import Unfit, find_table, numbers
from tundish_analytics.life.scores import rmse
from tundish_analytics.models.folds import SEED
from tundish_analytics.models.intervals import drawn, of_share
from tundish_analytics.models.threads import one_thread

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

LOAD: Final = "Usage_kWh"
# Nearly a function of the load in the same interval: a leak.
LEAK: Final = "CO2(tCO2)"
SAME_INTERVAL: Final = (
    "Lagging_Current_Reactive.Power_kVarh",
    "Leading_Current_Reactive_Power_kVarh",
    "Lagging_Current_Power_Factor",
    "Leading_Current_Power_Factor",
    "NSM",
)
DAY: Final = "Day_of_week"
_TESTED: Final = 0.2
_QUARTER_S: Final = 900
# Four weeks to train on make up four fifths of the file.
_LEAST_DAYS: Final = 36
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PROTOCOL: Final = (
    "Trained on the first 80 % of the time, tested on the last 20 %; rows in the order of the file, with "
    "quarters of an hour that are missing left unknown. Three "
    "questions, told apart by what is known: day ahead (calendar and loads at least 96 steps old), a "
    "quarter of an hour ahead (also loads up to the step before), and same interval (reactive energy and "
    "power factor of that interval, which with it nearly determine the load: an estimate, no forecast). "
    "The published 7.33 knows other columns and other rows, so like is not compared with like. The 90 % "
    "interval is calibrated inside the training part."
)
_GUARD: Final = (
    "The CO2 column is never read; nothing is learnt or calibrated on the last 20 %; a forecast a day ahead "
    "reads no load of the 96 steps before it."
)
_INTERVALS: Final = (
    "500 bootstrap draws of whole days; coverage: binomial, a day's quarters counting together"
)


def read_energy(path: Path) -> pd.DataFrame:
    """Quarters of an hour in order without gaps: `LOAD`, `SAME_INTERVAL` and ``Day_of_week``.

    Quarters that are not in the file, or not known, have NaN. Where the file has a ``date`` it says how long
    a gap is; without one a gap is shorter than a day.

    Raises:
        Unfit: a column is missing, or there are fewer than 36 days.
    """
    table = find_table(path, [LOAD, *SAME_INTERVAL, DAY])
    values = numbers(table, [LOAD, *SAME_INTERVAL])
    known = values["NSM"].notna() & table[DAY].astype(str).str.strip().isin(_DAYS)
    values, table = values[known], table[known]
    quarter = values["NSM"].to_numpy(np.int64) // _QUARTER_S
    place = _places(table, quarter)
    # Any row but midnight, which ends its day in the published file and begins it in others.
    sure = int(np.argmax(quarter > 0))
    monday = place[sure] - _DAYS.index(str(table[DAY].iloc[sure]).strip()) * STEPS_A_DAY - quarter[sure]
    values = values.assign(place=place).drop_duplicates("place").set_index("place")
    whole = values.reindex(range(int(place.min()), int(place.max()) + 1))
    if len(whole) < _LEAST_DAYS * STEPS_A_DAY:
        raise Unfit(f"至少需要 {_LEAST_DAYS} 天的数据", f"at least {_LEAST_DAYS} days are needed")
    step = whole.index.to_numpy() - monday
    names = np.array(_DAYS)[step // STEPS_A_DAY % len(_DAYS)]
    return whole.assign(NSM=step % STEPS_A_DAY * _QUARTER_S, **{DAY: names}).reset_index(drop=True)


def _places(table: pd.DataFrame, quarter: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of each row's quarter; midnight ends its day, as published, unless it comes first in its day."""
    ends = np.where(quarter == 0, STEPS_A_DAY, quarter).astype(np.int64)
    if "date" in table.columns:
        days = pd.to_datetime(table["date"], format="%d/%m/%Y %H:%M", errors="coerce")
        if days.isna().any():
            days = pd.to_datetime(table["date"], format="ISO8601", errors="coerce")
        if days.notna().all():
            day = (days.dt.normalize() - days.min().normalize()).dt.days.to_numpy(np.int64)
            published: NDArray[np.int64] = day * STEPS_A_DAY + ends
            plain: NDArray[np.int64] = day * STEPS_A_DAY + quarter
            return plain if np.all(np.diff(plain) > 0) and not np.all(np.diff(published) > 0) else published
    steps = (np.diff(ends) - 1) % STEPS_A_DAY + 1
    return np.concatenate([ends[:1], ends[0] + np.cumsum(steps)]).astype(np.int64)


@one_thread
def evaluate_energy(table: pd.DataFrame, trees: int = 150) -> Evaluation:
    """Figures of load forecast and estimate, by boosting of so many trees.

    Columns `LOAD`, `SAME_INTERVAL` and ``Day_of_week``, a row each quarter of an hour in order.
    """
    load = table[LOAD].to_numpy(np.float64)
    first = STEPS_A_DAY * _DAYS.index(str(table[DAY].iloc[0])) + int(table["NSM"].iloc[0]) // _QUARTER_S
    cut = int((1 - _TESTED) * load.size)
    day = LoadModel.fit(load[:cut], first, trees=trees).predict(load, first, slice(cut, None))
    past = [np.concatenate([np.full(lag, np.nan), load[:-lag]]) for lag in (1, 2, 3, 4, 8)]
    quarter = _fitted(np.column_stack([load_features(load, first), *past]), load, cut, trees)
    same = _fitted(table[list(SAME_INTERVAL)].to_numpy(np.float64), load, cut, trees)
    truth, days = load[cut:], np.arange(cut, load.size) // STEPS_A_DAY
    peers = "7.33 (published random forest; its columns and split differ)"
    known = np.isfinite(truth)
    inside = ((day.low <= truth) & (truth <= day.high))[known]
    figures = (
        _figure("rmse", day.value, truth, days, peers=peers),
        _figure("rmse, same week-time a week before", seasonal_naive(load)[cut:], truth, days),
        Figure(
            "interval90_coverage", float(inside.mean()), better="none", interval=of_share(inside, days[known])
        ),
        Figure("interval90 mean width", float((day.high - day.low).mean()), "kWh", "less"),
        _figure("rmse, a quarter of an hour ahead", quarter, truth, days),
        _figure("rmse, the load just before", load[cut - 1 : -1], truth, days),
        _figure("rmse, same interval", same, truth, days, peers=peers),
        Figure("standard deviation of the tested load", float(truth[known].std()), "kWh", "none"),
    )
    facts = {"rows": int(load.size), "tested": int(known.sum()), "never read": [LEAK]}
    return Evaluation("steel-energy", _PROTOCOL, _GUARD, _INTERVALS, figures, facts)


def _figure(name: str, found: Values, truth: Values, days: NDArray[np.int64], *, peers: str = "") -> Figure:
    both = np.isfinite(found) & np.isfinite(truth)
    found, truth = found[both], truth[both]
    ends = drawn(days[both], lambda rows: rmse(found[rows], truth[rows]))
    return Figure(name, rmse(found, truth), "kWh", "less", peers=peers, interval=ends)


def _fitted(features: Values, load: Values, cut: int, trees: int) -> Values:
    model = HistGradientBoostingRegressor(max_iter=trees, learning_rate=0.06, random_state=SEED)
    known = np.isfinite(load[:cut])
    found: Values = model.fit(features[:cut][known], load[:cut][known]).predict(features[cut:])
    return found
