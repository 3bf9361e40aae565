"""How many made ghosts the detector finds among plants at work, and how often it is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
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
        made: by kind, how many ghosts there were.
        found: by kind, ghosts under any suspicion.
        named: by kind, ghosts whose gravest reason is their own kind.
        ghosts, reasons: by gravest reason, the ghosts and the plants at work it was held against.
    """

    right: int = 0
    wrong: int = 0
    missed: int = 0
    made: Counter[Ghost] = field(default_factory=Counter)
    found: Counter[Ghost] = field(default_factory=Counter)
    named: Counter[Ghost] = field(default_factory=Counter)
    ghosts: Counter[Ghost] = field(default_factory=Counter)
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
        "by kind": {kind.value: _counts(unseen, kind) for kind in Ghost},
        "cut from": "a few recorded machines; stretches overlap, and intervals take them as independent",
    }
    return Report("bench programme", conditions, [*_figures(unseen), *_chosen_on(seen)])


def _count(tally: Tally, kind: Ghost | None, found: Sequence[Suspicion]) -> None:
    if kind is None:
        tally.wrong += bool(found)
        tally.reasons.update(one.reason for one in found[:1])
        return
    tally.made[kind] += 1
    if found:
        tally.right += 1
        tally.found[kind] += 1
        tally.ghosts[found[0].reason] += 1
        tally.named[kind] += found[0].reason is kind
    else:
        tally.missed += 1


def _counts(tally: Tally, kind: Ghost) -> dict[str, int]:
    """What recall and precision of a kind are counted from."""
    return {
        "made": tally.made[kind], "found": tally.found[kind], "named as this": tally.named[kind],
        "ghosts with this reason": tally.ghosts[kind], "plants at work with it": tally.reasons[kind],
    }  # fmt: skip


def _figures(tally: Tally) -> list[Figure]:
    """Of all kinds, judged, and of each apart; intervals are Wilson's, 95 %."""
    accused, ghosts = tally.right + tally.wrong, tally.right + tally.missed
    found = [
        _share("ghost_precision", tally.right, accused, _PRECISION_BAR),
        _share("ghost_recall", tally.right, ghosts, _RECALL_BAR),
    ]
    for kind in Ghost:
        held = tally.ghosts[kind]
        found += [
            _share(f"ghost_{kind.value}_precision", held, held + tally.reasons[kind]),
            _share(f"ghost_{kind.value}_recall", tally.found[kind], tally.made[kind]),
        ]
    return found


def _chosen_on(tally: Tally) -> list[Figure]:
    return [
        _share("ghost_precision_where_chosen", tally.right, tally.right + tally.wrong),
        _share("ghost_recall_where_chosen", tally.right, tally.right + tally.missed),
    ]


def _share(name: str, hits: int, of: int, bar: float | None = None) -> Figure:
    if not of:
        return Figure(name, None, "1", "higher", bar, None if bar is None else False)
    ends = stats.binomtest(hits, of).proportion_ci(method="wilson")
    return replace(
        judged(name, hits / of, "1", "higher", bar=bar), low=float(ends.low), high=float(ends.high)
    )
