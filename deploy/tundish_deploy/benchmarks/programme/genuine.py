"""Plants at work, cut from the shipped recordings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_connectors.replay.recording import PartName
from tundish_connectors.replay.registry import recording
from tundish_platform.programme.ghosts import Look, Stream
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

_KITS: Final = ("hydraulic-bench", "igbt-ageing", "plate-line")
_LEAST: Final = 600
_LENGTHS: Final = (1500, 6000)
_STRETCH: Final = 1500
_DAYS: Final = 21
_DAY: Final = 1440
# (first minute, last minute, days of the week, hours a week) of plants that run as they say.
_CALENDARS: Final = (
    (0, 1440, 7, 168.0),
    (360, 1320, 6, 96.0),
    (360, 1320, 7, 112.0),
    (480, 1020, 5, 45.0),
)


@dataclass(frozen=True, slots=True)
class Material:
    """Channels of one recorded machine that share their times.

    Attributes:
        name: kit and machine.
        ts: seconds, shape ``(n,)``.
        values: one row a channel, shape ``(channels, n)``.
    """

    name: str
    ts: NDArray[np.float64]
    values: NDArray[np.float64]


@lru_cache(maxsize=2)
def materials(part: PartName) -> tuple[Material, ...]:
    """The recorded machines of one of the two disjoint halves of the recordings."""
    found: list[Material] = []
    for kit in _KITS:
        built = recording(kit)
        for machine in built.history() if part is PartName.HISTORY else built.live():
            groups: dict[bytes, list[tuple[NDArray[np.int64], NDArray[np.float64]]]] = {}
            for channel in machine.channels:
                if channel.kind is SampleKind.NUMERIC and len(channel.ts) >= _LEAST and not channel.per_pass:
                    kept = np.isfinite(channel.values)
                    ts = channel.ts[kept]
                    groups.setdefault(ts.tobytes(), []).append((ts, channel.values[kept]))
            found += [
                Material(f"{kit}/{machine.name}", group[0][0].astype(float), np.array([v for _, v in group]))
                for group in groups.values()
                if len(group[0][0]) >= _LEAST
            ]
    return tuple(found)


def cut(rng: Generator, part: PartName) -> tuple[Stream, ...]:
    """A stretch of some channels of one machine, with a few samples lost."""
    known = materials(part)
    # Machines with many channels and rows have more to cut from, and are chosen as much more often.
    weight = np.array([np.sqrt(material.values.size) for material in known])
    material = known[rng.choice(len(known), p=weight / weight.sum())]
    n = len(material.ts)
    length = min(n, int(rng.integers(*_LENGTHS)))
    first = int(rng.integers(0, n - length + 1))
    channels = rng.permutation(len(material.values))[: int(rng.integers(2, 9))]
    kept = first + np.flatnonzero(rng.random(length) >= rng.choice([0.0, 0.001, 0.01]))
    return tuple(
        Stream(number, material.ts[kept], material.values[channel][kept])
        for number, channel in enumerate(sorted(channels.tolist()))
    )


def calendar(rng: Generator) -> tuple[NDArray[np.int64], float]:
    """Active minutes of three weeks of a plant that runs as it says, and its hours a week."""
    begin, end, workdays, hours = _CALENDARS[int(rng.integers(len(_CALENDARS)))]
    return working(rng, begin, end, workdays), hours


def working(rng: Generator, begin: int, end: int, workdays: int) -> NDArray[np.int64]:
    """Minutes with data of three weeks: some days begin or end otherwise, some minutes are missing."""
    days: Sequence[int] = [d for d in range(_DAYS) if d % 7 < workdays and rng.random() > 1 / 40]
    shifts = rng.integers(-5, 6, (len(days), 2)).tolist()
    spans = [
        np.arange(day * _DAY + max(0, begin + early), day * _DAY + min(_DAY, end + late))
        for day, (early, late) in zip(days, shifts, strict=True)
    ]
    minutes = np.concatenate(spans)
    kept: NDArray[np.int64] = minutes[rng.random(len(minutes)) > 1 / 200]
    return kept


def plant(rng: Generator, part: PartName) -> Look:
    """A plant at work."""
    active, hours = calendar(rng)
    return Look(cut(rng, part), active, float(_DAYS), hours)


def disjoint(rng: Generator, part: PartName) -> list[Look]:
    """All plants that can be cut without sharing a sample: copies are looked for among them."""
    plants = []
    for material in materials(part):
        for first in range(0, len(material.ts) - _LEAST + 1, _STRETCH):
            channels = rng.permutation(len(material.values))[:8]
            rows = slice(first, first + _STRETCH)
            streams = [Stream(c, material.ts[rows], material.values[c, rows]) for c in channels.tolist()]
            plants.append(Look(tuple(streams)))
    return plants
