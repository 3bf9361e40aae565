"""Remaining life of bearings by the score of the IEEE PHM 2012 challenge, each bearing without itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.evaluate.files import Unfit
from tundish_analytics.evaluate.waveforms import CHALLENGE_LEFT_S, PERIOD_S
from tundish_analytics.life.bearing import BEGINNING, BearingLife, BearingRun, typical_ratio
from tundish_analytics.life.scores import percent_error, phm2012_score
from tundish_analytics.models.intervals import of_mean
from tundish_analytics.models.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_SHORTEST: Final = 2 * BEGINNING
LEFT: Final = (0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.06)
_PROTOCOL: Final = (
    "Each bearing is predicted by a model fitted on the others that ran to failure (the shipped ones and "
    "those of the file), cut off where 40, 30, 25, 20, 15, 10 and 6 % of its life are left, the range of "
    "the challenge's own cuts; bearings of the challenge's test part also at its cut ('official'). Er = 100 "
    "(true - estimated) / true; score 1 for exact, halved each 20 % early and each 5 % late. With so few "
    "bearings, each under another load, the figures describe these bearings and no population. 'By age "
    "alone' reads no vibration: the ratio of life left to age that scores best on the training bearings."
)
_GUARD: Final = (
    "A bearing is recognised by its first snapshots and never trained on itself; features read no later "
    "snapshot; the factor that makes estimates cautious is found on training bearings predicted without "
    "themselves."
)
_INTERVALS: Final = "Student's, over bearings"


@one_thread
def evaluate_bearings(
    shipped: Mapping[str, BearingRun], given: Mapping[str, BearingRun] | None = None, trees: int = 200
) -> Evaluation:
    """Figures of the bearings of the file, or of the shipped ones.

    Args:
        shipped: bearings run to failure by name.
        given: bearings never seen before.
        trees: of each forest.

    Raises:
        Unfit: no bearing is long enough to be judged.
        ValueError: fewer than two other bearings ran to failure.
    """
    judged = {name: run for name, run in (given or shipped).items() if len(run.indicators) >= _SHORTEST}
    if not judged:
        raise Unfit(f"没有至少 {_SHORTEST} 个快照的轴承", f"no bearing has {_SHORTEST} snapshots")
    failed = _distinct([*shipped.values(), *(given or {}).values()])
    parts = [
        _one(name, run, [other for other in failed if not _same(other, run)], trees)
        for name, run in judged.items()
    ]
    facts = {
        "bearings judged": list(judged),
        "shares of life left": list(LEFT),
        "minimum snapshots": BEGINNING,
    }
    figures = (*_heads(parts), *(figure for part in parts for figure in part.figures))
    return Evaluation("bearings", _PROTOCOL, _GUARD, _INTERVALS, figures, facts)


@dataclass(frozen=True, slots=True)
class _Part:
    """One bearing: its score, the score by age alone, its median error in percent, and the official score."""

    figures: tuple[Figure, ...]
    score: float
    plain: float
    error: float
    official: float | None


def _one(name: str, run: BearingRun, known: Sequence[BearingRun], trees: int) -> _Part:
    model, ratio = BearingLife.fit(known, trees), typical_ratio(known)
    cuts = _cuts(run)
    truth = (run.life - cuts).astype(np.float64)
    found = np.array([model.left(run.upto(int(cut))) for cut in cuts])
    score = float(phm2012_score(found, truth).mean())
    plain = float(phm2012_score((ratio * cuts).astype(np.float64), truth).mean())
    error = float(np.median(np.abs(percent_error(found, truth))))
    figures = [
        Figure(f"{name}: phm2012_score", score),
        Figure(f"{name}: median absolute percent error", error, "%", "less"),
        Figure(f"{name}: phm2012_score by age alone", plain, better="none"),
    ]
    at, official = _official(name, run), None
    if at is not None:
        left = model.left(run.upto(at))
        part = np.array([left]), np.array([run.life - at])
        official = float(phm2012_score(*part)[0])
        figures += [
            Figure(f"{name}: percent error, official", float(percent_error(*part)[0]), "%", "none"),
            Figure(f"{name}: life left, official", PERIOD_S * left, "s", "none"),
        ]
    return _Part(tuple(figures), score, plain, error, official)


def _heads(parts: Sequence[_Part]) -> list[Figure]:
    """Means over the bearings."""
    official = [part.official for part in parts if part.official is not None]
    heads = [
        _mean("phm2012_score", [part.score for part in parts]),
        replace(_mean("phm2012_score by age alone", [part.plain for part in parts]), better="none"),
        Figure(
            "median_absolute_percent_error",
            float(np.mean([part.error for part in parts])),
            "%",
            "less",
            interval=of_mean([part.error for part in parts], 0),
        ),
    ]
    if official:
        peers = "0.31, the challenge's winner, on all eleven"
        heads.append(replace(_mean("phm2012_score, official cuts", official), peers=peers))
    return heads


def _mean(name: str, scores: list[float]) -> Figure:
    return Figure(name, float(np.mean(scores)), interval=of_mean(scores, 0, 1))


def _distinct(runs: Sequence[BearingRun]) -> list[BearingRun]:
    """The bearings that ran to failure, a copy under another name left out: it would vouch for itself."""
    kept: list[BearingRun] = []
    for run in runs:
        if run.left == 0 and not any(_same(other, run) for other in kept):
            kept.append(run)
    return kept


def _same(known: BearingRun, judged: BearingRun) -> bool:
    """Whether two runs begin alike, so that one is the other or a part of it."""
    rows = min(len(known.indicators), len(judged.indicators), 10)
    return bool(np.allclose(known.indicators[:rows], judged.indicators[:rows], rtol=1e-4))


def _cuts(run: BearingRun) -> NDArray[np.int64]:
    if run.left:
        return np.array([len(run.indicators)])
    cuts = np.round((1 - np.array(LEFT)) * run.life).astype(np.int64)
    return np.maximum(cuts, BEGINNING)


def _official(name: str, run: BearingRun) -> int | None:
    left = CHALLENGE_LEFT_S.get(name, 0) / PERIOD_S
    at = int(run.life - left)
    return at if left and BEGINNING <= at <= len(run.indicators) else None
