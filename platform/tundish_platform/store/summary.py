"""Time-weighted aggregates with their completeness.

A sample speaks for the time from its own to the next one's, but never longer than `HOLD_PERIODS` expected
periods, and never into a recorded gap. Time for which a good sample speaks is good time; of it

    completeness = good time / length of the window
    mean         = Σ value · duration / Σ duration      over good time

with the value held (steps) or, between two good samples, on the line between them (everything else).
Signals without an expected period (events) have a plain mean and no completeness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tundish_platform.samples import is_good
from tundish_platform.store.rows import micros

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.samples import SignalSpec

HOLD_PERIODS: Final = 3.0
_US: Final = 1_000_000

SUMMARY_SCHEMA = pa.schema(
    [
        pa.field("signal", pa.uint32(), nullable=False),
        pa.field("mean", pa.float64()),
        pa.field("min", pa.float64()),
        pa.field("max", pa.float64()),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("good_share", pa.float64()),
        pa.field("completeness", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Samples:
    """One signal's samples over a window and one hold before it, as arrays of equal length.

    Attributes:
        ts: source time in µs, rising.
        value: NaN where there is none or it is no number.
        good: status good and a value there.
    """

    ts: NDArray[np.int64]
    value: NDArray[np.float64]
    good: NDArray[np.bool_]

    @classmethod
    def of(cls, table: pa.Table, *, number: bool) -> Samples:
        """From `STORED` rows of one signal."""
        present = ~table["value"].is_null().to_numpy()
        good = is_good(table["status"].to_numpy()) & present
        if not number:
            return cls(micros(table["ts"]), np.full(len(good), np.nan), good)
        value = table["value"].cast(pa.float64()).to_numpy(zero_copy_only=False)
        return cls(micros(table["ts"]), value, good & ~np.isnan(value))


def hold_us(spec: SignalSpec) -> int:
    """How long one sample may speak, µs; 0 for signals sent on events."""
    return 0 if spec.period_s is None else int(spec.period_s * HOLD_PERIODS * _US)


def summarise(
    spec: SignalSpec, samples: Samples, gaps: NDArray[np.int64], start: int, end: int
) -> dict[str, Any]:
    """One row of `SUMMARY_SCHEMA` without the signal.

    Args:
        spec: the signal's period and whether it is a step.
        samples: from one hold before `start` on.
        gaps: shape ``(n, 2)``, µs, ``[from, to)`` of recorded gaps.
        start: of the window, µs.
        end: of the window, µs.
    """
    inside = (samples.ts >= start) & (samples.ts < end)
    count = int(inside.sum())
    good_values = samples.value[inside & samples.good]
    good_values = good_values[~np.isnan(good_values)]
    row: dict[str, Any] = {
        "mean": float(good_values.mean()) if len(good_values) else None,
        "min": float(good_values.min()) if len(good_values) else None,
        "max": float(good_values.max()) if len(good_values) else None,
        "count": count,
        "good_share": float((inside & samples.good).sum() / count) if count else None,
        "completeness": None,
    }
    if spec.period_s is not None:
        weighted, covered = _integrate(spec, samples, merged_gaps(gaps), start, end)
        row["completeness"] = min(1.0, covered / (end - start))
        row["mean"] = weighted / covered if covered > 0 and not np.isnan(weighted) else None
    return row


def _integrate(
    spec: SignalSpec, samples: Samples, gaps: NDArray[np.int64], start: int, end: int
) -> tuple[float, float]:
    """Σ value · duration and Σ duration over good time, µs."""
    hold = hold_us(spec)
    following = np.append(samples.ts[1:], end)
    low = np.maximum(samples.ts, start)
    high = np.minimum(np.minimum(following, samples.ts + hold), end)
    duration = np.maximum(high - low, 0)
    for first, last in gaps:
        duration -= np.maximum(np.minimum(high, last) - np.maximum(low, first), 0)
    duration = np.where(samples.good, np.maximum(duration, 0), 0)
    value = samples.value
    if not spec.step and len(value) > 1:
        value = _middle(samples, following, low, high, hold)
    covered = float(duration.sum())
    used = duration > 0
    return float((value[used] * duration[used]).sum()), covered


def _middle(
    samples: Samples,
    following: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    hold: int,
) -> NDArray[np.float64]:
    """Value half-way through each covered stretch, on the line to the next sample if good and near."""
    line = samples.good & np.append(samples.good[1:], False)
    line &= following - samples.ts <= hold
    rise = np.append(np.diff(samples.value), 0.0)
    length = np.maximum(following - samples.ts, 1)
    share = ((low + high) / 2 - samples.ts) / length
    return np.where(line, samples.value + np.where(line, rise, 0.0) * share, samples.value)


def merged_gaps(gaps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Gaps as disjoint, rising intervals; shape ``(n, 2)``."""
    joined: list[list[int]] = []
    for first, last in sorted(gaps.tolist()):
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    return np.array(joined, dtype=np.int64).reshape(-1, 2)
