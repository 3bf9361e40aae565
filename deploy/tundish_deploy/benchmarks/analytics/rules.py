"""Run rules of control charts over a long series, whole and as it arrives."""

from __future__ import annotations

from typing import Final

import numpy as np

from tundish_analytics.spc import NELSON, WESTERN_ELECTRIC, LiveRules, individuals, signals
from tundish_deploy.benchmarks.clock import Cost, Stopwatch

RULES: Final = (*NELSON, *WESTERN_ELECTRIC)
LIVE_POINTS: Final = 1_000
_SEED: Final = 12
# A shift and a drift, so that rules find more than chance puts there.
_SHIFT, _DRIFT = 1.5, 2.0


def rules_over(points: int, repeats: int = 3) -> dict[str, Cost]:
    """The cheapest of some runs: all twelve rules, the chart before them, and the same rules live."""
    values = _series(points)
    found: dict[str, Cost] = {}
    for _ in range(repeats):
        chart, whole, live = Cost(), Cost(), Cost()
        with Stopwatch() as watch:
            z = individuals(values).standardised()
        chart.add(watch, points)
        with Stopwatch() as watch:
            at_once = signals(z, RULES)
        whole.add(watch, points)
        with Stopwatch() as watch:
            arriving = _arriving(z)
        live.add(watch, points)
        if arriving != {key: places.size for key, places in at_once.items()}:
            raise AssertionError("rules find something else live than over the whole")
        for name, cost in {"chart": chart, "rules": whole, "rules_live": live}.items():
            found[name] = min(found.get(name, cost), cost, key=lambda one: one.cpu)
    return found


def _arriving(z: np.ndarray) -> dict[str, int]:
    rules, counts = LiveRules(RULES), dict.fromkeys((rule.key for rule in RULES), 0)
    for first in range(0, z.size, LIVE_POINTS):
        for key, places in rules.update(z[first : first + LIVE_POINTS]).items():
            counts[key] += places.size
    return counts


def _series(points: int) -> np.ndarray:
    values = np.random.default_rng(_SEED).normal(size=points)
    third = points // 3
    values[third : third + 100] += _SHIFT
    values[2 * third : 2 * third + 1000] += np.linspace(0, _DRIFT, 1000)[: points - 2 * third]
    return values
