"""What a shift's report says: OEE, stops, counts, quality, energy and data of the lines of a place."""

from tundish_analytics.handover.maker import ReportMaker

__all__ = ["ReportMaker"]
