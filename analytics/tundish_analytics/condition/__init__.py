"""Condition of machines and devices: hydraulic circuits, IGBTs and MOSFETs."""

from tundish_analytics.condition.hydraulic import HydraulicCondition
from tundish_analytics.condition.life import LifeModel
from tundish_analytics.condition.vce import AgeingModel

__all__ = ["AgeingModel", "HydraulicCondition", "LifeModel"]
