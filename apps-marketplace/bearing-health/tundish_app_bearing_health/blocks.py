"""From samples to blocks: medians of an RMS by the minute, or indicators of each waveform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_analytics.condition.bearing import INDICATORS, health_indicators

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.sdk import AppInputs, SignalInfo

    Values = NDArray[np.float64]

_MINUTE: Final = 60.0
# A week of minutes; more waveforms than this are thinned evenly.
_MOST: Final = 3_000
_LEAST_SHARE: Final = 0.5
_LEAST_SAMPLES: Final = 64
_TINY: Final = 1e-12


class NoRate(ValueError):  # noqa: N818 - says what is lacking
    """Waveforms without a sampling rate have no frequencies."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Stretches of vibration.

    Attributes:
        hours: times, hours since 1970, shape ``(n,)``.
        rows: natural logarithms of the indicators, shape ``(n, indicators)``.
        names: of the indicators, zh and en.
        completeness: share of the expected blocks that are there.
        standing: blocks left out because the machine stood.
    """

    hours: Values
    rows: Values
    names: tuple[tuple[str, str], ...]
    completeness: float
    standing: int


def of_rms(inputs: AppInputs, signal: SignalInfo, least: float) -> Blocks:
    """Medians of each minute, or of longer where samples are rarer; half-empty minutes are left out."""
    times, values = inputs.good(signal)
    seconds = times.astype(np.int64) / 1e6
    period = signal.period_s or (float(np.median(np.diff(seconds))) if seconds.size > 1 else _MINUTE)
    width = max(_MINUTE, period)
    block = (seconds // width).astype(np.int64)
    found, first, number = np.unique(block, return_index=True, return_counts=True)
    whole = number >= _LEAST_SHARE * width / period
    medians = np.array([np.median(part) for part in np.split(values, first[1:])]) if values.size else values
    running = whole & (medians > max(least, 0.0))
    expected = (inputs.end - inputs.start).total_seconds() / width
    rows = np.log(np.maximum(medians[running], _TINY))[:, None]
    hours = (found[running] + 0.5) * width / 3600
    return Blocks(
        hours,
        rows,
        (("有效值", "RMS"),),
        min(float(whole.sum() / expected), 1.0),
        int((whole & ~running).sum()),
    )


def of_waveforms(inputs: AppInputs, signal: SignalInfo, rate: SignalInfo | None, least: float) -> Blocks:
    """Indicators of each waveform of the commonest length.

    Raises:
        NoRate: there is no sampling rate beside it.
    """
    _, rates = inputs.good(rate) if rate is not None else (None, np.zeros(0))
    if rates.size == 0 or rates[-1] <= 0:
        raise NoRate(signal.path)
    table = inputs.samples(signal)
    good = table.filter(pc.equal(pc.shift_right(table.column("status"), pa.scalar(30, pa.uint32())), 0))
    lengths = pc.list_value_length(good.column("value")).fill_null(0).to_numpy()
    long = lengths[lengths >= _LEAST_SAMPLES]
    length = int(np.bincount(long).argmax()) if long.size else 0
    chosen = np.flatnonzero(lengths == length) if length else np.zeros(0, np.int64)
    chosen = chosen[:: max(-(-chosen.size // _MOST), 1)]
    taken = good.take(chosen).combine_chunks()
    flat = taken.column("value").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    waves = flat.astype(np.float64).reshape(-1, max(length, 1))
    times = taken.column("ts").cast("timestamp[us]").to_numpy().astype(np.int64) / 3.6e9
    fine = np.isfinite(waves).all(axis=1)
    rows = health_indicators(waves[fine], float(rates[-1])) if fine.any() else np.zeros((0, len(INDICATORS)))
    running = rows[:, 0] > np.log(max(least, _TINY))
    expected = (
        (inputs.end - inputs.start).total_seconds() / signal.period_s if signal.period_s else lengths.size
    )
    return Blocks(
        times[fine][running], rows[running], tuple(INDICATORS),
        min(lengths.size / max(expected, 1.0), 1.0), int((~running).sum()),
    )  # fmt: skip
