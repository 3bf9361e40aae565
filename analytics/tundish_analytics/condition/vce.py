"""`AgeingModel`: drift of an IGBT's on-state voltage at matched temperature and current."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# ECPE AQG 324 ends a power-cycling test at +5 % of VCE(on); half of it serves as warning.
CRITERION_PERCENT: Final = 5.0
WARNING_PERCENT: Final = 2.5
BASELINE_PULSES: Final = 100
WINDOW_PULSES: Final = 20
MIN_PULSES: Final = 8
_SETTLED_PULSES: Final = 20
_SETTLED_K: Final = 2.0
_MATCH_K: Final = 1.0
_MATCH_CURRENT: Final = 0.01
_BLOCK: Final = 4
_RESAMPLES: Final = 400
_LEVELS: Final = (0.1, 0.9)
_PAUSE_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Pulses:
    """Pulses in which the package passed the matching temperature while warming; shapes ``(pulses,)``.

    Attributes:
        ts: end of the pulse in seconds.
        voltage: VCE(on) in V at the matching temperature.
        temperature: mean package temperature of the pulse's warming part in degrees Celsius.
        current: mean load current in A.
    """

    ts: NDArray[np.float64]
    voltage: NDArray[np.float64]
    temperature: NDArray[np.float64]
    current: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, chosen: NDArray[Any] | slice) -> Pulses:
        """Some of the pulses."""
        return Pulses(self.ts[chosen], self.voltage[chosen], self.temperature[chosen], self.current[chosen])


def _runs(ts: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    if not len(ts):
        return []
    return np.split(np.arange(len(ts)), np.flatnonzero(np.diff(ts) > _PAUSE_S) + 1)


def find_pulses(seconds: NDArray[np.float64], match_c: float | None = None) -> Pulses:
    """Cut on-state seconds into pulses and read each pulse's voltage at one package temperature.

    Within a pulse the package first cools, then warms while the chip heats; only the warming part is used,
    where a line through voltage against package temperature is read at `match_c`. Pulses that stay more than
    1 K away from it are left out.

    Args:
        seconds: ``(n, 4)``, rising time in s, VCE(on) in V, load current in A, package temperature in degrees
            Celsius, of the seconds in which the device conducts; rows with NaN are left out.
        match_c: matching temperature; without it each pulse's own mean is taken.
    """
    seconds = seconds[np.isfinite(seconds).all(axis=1)]
    rows = [_read_pulse(seconds[run], match_c) for run in _runs(seconds[:, 0])]
    found = np.array([row for row in rows if row is not None], dtype=np.float64).reshape(-1, 4)
    return Pulses(*found.T)


def _read_pulse(pulse: NDArray[np.float64], match_c: float | None) -> tuple[float, ...] | None:
    """End, matched voltage, temperature and current of one pulse; ``None`` where there is no match."""
    warming = pulse[np.flatnonzero(np.diff(pulse[:, 3]) > 0) + 1] if len(pulse) > 1 else pulse[:0]
    if len(warming) < 2:  # noqa: PLR2004 - a line needs two points
        return None
    _, voltage, current, temperature = warming.T
    at = temperature.mean() if match_c is None else match_c
    if not temperature.min() - _MATCH_K <= at <= temperature.max() + _MATCH_K:
        return None
    centred = temperature - temperature.mean()
    slope = float(centred @ voltage / max(centred @ centred, 1e-9))
    matched = voltage.mean() + slope * (at - temperature.mean())
    return float(pulse[-1, 0]), float(matched), float(temperature.mean()), float(current.mean())


@dataclass(frozen=True, slots=True)
class Ageing:
    """Drift in one window.

    Attributes:
        percent: (median voltage - baseline) / baseline in %; negative where the voltage fell.
        low, high: 80 % interval (moving-block bootstrap of window and baseline, 400 resamples).
        voltage: the window's median matched voltage in V.
        temperature, current: means over the window's pulses, in degrees Celsius and A.
        pulses: how many pulses matched.
        share: matched pulses among the window's pulses, 0 to 1.
    """

    percent: float
    low: float
    high: float
    voltage: float
    temperature: float
    current: float
    pulses: int
    share: float


class AgeingModel:
    """The channel's own baseline, and the drift of later windows against it.

    Nothing is learnt from other devices and no remaining life is claimed: it is one device's change, with the
    AQG 324 criterion named beside it. That criterion is written for a rise by bond-wire damage; a fall points
    elsewhere (threshold, die attach), and is reported with its sign.
    """

    model_id: Final = "igbt-ageing"

    def __init__(self, match_c: float, baseline: Pulses) -> None:
        self.match_c = match_c
        self.baseline = baseline
        self.baseline_v = float(np.median(baseline.voltage))
        self.baseline_current = float(np.median(baseline.current))

    @classmethod
    def fit(cls, seconds: NDArray[np.float64]) -> Self:
        """Take the baseline from the first 100 pulses after thermal settling.

        Args:
            seconds: ``(n, 4)`` as for `find_pulses`, from the start of the test.

        Raises:
            ValueError: too few settled pulses.
        """
        settled = _settled(find_pulses(seconds))
        if len(settled) < WINDOW_PULSES:
            raise ValueError(f"needs {WINDOW_PULSES} pulses after thermal settling, got {len(settled)}")
        match_c = float(np.median(settled.temperature))
        matched = find_pulses(seconds[seconds[:, 0] >= settled.ts[0]], match_c)
        return cls(match_c, matched.take(slice(BASELINE_PULSES)))

    def measure(self, seconds: NDArray[np.float64]) -> Ageing | None:
        """Drift in one window; ``None`` below eight matched pulses.

        Args:
            seconds: ``(n, 4)`` as for `find_pulses`, of the window only.
        """
        offered = len(find_pulses(seconds))
        pulses = find_pulses(seconds, self.match_c)
        near = np.abs(pulses.current / self.baseline_current - 1) <= _MATCH_CURRENT
        pulses = pulses.take(near)
        if len(pulses) < MIN_PULSES:
            return None
        voltage = float(np.median(pulses.voltage))
        low, high = self._interval(pulses.voltage)
        return Ageing(
            percent=100 * (voltage / self.baseline_v - 1),
            low=low,
            high=high,
            voltage=voltage,
            temperature=float(pulses.temperature.mean()),
            current=float(pulses.current.mean()),
            pulses=len(pulses),
            share=len(pulses) / offered,
        )

    def _interval(self, voltage: NDArray[np.float64]) -> tuple[float, float]:
        generator = np.random.default_rng(324)
        drift = 100 * (
            _block_medians(voltage, generator) / _block_medians(self.baseline.voltage, generator) - 1
        )
        low, high = np.quantile(drift, _LEVELS)
        return float(low), float(high)

    def state(self) -> dict[str, Any]:
        """Everything that must be stored, as arrays and plain values."""
        pulses = self.baseline
        columns = np.column_stack([pulses.ts, pulses.voltage, pulses.temperature, pulses.current])
        return {"match_c": self.match_c, "baseline": columns}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The model that `state` came from."""
        return cls(state["match_c"], Pulses(*state["baseline"].T))


def _settled(pulses: Pulses) -> Pulses:
    """The pulses from the first after which 20 in a row keep within 2 K of each other."""
    for first in range(len(pulses) - _SETTLED_PULSES + 1):
        if np.ptp(pulses.temperature[first : first + _SETTLED_PULSES]) <= _SETTLED_K:
            return pulses.take(slice(first, None))
    return pulses.take(slice(0, 0))


def _block_medians(values: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """Medians of resamples made of blocks of four neighbours, because neighbours resemble each other."""
    blocks = -(-len(values) // _BLOCK)
    starts = generator.integers(0, max(len(values) - _BLOCK, 0) + 1, (_RESAMPLES, blocks))
    index = (starts[:, :, None] + np.arange(_BLOCK)).reshape(_RESAMPLES, -1)[:, : len(values)]
    medians: NDArray[np.float64] = np.median(values[np.minimum(index, len(values) - 1)], axis=1)
    return medians
