"""Failures, repairs and the Pareto of downtime.

MTBF is the mean *operating* time between failures, MTTR the mean time of completed repairs. The interval of
MTBF is that of an exponential life with the test ended by time (Epstein and Sobel 1954); with no failure
only its lower end exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import chdtri

from tundish_analytics.oee.timesplit import SECOND, State, Time

if TYPE_CHECKING:
    from collections.abc import Collection

    from tundish_analytics.oee.timesplit import Pieces, States

UNASSIGNED: Final = ""
_TAIL: Final = 0.05
_LOST: Final = (Time.DOWN, Time.DELAY, Time.SETUP, Time.MICRO_STOP)


@dataclass(frozen=True, slots=True)
class Reliability:
    """Failures of a machine within planned busy time.

    Attributes:
        mtbf_s: None with no failure.
        mtbf_low_s, mtbf_high_s: 90 % interval; ``high`` is None with no failure.
        mttr_s: None with no completed repair.
        open_repair_s: how long the failure at the window's end already lasts; not in `mttr_s`.
    """

    failures: int
    mtbf_s: float | None
    mtbf_low_s: float
    mtbf_high_s: float | None
    mttr_s: float | None
    open_repair_s: float


def reliability(states: States, pieces: Pieces) -> Reliability:
    """Failures in the pieces that `classify` made of the states; neighbouring faults are one failure."""
    lengths = (pieces.end - pieces.start) / SECOND
    working = (pieces.kind == Time.PRODUCING) | (pieces.kind == Time.MICRO_STOP)
    operating = float(lengths[working].sum())
    repairs = _faults(states, pieces)
    still_open = bool(repairs) and repairs[-1][1] == int(pieces.end[-1])
    closed = [(end - start) / SECOND for start, end in (repairs[:-1] if still_open else repairs)]
    count = len(repairs)
    low = 2 * operating / float(chdtri(2 * count + 2, _TAIL))
    return Reliability(
        count,
        operating / count if count else None,
        low,
        2 * operating / float(chdtri(2 * count, 1 - _TAIL)) if count else None,
        sum(closed) / len(closed) if closed else None,
        (repairs[-1][1] - repairs[-1][0]) / SECOND if still_open else 0.0,
    )


def _faults(states: States, pieces: Pieces) -> list[tuple[int, int]]:
    fault = (pieces.kind == Time.DOWN) & (
        np.append(states.state, State.UNKNOWN)[pieces.source] == State.FAULT
    )
    found: list[tuple[int, int]] = []
    for start, end in zip(pieces.start[fault].tolist(), pieces.end[fault].tolist(), strict=True):
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


@dataclass(frozen=True, slots=True)
class ParetoRow:
    """Lost time of one reason; the shares are of all lost time, ``cumulative`` with all larger ones."""

    reason: str
    seconds: float
    stops: int
    share: float
    cumulative: float


def pareto(states: States, pieces: Pieces, kinds: Collection[Time] = _LOST) -> list[ParetoRow]:
    """Lost time by reason, largest first; `UNASSIGNED` gathers what nobody gave a reason for.

    A stop that a shift or break cuts in two counts once.
    """
    lost = np.isin(pieces.kind, [int(kind) for kind in kinds]) & (pieces.source >= 0)
    names = np.array(states.reason, object)[pieces.source[lost]]
    seconds = (pieces.end - pieces.start)[lost] / SECOND
    sources = pieces.source[lost]
    whole = float(seconds.sum())
    sums = [
        (reason, float(seconds[names == reason].sum()), len(set(sources[names == reason].tolist())))
        for reason in sorted(set(names.tolist()))
    ]
    rows, reached = [], 0.0
    for reason, length, stops in sorted(sums, key=lambda row: (-row[1], row[0])):
        reached += length
        rows.append(ParetoRow(reason, length, stops, length / whole, reached / whole))
    return rows
