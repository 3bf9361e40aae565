"""A degrading quantity and when it first passes its threshold: a Wiener process with drift.

``X(t) = X(0) + drift t + diffusion B(t)``, after taking logarithms where growth is exponential. Increments
are independent and normal, so drift and diffusion are mean and variance of increments over time; the time
to a threshold at distance d has the inverse Gaussian law with mean ``d/drift`` and shape ``d²/diffusion²``
(Chhikara and Folks, 1977; for remaining life Si, Wang, Hu, Zhou, EJOR 213, 2011). The increments behind the
drift are few, so the drift is drawn from its t law and the diffusion from its chi-square law before the
first passage is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Self

import numpy as np
import scipy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

LEVEL: Final = 0.9
LEAST: Final = 10
_DRAWS: Final = 4_000


class NoDrift(ValueError):  # noqa: N818 - says what is lacking
    """The quantity does not move towards its threshold in a way that chance would not explain."""


@dataclass(frozen=True, slots=True)
class Passage:
    """When the threshold is first passed, counted from the last value, in the unit of the times.

    Attributes:
        median: half of such paths pass before.
        low, high: ends of the interval; ``high`` is infinite where the drift may as well be none.
    """

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class WienerDegradation:
    """A quantity's drift and diffusion.

    Attributes:
        drift: per unit of time, of the quantity or its logarithm.
        diffusion: standard deviation of the increment over one unit of time.
        last: the last value, same scale.
        duration: from first to last value.
        increments: how many there were.
        scale: ``"log"`` where growth is exponential.
    """

    drift: float
    diffusion: float
    last: float
    duration: float
    increments: int
    scale: Literal["linear", "log"] = "linear"

    @classmethod
    def fit(cls, time: Values, value: Values, scale: Literal["linear", "log"] = "linear") -> Self:
        """From one unit's values, times strictly rising; NaN are left out.

        Raises:
            ValueError: fewer than ten increments, times that do not rise, or a value not above 0 for
                ``"log"``.
        """
        known = np.isfinite(value)
        t, x = time[known], value[known]
        if len(t) <= LEAST:
            raise ValueError(f"{max(len(t) - 1, 0)} increments, {LEAST} needed")
        if scale == "log":
            if x.min() <= 0:
                raise ValueError("a quantity that grows exponentially must be above 0")
            x = np.log(x)
        step = np.diff(t)
        if step.min() <= 0:
            raise ValueError("times must rise")
        duration = float(t[-1] - t[0])
        drift = float(x[-1] - x[0]) / duration
        variance = float(np.sum((np.diff(x) - drift * step) ** 2 / step)) / (len(step) - 1)
        return cls(drift, float(np.sqrt(variance)), float(x[-1]), duration, len(step), scale)

    @property
    def chance(self) -> float:
        """Probability of so large a drift towards the threshold, upwards, if there were none."""
        error = self.diffusion / np.sqrt(self.duration)
        if error == 0:
            return 0.0 if self.drift > 0 else 1.0
        return float(scipy.stats.t.sf(self.drift / error, self.increments - 1))

    def passage(self, threshold: float, level: float = LEVEL, alpha: float = 0.05) -> Passage:
        """When a threshold above the last value is first passed.

        Args:
            threshold: in the unit of the values. For a falling quantity hand in both with the sign changed.
            level: of the interval.
            alpha: the drift must be less likely by chance than this.

        Raises:
            NoDrift: it is not, so no time can be told.
        """
        distance = (np.log(threshold) if self.scale == "log" else threshold) - self.last
        if distance <= 0:
            return Passage(0.0, 0.0, 0.0)
        if self.chance > alpha:
            raise NoDrift(f"a drift like this comes by chance with probability {self.chance:.2g}")
        times = self._drawn(float(distance))
        tail = (1 - level) / 2
        low, median, high = np.quantile(times, [tail, 0.5, 1 - tail], method="higher")
        return Passage(float(median), float(low), float(high))

    def _drawn(self, distance: float) -> Values:
        """Times of first passage, infinite for paths that may never pass."""
        rng = np.random.default_rng(20)
        freedom = self.increments - 1
        diffusion = self.diffusion * np.sqrt(freedom / rng.chisquare(freedom, _DRAWS))
        drift = self.drift + diffusion / np.sqrt(self.duration) * rng.standard_normal(_DRAWS)
        if self.diffusion == 0:
            return np.full(_DRAWS, distance / self.drift)
        # Downward drift: the path passes at all with probability exp(2 drift d / diffusion²).
        passes = (drift > 0) | (np.log(rng.random(_DRAWS)) < 2 * drift * distance / diffusion**2)
        mean = distance / np.maximum(np.abs(drift), 1e-300)
        return np.where(passes, rng.wald(mean, (distance / diffusion) ** 2), np.inf)
