"""Live scoring of the shipped hydraulic pipeline: from arriving samples to written predictions."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tundish_analytics.condition.cycles import CYCLE_S
from tundish_analytics.models.registry import Registry
from tundish_analytics.worker.hydraulic import HydraulicPipeline
from tundish_analytics.worker.pipeline import sites_of
from tundish_connectors.replay.recording import PartName
from tundish_connectors.replay.registry import recording
from tundish_deploy.benchmarks.analytics.plant import MemoryPlant
from tundish_deploy.benchmarks.clock import Cost, Stopwatch
from tundish_platform.samples import SampleKind
from tundish_platform.samples.kits import kit

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tundish_connectors.replay.recording import Channel

_KIT: Final = "hydraulic-bench"
_LINE: Final = "Site/Area/LINE1"
_TENANT: Final = "bench"
_SECOND_US: Final = 1_000_000
_CYCLE_US: Final = CYCLE_S * _SECOND_US
_SEED: Final = 13
# Training looks back sixty days from now.
_AGO_S: Final = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Line:
    """A line's samples: history to train on, then what arrives.

    Attributes:
        columns: by path, times in µs since 1970 and values.
        live_us: when history ends and the first live cycle begins.
        cycles: how many live cycles there are.
    """

    columns: dict[str, tuple[NDArray[np.int64], NDArray[Any]]]
    live_us: int
    cycles: int

    def plant(self, missing: float = 0.0) -> MemoryPlant:
        """The platform that holds it, at the end of history; a share of live samples is missing."""
        rng, columns = np.random.default_rng(_SEED), {}
        for path, (ts, values) in self.columns.items():
            measured = len(ts) > self.cycles * CYCLE_S
            kept = (ts < self.live_us) | (rng.random(len(ts)) >= missing * measured)
            columns[path] = (ts[kept], values[kept])
        plant = MemoryPlant(kit(_KIT).specs(_LINE), columns)
        plant.now_us = self.live_us - 1
        return plant


def recorded_line(every: int = 1) -> Line:
    """The shipped recording: one half as history, the other one live; of both only every so-many-th cycle."""
    begin_us = (int(time.time()) - _AGO_S) * _SECOND_US
    columns: dict[str, list[tuple[NDArray[np.int64], NDArray[Any]]]] = {}
    live_us = end_us = begin_us
    for half in (PartName.HISTORY, PartName.LIVE):
        live_us = end_us
        (part,) = recording(_KIT).build(half)
        chosen = np.arange(0, part.length_s // CYCLE_S, every)
        for channel in part.channels:
            if channel.kind in {SampleKind.NUMERIC, SampleKind.INTEGER}:
                rows = _rows(channel, part.length_s // CYCLE_S, chosen, live_us)
                columns.setdefault(f"{_LINE}/{channel.path}", []).append(rows)
        end_us = live_us + len(chosen) * _CYCLE_US
    joined = {path: tuple(map(np.concatenate, zip(*parts, strict=True))) for path, parts in columns.items()}
    return Line({path: (ts, values) for path, (ts, values) in joined.items()}, live_us, len(chosen))


def _rows(
    channel: Channel, cycles: int, chosen: NDArray[np.int64], start_us: int
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Some cycles of a channel, one straight after the other."""
    each = len(channel.ts) // cycles
    starts = start_us + np.arange(len(chosen)) * _CYCLE_US
    ts = starts[:, None] + channel.ts[:each] * _SECOND_US
    return ts.ravel(), channel.values.reshape(cycles, each)[chosen].ravel()


def train_once(line: Line, models: Path) -> Cost:
    """Train the pipeline on the line's history, as the worker does; the model lies in the registry then."""
    pipeline = _pipeline(line.plant(), models)
    pipeline.skip_import_check()
    cost = Cost()
    with Stopwatch() as watch:
        pipeline.train(lambda: None)
    cost.add(watch, 1)
    return cost


def score_live(line: Line, models: Path, at_once: int = 1, missing: float = 0.0) -> tuple[Cost, int]:
    """Score every live cycle; returns what it cost by measured sample, and the number of predictions.

    Args:
        line: whose model is in the registry.
        models: the registry's folder.
        at_once: cycles that arrive between two calls; 1 as in life, more as after a pause.
        missing: share of samples that never arrive.
    """
    plant = line.plant(missing)
    pipeline = _pipeline(plant, models)
    pipeline.restore()
    cost, written = Cost(), 0
    for done in range(at_once, line.cycles + at_once, at_once):
        plant.now_us = line.live_us + min(done, line.cycles) * _CYCLE_US - _SECOND_US
        with Stopwatch() as watch:
            written += pipeline.score()
        cost.add(watch, 0)
    scored = written // len(pipeline.targets) * _CYCLE_US
    cost.count = plant.count(pipeline.card.features, line.live_us, line.live_us + scored)
    return cost, written


def _pipeline(plant: MemoryPlant, models: Path) -> HydraulicPipeline:
    (site,) = sites_of(plant, _TENANT, Registry(models))
    pipeline = HydraulicPipeline.bind(site)
    if pipeline is None:
        raise LookupError(f"the kit {_KIT} has no signals for {HydraulicPipeline.model_id}")
    return pipeline
