"""Quality of products: surface faults of steel plates."""

from tundish_analytics.quality.steel import PlateFaults

__all__ = ["PlateFaults"]
