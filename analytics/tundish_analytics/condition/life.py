"""`LifeModel`: records left until a MOSFET's on-resistance has risen by 0.05 Ohm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Failure threshold of Celaya et al., "Prognostics of power MOSFETs", 2011.
THRESHOLD_OHM: Final = 0.05
MIN_RECORDS: Final = 1_000
MIN_UNITS: Final = 2
# Ohm per record: about the slowest drift that ends within a test; slower ones only say "not yet ageing".
_SLOWEST: Final = 1e-6
_SMOOTH: Final = 201
_SLOPE: Final = 1_000
_EVENT: Final = 21
_TAIL: Final = 0.1


@dataclass(frozen=True, slots=True)
class LifeEstimate:
    """Remaining life after each record of one device; NaN before the minimum history; shapes ``(records,)``.

    Attributes:
        records: median estimate, in records.
        low, high: 80 % interval (P10, P90).
        margin: Ohm left to the threshold, after smoothing.
        slope: drift in Ohm per record.
    """

    records: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    margin: NDArray[np.float64]
    slope: NDArray[np.float64]


def ageing(delta: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Margin and drift after each record, each from the records up to it only; shapes ``(records,)``.

    Args:
        delta: change of on-resistance in Ohm, record by record from the device's first; NaN where missing.

    Returns:
        Ohm left to the threshold (trailing median of 201 records), and the least-squares slope of the
        trailing 1,000 smoothed records in Ohm per record, not below 1e-6.
    """
    smooth = pd.Series(delta).rolling(_SMOOTH, min_periods=1).median().ffill()
    record = pd.Series(np.arange(len(smooth), dtype=np.float64))
    window = record.rolling(_SLOPE, min_periods=_SLOPE)
    slope = window.cov(smooth) / window.var()
    return THRESHOLD_OHM - smooth.to_numpy(), slope.clip(lower=_SLOWEST).to_numpy()


def extrapolated(delta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of the records left at the present drift, NaN before 1,000 records; shape ``(records,)``."""
    margin, slope = ageing(delta)
    result: NDArray[np.float64] = np.log(np.maximum(margin, _SLOWEST) / slope)
    return result


def end_of_life(delta: NDArray[np.float64]) -> int | None:
    """Number of the first record at which the trailing median of 21 records reaches the threshold."""
    smooth = pd.Series(delta).rolling(_EVENT, min_periods=1).median().to_numpy()
    reached = np.flatnonzero(smooth >= THRESHOLD_OHM)
    return int(reached[0]) if len(reached) else None


def remaining(delta: NDArray[np.float64]) -> NDArray[np.float64]:
    """True remaining records of a device that reached its end, before the end; shape ``(end,)``.

    Raises:
        ValueError: the device never reached the threshold.
    """
    end = end_of_life(delta)
    if end is None:
        raise ValueError("the device did not reach the threshold; its remaining life is unknown (censored)")
    return end - np.arange(end, dtype=np.float64)


class LifeModel:
    """Isotonic regression of log life on its linear extrapolation, with intervals from held-out devices.

    Drift accelerates towards the end, so a straight line promises too much; by how much is learnt.

    The interval's factors are the 10 % and 90 % quantiles of log(true / predicted) over devices that were
    left out, each device weighing the same; of the devices' own quantiles the outermost counts, because with
    so few devices the next one is likelier to lie outside than records would make believe.
    """

    model_id: Final = "mosfet-life"

    def __init__(
        self,
        extrapolation: NDArray[np.float64],
        log_life: NDArray[np.float64],
        factors: tuple[float, float],
        units: int,
    ) -> None:
        self._extrapolation = extrapolation
        self._log_life = log_life
        self.factors = factors
        self.units = units

    @classmethod
    def fit(cls, devices: Sequence[NDArray[np.float64]]) -> Self:
        """Train on run-to-failure devices.

        Args:
            devices: change of on-resistance in Ohm of each device, record by record.

        Raises:
            ValueError: fewer than two devices reached the threshold.
        """
        failed = [device for device in devices if end_of_life(device) is not None]
        if len(failed) < MIN_UNITS:
            raise ValueError(f"needs {MIN_UNITS} devices run to failure, got {len(failed)}")
        lows, highs = zip(*(_held_out(failed, number) for number in range(len(failed))), strict=True)
        curve = _curve(failed)
        return cls(*curve, (min(lows), max(highs)), len(failed))

    def estimate(self, delta: NDArray[np.float64]) -> LifeEstimate:
        """Remaining life after each record; the value at record t depends on records up to t only.

        Args:
            delta: change of on-resistance in Ohm from the device's first record on.
        """
        margin, slope = ageing(delta)
        log_life = np.interp(extrapolated(delta), self._extrapolation, self._log_life)
        life = np.where(margin <= 0, 0.0, np.exp(log_life))
        life = np.where(np.isfinite(slope), life, np.nan)
        low, high = (life * np.exp(factor) for factor in self.factors)
        return LifeEstimate(life, low, high, margin, slope)

    def state(self) -> dict[str, Any]:
        """Everything that must be stored, as arrays and plain values."""
        return {
            "extrapolation": self._extrapolation,
            "log_life": self._log_life,
            "factors": list(self.factors),
            "units": self.units,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The model that `state` came from."""
        low, high = state["factors"]
        return cls(state["extrapolation"], state["log_life"], (low, high), state["units"])


def _pairs(device: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Extrapolated and true log life of one device, record by record from the minimum history to its end."""
    life = remaining(device)
    return extrapolated(device)[MIN_RECORDS : len(life)], np.log(life[MIN_RECORDS:])


def _curve(devices: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # Only training needs it: who estimates shall not wait for scikit-learn.
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - see above

    pairs = [_pairs(device) for device in devices]
    weights = np.concatenate([np.full(len(life), 1 / len(life)) for _, life in pairs])
    isotonic = IsotonicRegression(increasing=True, out_of_bounds="clip")
    isotonic.fit(np.concatenate([x for x, _ in pairs]), np.concatenate([y for _, y in pairs]), weights)
    return isotonic.X_thresholds_, isotonic.y_thresholds_


def _held_out(devices: Sequence[NDArray[np.float64]], number: int) -> tuple[float, float]:
    """10 % and 90 % quantile of log(true / predicted) on one device, from a curve without it."""
    curve = _curve([device for other, device in enumerate(devices) if other != number])
    seen, life = _pairs(devices[number])
    low, high = np.quantile(life - np.interp(seen, *curve), [_TAIL, 1 - _TAIL])
    return float(low), float(high)
