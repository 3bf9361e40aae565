"""`AnomalyWatch`: T², Q and an isolation forest over rows of any machine, calibrated together.

No labels are needed. Each row is read within its operating regime, and beside it an average of the rows
before (λ = 0.1, as in `spc.mewma`) that shows what moves slowly. Five statistics come of it: T², Q and forest
score of the row, T² and Q of the average. Their logarithms are brought to one scale on held-out windows
(median 0, 90 % quantile 1); the largest is the score, and held-out windows say how unusual it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import scipy

from tundish_analytics.anomaly.conformal import HealthyScores, held_out
from tundish_analytics.anomaly.forest import PathForest, mean_given_others
from tundish_analytics.anomaly.pca import PcaModel
from tundish_analytics.anomaly.regimes import Regimes
from tundish_analytics.condition.imputer import ConditionalImputer
from tundish_analytics.models.threads import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Numbers = NDArray[np.int64]

ALPHA: Final = 0.01
STATISTICS: Final = ("t2", "q", "forest", "slow_t2", "slow_q")
WEIGHT: Final = 0.1
# A variable must be there in this share of the windows it is learnt from.
_PRESENT: Final = 0.5
_BLOCKS: Final = 10
_DRIFT: Final = 1 / 3
_FARTHEST: Final = 30.0
_TINY: Final = 1e-12
# Of a logarithm, so that what is told stays a number.
_LARGEST: Final = 300.0


class TooLittle(ValueError):  # noqa: N818 - says what is lacking
    """So few windows, or variables that move, that no alarm at the stated rate can be promised."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the watch says of rows in time order.

    Attributes:
        p: p-value of each row, shape ``(rows,)``.
        score: what it was made of, same shape; has no upper end.
        leading: which of `STATISTICS` stood out most, same shape.
        statistics: shape ``(rows, 5)``.
        z: rows within their regimes, holes filled; ``slow`` their running averages; shape ``(rows,
            variables)``.
        regime: of each row.
    """

    p: Values
    score: Values
    leading: Numbers
    statistics: Values
    z: Values
    slow: Values
    regime: Numbers


class AnomalyWatch:
    """A fitted watch. `fit` or `from_state` makes one; `judge` never changes it.

    Attributes:
        alpha: rate of false alarms that calibration was made for.
        kept: which variables are watched; those that stood still, were mostly absent or only drifted are
            not.
    """

    def __init__(self, parts: dict[str, Any], healthy: HealthyScores, alpha: float) -> None:
        self.kept: NDArray[np.bool_] = parts["kept"]
        self.means: NDArray[np.bool_] = parts["means"]
        self.regimes: Regimes = parts["regimes"]
        self.pca: PcaModel = parts["pca"]
        self._floor: Values = parts["floor"]
        self.alpha = alpha
        self.healthy = healthy
        self._imputer: ConditionalImputer = parts["imputer"]
        self._forest: PathForest = parts["forest"]
        self._middle: Values = parts.get("middle", np.zeros(len(STATISTICS)))
        self._reach: Values = parts.get("reach", np.ones(len(STATISTICS)))

    @classmethod
    @one_thread
    def fit(cls, rows: Values, means: NDArray[np.bool_], alpha: float = ALPHA) -> Self:
        """Learn what is normal from rows in time order while all was well.

        Args:
            rows: shape ``(windows, variables)``; NaN for what is missing.
            means: which variables are means of signals; the others are standard deviations and read as
                logarithms.
            alpha: rate of false alarms at which an alarm must be possible.

        Raises:
            TooLittle: fewer windows than that rate needs, or fewer than two variables that move.
        """
        held = held_out(len(rows))
        if alpha * (held.sum() + 1) < 1:
            raise TooLittle(f"alarms at {alpha:.2%} need {int(np.ceil(1 / alpha)) - 1} held-out windows")
        fitted = rows[~held]
        kept = _moving(fitted)
        floor = _floors(fitted, means)
        fitted = _logarithms(fitted, floor)
        if (kept & means).sum() < 2:  # noqa: PLR2004 - nothing to compare one signal with
            raise TooLittle("fewer than two signals move")
        regimes, within = _regimes(fitted, kept, means)
        steady = ~_drifting(within)
        if (steady & means[kept]).sum() >= 2:  # noqa: PLR2004 - as above
            kept[kept] = steady
            regimes, within = _regimes(fitted, kept, means)
        imputer = ConditionalImputer().fit(_bounded(within))
        filled = imputer.transform(_bounded(within))
        parts = {
            "kept": kept, "means": means, "floor": floor, "regimes": regimes, "imputer": imputer,
            "pca": PcaModel.fit(filled), "forest": PathForest.fit(filled),
        }  # fmt: skip
        raw = cls(parts, HealthyScores(np.empty(0)), alpha).judge(rows)
        log = np.log(np.maximum(raw.statistics[held], _TINY))
        parts["middle"] = np.median(log, axis=0)
        parts["reach"] = np.maximum(np.quantile(log, 0.9, axis=0) - parts["middle"], _TINY)
        score = ((log - parts["middle"]) / parts["reach"]).max(axis=1)
        return cls(parts, HealthyScores.of(score), alpha)

    def judge(self, rows: Values, slow: Values | None = None) -> Judged:
        """Judge rows in time order.

        Args:
            rows: shape ``(windows, variables)``, all variables, NaN for what is missing.
            slow: last running average of the rows before, shape ``(kept variables,)``; without it the average
                begins at the centre.
        """
        watched = _logarithms(rows, self._floor)[:, self.kept]
        regime = self.regimes.of(watched[:, self.means[self.kept]])
        z = self._imputer.transform(_bounded(self.regimes.standardised(watched, regime)))
        before = np.zeros(z.shape[1]) if slow is None else slow
        averaged, _ = scipy.signal.lfilter(
            [WEIGHT], [1.0, WEIGHT - 1.0], z, axis=0, zi=(1.0 - WEIGHT) * before[None, :]
        )
        lifted = averaged * np.sqrt((2 - WEIGHT) / WEIGHT)
        statistics = np.column_stack([
            self.pca.t_squared(z), self.pca.q(z), self._forest.score(z),
            self.pca.t_squared(lifted), self.pca.q(lifted),
        ])  # fmt: skip
        scaled = (np.log(np.maximum(statistics, _TINY)) - self._middle) / self._reach
        score = scaled.max(axis=1)
        p = self.healthy.p_value(score)
        return Judged(p, score, scaled.argmax(axis=1).astype(np.int64), statistics, z, averaged, regime)

    def parts(self, judged: Judged, row: int) -> Values:
        """Share of each kept variable in the statistic that stood out most in one row; together 1."""
        name = STATISTICS[judged.leading[row]]
        z = (judged.slow if name.startswith("slow") else judged.z)[row : row + 1]
        if name == "forest":
            found = self._forest.parts(z[0], mean_given_others(self._imputer, z)[0])
        else:
            found = (self.pca.t_squared_parts if name.endswith("t2") else self.pca.q_parts)(z)[0]
        shares: Values = found / max(found.sum(), _TINY)
        return shares

    def expected(self, judged: Judged, row: int) -> Values:
        """What was expected of each kept variable, in its unit.

        For T² the regime's mean; for Q and the forest what the other variables of the row lead to expect.
        """
        regime = judged.regime[row]
        z = np.zeros(judged.z.shape[1])
        if not STATISTICS[judged.leading[row]].endswith("t2"):
            z = mean_given_others(self._imputer, judged.z[row : row + 1])[0]
        read: Values = self.regimes.mean[regime] + z * self.regimes.spread[regime]
        floor = self._floor[self.kept]
        told: Values = np.where(floor > 0, np.maximum(np.exp(np.minimum(read, _LARGEST)) - floor, 0.0), read)
        return told

    def in_transition(self, first: Values, second: Values) -> NDArray[np.bool_]:
        """Whether a window's halves lie in different regimes, by means ``(windows, means)`` of each."""
        chosen = self.kept[self.means]
        before, after = self.regimes.of(first[:, chosen]), self.regimes.of(second[:, chosen])
        different: NDArray[np.bool_] = before != after
        return different

    def state(self) -> dict[str, Any]:
        """What to store."""
        return {
            "kept": self.kept, "means": self.means, "floor": self._floor,
            "regimes": self.regimes.state(), "pca": self.pca.state(), "imputer": self._imputer,
            "middle": self._middle, "reach": self._reach,
            "healthy": self.healthy.scores, "alpha": self.alpha, **self._forest.state(),
        }  # fmt: skip

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Take up what `state` gave."""
        parts = {name: state[name] for name in ("kept", "means", "floor", "imputer", "middle", "reach")}
        parts |= {"regimes": Regimes(**state["regimes"]), "pca": PcaModel(**state["pca"])}
        return cls(
            parts | {"forest": PathForest(state["forest"])}, HealthyScores(state["healthy"]), state["alpha"]
        )


def _moving(rows: Values) -> NDArray[np.bool_]:
    """Variables that are there often enough and do not stand still."""
    there = np.isfinite(rows)
    level = np.abs(np.where(there, rows, 0.0)).max(axis=0)
    low = np.where(there, rows, np.inf).min(axis=0)
    high = np.where(there, rows, -np.inf).max(axis=0)
    present = there.mean(axis=0) >= _PRESENT
    moving: NDArray[np.bool_] = present & (np.where(present, high - low, 0.0) > 1e-9 * np.maximum(level, 1.0))
    return moving


def _regimes(fitted: Values, kept: NDArray[np.bool_], means: NDArray[np.bool_]) -> tuple[Regimes, Values]:
    regimes = Regimes.fit(fitted[:, kept], means[kept])
    return regimes, regimes.standardised(fitted[:, kept], regimes.of(fitted[:, kept & means]))


def _drifting(within: Values) -> NDArray[np.bool_]:
    """Variables whose ten block means carry more than a third of their variance.

    That is fewer than thirty independent values in all the learning time (variance of block means over that
    of independent rows): where such a variable will be next cannot be told from where it was.
    """
    blocks = np.array_split(np.nan_to_num(within), _BLOCKS)
    between = np.var([block.mean(axis=0) for block in blocks], axis=0)
    drifting: NDArray[np.bool_] = between > _DRIFT * np.maximum(np.nanvar(within, axis=0), _TINY)
    return drifting


def _floors(rows: Values, means: NDArray[np.bool_]) -> Values:
    """What standard deviations are lifted by before the logarithm: a hundredth of what is usual; 0 for means.

    A signal that now and then stands quite still would else lie at minus infinity, and drown all others.
    """
    with np.errstate(invalid="ignore"):
        usual = np.sqrt(np.nansum(rows**2, axis=0) / np.maximum(np.isfinite(rows).sum(axis=0), 1))
    floors: Values = np.where(means, 0.0, np.maximum(0.01 * usual, _TINY))
    return floors


def _logarithms(rows: Values, floor: Values) -> Values:
    spreads = floor > 0
    read = rows.copy()
    read[:, spreads] = np.log(np.maximum(rows[:, spreads], 0.0) + floor[spreads])
    return read


def _bounded(z: Values) -> Values:
    """One wild variable must not make the numbers of all others meaningless."""
    bounded: Values = np.clip(z, -_FARTHEST, _FARTHEST)
    return bounded
