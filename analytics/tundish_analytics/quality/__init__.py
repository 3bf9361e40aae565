"""Quality of products: surface faults of steel plates, causes in the process, laboratory values estimated."""

from tundish_analytics.quality.causes import Cause, Ranking, ranked_causes
from tundish_analytics.quality.labs import LabCorrection
from tundish_analytics.quality.pieces import PieceTable, piece_table
from tundish_analytics.quality.soft import SoftReading, SoftSensor
from tundish_analytics.quality.steel import PlateFaults

__all__ = [
    "Cause",
    "LabCorrection",
    "PieceTable",
    "PlateFaults",
    "Ranking",
    "SoftReading",
    "SoftSensor",
    "piece_table",
    "ranked_causes",
]
