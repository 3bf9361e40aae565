"""Later laboratory values: they shift the estimate and widen or narrow its interval."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.life.conformal import LEVEL
from tundish_analytics.life.scores import rmse
from tundish_analytics.quality.soft import SoftReading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

GAINS: Final = (0.0, 0.05, 0.1, 0.2, 0.3)
STEP: Final = 0.1
_NARROWEST: Final = 0.1


@dataclass(slots=True)
class LabCorrection:
    """Bias and width that follow the laboratory.

    The bias moves by `gain` of what is still off (a first-order bias update, the usual one for inferential
    sensors: Kadlec, Grbić, Gabrys, "Review of adaptation mechanisms for data-driven soft sensors", Computers
    & Chemical Engineering 35, 2011). The width grows by `step` times the level where the laboratory's value
    lay outside, and shrinks by `step` times the rest where it lay inside, so that in the long run the share
    inside is the level whatever changes (Gibbs, Candès, "Adaptive conformal inference under distribution
    shift", NeurIPS 2021; as a quantile tracker: Angelopoulos, Candès, Tibshirani, "Conformal PID control for
    time series prediction", NeurIPS 2023).

    Attributes:
        gain: 0 to 1; 0 never shifts.
        step: how fast the width follows, in parts of the first width.
        level: share of values that should lie inside.
        bias: what is added to the estimate, in its unit.
        width: factor of the interval's two halves.
    """

    gain: float
    step: float = STEP
    level: float = LEVEL
    bias: float = 0.0
    width: float = 1.0

    def corrected(self, value: float, low: float, high: float) -> tuple[float, float, float]:
        """Estimate and interval as they are said now."""
        middle = value + self.bias
        return middle, middle - self.width * (value - low), middle + self.width * (high - value)

    def learn(self, value: float, said: tuple[float, float, float], lab: float) -> None:
        """Take in a laboratory value.

        Args:
            value: the estimate without correction for that sample.
            said: estimate and interval as they were said then.
            lab: what the laboratory found; NaN changes nothing.
        """
        if not np.isfinite(lab) or not np.isfinite(value):
            return
        self.bias += self.gain * (lab - value - self.bias)
        missed = not said[1] <= lab <= said[2]
        self.width = max(self.width + self.step * (missed - (1 - self.level)), _NARROWEST)


def follow(reading: SoftReading, lab: Values, delay: int, correction: LabCorrection) -> SoftReading:
    """A reading as it would have been said, row by row, with each laboratory value known `delay` rows later.

    Args:
        reading: without correction, in the order of time.
        lab: the laboratory's value of each row, NaN where none was taken; shape ``(rows,)``.
        delay: rows from sampling until the value is known, at least one.
        correction: where to begin; it is left as it is after the last row.
    """
    waiting: deque[tuple[int, tuple[float, float, float]]] = deque()
    said = np.empty((len(lab), 3))
    for row in range(len(lab)):
        while waiting and waiting[0][0] + delay <= row:
            at, then = waiting.popleft()
            correction.learn(float(reading.value[at]), then, float(lab[at]))
        now = correction.corrected(
            float(reading.value[row]), float(reading.low[row]), float(reading.high[row])
        )
        said[row] = now
        if np.isfinite(lab[row]) and np.isfinite(reading.value[row]):
            waiting.append((row, now))
    return SoftReading(said[:, 0], said[:, 1], said[:, 2], reading.inside)


def best_gain(held_out: SoftReading, truth: Values, lab: Values, delay: int) -> float:
    """The gain of `GAINS` with the least error on training rows that were held out, in the order of time.

    Args:
        held_out: of the training rows (`SoftSensor.held_out`).
        truth: of all of them.
        lab: those of them that a laboratory would have taken, else NaN.
        delay: rows until such a value is known.
    """
    errors = {gain: rmse(follow(held_out, lab, delay, LabCorrection(gain)).value, truth) for gain in GAINS}
    return min(errors, key=errors.__getitem__)
