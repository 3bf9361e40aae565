"""Condition indicators of rolling bearings from blocks of acceleration."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

BANDS_HZ: Final = ((10.0, 1_000.0), (1_000.0, 3_000.0), (3_000.0, 6_000.0), (6_000.0, 12_000.0))
RESONANCE_HZ: Final = (2_000.0, 10_000.0)
HARMONICS: Final = 3
_TINY: Final = 1e-12
_CHUNK: Final = 256


@dataclass(frozen=True, slots=True)
class BearingGeometry:
    """Rolling elements, their diameter and the pitch diameter in mm, and the contact angle in degrees."""

    elements: int
    element_mm: float
    pitch_mm: float
    contact_deg: float = 0.0

    def frequencies(self, shaft_hz: float) -> dict[str, float]:
        """Hz at which a damage of outer race, inner race, element and cage shows (kinematics, no slip)."""
        ratio = self.element_mm / self.pitch_mm * cos(radians(self.contact_deg))
        return {
            "outer": self.elements / 2 * shaft_hz * (1 - ratio),
            "inner": self.elements / 2 * shaft_hz * (1 + ratio),
            "element": self.pitch_mm / (2 * self.element_mm) * shaft_hz * (1 - ratio**2),
            "cage": shaft_hz / 2 * (1 - ratio),
        }


def indicator_names() -> tuple[str, ...]:
    """What the columns of `indicators` are."""
    bands = tuple(f"rms_{low / 1000:g}_{high / 1000:g}_khz" for low, high in BANDS_HZ)
    return ("rms", "peak", "kurtosis", *bands, "envelope", "outer", "inner", "element", "cage")


def indicators(blocks: Values, rate_hz: float, shaft_hz: float, geometry: BearingGeometry) -> Values:
    """Indicators of each block of one direction.

    RMS and RMS of four bands, peak and envelope in the unit of `blocks`; kurtosis is 3 for Gaussian noise;
    the last four are envelope amplitudes summed over three harmonics of the damage frequencies. Envelope:
    magnitude of the analytic signal between 2 and 10 kHz (Randall, Antoni, "Rolling element bearing
    diagnostics", MSSP 25, 2011).

    Args:
        blocks: shape ``(blocks, samples)``.
        rate_hz: samples a second.
        shaft_hz: turns a second.
        geometry: of the bearing.

    Returns:
        Shape ``(blocks, indicators)``, columns as `indicator_names` says.
    """
    chunks = range(0, len(blocks), _CHUNK)
    parts = [_indicators(blocks[at : at + _CHUNK], rate_hz, shaft_hz, geometry) for at in chunks]
    return np.concatenate(parts) if parts else np.empty((0, len(indicator_names())))


def _indicators(blocks: Values, rate_hz: float, shaft_hz: float, geometry: BearingGeometry) -> Values:
    centred = blocks - blocks.mean(axis=1, keepdims=True)
    power = np.mean(centred**2, axis=1)
    kurtosis = np.mean(centred**4, axis=1) / np.maximum(power**2, _TINY)
    spectrum = np.fft.rfft(centred, axis=1)
    frequency = np.fft.rfftfreq(blocks.shape[1], 1 / rate_hz).astype(np.float64)
    bands = [_band_rms(spectrum, frequency, band, blocks.shape[1]) for band in BANDS_HZ]
    envelope = _envelope(spectrum, frequency, blocks.shape[1])
    lines = np.abs(np.fft.rfft(envelope - envelope.mean(axis=1, keepdims=True), axis=1)) * 2 / blocks.shape[1]
    damage = [_lines(lines, frequency, f) for f in geometry.frequencies(shaft_hz).values()]
    return np.column_stack([
        np.sqrt(power), np.abs(centred).max(axis=1), kurtosis, *bands, envelope.mean(axis=1), *damage,
    ])  # fmt: skip


def _band_rms(
    spectrum: NDArray[np.complex128], frequency: Values, band: tuple[float, float], n: int
) -> Values:
    inside = (frequency >= band[0]) & (frequency < band[1])
    rms: Values = np.sqrt(2 * np.sum(np.abs(spectrum[:, inside]) ** 2, axis=1)) / n
    return rms


def _envelope(spectrum: NDArray[np.complex128], frequency: Values, n: int) -> Values:
    inside = (frequency >= RESONANCE_HZ[0]) & (frequency <= RESONANCE_HZ[1])
    analytic = np.zeros((len(spectrum), n), np.complex128)
    analytic[:, : len(frequency)] = np.where(inside, 2 * spectrum, 0)
    return np.abs(np.fft.ifft(analytic, axis=1))


def _lines(lines: Values, frequency: Values, damage_hz: float) -> Values:
    """Largest amplitude within a bin of each harmonic, summed: slip moves the lines a little."""
    step = frequency[1]
    total = np.zeros(len(lines))
    for harmonic in range(1, HARMONICS + 1):
        at = round(harmonic * damage_hz / step)
        total += lines[:, max(at - 1, 1) : at + 2].max(axis=1)
    return total
