"""Time-weighted aggregates with their completeness.

A sample speaks for the time from its own to the next one's, whatever that one's status, but never longer
than `HOLD_PERIODS` expected periods and never into a recorded gap. Where a good sample speaks is good time:

    completeness = good time in the window / length of the window
    mean         = Σ integral of the value over good time / good time

While a sample speaks, its value is held (steps), or runs on the line to the next sample if that is good, too,
and follows before the hold ends or a gap begins (everything else). Samples up to one hold before and behind
the window take part: good times and integrals of two adjoining windows add up to those of the whole.
``count, min, max, good_share`` are of the samples inside the window. Signals without an expected period
(events) have a plain mean of their good samples and no completeness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import is_good
from tundish_platform.store.rows import micros

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.samples import SignalSpec

HOLD_PERIODS: Final = 3.0
_US: Final = 1_000_000
_NEVER: Final = 2**62

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
    """One signal's samples over a window and one hold around it, as arrays of equal length.

    Attributes:
        ts: source time in µs, rising.
        value: NaN where there is none or the kind has no numbers.
        good: status good, and a value that is finite where it is a number.
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
        value = pc.cast(table["value"], pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return cls(micros(table["ts"]), value, good & np.isfinite(value))


def hold_us(spec: SignalSpec) -> int:
    """How long one sample may speak, µs; 0 for signals sent on events."""
    return 0 if spec.period_s is None else int(spec.period_s * HOLD_PERIODS * _US)


def summarise(
    spec: SignalSpec, samples: Samples, gaps: NDArray[np.int64], start: int, end: int
) -> dict[str, Any]:
    """One row of `SUMMARY_SCHEMA` without the signal.

    Args:
        spec: the signal's period and whether it is a step.
        samples: from one hold before `start` to one hold behind `end`.
        gaps: shape ``(n, 2)``, µs, ``[from, to)`` of recorded gaps, from one hold before `start` on.
        start: of the window, µs.
        end: of the window, µs, itself outside.
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
        integral, covered = _integrate(spec, samples, merged_gaps(gaps), start, end)
        row["completeness"] = covered / (end - start)
        row["mean"] = integral / covered if covered > 0 and not np.isnan(integral) else None
    return row


def _integrate(
    spec: SignalSpec, samples: Samples, gaps: NDArray[np.int64], start: int, end: int
) -> tuple[float, float]:
    """Integral of the value over good time (value · µs), and good time (µs)."""
    ts = samples.ts
    following = np.append(ts[1:], _NEVER)
    until = np.minimum(np.minimum(following, ts + hold_us(spec)), _speaks_until(ts, gaps))
    low, high = np.maximum(ts, start), np.minimum(until, end)
    used = samples.good & (high > low)
    value = samples.value
    if not spec.step and len(value):
        line = (until == following) & np.append(samples.good[1:], False)
        rise = np.where(line, np.append(np.diff(value), 0.0), 0.0)
        # A line's integral is its middle's value times its length.
        value = value + rise * ((low + high) / 2 - ts) / np.maximum(following - ts, 1)
    duration = (high - low)[used]
    return float((value[used] * duration).sum()), float(duration.sum())


def _speaks_until(ts: NDArray[np.int64], gaps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the next recorded gap begins; the sample's own time if it lies in one."""
    if not len(gaps):
        return np.full(len(ts), _NEVER)
    before = np.searchsorted(gaps[:, 0], ts, side="right") - 1
    within = (before >= 0) & (ts < gaps[before, 1])
    begins = np.append(gaps[:, 0], _NEVER)[before + 1]
    return np.where(within, ts, begins)


def merged_gaps(gaps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Gaps as disjoint, rising intervals; shape ``(n, 2)``."""
    joined: list[list[int]] = []
    for first, last in sorted(gaps.tolist()):
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], last)
        elif last > first:
            joined.append([first, last])
    return np.array(joined, dtype=np.int64).reshape(-1, 2)
