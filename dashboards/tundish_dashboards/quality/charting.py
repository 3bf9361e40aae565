"""From samples to control charts: the kind that data ask for, limits of a stated baseline, broken rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_analytics import spc
from tundish_dashboards.quality.choice import Nature

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from tundish_analytics.spc import Baseline, ControlChart, RunRule, Stability
    from tundish_dashboards.quality.samples import Samples

    Times = NDArray[np.int64]
    Values = NDArray[np.float64]

# The usual bound between ranges and standard deviations (ISO 7870-2).
_LARGEST_RANGE: Final = 10
_LEAST_LABELS: Final = 10
_USUAL_LABELS: Final = 50
# A chart whose points depend on each other judges nothing, so it need not show every point.
_MOST_UNJUDGED: Final = 600
_DAY_US: Final = 86_400_000_000


class ChartKind(StrEnum):
    """The value is the key of its words."""

    I_MR = "i_mr"
    XBAR_R = "xbar_r"
    XBAR_S = "xbar_s"
    P = "p"
    U = "u"
    C = "c"


class Lack(StrEnum):
    """Why there is no chart; the value is the key of its words."""

    NO_DATA = "no_data"
    FEW = "few"
    CONSTANT = "constant"
    NO_FAULTS = "no_faults"
    ODD_COUNTS = "odd_counts"


@dataclass(frozen=True, slots=True)
class Points:
    """What is charted.

    Attributes:
        times: begin of each point, µs since 1970, shape ``(n,)``.
        groups: shape ``(n, size)`` of measured values, ``(n, 1)`` of counts; NaN where one is missing.
        sizes: pieces that each count is of, shape ``(n,)``; empty for measured values.
    """

    times: Times
    groups: Values
    sizes: Values


@dataclass(frozen=True, slots=True)
class PhaseOne:
    """What the baseline period says.

    Attributes:
        step: every so-manieth expected sample is charted; 1 for all, and for samples sent on events.
        correlation, bound: lag-1 autocorrelation of the points, and beyond what the limits mean nothing.
        exact: limits by the law of counts, for there are too few of them for three sigmas.
        values: the single values behind the points, for capability; empty for counts.
    """

    kind: ChartKind
    baseline: Baseline
    step: int
    size: int
    exact: bool
    points: int
    correlation: float
    bound: float
    stability: Stability
    values: Values

    @property
    def valid(self) -> bool:
        """Whether the limits may judge."""
        return abs(self.correlation) <= self.bound


@dataclass(frozen=True, slots=True)
class Part:
    """One chart of a pair; ``key`` names its statistic."""

    key: str
    chart: ControlChart
    flags: dict[str, NDArray[np.int64]]
    rules: Sequence[RunRule]


@dataclass(frozen=True, slots=True)
class Charted:
    """The chart of the window by the limits of the baseline."""

    first: PhaseOne
    times: Times
    parts: Sequence[Part]

    @property
    def flagged(self) -> int:
        """Points that end a pattern, on either chart."""
        places = [place for part in self.parts for found in part.flags.values() for place in found.tolist()]
        return len(set(places))


class _Cannot(Exception):  # noqa: N818 - carries the reason on
    def __init__(self, lack: Lack) -> None:
        super().__init__(lack.value)
        self.lack = lack


def phase_one(
    samples: Samples, nature: Nature, period_s: float | None, size: int, word: str, zone: ZoneInfo
) -> PhaseOne | Lack:
    """Estimate limits from the baseline period.

    Args:
        samples: of the baseline period.
        nature: what they are.
        period_s: expected seconds between samples; None for samples sent on events.
        size: wished size of a group.
        word: of labels, the one whose share is charted.
        zone: groups of pieces do not reach over the plant's midnight.
    """
    size = group_size(nature, size)
    step, independent = 1, True
    if nature is Nature.VALUES and period_s is not None and size == 1:
        times, values = samples.broken()
        apart = spc.independent_step(times, values, round(period_s * 1e6))
        step, independent = (apart, True) if apart else (_coarse(samples, period_s), False)
    try:
        points = points_of(samples, nature, period_s, size, step, word, zone)
        found = _estimated(points, samples, nature, step, size, independent=independent)
    except _Cannot as cannot:
        return cannot.lack
    return found


def charted(
    samples: Samples, first: PhaseOne, nature: Nature, period_s: float | None, word: str, zone: ZoneInfo
) -> Charted | Lack:
    """The chart of a window by the limits of phase I; rules are asked only where the limits hold."""
    points = points_of(samples, nature, period_s, first.size, first.step, word, zone)
    if not np.isfinite(points.groups).any():
        return Lack.NO_DATA
    try:
        charts = _charts(points, first.kind, first.baseline, exact=first.exact)
    except _Cannot as cannot:
        return cannot.lack
    parts = [
        Part(key, chart, _flags(chart, rules) if first.valid else {}, rules) for key, chart, rules in charts
    ]
    return Charted(first, points.times, parts)


def group_size(nature: Nature, wished: int) -> int:
    """Values in a group; shares of a few labels say nothing, so groups of them are larger."""
    if nature is Nature.LABELS:
        return wished if wished >= _LEAST_LABELS else _USUAL_LABELS
    return wished if nature is Nature.VALUES else 1


def points_of(
    samples: Samples, nature: Nature, period_s: float | None, size: int, step: int, word: str, zone: ZoneInfo
) -> Points:
    """Points of the chart; they stay as they are while a window moves over them."""
    nothing = np.empty(0)
    if nature is Nature.LABELS:
        chosen = np.where(np.isfinite(samples.values), (samples.words == word).astype(np.float64), np.nan)
        times, groups = _grouped(samples.times, chosen, size, zone)
        looked = np.isfinite(groups).sum(axis=1).astype(np.float64)
        faulty = np.where(looked > 0, np.nansum(groups, axis=1), np.nan)
        return Points(times, faulty[:, None], np.maximum(looked, 1.0))
    if nature is not Nature.VALUES:
        times, values = (samples.times, samples.values) if samples.sizes.size else samples.broken()
        return Points(times, values[:, None], samples.sizes)
    times, values = samples.broken()
    if period_s is not None and times.size:
        thin = spc.every(times, values, step * round(period_s * 1e6))
        times, values = thin.times, thin.points
        return Points(*_consecutive(times, values, size, step * round(period_s * 1e6)), nothing)
    if size == 1:
        return Points(times, values[:, None], nothing)
    return Points(*_grouped(times[np.isfinite(values)], values[np.isfinite(values)], size, zone), nothing)


def _consecutive(times: Times, values: Values, size: int, width: int) -> tuple[Times, Values]:
    """Groups of neighbours of an even grid, counted from 1970; the last stays out until it is whole."""
    if size == 1 or not times.size:
        return times, values[:, None]
    number = times // width
    lead, rest = int(number[0] % size), int(-(number[-1] + 1) % size)
    padded = np.concatenate([np.full(lead, np.nan), values, np.full(rest, np.nan)])
    begins = (number[0] - lead + np.arange(0, padded.size, size)) * width
    groups = padded.reshape(-1, size)
    return (begins[:-1], groups[:-1]) if rest else (begins, groups)


def _grouped(times: Times, values: Values, size: int, zone: ZoneInfo) -> tuple[Times, Values]:
    """Groups of pieces of one day of the plant in their order; a group that still fills stays out."""
    if not times.size:
        return times, values.reshape(0, size)
    days = _local_days(times, zone)
    first = np.flatnonzero(np.diff(days, prepend=days[0] - 1) != 0)
    rank = np.arange(times.size) - np.repeat(first, np.diff(np.append(first, times.size)))
    start = np.flatnonzero(rank % size == 0)
    lengths = np.diff(np.append(start, times.size))
    if lengths[-1] < size:
        start, lengths = start[:-1], lengths[:-1]
    groups = np.full((start.size, size), np.nan)
    for place in range(size):
        held = lengths > place
        groups[held, place] = values[start[held] + place]
    return times[start], groups


def _local_days(times: Times, zone: ZoneInfo) -> NDArray[np.int64]:
    zoned = pa.array(times, pa.timestamp("us", tz=zone.key))
    local: NDArray[np.int64] = pc.local_timestamp(zoned).cast(pa.int64()).to_numpy()
    return local // _DAY_US


def _coarse(samples: Samples, period_s: float) -> int:
    """A step for points that are shown only."""
    whole = int((samples.times[-1] - samples.times[0]) / (period_s * 1e6)) if samples.times.size else 1
    return max(1, -(-whole // _MOST_UNJUDGED))


def _estimated(
    points: Points, samples: Samples, nature: Nature, step: int, size: int, *, independent: bool
) -> PhaseOne:
    known = int(np.isfinite(points.groups).any(axis=1).sum())
    if known < spc.LEAST_POINTS:
        raise _Cannot(Lack.NO_DATA if not samples.times.size else Lack.FEW)
    kind = _kind(nature, points, size)
    charts = _charts(points, kind, None)
    baseline = charts[0][1].baseline
    exact = False
    if kind in {ChartKind.P, ChartKind.U, ChartKind.C}:
        if baseline.centre <= 0 or (kind is ChartKind.P and baseline.centre >= 1):
            raise _Cannot(Lack.NO_FAULTS)
        exact = spc.too_sparse(charts[0][1], points.sizes if points.sizes.size else 1.0)
        charts = _charts(points, kind, baseline, exact=exact)
    elif not baseline.sigma > 0:
        raise _Cannot(Lack.CONSTANT)
    correlation, bound = spc.lag1(charts[0][1].statistic)
    if not independent:
        # Every step tried left points that depend on each other; the shown one may pass by being few.
        bound = min(bound, abs(correlation) - 1e-9)
    measured = points.groups[np.isfinite(points.groups)] if nature is Nature.VALUES else np.empty(0)
    judged = [spc.stability(charts[0][1])]
    judged += [spc.stability(chart, spc.SPREAD_CHANCE) for _, chart, _ in charts[1:]]
    stable = max(judged, key=lambda one: one.outside - one.allowed)
    return PhaseOne(kind, baseline, step, size, exact, known, correlation, bound, stable, measured)


def _kind(nature: Nature, points: Points, size: int) -> ChartKind:
    if nature is Nature.VALUES:
        if size == 1:
            return ChartKind.I_MR
        return ChartKind.XBAR_R if size <= _LARGEST_RANGE else ChartKind.XBAR_S
    if nature in {Nature.LABELS, Nature.FAULTY}:
        return ChartKind.P
    return ChartKind.U if points.sizes.size else ChartKind.C


def _charts(
    points: Points, kind: ChartKind, baseline: Baseline | None, *, exact: bool = False
) -> list[tuple[str, ControlChart, Sequence[RunRule]]]:
    """Charts of the kind, each with its statistic's name and the rules that mean something on it."""
    try:
        return _made(points, kind, baseline, exact=exact)
    except ValueError as error:
        lack = Lack.FEW if kind in {ChartKind.I_MR, ChartKind.XBAR_R, ChartKind.XBAR_S} else Lack.ODD_COUNTS
        raise _Cannot(lack) from error


