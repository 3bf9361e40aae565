"""What `AgeingModel` shows of one IGBT run; a case, no proof of accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import theilslopes

from tundish_analytics.condition.vce import CRITERION_PERCENT, WARNING_PERCENT, Ageing, AgeingModel
from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.evaluate.files import Unfit
from tundish_analytics.models.intervals import drawn, of_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

WINDOW_S: Final = 300
HISTORY_S: Final = 3600.0
_LAMBDAS: Final = (0.5, 0.7, 0.9)
# Windows that a straight line needs before it says anything.
_LEAST: Final = 4
_ALPHA: Final = 0.2
_STRETCH: Final = 6
_PROTOCOL: Final = (
    "Baseline from the first 100 pulses after thermal settling; then windows of 300 s without overlap, each "
    "read from its own samples. One device, one run: the figures show the case and its repeatability, there "
    "is no truth to compare with. The voltage of this device falls, against the rise that AQG 324's +5 % is "
    "written for. Life ends where the drift passes 5 % to stay; its estimate is the robust line (Theil-Sen) "
    "through the device's own windows so far; alpha-lambda is the share of windows before "
    "the end within 20 % of the time left. A file that begins after the first hour of a run is read against "
    "the shipped run's baseline."
)
_GUARD: Final = (
    "Nothing is learnt from any device, so each is left out by itself; an estimate of the end reads no later "
    "window."
)
_INTERVALS: Final = (
    "of this one run: 500 bootstrap draws, or binomial, of stretches of six windows; of the end of life, "
    "the 95 % interval of the Theil-Sen slope"
)


def evaluate_igbt(
    seconds: NDArray[np.float64], history_s: float = HISTORY_S, shipped: NDArray[np.float64] | None = None
) -> Evaluation:
    """Figures of the ageing index.

    Args:
        seconds: ``(n, 4)``: time in s, VCE(on) in V, current in A, package temperature in degrees Celsius.
        history_s: how much of the start may be used for the baseline.
        shipped: the same of the run whose start gives the baseline where `seconds` begins later.

    Raises:
        ValueError: the start holds too few settled pulses, or no window can be read.
    """
    later = shipped is not None and seconds[0, 0] >= history_s
    start = shipped if later and shipped is not None else seconds
    model = AgeingModel.fit(start[start[:, 0] < history_s])
    first = seconds[0, 0] if later else model.baseline.ts[0]
    starts = np.arange(first, seconds[-1, 0] - WINDOW_S, WINDOW_S)
    windows = [seconds[(seconds[:, 0] >= s) & (seconds[:, 0] < s + WINDOW_S)] for s in starts]
    read = [
        (s + WINDOW_S, ageing) for s, w in zip(starts, windows, strict=True) if (ageing := model.measure(w))
    ]
    if not read:
        raise Unfit(
            "没有 300 s 窗口包含基线温度和电流下的脉冲",
            "no window of 300 s holds pulses at the baseline's temperature and current",
        )
    percent = np.array([ageing.percent for _, ageing in read])
    width = np.array([ageing.high - ageing.low for _, ageing in read])
    step = np.abs(np.diff(percent)) if len(read) > 1 else np.array([np.nan])
    figures = (
        Figure("drift at the end", float(percent[-1]), "%", "none"),
        Figure("time of |drift| >= 2.5 %, to stay", _time(read, WARNING_PERCENT), "s", "none"),
        Figure("time of |drift| >= 5 %, to stay", _time(read, CRITERION_PERCENT), "s", "none"),
        Figure(
            "median step between neighbouring windows",
            float(np.median(step)),
            "%",
            "less",
            interval=drawn(np.arange(len(step)) // _STRETCH, lambda rows: float(np.median(step[rows]))),
        ),
        Figure("median width of the 80 % interval", float(np.median(width)), "%", "less"),
        Figure("windows with a reading", len(read) / len(starts), bar=0.9),
        Figure("matched pulses, median share", float(np.median([ageing.share for _, ageing in read]))),
        *_life(np.array([at for at, _ in read]), percent, _time(read, CRITERION_PERCENT)),
    )
    facts = {
        "recorded seconds": len(seconds),
        "windows": len(starts),
        "match_celsius": round(model.match_c, 2),
        "baseline": "the shipped run's" if later else "its own",
    }
    return Evaluation(AgeingModel.model_id, _PROTOCOL, _GUARD, _INTERVALS, figures, facts)


def _time(read: list[tuple[float, Ageing]], limit: float) -> float:
    """End of the first window from which on the drift never comes back below the limit; NaN without one."""
    below = [number for number, (_, ageing) in enumerate(read) if abs(ageing.percent) < limit]
    first = below[-1] + 1 if below else 0
    return float(read[first][0]) if first < len(read) else float("nan")


def _life(at: Values, percent: Values, end: float) -> list[Figure]:
    """Alpha-lambda and error of the end of life, where the run shows both its end and enough before it."""
    drift = np.abs(percent)
    before = [n for n in range(_LEAST, len(at) + 1) if at[n - 1] < end]
    if not before:
        return []
    now = at[[n - 1 for n in before]]
    left = np.array([_line(at[:n], drift[:n]) for n in before])
    right = np.abs(left[:, 0] - (end - now)) <= _ALPHA * (end - now)
    block = np.arange(len(now)) // _STRETCH
    figures = [Figure("alpha_lambda", float(right.mean()), interval=of_share(right, block))]
    for share in _LAMBDAS:
        number = int(np.argmin(np.abs(now - share * end)))
        error, early, late = (float(e) for e in 100 * (now[number] + left[number] - end) / end)
        figures.append(
            Figure(f"end_of_life_error at {share:.0%} of life", error, "%", "none", interval=(early, late))
        )
    return figures


def _line(at: Values, drift: Values) -> tuple[float, float, float]:
    """Seconds until the line through the windows reaches the criterion; at most ten times the run so far.

    By the slope itself, and earliest and latest by the ends of its 95 % interval.
    """
    slope, level, slowest, fastest = theilslopes(drift, at)
    middle, longest = float(np.median(at)), 10 * float(at[-1])
    # Every line goes through the middle of the windows: slope and level are not free of each other.
    at_middle = level + slope * middle

    def left(steepness: float) -> float:
        if steepness <= 0:
            return longest
        end = middle + (CRITERION_PERCENT - at_middle) / steepness
        return float(np.clip(end - at[-1], 0.0, longest))

    return left(slope), left(fastest), left(slowest)
