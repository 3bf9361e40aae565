"""Overall equipment effectiveness: shift calendars, the split of time, figures, reasons and confidence."""

from tundish_analytics.oee.calendar import Shift, ShiftCalendar, ShiftRule, instant
from tundish_analytics.oee.confidence import Confidence, confidence_of
from tundish_analytics.oee.counters import CounterRead, read_counter
from tundish_analytics.oee.figures import Figures, ProductCount, Ratio, figures_of, losses
from tundish_analytics.oee.reliability import ParetoRow, Reliability, pareto, reliability
from tundish_analytics.oee.timesplit import Pieces, State, States, Time, TimeSplit, classify, split_time

__all__ = [
    "Confidence",
    "CounterRead",
    "Figures",
    "ParetoRow",
    "Pieces",
    "ProductCount",
    "Ratio",
    "Reliability",
    "Shift",
    "ShiftCalendar",
    "ShiftRule",
    "State",
    "States",
    "Time",
    "TimeSplit",
    "classify",
    "confidence_of",
    "figures_of",
    "instant",
    "losses",
    "pareto",
    "read_counter",
    "reliability",
    "split_time",
]
