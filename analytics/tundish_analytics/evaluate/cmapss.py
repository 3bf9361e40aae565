"""Remaining life of turbofan engines by the official test: one estimate an engine, after its last cycle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from tundish_analytics.evaluate.figures import Evaluation, Figure, resampled
from tundish_analytics.life.fleet import FleetLife
from tundish_analytics.life.regressor import CAP, MIN_HISTORY
from tundish_analytics.life.scores import alpha_lambda, coverage, nasa_score, rmse
from tundish_analytics.life.trajectories import Trajectories, refuse_shared
from tundish_analytics.models.folds import SEED
from tundish_analytics.models.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    "that each leave out a part of the training engines; the interval comes from the engines left out "
    "(hierarchical jackknife+ over folds, an engine counts once). Everything was chosen by cross-validation "
    "over the training engines of FD001; the test engines and their lives were read for the figures only. A "
    "set without test engines is judged on every third of its engines, each cut off at a moment drawn once, "
    "by a model of the others. Leakage guard: no engine on both sides of a split, recognised by its first "
    "cycles, not its number; features of a cycle read no later cycle; regimes, scales and health index are "
    "learnt from the training engines of a fold."
)


@one_thread
def evaluate_cmapss(
    fleets: Sequence[Fleet], shipped: Fleet | None = None, *, folds: int = 10, every: int = 4
) -> Evaluation:
    """Figures of remaining life for each set.

    Args:
        fleets: the sets.
        shipped: the engines that models are trained on where a set has none of its own.
        folds: models a set.
        every: train on each so-many-th row.

    Raises:
        SharedUnit: a test engine is among the training engines.
        ValueError: a set has no engines to learn from.
    """
    figures: list[Figure] = []
    facts: dict[str, object] = {"cap": CAP, "folds": folds, "minimum history": MIN_HISTORY}
    for fleet in fleets:
        train, test, left = _split(fleet, shipped)
        refuse_shared(train, test)
        model = FleetLife.fit(train, folds, every=every)
        found = model.estimate(test, test.lasts)
        prefix = f"{fleet.name} " if len(fleets) > 1 else ""
        bar = 12.0 if fleet.name == _BAR_SET else None
        figures += _figures(prefix, found, left, bar=bar)
        figures += [
            Figure(
                f"{prefix}rmse, by age alone",
                rmse(_by_age(train, test), np.minimum(left, CAP)),
                "cycles",
                "none",
            ),
            Figure(f"{prefix}rmse, training engines held out", model.held_out_rmse, "cycles", "none"),
        ]
        facts[fleet.name] = {
            "engines trained on": len(train.units),
            "trained on": fleet.name if fleet.train is not None else "the shipped FD001",
            "engines judged": len(test.units),
            "of them with more than the cap left": int((left > CAP).sum()),
        }
    return Evaluation("cmapss", _PROTOCOL, tuple(figures), facts)


def _split(fleet: Fleet, shipped: Fleet | None) -> tuple[Trajectories, Trajectories, Values]:
    train = fleet.train if fleet.train is not None else shipped.train if shipped is not None else None
    if train is None:
        raise ValueError(f"{fleet.name} has no engines run to failure to learn from")
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


def _figures(prefix: str, found: Remaining, left: Values, *, bar: float | None) -> list[Figure]:
    truth = np.minimum(left, CAP)
    # At the cap the interval says "the cap or more", which also holds of every longer life.
    open_high = np.where(found.high >= CAP, np.inf, found.high)
    covered = coverage(found.low, open_high, truth)
    main = resampled(f"{prefix}rmse", truth, found.value, lambda t, f: rmse(f, t), bar=bar, peers=_PEERS)
    wishes: tuple[Literal["less", "none"], ...] = ("less", "none", "less")
    main = [replace(figure, unit="cycles", better=wish) for figure, wish in zip(main, wishes, strict=True)]
    return [
        *main,
        Figure(f"{prefix}rmse, lives not capped", rmse(found.value, left), "cycles", "less"),
        Figure(f"{prefix}nasa_score", nasa_score(found.value, truth), better="less"),
        Figure(f"{prefix}nasa_score, lives not capped", nasa_score(found.value, left), better="less"),
        Figure(f"{prefix}interval90_coverage", covered, bar=0.88),
        Figure(
            f"{prefix}interval90_coverage, distance from 0.9",
            round(abs(covered - 0.9), 9),
            better="less",
            bar=0.02,
        ),
        Figure(f"{prefix}interval90 mean width", float((found.high - found.low).mean()), "cycles", "less"),
        Figure(f"{prefix}share within 20 % of the life left", alpha_lambda(found.value, truth)),
    ]


def _by_age(train: Trajectories, test: Trajectories) -> Values:
    """Mean capped life left of the training units that had reached the same age; no sensor is read."""
    lives = train.cycle[train.lasts].astype(np.float64)
    ages = test.cycle[test.lasts]
    return np.array(
        [np.minimum(lives[lives >= age] - age, CAP).mean() if (lives >= age).any() else 0.0 for age in ages]
    )
