"""The day ahead of a meter: forecast, measured error and the warning that follows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.energy import QUARTER_S, LoadForecast, LoadModel, NothingToTest, forecast_error
from tundish_dashboards.later import Later

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from tundish_analytics.energy import ForecastError, Quarters
    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.energy.meters import Meter

    Values = NDArray[np.float64]

COVERAGE: Final = 0.8
STEPS_A_DAY: Final = 96
# Four weeks to learn from, and one that the measured error is of.
LEAST_DAYS: Final = 35
_LEAST_KNOWN: Final = 0.8


class Lack(StrEnum):
    """Why there is no forecast; the value is the key of its words."""

    SHORT = "short"
    HOLES = "holes"
    SILENT = "silent"
    MAKING = "making"


class Warned(StrEnum):
    """What is said of the limit of demand."""

    LIKELY = "likely"
    POSSIBLE = "possible"
    NONE = "none"
    NO_LIMIT = "no_limit"


@dataclass(frozen=True, slots=True)
class Ahead:
    """The next 96 quarters.

    Attributes:
        first: quarters from 1970 to the first of them.
        load: kW; ``error``: of days that the model of that test had not seen.
    """

    first: int
    load: LoadForecast
    error: ForecastError

    def warned(self, limit_kw: float | None) -> Warned:
        """Whether demand is expected to pass the limit: in the middle, or at the interval's upper end."""
        if limit_kw is None:
            return Warned.NO_LIMIT
        if float(self.load.value.max()) > limit_kw:
            return Warned.LIKELY
        return Warned.POSSIBLE if float(self.load.high.max()) > limit_kw else Warned.NONE


@dataclass(frozen=True, slots=True)
class _Learnt:
    model: LoadModel
    error: ForecastError


class Forecasts:
    """Models of meters, learnt once for each local day and again when that history changes."""

    def __init__(self) -> None:
        self._learnt: Later[_Learnt | Lack] = Later()

    def of(self, view: TenantView, meter: Meter, quarters: Quarters, wait_s: float = 0.0) -> Ahead | Lack:
        """The day behind the last known quarter, or why there is none.

        Args:
            view: who looks; only the tenant and its zone matter.
            meter: whose.
            quarters: its history, up to now.
            wait_s: how long to wait for a model that is being learnt.
        """
        demand = quarters.demand
        known = np.flatnonzero(np.isfinite(demand))
        if not known.size:
            return Lack.SHORT
        begin, end = int(known[0]), int(known[-1]) + 1
        demand, first = demand[begin:end], quarters.first + begin
        lack = _lack(demand, quarters.kwh.size - end)
        if lack is not None:
            return lack
        monday = first_step(first, view.formats.zone)
        # Learnt of whole days, so that one model serves a day.
        past = demand[: demand.size - (monday + demand.size) % STEPS_A_DAY]
        digest = hashlib.blake2b(past.tobytes(), digest_size=16).hexdigest()
        key = (view.scope.tenant_id, meter.signal.id, first, past.size, digest)
        learnt = self._learnt.get(key, lambda: _learn(past, monday), wait_s)
        if not isinstance(learnt, _Learnt):
            return learnt or Lack.MAKING
        longer = np.concatenate([demand, np.full(STEPS_A_DAY, np.nan)])
        load = learnt.model.predict(longer, monday, slice(demand.size, None))
        load = LoadForecast(*(np.maximum(part, 0.0) for part in (load.value, load.low, load.high)))
        return Ahead(first + demand.size, load, learnt.error)


def first_step(quarter: int, zone: ZoneInfo) -> int:
    """Quarters from a Monday's local midnight to a quarter."""
    local = datetime.fromtimestamp(quarter * QUARTER_S, UTC).astimezone(zone)
    return local.weekday() * STEPS_A_DAY + local.hour * 4 + local.minute // 15


def _lack(demand: Values, silent: int) -> Lack | None:
    """What a history lacks; ``silent`` quarters have passed since its last known one."""
    if silent > STEPS_A_DAY:
        return Lack.SILENT
    # A day less at most is left when the day that runs is cut off.
    if demand.size < (LEAST_DAYS + 1) * STEPS_A_DAY:
        return Lack.SHORT
    return Lack.HOLES if np.isfinite(demand).mean() < _LEAST_KNOWN else None


def _learn(past: Values, monday: int) -> _Learnt | Lack:
    try:
        error = forecast_error(past, monday, coverage=COVERAGE)
        return _Learnt(LoadModel.fit(past, monday, coverage=COVERAGE), error)
    except NothingToTest:
        return Lack.HOLES
    except ValueError:
        # All the same load, or a stretch of which nothing can be learnt.
        return Lack.SHORT
