"""Energy: what a piece takes, what the plant will draw, and how its peak can be lowered."""

from tundish_analytics.energy.forecast import LoadForecast, LoadModel, load_features, seasonal_naive
from tundish_analytics.energy.peak import NoPlan, PeakPlan, Storage, plan_peak
from tundish_analytics.energy.pieces import EnergyUse, Estimate, energy_use, idle_energy

__all__ = [
    "EnergyUse",
    "Estimate",
    "LoadForecast",
    "LoadModel",
    "NoPlan",
    "PeakPlan",
    "Storage",
    "energy_use",
    "idle_energy",
    "load_features",
    "plan_peak",
    "seasonal_naive",
]
