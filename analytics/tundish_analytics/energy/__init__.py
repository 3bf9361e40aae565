"""Energy: what a piece takes, what the plant will draw, and how its peak can be lowered."""

from tundish_analytics.energy.backtest import ForecastError, NothingToTest, forecast_error
from tundish_analytics.energy.forecast import LoadForecast, LoadModel, load_features, seasonal_naive
from tundish_analytics.energy.metering import (
    ENERGY_UNITS,
    POWER_UNITS,
    QUARTER_S,
    Quarters,
    Stretches,
    counter_stretches,
    interval_stretches,
    quarters_of,
)
from tundish_analytics.energy.peak import NoPlan, PeakPlan, Storage, plan_peak
from tundish_analytics.energy.pieces import EnergyUse, Estimate, energy_use, idle_energy

__all__ = [
    "ENERGY_UNITS",
    "POWER_UNITS",
    "QUARTER_S",
    "EnergyUse",
    "Estimate",
    "ForecastError",
    "LoadForecast",
    "LoadModel",
    "NoPlan",
    "NothingToTest",
    "PeakPlan",
    "Quarters",
    "Storage",
    "Stretches",
    "counter_stretches",
    "energy_use",
    "forecast_error",
    "idle_energy",
    "interval_stretches",
    "load_features",
    "plan_peak",
    "quarters_of",
    "seasonal_naive",
]
