"""Made ghosts of each kind, as a cheat would make them: from what lies at hand, and with some disguise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_deploy.benchmarks.programme.genuine import calendar, cut, plant, working
from tundish_platform.programme.ghosts import Ghost, Look, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    from tundish_connectors.replay.recording import PartName

_LENGTHS: Final = (1500, 6000)
_DAYS: Final = 21.0


def ghost(rng: Generator, kind: Ghost, part: PartName) -> Look:
    """A ghost of a kind; of clones see `clone`."""
    return _MAKERS[kind](rng, part)


def clone(rng: Generator, original: Look) -> Look:
    """Another enterprise that sends a part of what one sends, some of it later and on other scales."""
    active, hours = calendar(rng)
    chosen = original.streams[: int(rng.integers(1, len(original.streams) + 1))]
    late, disguised, begin = float(rng.integers(0, 3600)), rng.random() < 1 / 2, rng.uniform(0, 0.3)
    streams = []
    for stream in chosen:
        first = int(begin * len(stream.ts))
        values = _scaled(rng, stream.values, disguised=disguised)
        streams.append(Stream(stream.signal, stream.ts[first:] + late, values[first:]))
    return Look(tuple(streams), active, _DAYS, hours)


def _scaled(rng: Generator, values: NDArray[np.float64], *, disguised: bool) -> NDArray[np.float64]:
    return values * rng.uniform(0.8, 1.3) + rng.normal() * values.std() if disguised else values


def _flat(rng: Generator, _part: PartName) -> Look:
    active, hours = calendar(rng)
    n = int(rng.integers(*_LENGTHS))
    flickers = rng.random() < 1 / 2
    streams = []
    for number in range(int(rng.integers(1, 9))):
        level = float(np.round(rng.uniform(1, 200), 1))
        # The last digit of a converter without anything connected to it.
        ticks = rng.integers(0, int(rng.integers(2, 5)) if flickers else 1, n)
        streams.append(Stream(number, np.arange(n, dtype=float), level + 0.1 * ticks.astype(np.float64)))
    return Look(tuple(streams), active, _DAYS, hours)


def _replayed(rng: Generator, part: PartName) -> Look:
    """A recorded stretch in a loop: as it is, scaled, or with a little noise."""
    active, hours = calendar(rng)
    recorded = cut(rng, part)
    length = len(recorded[0].values) // int(rng.integers(2, 7))
    rounds = int(rng.integers(2, 8))
    disguise = rng.choice(["none", "scaled", "noise"])
    streams = []
    for stream in recorded:
        looped = np.tile(stream.values[:length], rounds + 1)[: int(length * (rounds + rng.uniform(0.0, 0.9)))]
        if disguise == "scaled":
            looped = _scaled(rng, looped, disguised=True)
        if disguise == "noise":
            looped = looped + rng.normal(0, rng.uniform(0.001, 0.01) * (looped.std() + 1e-9), len(looped))
        streams.append(Stream(stream.signal, np.arange(len(looped), dtype=float), looped))
    return Look(tuple(streams), active, _DAYS, hours)


def _synthetic(rng: Generator, _part: PartName) -> Look:
    """A script with random numbers and sines, each signal by itself."""
    active, hours = calendar(rng)
    n = int(rng.integers(*_LENGTHS))
    make = _SCRIPTS[int(rng.integers(len(_SCRIPTS)))]
    digits = int(rng.integers(2, 6))
    streams = []
    for number in range(int(rng.integers(2, 9))):
        level, spread = rng.uniform(10, 200), rng.uniform(1, 20)
        values = np.round(level + spread * make(rng, n), digits)
        streams.append(Stream(number, np.arange(n, dtype=float), values))
    return Look(tuple(streams), active, _DAYS, hours)


def _office(rng: Generator, part: PartName) -> Look:
    """Real measurements, sent from a computer that is switched on at work."""
    minutes = working(rng, int(rng.integers(470, 560)), int(rng.integers(990, 1090)), 5)
    return replace(plant(rng, part), active=minutes, hours_week=float(rng.choice([96.0, 112.0, 168.0])))


def _noise(rng: Generator, n: int) -> NDArray[np.float64]:
    return rng.normal(size=n)


def _uniform(rng: Generator, n: int) -> NDArray[np.float64]:
    return rng.uniform(-1, 1, n)


def _walk(rng: Generator, n: int) -> NDArray[np.float64]:
    steps = rng.normal(size=n) if rng.random() < 1 / 2 else rng.uniform(-1, 1, n)
    walk: NDArray[np.float64] = np.cumsum(steps) / 10
    return walk


def _reverting(rng: Generator, n: int) -> NDArray[np.float64]:
    pull, values = rng.uniform(0.01, 0.3), np.zeros(n)
    steps = rng.normal(size=n)
    for i in range(1, n):
        values[i] = (1 - pull) * values[i - 1] + steps[i]
    return values


def _sines(rng: Generator, n: int) -> NDArray[np.float64]:
    t = np.arange(n)
    waves = [
        rng.uniform(0.2, 1) * np.sin(2 * np.pi * t / rng.uniform(20, 900) + rng.uniform(0, 6))
        for _ in range(3)
    ]
    wave: NDArray[np.float64] = np.sum(waves[: int(rng.integers(1, 4))], axis=0)
    return wave


def _noisy_sines(rng: Generator, n: int) -> NDArray[np.float64]:
    return _sines(rng, n) + rng.uniform(0.02, 0.3) * rng.normal(size=n)


def _stages(rng: Generator, n: int) -> NDArray[np.float64]:
    """Levels that change now and then, with noise."""
    changes = np.cumsum(rng.random(n) < 1 / 200)
    return rng.uniform(-2, 2, int(changes[-1]) + 1)[changes] + 0.1 * rng.normal(size=n)


_SCRIPTS: Final[tuple[Callable[[Generator, int], NDArray[np.float64]], ...]] = (
    _noise, _uniform, _walk, _reverting, _sines, _noisy_sines, _stages,
)  # fmt: skip
_MAKERS: Final[dict[Ghost, Callable[[Generator, PartName], Look]]] = {
    Ghost.FLAT: _flat,
    Ghost.REPLAYED: _replayed,
    Ghost.SYNTHETIC: _synthetic,
    Ghost.OFFICE_HOURS: _office,
}
