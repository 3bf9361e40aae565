"""Whether a model still sees what it was trained on, and is still as right and as sure as it was then."""

from tundish_analytics.drift.calibration import CalibrationWatch
from tundish_analytics.drift.hits import HitWatch
from tundish_analytics.drift.inputs import InputWatch
from tundish_analytics.drift.levels import Level, worst
from tundish_analytics.drift.reference import Reference

__all__ = ["CalibrationWatch", "HitWatch", "InputWatch", "Level", "Reference", "worst"]
