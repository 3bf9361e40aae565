"""How many made ghosts the detector finds among plants at work, and how often it is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import stats

from tundish_connectors.replay.recording import PartName
from tundish_deploy.benchmarks.programme.genuine import disjoint, plant
from tundish_deploy.benchmarks.programme.ghosts import clone, ghost
from tundish_deploy.figures import Figure, Report, judged
from tundish_platform.programme.ghosts import Ghost, Marks, suspicions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.random import Generator

    from tundish_platform.programme.ghosts import Suspicion

_PRECISION_BAR: Final = 0.95
_RECALL_BAR: Final = 0.9
_GHOSTS: Final = "ghosts"
_PLANTS: Final = "plants at work"


@dataclass(slots=True)
class Tally:
    """What became of the enterprises of one city.

    Attributes:
        right, wrong: enterprises under suspicion that are ghosts, and that are plants at work.
        missed: ghosts that are under no suspicion.
        named: by kind, ghosts whose gravest reason is their own kind.
        found: by kind, ghosts under any suspicion.
        reasons: of the suspicions against plants at work.
    """

    right: int = 0
    wrong: int = 0
    missed: int = 0
    named: Counter[Ghost] = field(default_factory=Counter)
    found: Counter[Ghost] = field(default_factory=Counter)
    reasons: Counter[Ghost] = field(default_factory=Counter)


def city(seed: int, part: PartName, of_a_kind: int) -> Tally:
    """A city with so many ghosts of each kind among at least as many plants at work.

    Args:
        seed: of plants and ghosts.
        part: the half of the recordings that both are made from; thresholds were chosen on the history alone.
        of_a_kind: ghosts of each kind.
    """
    rng, tally = np.random.default_rng(seed), Tally()
    for _ in range(len(Ghost) * of_a_kind):
        _count(tally, None, suspicions(plant(rng, part)))
    for kind in (kind for kind in Ghost if kind is not Ghost.CLONED):
        for _ in range(of_a_kind):
            _count(tally, kind, suspicions(ghost(rng, kind, part)))
    _copies(rng, tally, part, of_a_kind)
    return tally


def _copies(rng: Generator, tally: Tally, part: PartName, copies: int) -> None:
    """Copies among plants that share no sample; those cut at random overlap and would be found rightly."""
    plants, marks = disjoint(rng, part), Marks()
    looks = plants + [clone(rng, plants[int(rng.integers(len(plants)))]) for _ in range(copies)]
    for number, look in enumerate(looks):
        marks.add(number, look, connected=float(number))
    found = marks.suspicions()
    for number in range(len(looks)):
        one = (found[number],) if number in found else ()
        _count(tally, None if number < len(plants) else Ghost.CLONED, one)


def bench_ghosts(of_a_kind: int, seed: int, tell: Callable[[str], None]) -> Report:
    """Judge a city made of the live half, and tell the same of the half that thresholds were chosen on."""
    tell("a city from the half of the recordings that no threshold was chosen on")
    unseen = city(seed, PartName.LIVE, of_a_kind)
    tell("a city from the other half")
    seen = city(seed + 1, PartName.HISTORY, of_a_kind)
    total = len(Ghost) * of_a_kind
    apart = len(disjoint(np.random.default_rng(seed), PartName.LIVE))
    conditions = {
        "seed": seed,
        _GHOSTS: total,
        _PLANTS: total + apart,
        "precision interval 95 %": _interval(unseen.right, unseen.right + unseen.wrong),
        "recall interval 95 %": _interval(unseen.right, total),
        "found by kind": {kind.value: unseen.found[kind] for kind in Ghost},
        "named as what they are": {kind.value: unseen.named[kind] for kind in Ghost},
        "plants at work under suspicion": {kind.value: n for kind, n in unseen.reasons.items()},
        "cut from": "a few recorded machines; stretches overlap, and intervals take them as independent",
    }
    return Report("bench programme", conditions, [*_figures(unseen), *_chosen_on(seen)])


def _count(tally: Tally, kind: Ghost | None, found: Sequence[Suspicion]) -> None:
    if kind is None:
        tally.wrong += bool(found)
        tally.reasons.update(one.reason for one in found[:1])
    elif found:
        tally.right += 1
        tally.found[kind] += 1
        tally.named[kind] += found[0].reason is kind
    else:
        tally.missed += 1


def _precision(tally: Tally) -> float:
    return tally.right / max(1, tally.right + tally.wrong)


def _recall(tally: Tally) -> float:
    return tally.right / max(1, tally.right + tally.missed)


def _figures(tally: Tally) -> list[Figure]:
    return [
        judged("ghost_precision", _precision(tally), "1", "higher", bar=_PRECISION_BAR),
        judged("ghost_recall", _recall(tally), "1", "higher", bar=_RECALL_BAR),
    ]


def _chosen_on(tally: Tally) -> list[Figure]:
    return [
        Figure("ghost_precision_where_chosen", _precision(tally), "1", "higher"),
        Figure("ghost_recall_where_chosen", _recall(tally), "1", "higher"),
    ]


def _interval(hits: int, of: int) -> list[float]:
    found = stats.binomtest(hits, max(1, of)).proportion_ci(method="wilson")
    return [round(float(found.low), 4), round(float(found.high), 4)]
