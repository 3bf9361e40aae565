"""Evaluation of the models by protocols that do not flatter: whole blocks and devices held back."""

from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.evaluate.hydraulic import evaluate_hydraulic
from tundish_analytics.evaluate.igbt import evaluate_igbt
from tundish_analytics.evaluate.mosfet import evaluate_mosfet
from tundish_analytics.evaluate.steel import evaluate_steel

__all__ = [
    "Evaluation",
    "Figure",
    "evaluate_hydraulic",
    "evaluate_igbt",
    "evaluate_mosfet",
    "evaluate_steel",
]
