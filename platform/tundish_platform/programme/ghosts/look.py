"""What the detector looks at, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class Ghost(StrEnum):
    """Kinds of streams behind which no machine works."""

    FLAT = "flat"
    REPLAYED = "replayed"
    SYNTHETIC = "synthetic"
    CLONED = "cloned"
    OFFICE_HOURS = "office_hours"


@dataclass(frozen=True, slots=True)
class Stream:
    """Good samples of one measured signal, by source time.

    Attributes:
        signal: its number.
        ts: seconds since 1970, rising, shape ``(n,)``.
        values: finite float64, shape ``(n,)``.
    """

    signal: int
    ts: NDArray[np.float64]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.ts.shape != self.values.shape or self.ts.ndim != 1:
            raise ValueError(f"signal {self.signal}: times and values differ in shape")


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of one enterprise over the time looked at.

    Attributes:
        streams: measured signals; states, counters and what apps computed are not among them.
        active: minutes in which good samples arrived, of the plant's local time from a Monday 00:00 on.
        days: how many days the arrivals were watched.
        hours_week: scheduled hours a week, as registered.
        long: the same signals thinned over days, least and greatest values kept. Whether nothing moves is
            judged on these, because a plant may rest for a weekend; without them on ``streams``.
    """

    streams: tuple[Stream, ...] = ()
    active: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    days: float = 0.0
    hours_week: float = 168.0
    long: tuple[Stream, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A reason to have a look at an enterprise.

    Attributes:
        reason: which kind of ghost it resembles.
        risk: 0 to 1, how far beyond the threshold; no probability.
        signals: which signals speak for it; empty where it is about the enterprise.
        figures: what was measured, by name, for the person who inspects.
    """

    reason: Ghost
    risk: float
    signals: tuple[int, ...]
    figures: Mapping[str, float]
