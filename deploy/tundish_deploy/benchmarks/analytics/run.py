"""`tundish bench analytics`: features, live scoring, run rules and training, and what they should reach."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from threadpoolctl import threadpool_limits

from tundish_deploy.benchmarks.analytics.features import features_of_a_day
from tundish_deploy.benchmarks.analytics.rules import LIVE_POINTS, RULES, rules_over
from tundish_deploy.benchmarks.analytics.scoring import recorded_line, score_live, train_once
from tundish_deploy.benchmarks.analytics.training import DAYS, MACHINES_A_TENANT, STEP, train_machines
from tundish_deploy.figures import Figure, Report, judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_deploy.benchmarks.analytics.training import Trained
    from tundish_deploy.benchmarks.clock import Cost

# What was promised is promised for so many; smaller runs are not judged.
FULL_SIGNALS, FULL_POINTS, FULL_MODELS = 1_000, 10_000_000, 1_000
_FEATURES_S, _SCORED_A_S, _RULES_S = 3.0, 1e5, 1.0
_MISSING: Final = 0.01
_CATCHING_UP: Final = 120
_TELLS: Final = 20


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured.

    Attributes:
        signals: whose day of features is computed.
        every: of the recorded cycles only every so-many-th one is learnt from and scored.
        points: of the series that rules run over.
        models: machines that get one; 0 leaves training out.
        workers: processes that train.
    """

    signals: int = FULL_SIGNALS
    every: int = 1
    points: int = FULL_POINTS
    models: int = FULL_MODELS
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)


def bench_analytics(options: Options, tell: Callable[[str], None]) -> Report:
    """Measure; Linux only, for it reads ``/proc``.

    Raises:
        JobStalled: the workers did not come through.
        OSError: the cluster did not start.
    """
    begun = time.perf_counter()
    with TemporaryDirectory() as name, threadpool_limits(limits=1):
        figures = _features(options, tell)
        figures += _scoring(options, Path(name), tell)
        figures += _rules(options, tell)
        if options.models:
            figures += _training(options, Path(name), tell)
    conditions = _conditions(options) | {"seconds in all": round(time.perf_counter() - begun, 1)}
    return Report("bench analytics", conditions, figures)


def _features(options: Options, tell: Callable[[str], None]) -> list[Figure]:
    tell(f"features of {options.signals} signals over 24 h at 1 Hz")
    full = options.signals >= FULL_SIGNALS
    whole, holed = (features_of_a_day(options.signals, missing) for missing in (0.0, _MISSING))
    return [
        *_cost("features", whole, _FEATURES_S if full else None),
        *_cost("features_with_holes", holed, _FEATURES_S if full else None),
    ]


def _scoring(options: Options, folder: Path, tell: Callable[[str], None]) -> list[Figure]:
    tell("training the hydraulic pipeline, then scoring its live half")
    line, models = recorded_line(options.every), folder / "models"
    trained = train_once(line, models)
    ways = {
        "scoring": (1, 0.0),
        "scoring_with_holes": (1, _MISSING),
        "scoring_catching_up": (_CATCHING_UP, 0.0),
    }
    figures: list[Figure] = []
    for name, (at_once, missing) in ways.items():
        cost, predictions = score_live(line, models, at_once, missing)
        bar = _SCORED_A_S if options.every == 1 else None
        figures += [
            judged(f"{name}_samples_per_core_s", cost.per_core_s, "1/s", "higher", bar=bar),
            Figure(f"{name}_cpu_s_per_million", cost.cpu_s_per_million, "s", "lower"),
            Figure(f"{name}_wall_s", cost.wall, "s", "lower"),
            Figure(f"{name}_predictions", float(predictions), "1", "none"),
        ]
    return [*figures, Figure("scoring_training_cpu_s", trained.cpu, "s", "lower")]


def _rules(options: Options, tell: Callable[[str], None]) -> list[Figure]:
    tell(f"{len(RULES)} run rules over {options.points} points")
    bar = _RULES_S if options.points >= FULL_POINTS else None
    costs = rules_over(options.points)
    return [
        *_cost("spc_rules", costs["rules"], bar),
        *_cost("spc_rules_live", costs["rules_live"]),
        *_cost("spc_chart", costs["chart"]),
    ]


def _training(options: Options, folder: Path, tell: Callable[[str], None]) -> list[Figure]:
    tell(f"making tables of {options.models} machines, then a model for each on {options.workers} workers")
    step = max(1, options.models // _TELLS)

    def ended(done: int, of: int) -> None:
        if done % step == 0 or done == of:
            tell(f"{done} of {of} models")

    trained = train_machines(folder, options.models, options.workers, ended)
    return _trained(trained, full=options.models >= FULL_MODELS)


def _trained(trained: Trained, *, full: bool) -> list[Figure]:
    models = trained.cost.count
    return [
        judged("trained_models", float(models), "1", "higher", bar=float(FULL_MODELS) if full else None),
        judged("training_failed", float(trained.failed), "1", "lower", bar=0.0),
        judged("training_progress_told", float(trained.told), "1", "higher", bar=float(models)),
        Figure("training_wall_s", trained.cost.wall, "s", "lower"),
        Figure("training_cpu_s_per_model", trained.cost.cpu / max(models, 1), "s", "lower"),
        Figure("training_better_than_mean", trained.better / max(models, 1), "1", "higher"),
        Figure("storing_cpu_s_per_model", trained.storing.cpu / max(trained.storing.count, 1), "s", "lower"),
        Figure(
            "storing_wall_s_per_model", trained.storing.wall / max(trained.storing.count, 1), "s", "lower"
        ),
    ]


def _cost(name: str, cost: Cost, bar: float | None = None) -> list[Figure]:
    """Processor seconds, which are judged, because the promise is one a core; wall seconds beside them."""
    return [
        judged(f"{name}_cpu_s", cost.cpu, "s", "lower", bar=bar),
        Figure(f"{name}_wall_s", cost.wall, "s", "lower"),
        Figure(f"{name}_cpu_s_per_million", cost.cpu_s_per_million, "s", "lower"),
    ]


def _conditions(options: Options) -> dict[str, Any]:
    """What was run, in words."""
    return {
        "features": f"{options.signals} signals (rounded up to machines of 17), 24 h at 1 Hz, windows in "
        f"memory as arrays; with holes: {_MISSING:.0%} of the samples missing at random places",
        "scoring": "HydraulicPipeline.score() from samples to written predictions with evidence, judged by "
        "inspections; the platform is in memory, so store and HTTP are not counted; one cycle of 60 s and 17 "
        f"signals a call, catching up {_CATCHING_UP} cycles a call; every {options.every}. recorded cycle",
        "rules": f"Nelson's eight and Western Electric's four over {options.points} points, cheapest of "
        f"three; live: {LIVE_POINTS} points a call; chart: limits of individuals and standardised points "
        "before them",
        "training": f"city_models: {options.models} machines of 5 made signals, {MACHINES_A_TENANT} a "
        f"tenant, a sample a minute for {DAYS} days, steps of {STEP.seconds // 60} min; {options.workers} "
        "single-threaded workers; processor seconds are those of scheduler, workers and asker",
        "threads": "one of BLAS and OpenMP a process; processor seconds are judged, wall seconds told",
    }
