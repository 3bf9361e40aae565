"""Statistical process control: charts, run rules, phases, run lengths, capability, gauges, part averages."""

from tundish_analytics.spc.attributes import (
    c_chart,
    dispersion_of,
    np_chart,
    p_chart,
    too_sparse,
    u_chart,
)
from tundish_analytics.spc.averages import NoLimits, PatLimits, dynamic_limits, static_limits
from tundish_analytics.spc.capability import ENOUGH_VALUES, Capability, capability
from tundish_analytics.spc.chart import Baseline, ControlChart
from tundish_analytics.spc.charts import IndividualsChart, individuals, lag1
from tundish_analytics.spc.constants import c4, d2, d3, deviation_factors, range_factors
from tundish_analytics.spc.gauge import GaugeStudy, gauge_study
from tundish_analytics.spc.indices import (
    Index,
    Indices,
    Specification,
    bissell_index,
    chi_square_index,
    indices,
    judge,
)
from tundish_analytics.spc.laws import CannotFit, Law, fit_box_cox, fit_johnson, fit_normal, normality
from tundish_analytics.spc.memory import Cusum, CusumPath, Ewma, cusum, ewma
from tundish_analytics.spc.multivariate import (
    TSquaredChart,
    VectorBaseline,
    t_squared_groups,
    t_squared_rows,
)
from tundish_analytics.spc.quantiles import QuantileIndices, choose_fit, empirical_law, quantile_indices
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
from tundish_analytics.spc.stability import SPREAD_CHANCE, Stability, stability
from tundish_analytics.spc.stages import LiveChart, Stage, StagedChart, in_stages
from tundish_analytics.spc.thinning import LEAST_POINTS, Thinned, every, independent_step
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
    "LEAST_POINTS",
    "NELSON",
    "SPREAD_CHANCE",
    "SPREAD_RULES",
    "WESTERN_ELECTRIC",
    "Baseline",
    "CannotFit",
    "Capability",
    "ControlChart",
    "Cusum",
    "CusumPath",
    "Ewma",
    "GaugeStudy",
    "Index",
    "Indices",
    "IndividualsChart",
    "Law",
    "LiveChart",
    "LiveRules",
    "NoLimits",
    "PatLimits",
    "QuantileIndices",
    "RunRule",
    "Specification",
    "Stability",
    "Stage",
    "StagedChart",
    "TSquaredChart",
    "Thinned",
    "VectorBaseline",
    "bissell_index",
    "c4",
    "c_chart",
    "capability",
    "chi_square_index",
    "choose_fit",
    "cusum",
    "cusum_arl",
    "d2",
    "d3",
    "deviation_chart",
    "deviation_factors",
    "dispersion_of",
    "dynamic_limits",
    "empirical_law",
    "every",
    "ewma",
    "ewma_arl",
    "fit_box_cox",
    "fit_johnson",
    "fit_normal",
    "from_deviations",
    "from_ranges",
    "gauge_study",
    "in_stages",
    "independent_step",
    "indices",
    "individual_chart",
    "individuals",
    "judge",
    "lag1",
    "mean_chart",
    "moving_range_chart",
    "normality",
    "np_chart",
    "p_chart",
    "quantile_indices",
    "range_chart",
    "range_factors",
    "shewhart_arl",
    "signals",
    "stability",
    "static_limits",
    "t_squared_groups",
    "t_squared_rows",
    "too_sparse",
    "u_chart",
    "xbar_r",
    "xbar_s",
]
