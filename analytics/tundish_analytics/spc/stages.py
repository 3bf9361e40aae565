"""Phases of one chart: a baseline, then monitoring; after a known change a new baseline.

Limits are never recomputed in place: each stage has its own, estimated from its own baseline points, and
excluded points stay on the chart but out of the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tundish_analytics.spc.rules import DEFAULT_RULES, LiveRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tundish_analytics.spc.chart import Baseline, ControlChart
    from tundish_analytics.spc.rules import RunRule

    Points = NDArray[np.float64]


class MakesChart(Protocol):
    """A chart's function: phase I without a baseline, phase II with one."""

    def __call__(self, points: Points, baseline: Baseline | None = None) -> ControlChart:
        """The chart of the points."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch with limits of its own.

    Attributes:
        first: index of its first point.
        baseline: how many of its first points the limits come from.
        reason: why the stage begins.
        excluded: indices left out of the estimate, each with the reason.
    """

    first: int
    baseline: int
    reason: str
    excluded: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class StagedChart:
    """Charts one after the other, a stage each."""

    stages: tuple[Stage, ...]
    charts: tuple[ControlChart, ...]

    def signals(self, rules: Sequence[RunRule] = DEFAULT_RULES) -> dict[str, NDArray[np.int64]]:
        """Last points of patterns over all stages; no pattern reaches from one stage into the next."""
        parts = [
            {key: found + stage.first for key, found in chart.signals(rules).items()}
            for stage, chart in zip(self.stages, self.charts, strict=True)
        ]
        return {rule.key: np.concatenate([part[rule.key] for part in parts]) for rule in rules}


def in_stages(points: Points, stages: Sequence[Stage], chart: MakesChart) -> StagedChart:
    """One chart over several stages.

    Args:
        points: values ``(n,)`` or groups ``(n, size)``, as the chart takes them.
        stages: in order, the first beginning at 0.
        chart: such as `individual_chart`.

    Raises:
        ValueError: stages are not in order, or one has too few points for its baseline.
    """
    starts = [stage.first for stage in stages]
    if not starts or starts[0] != 0 or starts != sorted(set(starts)) or starts[-1] >= len(points):
        raise ValueError("stages begin at point 0 and follow each other within the points")
    charts = []
    for stage, end in zip(stages, [*starts[1:], len(points)], strict=True):
        if stage.baseline > end - stage.first:
            raise ValueError(f"the stage from point {stage.first} is shorter than its baseline")
        rows = np.arange(stage.first, stage.first + stage.baseline)
        kept = points[rows].astype(np.float64)
        # Blanked instead of taken out: moving ranges must not span what was left out.
        kept[np.isin(rows, list(stage.excluded))] = np.nan
        charts.append(chart(points[stage.first : end], chart(kept).baseline))
    return StagedChart(tuple(stages), tuple(charts))


class LiveChart:
    """A chart over a stream by frozen limits: the same signals as `ControlChart.signals` of the whole.

    Args:
        chart: a chart whose points don't depend on each other, such as `individual_chart` or `mean_chart`.
    """

    def __init__(
        self, chart: MakesChart, baseline: Baseline, rules: Sequence[RunRule] = DEFAULT_RULES
    ) -> None:
        self._chart, self._baseline, self._rules = chart, baseline, LiveRules(rules)

    def update(self, points: Points) -> tuple[ControlChart, dict[str, NDArray[np.int64]]]:
        """The next points' chart, and the patterns ending in them, counted from the stream's first point."""
        chart = self._chart(points, self._baseline)
        return chart, self._rules.update(chart.standardised())
