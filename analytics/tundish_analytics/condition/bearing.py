"""Health of a rolling bearing from blocks of acceleration, against its own beginning.

The geometry need not be known. Indicators are ratios to the bearing's own first blocks, in decibels, so that
neither mounting nor sensor matters. Envelope: magnitude of the analytic signal above a tenth of the sampling
rate, where impacts ring and shaft and gears do not (Randall, Antoni, "Rolling element bearing diagnostics",
MSSP 25, 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np
import scipy

from tundish_analytics import checks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_analytics.checks import Meaning

    Values = NDArray[np.float64]


class Indicator(NamedTuple):
    """What a column of `health_indicators` is; all have the waveform's unit."""

    zh: str
    en: str


INDICATORS: Final = (
    Indicator("有效值", "RMS"),
    Indicator("峰值", "peak"),
    Indicator("高频包络均值", "mean of the high-frequency envelope"),
    Indicator("包络谱最强谱线", "strongest line of the envelope's spectrum"),
)
BEGINNING: Final = 60
RECENT: Final = 10
CHANGED_DB: Final = 6.0
SEVERE_DB: Final = 20.0
# Share of the sampling rate at which the envelope's band begins and ends.
_BAND: Final = (0.1, 0.45)
_TINY: Final = 1e-12
_DECIBELS: Final = 20 / np.log(10)
_TAIL: Final = 0.05
_DRAWS: Final = 400
_TREND_ROWS: Final = 30


def health_indicators(blocks: Values, rate_hz: float) -> Values:
    """Natural logarithms of `INDICATORS` of each block ``(blocks, samples)``; shape ``(blocks, 4)``."""
    centred = blocks - blocks.mean(axis=1, keepdims=True)
    envelope = _envelope(centred, rate_hz)
    lines = _spectrum(envelope)
    found = np.column_stack([
        np.sqrt(np.mean(centred**2, axis=1)), np.abs(centred).max(axis=1),
        envelope.mean(axis=1), lines[:, 1:].max(axis=1),
    ])  # fmt: skip
    logarithms: Values = np.log(np.maximum(found, _TINY))
    return logarithms


def envelope_line(block: Values, rate_hz: float) -> float:
    """Frequency in Hz of the strongest line of the envelope's spectrum.

    Damage shows as lines at its own frequency and multiples, so of the lines that are nearly as strong (half
    or more) the lowest is told.
    """
    lines = _spectrum(_envelope((block - block.mean())[None, :], rate_hz))[0]
    lines[0] = 0.0
    strong = np.flatnonzero(lines >= 0.5 * lines.max())
    at = int(strong[0])
    while at + 1 < len(lines) and lines[at + 1] > lines[at]:
        at += 1
    return float(at * rate_hz / len(block))


def _envelope(centred: Values, rate_hz: float) -> Values:
    n = centred.shape[1]
    spectrum = np.fft.rfft(centred, axis=1)
    frequency = np.fft.rfftfreq(n, 1 / rate_hz)
    inside = (frequency >= _BAND[0] * rate_hz) & (frequency <= _BAND[1] * rate_hz)
    analytic = np.zeros((len(centred), n), np.complex128)
    analytic[:, : len(frequency)] = np.where(inside, 2 * spectrum, 0)
    envelope: Values = np.abs(np.fft.ifft(analytic, axis=1))
    return envelope


def _spectrum(envelope: Values) -> Values:
    """Amplitudes of the envelope's slower half: damage frequencies lie far below the ringing."""
    n = envelope.shape[1]
    lines = np.abs(np.fft.rfft(envelope - envelope.mean(axis=1, keepdims=True), axis=1)) * 2 / n
    slower: Values = lines[:, : max(int(_BAND[0] * n), 2)]
    return slower


@dataclass(frozen=True, slots=True)
class Change:
    """How the last blocks differ from the beginning.

    Attributes:
        value: largest change of an indicator in dB, with the ends of its 90 % interval.
        decibels: change of each indicator, shape ``(indicators,)``.
    """

    value: float
    low: float
    high: float
    decibels: Values


@dataclass(frozen=True, slots=True)
class BearingBaseline:
    """The beginning of a bearing.

    Attributes:
        rows: logarithms of the indicators, shape ``(blocks, indicators)``.
        middle: their medians.
    """

    rows: Values
    middle: Values

    @classmethod
    def fit(cls, rows: Values) -> Self:
        """From the first blocks' indicators."""
        return cls(rows, np.median(rows, axis=0))

    def state(self) -> dict[str, Any]:
        """The arrays to store."""
        return {"rows": self.rows, "middle": self.middle}

    def decibels(self, rows: Values) -> Values:
        """Change of each indicator in dB, same shape."""
        decibels: Values = _DECIBELS * (rows - self.middle)
        return decibels

    def change(self, recent: Values) -> Change:
        """The last blocks against the beginning.

        The interval is what medians of as many blocks scatter by at the beginning (bootstrap of its rows) and
        what the last blocks scatter by themselves: an indicator that is restless needs a larger change.
        """
        decibels = np.median(self.decibels(recent), axis=0)
        at = int(decibels.argmax())
        rng = np.random.default_rng(20)
        then = self.decibels(self.rows)[:, at]
        now = self.decibels(recent)[:, at]
        scatter = [
            np.median(rng.choice(now, (_DRAWS, len(now))), axis=1)
            - np.median(rng.choice(then, (_DRAWS, len(then))), axis=1)
        ]
        low, high = (float(end) for end in np.quantile(scatter, [_TAIL, 1 - _TAIL]))
        value = float(decibels[at])
        return Change(value, min(low, value), max(high, value), decibels)


def trend(days: Values, decibels: Values) -> tuple[float, float, float] | None:
    """Slope in dB a day with its 90 % interval (Theil and Sen), or ``None`` for fewer than 30 blocks.

    The interval takes blocks for independent; where a bearing wanders it is too narrow.
    """
    if len(days) < _TREND_ROWS or np.ptp(days) <= 0:
        return None
    found = scipy.stats.theilslopes(decibels, days - days[0], alpha=1 - 2 * _TAIL)
    return float(found.slope), float(found.low_slope), float(found.high_slope)


def meaning_of(value: float, low: float) -> Meaning:
    """What a change means; one whose interval reaches below half the limit does not count."""
    if value >= SEVERE_DB and low >= SEVERE_DB / 2:
        return checks.VIBRATION_SEVERE
    if value >= CHANGED_DB and low >= CHANGED_DB / 2:
        return checks.VIBRATION_CHANGED
    return checks.VIBRATION_STEADY
