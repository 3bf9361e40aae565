"""From a machine's samples to judged windows: learn from the earlier part, judge the later one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.anomaly import AnomalyWatch
from tundish_analytics.anomaly.windows import WindowGrid, window_variables
from tundish_analytics.oee.calendar import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_analytics.anomaly.watch import Judged
    from tundish_platform.sdk import AppInputs, SignalInfo

    Values = NDArray[np.float64]

# Below this share of all expected samples a window says nothing.
COMPLETE: Final = 0.6
_SLOWEST: Final = 4
_MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """A contribution: share of the statistic that stood out, what was read and what was expected."""

    signal: SignalInfo
    zh: str
    en: str
    share: float
    value: float
    expected: float


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watch says of a machine.

    Attributes:
        ends: ends of the judged windows, ``datetime64[us]``, shape ``(windows,)``.
        unusual: 1 − p of each; NaN where nothing is said.
        complete: share of the expected samples of each.
        moving: windows whose halves lie in different operating modes, about which nothing is said.
        learnt: windows learnt from.
        signals: watched signals.
        parts: contributions in the last unusual window; in the newest one where none was.
        told_at: end of that window.
    """

    ends: NDArray[np.datetime64]
    unusual: Values
    complete: Values
    moving: NDArray[np.bool_]
    learnt: int
    signals: tuple[SignalInfo, ...]
    parts: tuple[Part, ...]
    told_at: np.datetime64 | None
    alpha: float

    @property
    def alarms(self) -> NDArray[np.bool_]:
        """Which windows are unusual at the stated rate."""
        unusual: NDArray[np.bool_] = np.nan_to_num(self.unusual) >= 1 - self.alpha
        return unusual


def watch(
    inputs: AppInputs, signals: Sequence[SignalInfo], judged_s: float, width_s: float, alpha: float
) -> Watched:
    """Learn and judge.

    Args:
        inputs: the app's window.
        signals: of one machine, each with a known period.
        judged_s: seconds at the end that are judged and not learnt from.
        width_s: of a window; four periods of the slowest signal where that is slower.
        alpha: rate of false alarms.

    Raises:
        TooLittle: too few windows, or too few signals that move.
    """
    periods = tuple(int((s.period_s or 1.0) * _MICRO) for s in signals)
    width = int(width_s * _MICRO)
    if width < max(periods):
        width = _SLOWEST * max(periods)
    start, end = instant(inputs.start), instant(inputs.end)
    count = max((end - start) // width, 1)
    first = end - count * width
    samples = [_within(inputs, s, first) for s in signals]
    read = WindowGrid(width, periods).rows(samples, first, count)
    known = read.share.mean(axis=1) >= COMPLETE
    last = np.arange(count) >= count - round(judged_s * _MICRO / width)
    learning = known & ~last
    means = np.arange(2 * len(signals)) < len(signals)
    fitted = AnomalyWatch.fit(read.rows[learning], means, alpha)
    later = np.flatnonzero(last)
    judged = fitted.judge(read.rows[later])
    moving = fitted.in_transition(*(half[later] for half in read.halves))
    told = known[later] & ~moving
    unusual = np.where(told, 1 - judged.p, np.nan)
    kept = tuple(s for s, used in zip(signals, fitted.kept[: len(signals)], strict=True) if used)
    alarms = np.flatnonzero(np.nan_to_num(unusual) >= 1 - alpha)
    chosen = alarms if alarms.size else np.flatnonzero(told)
    row = int(chosen[-1]) if chosen.size else None
    ends = (first + (later + 1) * width).astype("datetime64[us]")
    return Watched(
        ends, unusual, read.share[later].mean(axis=1), moving, int(learning.sum()), kept,
        () if row is None else _parts(fitted, judged, row, read.rows[later][row], signals),
        None if row is None else ends[row], alpha,
    )  # fmt: skip


def _within(inputs: AppInputs, signal: SignalInfo, first: int) -> tuple[NDArray[np.int64], Values]:
    times, values = inputs.good(signal)
    micros = times.astype(np.int64)
    inside = micros >= first
    return micros[inside], values[inside]


def _parts(
    fitted: AnomalyWatch, judged: Judged, row: int, read: Values, signals: Sequence[SignalInfo]
) -> tuple[Part, ...]:
    shares, expected = fitted.parts(judged, row), fitted.expected(judged, row)
    columns = np.flatnonzero(fitted.kept)
    meaning = window_variables(len(signals))
    parts = [
        Part(
            signals[meaning[column].column], meaning[column].zh, meaning[column].en,
            float(share), float(read[column]), float(likely),
        )
        for column, share, likely in zip(columns.tolist(), shares.tolist(), expected.tolist(), strict=True)
    ]  # fmt: skip
    return tuple(sorted(parts, key=lambda part: -part.share))
