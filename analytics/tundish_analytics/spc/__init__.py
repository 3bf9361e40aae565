"""Statistical process control: charts, run rules, phases, run lengths, capability."""

from tundish_analytics.spc.attributes import (
    c_chart,
    dispersion_of,
    np_chart,
    p_chart,
    too_sparse,
    u_chart,
)
from tundish_analytics.spc.capability import ENOUGH_VALUES, Capability, capability
from tundish_analytics.spc.chart import Baseline, ControlChart
from tundish_analytics.spc.charts import IndividualsChart, individuals, lag1
from tundish_analytics.spc.constants import c4, d2, d3, deviation_factors, range_factors
from tundish_analytics.spc.memory import Cusum, CusumPath, Ewma, cusum, ewma
from tundish_analytics.spc.multivariate import (
    TSquaredChart,
    VectorBaseline,
    t_squared_groups,
    t_squared_rows,
)
from tundish_analytics.spc.rules import (
    DEFAULT_RULES,
    NELSON,
    SPREAD_RULES,
    WESTERN_ELECTRIC,
    LiveRules,
    RunRule,
    signals,
)
from tundish_analytics.spc.runlength import cusum_arl, ewma_arl, shewhart_arl
from tundish_analytics.spc.stages import LiveChart, Stage, StagedChart, in_stages
from tundish_analytics.spc.variables import (
    deviation_chart,
    from_deviations,
    from_ranges,
    individual_chart,
    mean_chart,
    moving_range_chart,
    range_chart,
    xbar_r,
    xbar_s,
)

__all__ = [
    "DEFAULT_RULES",
    "ENOUGH_VALUES",
    "NELSON",
    "SPREAD_RULES",
    "WESTERN_ELECTRIC",
    "Baseline",
    "Capability",
    "ControlChart",
    "Cusum",
    "CusumPath",
    "Ewma",
    "IndividualsChart",
    "LiveChart",
    "LiveRules",
    "RunRule",
    "Stage",
    "StagedChart",
    "TSquaredChart",
    "VectorBaseline",
    "c4",
    "c_chart",
    "capability",
    "cusum",
    "cusum_arl",
    "d2",
    "d3",
    "deviation_chart",
    "deviation_factors",
    "dispersion_of",
    "ewma",
    "ewma_arl",
    "from_deviations",
    "from_ranges",
    "in_stages",
    "individual_chart",
    "individuals",
    "lag1",
    "mean_chart",
    "moving_range_chart",
    "np_chart",
    "p_chart",
    "range_chart",
    "range_factors",
    "shewhart_arl",
    "signals",
    "t_squared_groups",
    "t_squared_rows",
    "too_sparse",
    "u_chart",
    "xbar_r",
    "xbar_s",
]
