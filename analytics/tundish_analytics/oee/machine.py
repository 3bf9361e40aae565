"""One machine over one window: how its time was split, what it made, and the figures of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tundish_analytics.oee.calendar import instant
from tundish_analytics.oee.confidence import confidence_of
from tundish_analytics.oee.counted import count
from tundish_analytics.oee.figures import ProductCount, figures_of, losses
from tundish_analytics.oee.heard import hear
from tundish_analytics.oee.reliability import UNASSIGNED, pareto, reliability
from tundish_analytics.oee.timesplit import MICRO_STOP_S, Time, classify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tundish_analytics.oee.calendar import Shift
    from tundish_analytics.oee.confidence import Confidence
    from tundish_analytics.oee.counted import Counted
    from tundish_analytics.oee.figures import Figures
    from tundish_analytics.oee.reading import Reading
    from tundish_analytics.oee.reliability import ParetoRow, Reliability
    from tundish_analytics.oee.timesplit import Pieces, TimeSplit
    from tundish_platform.samples import SignalInfo


@dataclass(frozen=True, slots=True)
class Judged:
    """One machine: how its time was split, what it made, and the figures of both.

    Attributes:
        counted: None where nothing counts pieces or no ideal cycle is given.
        unread: state words that mean nothing here.
    """

    state: SignalInfo
    pieces: Pieces
    time: TimeSplit
    figures: Figures
    losses: dict[str, float]
    pareto: list[ParetoRow]
    reliability: Reliability
    confidence: Confidence
    counted: Counted | None
    unread: tuple[str, ...]

    @property
    def unknown_share(self) -> float | None:
        """Of planned busy time."""
        return self.time[Time.UNKNOWN] / self.time.busy if self.time.busy else None

    @property
    def unassigned(self) -> float | None:
        """Share of lost time that nobody gave a reason for; None where nothing was lost."""
        return sum(row.share for row in self.pareto if row.reason == UNASSIGNED) if self.pareto else None

    @property
    def oee(self) -> float | None:
        """None where counts of pieces or rejects are missing: no piece is taken for good unasked."""
        if self.counted is None or self.counted.rejects is None:
            return None
        return self.figures.oee.value


def judge_machine(
    reading: Reading,
    state: SignalInfo,
    near: Mapping[str, SignalInfo],
    shifts: Sequence[Shift],
    *,
    ideal_s: float | None = None,
    micro_stop_s: float = MICRO_STOP_S,
) -> Judged:
    """The figures of one machine over the reading's window.

    Args:
        reading: the window.
        state: tells what the machine does, in words of PackML or OPC 40001.
        near: its other signals by what they tell: ``mode``, ``reason``, ``total``, ``rejects``, ``pieces``,
            ``cycles``; none is needed.
        shifts: that touch the window; outside them nothing is planned.
        ideal_s: seconds per piece; without it neither performance nor OEE.
        micro_stop_s: stops shorter than this, without a reason, stay in production time.

    Raises:
        ValueError: the window is empty.
    """
    heard = hear(reading, state, near.get("mode"), near.get("reason"))
    pieces = classify(
        heard.states, shifts, instant(reading.start), instant(reading.end), micro_stop_s=micro_stop_s
    )
    time = pieces.split()
    counted = count(reading, near, pieces, ideal_s) if ideal_s is not None and ideal_s > 0 else None
    counts = []
    if counted is not None and ideal_s is not None and counted.total > 0:
        counts = [ProductCount("", ideal_s, counted.total, counted.total - (counted.rejects or 0.0))]
    agree = (counted.total, counted.other) if counted and counted.other is not None else (None, None)
    return Judged(
        state, pieces, time, figures_of(time, counts), losses(time, counts), pareto(heard.states, pieces),
        reliability(heard.states, pieces), confidence_of(time, "machine", *agree), counted, heard.unread,
    )  # fmt: skip
