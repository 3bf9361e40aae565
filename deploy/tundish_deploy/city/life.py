"""What becomes of each enterprise of the made city, month by month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tundish_deploy.city.rates import (
    BENCHMARK,
    CHEATS,
    CLOUD,
    COUNTIES,
    HOURS,
    INDUSTRIES,
    PLATFORM,
    REGISTERED,
    SIZES,
    Rates,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class City:
    """What doesn't change of the enterprises; all arrays of shape ``(n,)``.

    Attributes:
        region, industry, size: indices into `COUNTIES`, `INDUSTRIES`, `SIZES`.
        cheat: index into `CHEATS`; -1 is honest.
        machines: that it owns.
        hours: scheduled a week.
        joins: the month, from 0, in which it comes onto the register.
        by_machine: whether it is on the cloud with a machine first, not with people.
        care: 0 to 1, how well its connection is kept.
    """

    region: NDArray[np.int8]
    industry: NDArray[np.int8]
    size: NDArray[np.int8]
    cheat: NDArray[np.int8]
    machines: NDArray[np.int32]
    hours: NDArray[np.float64]
    joins: NDArray[np.int32]
    by_machine: NDArray[np.bool_]
    care: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Month:
    """How the enterprises work in one month, shape ``(n,)``.

    Attributes:
        number: from 0.
        here: on the register.
        way: way of working, `REGISTERED` to `BENCHMARK`.
        dark: sends nothing and nobody logs in.
        cheating: sends made data.
        slack: has a bad month.
    """

    number: int
    here: NDArray[np.bool_]
    way: NDArray[np.int8]
    dark: NDArray[np.bool_]
    cheating: NDArray[np.bool_]
    slack: NDArray[np.bool_]


def founded(rng: Generator, enterprises: int, months: int, rates: Rates) -> City:
    """Draw the enterprises; all of them are on the register at some time within the months."""
    size = _drawn(rng, [s.share for s in SIZES], enterprises)
    low, high = (np.array([s.machines[end] for s in SIZES])[size] for end in (0, 1))
    first = enterprises / (1 + rates.growth * (months - 1))
    # Evenly after the first month, which holds those that were there before.
    late = np.floor((np.arange(enterprises) - first) / (rates.growth * first)).astype(np.int32) + 1
    cheat = _drawn(rng, list(CHEATS.values()), enterprises)
    return City(
        region=_drawn(rng, list(COUNTIES.values()), enterprises),
        industry=_drawn(rng, list(INDUSTRIES.values()), enterprises),
        size=size,
        cheat=np.where(rng.random(enterprises) < rates.cheats, cheat, -1).astype(np.int8),
        machines=np.exp(rng.uniform(np.log(low), np.log(high + 1))).astype(np.int32),
        hours=np.array(list(HOURS))[_drawn(rng, list(HOURS.values()), enterprises)],
        joins=np.clip(late, 0, months - 1),
        by_machine=rng.random(enterprises) < 0.3,  # noqa: PLR2004 - an assumption of the model's page
        care=rng.beta(9, 1.5, enterprises),
    )


def simulate(city: City, rng: Generator, months: int, rates: Rates | None = None) -> Iterator[Month]:
    """How each enterprise works, month after month."""
    rates = rates or Rates()
    count = len(city.joins)
    climbs = np.array([s.climbs for s in SIZES])[city.size] * _evened()
    way = _first_way(city, rng, rates)
    gone, dark, stalled, cheating = (np.zeros(count, np.bool_) for _ in range(4))
    for number in range(months):
        here = (city.joins <= number) & ~gone
        yield Month(number, here, way.copy(), dark.copy(), cheating.copy(), rng.random(count) < rates.slack)
        stalled = _turned(rng, stalled, rates.stall, rates.resume)
        dark = _turned(rng, dark, rates.leaving()[way], rates.come_back)
        cheating = _cheating(city, rng, way, cheating, rates)
        rises = here & ~stalled & ~dark & ~cheating & (rng.random(count) < rates.climbing()[way] * climbs)
        way = np.minimum(way + rises, BENCHMARK).astype(np.int8)
        gone |= here & (rng.random(count) < rates.dissolve)


def _evened() -> float:
    """What brings the mean speed of climbing over all sizes to one."""
    return 1 / sum(s.share * s.climbs for s in SIZES)


def _first_way(city: City, rng: Generator, rates: Rates) -> NDArray[np.int8]:
    """Those of the first month work in some way already; who joins later begins as registered."""
    chance = rng.random(len(city.joins))
    way = np.where(chance < rates.on_cloud, CLOUD, REGISTERED)
    way = np.where(chance < rates.on_platform, PLATFORM, way)
    return np.where(city.joins > 0, REGISTERED, way).astype(np.int8)


def _cheating(
    city: City, rng: Generator, way: NDArray[np.int8], cheating: NDArray[np.bool_], rates: Rates
) -> NDArray[np.bool_]:
    begins = np.where((city.cheat >= 0) & (way < PLATFORM), rates.begin_cheating, 0.0)
    return _turned(rng, cheating, begins, rates.stop_cheating)


def _turned(
    rng: Generator, state: NDArray[np.bool_], on: float | NDArray[np.float64], off: float
) -> NDArray[np.bool_]:
    chance = rng.random(len(state))
    return np.where(state, chance >= off, chance < on)


def _drawn(rng: Generator, weights: Sequence[float], count: int) -> NDArray[np.int8]:
    shares = np.asarray(weights, np.float64)
    return rng.choice(len(shares), count, p=shares / shares.sum()).astype(np.int8)
