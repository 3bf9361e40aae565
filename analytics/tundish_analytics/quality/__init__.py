"""Quality of products: surface faults of steel plates, causes in the process, laboratory values estimated."""

from tundish_analytics.quality.causes import Cause, Ranking, ranked_causes
from tundish_analytics.quality.defects import Counted, defect_pareto
from tundish_analytics.quality.labs import LabCorrection
from tundish_analytics.quality.pieces import PieceTable, piece_table
from tundish_analytics.quality.soft import SoftReading, SoftSensor
from tundish_analytics.quality.steel import PlateFaults

__all__ = [
    "Cause",
    "Counted",
    "LabCorrection",
    "PieceTable",
    "PlateFaults",
    "Ranking",
    "SoftReading",
    "SoftSensor",
    "defect_pareto",
    "piece_table",
    "ranked_causes",
]
