"""Remaining life of turbofan engines by the official test: one estimate an engine, after its last cycle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.evaluate.files import Unfit
from tundish_analytics.life.fleet import NEAR, FleetLife
from tundish_analytics.life.regressor import CAP, MIN_HISTORY
from tundish_analytics.life.scores import alpha_lambda, coverage, nasa_score, rmse
from tundish_analytics.life.trajectories import Trajectories, refuse_shared
from tundish_analytics.models.folds import SEED
from tundish_analytics.models.intervals import drawn, of_share
from tundish_analytics.models.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from tundish_analytics.evaluate.fleets import Fleet
    from tundish_analytics.life.fleet import Remaining

    Values = NDArray[np.float64]

_BAR_SET: Final = "FD001"
_EVERY_THIRD: Final = 3
_PEERS: Final = "deep nets 10.45 to 12.6, LightGBM 12.5 (published, on FD001; most cap the true lives too)"
_PROTOCOL: Final = (
    "The official test: trained on the engines run to failure, one estimate for each test engine after its "
    "last cycle. Life is capped at 125 cycles, in training and in the truth ('rmse'; 'rmse, lives not "
    "capped' holds the same estimates against the lives as published). The estimate is the mean of models "
    "that each leave out a part of the training engines; the interval comes from the engines left out, of "
    "which rows with like estimates count (hierarchical jackknife+ over folds, an engine counts once). "
    "Everything was chosen by cross-validation over the training engines of FD001; the test engines and "
    "their lives were read for the figures only. Of several sets each has its own models; the figures "
    "without a set's name are over the engines of all. A set without test engines is judged on every third "
    "of its engines, each cut off at a moment drawn once, by a model of the others."
)
_GUARD: Final = (
    "No engine on both sides of a split, recognised by its first cycles, not its number, and refused; "
    "features of a cycle read no later cycle; regimes, scales and health index are learnt from the training "
    "engines of a fold."
)
_INTERVALS: Final = "500 bootstrap draws of engines; coverage: binomial"


@dataclass(frozen=True, slots=True)
class _Judged:
    """Estimates of a set's engines beside their lives, and what age alone would say."""

    found: Remaining
    left: Values
    by_age: Values
    facts: dict[str, object]


@one_thread
def evaluate_cmapss(
    fleets: Sequence[Fleet], shipped: Fleet | None = None, *, folds: int = 10, every: int = 4
) -> Evaluation:
    """Figures of remaining life for all sets together and for each.

    Args:
        fleets: the sets.
        shipped: the engines that models are trained on where a set has none of its own.
        folds: models a set.
        every: train on each so-many-th row.

    Raises:
        SharedUnit: a test engine is among the training engines.
        Unfit: a set has no engines to learn from.
    """
    judged = {fleet.name: _judge(fleet, shipped, folds, every) for fleet in fleets}
    alone = len(fleets) == 1
    figures = _figures("", list(judged.values()), barred=list(judged) == [_BAR_SET])
    for name, one in {} if alone else judged.items():
        figures += _figures(f"{name}: ", [one], barred=name == _BAR_SET)
    facts: dict[str, object] = {
        "cap": CAP,
        "folds": folds,
        "minimum history": MIN_HISTORY,
        "cycles that estimates may differ by in calibration": NEAR * CAP,
    } | {name: one.facts for name, one in judged.items()}
    return Evaluation("cmapss", _PROTOCOL, _GUARD, _INTERVALS, tuple(figures), facts)


def _judge(fleet: Fleet, shipped: Fleet | None, folds: int, every: int) -> _Judged:
    train, test, left = _split(fleet, shipped)
    refuse_shared(train, test)
    model = FleetLife.fit(train, folds, every=every)
    facts = {
        "engines trained on": len(train.units),
        "trained on": fleet.name if fleet.train is not None else "the shipped FD001",
        "engines judged": len(test.units),
        "of them with more than the cap left": int((left > CAP).sum()),
        "rmse, training engines held out": model.held_out_rmse,
    }
    return _Judged(model.estimate(test, test.lasts), left, _by_age(train, test), facts)


def _split(fleet: Fleet, shipped: Fleet | None) -> tuple[Trajectories, Trajectories, Values]:
    train = fleet.train if fleet.train is not None else shipped.train if shipped is not None else None
    if train is None:
        raise Unfit(
            f"{fleet.name} 没有运行至失效的发动机可供学习",
            f"{fleet.name} has no engines run to failure to learn from",
        )
    if fleet.test is not None and fleet.left is not None:
        return train, fleet.test, fleet.left
    held = train.units[::_EVERY_THIRD]
    test, left = cut_off(train.of(held))
    return train.of(np.setdiff1d(train.units, held)), test, left


def cut_off(whole: Trajectories, seed: int = SEED) -> tuple[Trajectories, Values]:
    """Each unit up to a moment of its life drawn with the seed, and the cycles it then had left."""
    generator = np.random.default_rng(seed)
    rows = []
    for span in whole.spans():
        least = min(MIN_HISTORY, span.stop - span.start - 1)
        rows.append(np.arange(span.start, generator.integers(span.start + least, span.stop)))
    return whole.take(np.concatenate(rows)), whole.remaining()[[part[-1] for part in rows]]


def _figures(prefix: str, judged: Sequence[_Judged], *, barred: bool) -> list[Figure]:
    found, low, high, by_age, left = (
        np.concatenate(columns)
        for columns in zip(
            *((one.found.value, one.found.low, one.found.high, one.by_age, one.left) for one in judged),
            strict=True,
        )
    )
    truth = np.minimum(left, CAP)
    # At the cap the interval says "the cap or more", which also holds of every longer life.
    open_high = np.where(high >= CAP, np.inf, high)
    covered = coverage(low, open_high, truth)
    ends = of_share((low <= truth) & (truth <= open_high))

    def figure(name: str, score: Callable[[Values, Values], float], lives: Values, unit: str = "1") -> Figure:
        interval = drawn(np.arange(len(lives)), lambda rows: score(found[rows], lives[rows]))
        return Figure(prefix + name, score(found, lives), unit, "less", interval=interval)

    off = round(abs(covered - 0.9), 9)
    return [
        replace(figure("rmse", rmse, truth, "cycles"), bar=12.0 if barred else None, peers=_PEERS),
        figure("rmse, lives not capped", rmse, left, "cycles"),
        figure("nasa_score", nasa_score, truth),
        figure("nasa_score, lives not capped", nasa_score, left),
        Figure(f"{prefix}interval90_coverage", covered, bar=0.88, interval=ends),
        Figure(f"{prefix}interval90_coverage, distance from 0.9", off, better="less", bar=0.02),
        Figure(f"{prefix}interval90 mean width", float((high - low).mean()), "cycles", "less"),
        replace(figure("share within 20 % of the life left", alpha_lambda, truth), better="more"),
        Figure(f"{prefix}rmse, by age alone", rmse(by_age, truth), "cycles", "none"),
    ]


def _by_age(train: Trajectories, test: Trajectories) -> Values:
    """Mean capped life left of the training units that had reached the same age; no sensor is read."""
    lives = train.cycle[train.lasts].astype(np.float64)
    ages = test.cycle[test.lasts]
    return np.array(
        [np.minimum(lives[lives >= age] - age, CAP).mean() if (lives >= age).any() else 0.0 for age in ages]
    )
