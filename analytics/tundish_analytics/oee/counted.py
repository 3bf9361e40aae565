"""Pieces made in known planned time, from counters or from the identities of pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.oee.counters import read_counter
from tundish_analytics.oee.timesplit import Time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tundish_analytics.oee.reading import Reading
    from tundish_analytics.oee.timesplit import Pieces
    from tundish_platform.samples import SignalInfo

# The most direct first; a cycle is a piece only where nothing counts pieces.
SOURCES: Final = ("total", "pieces", "cycles")
# How much faster than the ideal cycle a counter may run before a jump is doubted.
_FASTER: Final = 1.5
_COUNTED: Final = (Time.PRODUCING, Time.MICRO_STOP, Time.SETUP, Time.DOWN, Time.DELAY)


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted.

    Attributes:
        source: key of the input that was used.
        total: pieces in known planned busy time.
        rejects: of them; None without a counter of rejects.
        other: the same by the second source, None without one.
        left_out: pieces in time that is unknown or not planned.
        resets, suspects: of the counters.
    """

    source: str
    total: float
    rejects: float | None
    other: float | None
    left_out: float
    resets: int
    suspects: int


def count(reading: Reading, near: Mapping[str, SignalInfo], pieces: Pieces, ideal_s: float) -> Counted | None:
    """Count a machine's pieces; None where nothing counts them.

    Args:
        reading: the window.
        near: the machine's signals by key of `SOURCES` and ``rejects``.
        pieces: what each stretch of time was.
        ideal_s: seconds per piece, which bound what a counter can count.
    """
    found = [(key, *_steps(reading, key, near[key], ideal_s)) for key in SOURCES if key in near]
    if not found:
        return None
    source, times, steps, resets, suspects = found[0]
    inside, outside = _within(pieces, times, steps)
    others = [_within(pieces, row[1], row[2])[0] for row in found[1:] if row[0] != "cycles"]
    rejects = None
    if "rejects" in near:
        times, steps, more, doubts = _steps(reading, "rejects", near["rejects"], ideal_s)
        rejects = min(_within(pieces, times, steps)[0], inside)
        resets, suspects = resets + more, suspects + doubts
    return Counted(source, inside, rejects, others[0] if others else None, outside, resets, suspects)


def _steps(
    reading: Reading, key: str, signal: SignalInfo, ideal_s: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], int, int]:
    """Times in µs and pieces finished at each; how often the counter was reset, how often doubted."""
    if key == "pieces":
        table = reading.samples(signal)
        good = np.right_shift(table.column("status").to_numpy(), 30) == 0
        names = np.array(table.column("value").to_pylist(), object)[good]
        times = table.column("ts").cast("timestamp[us]").to_numpy()[good].astype(np.int64)
        new = np.append(True, names[1:] != names[:-1]) if names.size else np.zeros(0, np.bool_)
        return times[new], np.ones(int(new.sum())), 0, 0
    times, values = reading.good(signal)
    micros = times.astype(np.int64)
    read = read_counter(micros / 1e6, values)
    # One piece more than the pace allows may have been finished just before each reading.
    doubtful = read.steps > _FASTER * np.diff(micros) / 1e6 / ideal_s + 1
    return micros[1:], np.where(doubtful, 0.0, read.steps), len(read.resets), int(doubtful.sum())


def _within(pieces: Pieces, times: NDArray[np.int64], steps: NDArray[np.float64]) -> tuple[float, float]:
    place = np.searchsorted(pieces.start, times, side="right") - 1
    # A count comes when the piece is finished, which may be the last moment of the window.
    inside = np.isin(pieces.kind[np.clip(place, 0, None)], [int(kind) for kind in _COUNTED]) & (place >= 0)
    return float(steps[inside].sum()), float(steps[~inside].sum())