def _made(
    points: Points, kind: ChartKind, baseline: Baseline | None, *, exact: bool
) -> list[tuple[str, ControlChart, Sequence[RunRule]]]:
    single = points.groups[:, 0]
    if kind is ChartKind.I_MR:
        chart = spc.individual_chart(single, baseline)
        ranges = spc.moving_range_chart(single, chart.baseline)
        return [("value", chart, spc.DEFAULT_RULES), ("moving_range", ranges, spc.NELSON[:1])]
    if kind is ChartKind.XBAR_R:
        means, spread = spc.xbar_r(points.groups, baseline)
        return [("mean", means, spc.DEFAULT_RULES), ("range", spread, spc.SPREAD_RULES)]
    if kind is ChartKind.XBAR_S:
        means, spread = spc.xbar_s(points.groups, baseline)
        return [("mean", means, spc.DEFAULT_RULES), ("deviation", spread, spc.SPREAD_RULES)]
    if kind is ChartKind.P:
        share = spc.p_chart(single, points.sizes, baseline, exact=exact)
        return [("share", share, spc.SPREAD_RULES)]
    sizes = points.sizes if points.sizes.size else 1.0
    rate = spc.u_chart(single, sizes, baseline, exact=exact)
    return [("rate" if points.sizes.size else "count", rate, spc.SPREAD_RULES)]


def _flags(chart: ControlChart, rules: Sequence[RunRule]) -> dict[str, NDArray[np.int64]]:
    found = chart.signals(rules)
    # Exact limits are not three sigmas away, and the first rule is about the limits that are drawn.
    return found | {rules[0].key: np.flatnonzero(chart.outside()).astype(np.int64)}
