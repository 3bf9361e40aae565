"""Statistical process control: constants, charts, run rules, capability."""

from tundish_analytics.spc.capability import ENOUGH_VALUES, Capability, capability
from tundish_analytics.spc.charts import IndividualsChart, count_limits, cusum, ewma, individuals, lag1
from tundish_analytics.spc.constants import c4, d2, d3, deviation_factors, range_factors
from tundish_analytics.spc.rules import DEFAULT_RULES, RunRule, beyond, one_side, trend, zone

__all__ = [
    "DEFAULT_RULES",
    "ENOUGH_VALUES",
    "Capability",
    "IndividualsChart",
    "RunRule",
    "beyond",
    "c4",
    "capability",
    "count_limits",
    "cusum",
    "d2",
    "d3",
    "deviation_factors",
    "ewma",
    "individuals",
    "lag1",
    "one_side",
    "range_factors",
    "trend",
    "zone",
]
