"""A day of features for many machines: `cycle_features` over the shipped hydraulic bench's cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.cycles import CYCLE_S, cycle_features
from tundish_connectors.replay.recording import PartName
from tundish_connectors.replay.registry import recording
from tundish_deploy.benchmarks.clock import Cost, Stopwatch
from tundish_platform.samples import SampleKind
from tundish_platform.samples.kits import kit

if TYPE_CHECKING:
    from numpy.typing import NDArray

CYCLES_A_DAY: Final = 24 * 3600 // CYCLE_S
_KIT: Final = "hydraulic-bench"
_SEED: Final = 11


def features_of_a_day(signals: int, missing: float = 0.0) -> Cost:
    """Features of at least so many signals over 24 h at 1 Hz, a machine after the other.

    Args:
        signals: rounded up to whole machines of 17.
        missing: share of the samples that are not there, at random places.
    """
    windows, semantics = _recorded()
    cost, rng = Cost(), np.random.default_rng(_SEED)
    for machine in range(-(-signals // len(semantics))):
        # Each machine begins elsewhere in the recording, and its windows lie in memory of their own.
        day = np.roll(windows, 31 * machine, axis=0)[:CYCLES_A_DAY].copy()
        if missing:
            day[rng.random(day.shape) < missing] = np.nan
        with Stopwatch() as watch:
            cycle_features(day, semantics)
        cost.add(watch, day.size)
    return cost


def _recorded() -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """All recorded cycles ``(cycles, 60, 17)`` and what the signals are, as the pipeline orders them."""
    kinds = {spec.path: spec.semantic for spec in kit(_KIT).signals}
    built = recording(_KIT)
    halves = []
    for half in PartName:
        (part,) = built.build(half)
        seconds = {
            channel.path: channel.values
            for channel in part.channels
            if channel.kind is SampleKind.NUMERIC and len(channel.ts) == part.length_s
        }
        paths = sorted(seconds, key=lambda path: (kinds[path], path))
        halves.append(np.stack([seconds[path].reshape(-1, CYCLE_S) for path in paths], axis=-1))
    return np.concatenate(halves), tuple(kinds[path] for path in paths)
