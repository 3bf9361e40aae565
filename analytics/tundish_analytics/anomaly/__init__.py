"""Watching a machine without labels: what is normal, how far from it, in which signals, since when."""

from tundish_analytics.anomaly.cases import Case, Cases
from tundish_analytics.anomaly.changes import change_points
from tundish_analytics.anomaly.conformal import HealthyScores, held_out
from tundish_analytics.anomaly.forest import PathForest
from tundish_analytics.anomaly.pca import PcaModel
from tundish_analytics.anomaly.regimes import Regimes
from tundish_analytics.anomaly.watch import AnomalyWatch, Judged, TooLittle

__all__ = [
    "AnomalyWatch",
    "Case",
    "Cases",
    "HealthyScores",
    "Judged",
    "PathForest",
    "PcaModel",
    "Regimes",
    "TooLittle",
    "change_points",
    "held_out",
]
