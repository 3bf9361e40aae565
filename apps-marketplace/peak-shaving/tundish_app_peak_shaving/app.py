"""Entry point: read the meter's month, forecast its next day, plan what could be shifted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np

from tundish_app_peak_shaving.history import History, UnknownUnit, history_of
from tundish_app_peak_shaving.screen import missing_screen, refused_screen, screen, short_screen, unit_screen
from tundish_platform.sdk import AppInputs, AppOutputs, window_values

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_analytics.energy.forecast import LoadForecast
    from tundish_app_peak_shaving.ahead import Shift
    from tundish_platform.sdk import SignalInfo

    Values = NDArray[np.float64]

_KEYS: Final = ("interval", "counter")
_LEAST_DAYS: Final = 28
_LEAST_KNOWN: Final = 0.8
_STEPS_A_DAY: Final = 96


@dataclass(frozen=True, slots=True)
class Ahead:
    """The day to come.

    Attributes:
        moments: start of each quarter, plant's clock.
        prices: yuan per kWh; None without a tariff.
        shift: None where nothing is said to be movable.
        limit: of demand in kW; None where none is given.
    """

    moments: list[datetime]
    load: LoadForecast
    prices: Values | None
    shift: Shift | None
    limit: float | None

    @property
    def alert(self) -> str:
        """``likely`` or ``possible`` where demand passes the limit in the middle or in P90, else ``none``."""
        if self.limit is None:
            return "no_limit"
        if self.load.value.max() > self.limit:
            return "likely"
        return "possible" if self.load.high.max() > self.limit else "none"


def run(inputs: AppInputs) -> AppOutputs:
    """Forecast the next 24 hours."""
    missing, chosen = inputs.missing(), _choose(inputs)
    if missing or chosen is None:
        return AppOutputs(missing=missing or _KEYS, screen=missing_screen())
    key, signal = chosen
    try:
        history = history_of(
            inputs, key, signal, ZoneInfo(str(inputs.parameters.get("zone", "Asia/Shanghai")))
        )
    except UnknownUnit:
        return AppOutputs(screen=unit_screen(signal))
    except (KeyError, OSError) as error:
        return AppOutputs(screen=refused_screen(f"zone: {error}"))
    enough = history.demand.size >= _LEAST_DAYS * _STEPS_A_DAY
    recent = np.isfinite(history.demand[-_STEPS_A_DAY:]).any()
    if not enough or not recent or history.known < _LEAST_KNOWN:
        values = window_values({"completeness": history.known}, inputs.end)
        return AppOutputs(values=values, screen=short_screen(signal, history))
    try:
        ahead = _ahead(inputs, history)
    except ValueError as error:
        return AppOutputs(screen=refused_screen(str(error)))
    found = _values(ahead, history)
    return AppOutputs(values=window_values(found, inputs.end), screen=screen(signal, history, ahead))


def _choose(inputs: AppInputs) -> tuple[str, SignalInfo] | None:
    path = inputs.parameters.get("signal")
    found = [(key, signal) for key in _KEYS for signal in inputs.found(key)]
    return next((pair for pair in found if path in (None, pair[1].path)), None)


def _ahead(inputs: AppInputs, history: History) -> Ahead:
    # Loaded here, because scikit-learn takes longer to load than a missing input takes to be told.
    from tundish_app_peak_shaving.ahead import Tariff, forecast, shift_load  # noqa: PLC0415 - see above

    settings = inputs.parameters
    moments = [history.at(history.demand.size + step) for step in range(_STEPS_A_DAY)]
    prices = Tariff(str(settings["tariff"])).of(moments) if "tariff" in settings else None
    load = forecast(history.demand, history.first_step)
    share, limit = settings.get("movable_share"), settings.get("limit_kw")
    shift = None if share is None else shift_load(load.value, float(share), prices)
    return Ahead(moments, load, prices, shift, None if limit is None else float(limit))


def _values(ahead: Ahead, history: History) -> dict[str, float | str | None]:
    load = ahead.load
    best = int(load.value.argmax())
    cost = None if ahead.prices is None else float(np.sum(load.value * ahead.prices)) / 4
    return {
        "energy_ahead": float(load.value.sum()) / 4,
        "peak_ahead": float(load.value[best]),
        "peak_p90": float(load.high.max()),
        "peak_at": ahead.moments[best].isoformat(),
        "alert": ahead.alert,
        "peak_saved": None if ahead.shift is None else ahead.shift.peak_saved,
        "cost_ahead": cost,
        "cost_saved": None if ahead.shift is None else ahead.shift.cost_saved,
        "completeness": history.known,
    }
