"""What `AgeingModel` shows of one IGBT run; a case, no proof of accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.vce import CRITERION_PERCENT, WARNING_PERCENT, Ageing, AgeingModel
from tundish_analytics.evaluate.figures import Evaluation, Figure

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW_S: Final = 300
_PROTOCOL: Final = (
    "Baseline from the first 100 pulses after thermal settling; then windows of 300 s without overlap, "
    "each read from "
    "its own samples. One device, one run: the figures show the case and its repeatability, there is no "
    "truth to "
    "compare with and no remaining life is claimed. The voltage of this device falls, against the rise that "
    "AQG 324's +5 % is written for."
)


def evaluate_igbt(seconds: NDArray[np.float64], history_s: float = 3600) -> Evaluation:
    """Figures of the ageing index.

    Args:
        seconds: ``(n, 4)``: time in s, VCE(on) in V, current in A, package temperature in degrees Celsius.
        history_s: how much of the start may be used for the baseline.

    Raises:
        ValueError: the start holds too few settled pulses.
    """
    model = AgeingModel.fit(seconds[seconds[:, 0] < history_s])
    first = model.baseline.ts[0]
    starts = np.arange(first, seconds[-1, 0] - WINDOW_S, WINDOW_S)
    windows = [seconds[(seconds[:, 0] >= s) & (seconds[:, 0] < s + WINDOW_S)] for s in starts]
    read = [
        (s + WINDOW_S, ageing) for s, w in zip(starts, windows, strict=True) if (ageing := model.measure(w))
    ]
    percent = np.array([ageing.percent for _, ageing in read])
    width = np.array([ageing.high - ageing.low for _, ageing in read])
    figures = (
        Figure("drift at the end", float(percent[-1]), "%", "none"),
        Figure("time of |drift| >= 2.5 %, to stay", _time(read, WARNING_PERCENT), "s", "none"),
        Figure("time of |drift| >= 5 %, to stay", _time(read, CRITERION_PERCENT), "s", "none"),
        Figure(
            "median step between neighbouring windows",
            float(np.median(np.abs(np.diff(percent)))),
            "%",
            "less",
        ),
        Figure("median width of the 80 % interval", float(np.median(width)), "%", "less"),
        Figure("windows with a reading", len(read) / len(starts), bar=0.9),
        Figure("matched pulses, median share", float(np.median([ageing.share for _, ageing in read]))),
    )
    facts = {"seconds": len(seconds), "windows": len(starts), "match_celsius": round(model.match_c, 2)}
    return Evaluation(AgeingModel.model_id, _PROTOCOL, figures, facts)


def _time(read: list[tuple[float, Ageing]], limit: float) -> float:
    """End of the first window from which on the drift never comes back below the limit; NaN without one."""
    below = [number for number, (_, ageing) in enumerate(read) if abs(ageing.percent) < limit]
    first = below[-1] + 1 if below else 0
    return float(read[first][0]) if first < len(read) else float("nan")
