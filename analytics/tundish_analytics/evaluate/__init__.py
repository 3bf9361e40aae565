"""Evaluation of the models by protocols that do not flatter: whole blocks and devices held back."""

from tundish_analytics.evaluate.ai4i import evaluate_ai4i, read_ai4i
from tundish_analytics.evaluate.alerts import evaluate_alerts
from tundish_analytics.evaluate.bearings import evaluate_bearings
from tundish_analytics.evaluate.benches import read_devices, read_hydraulic, read_seconds
from tundish_analytics.evaluate.cmapss import evaluate_cmapss
from tundish_analytics.evaluate.energy import evaluate_energy, read_energy
from tundish_analytics.evaluate.field import evaluate_field, field_metrics
from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.evaluate.files import Unfit
from tundish_analytics.evaluate.fleets import read_fleets
from tundish_analytics.evaluate.hydraulic import evaluate_hydraulic
from tundish_analytics.evaluate.igbt import evaluate_igbt
from tundish_analytics.evaluate.mosfet import evaluate_mosfet
from tundish_analytics.evaluate.plates import evaluate_plates, read_plates
from tundish_analytics.evaluate.skab import evaluate_skab, read_skab
from tundish_analytics.evaluate.steel import evaluate_steel
from tundish_analytics.evaluate.tep import evaluate_tep, read_tep
from tundish_analytics.evaluate.turbine import evaluate_turbine, read_turbine
from tundish_analytics.evaluate.watch import (
    evaluate_watch_hydraulic,
    evaluate_watch_skab,
    evaluate_watch_tep,
)
from tundish_analytics.evaluate.waveforms import read_bearings

__all__ = [
    "Evaluation",
    "Figure",
    "Unfit",
    "evaluate_ai4i",
    "evaluate_alerts",
    "evaluate_bearings",
    "evaluate_cmapss",
    "evaluate_energy",
    "evaluate_field",
    "evaluate_hydraulic",
    "evaluate_igbt",
    "evaluate_mosfet",
    "evaluate_plates",
    "evaluate_skab",
    "evaluate_steel",
    "evaluate_tep",
    "evaluate_turbine",
    "evaluate_watch_hydraulic",
    "evaluate_watch_skab",
    "evaluate_watch_tep",
    "field_metrics",
    "read_ai4i",
    "read_bearings",
    "read_devices",
    "read_energy",
    "read_fleets",
    "read_hydraulic",
    "read_plates",
    "read_seconds",
    "read_skab",
    "read_tep",
    "read_turbine",
]
