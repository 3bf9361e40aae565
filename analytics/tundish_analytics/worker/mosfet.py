"""Pipeline of the MOSFETs' remaining life: one prediction per sixty records of the device on test."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from tundish_analytics import checks
from tundish_analytics.condition.life import (
    MIN_RECORDS,
    MIN_UNITS,
    THRESHOLD_OHM,
    LifeEstimate,
    LifeModel,
    end_of_life,
)
from tundish_analytics.models.registry import ModelCard
from tundish_analytics.predictions import Evidence
from tundish_analytics.worker.output import OutputTarget
from tundish_analytics.worker.pipeline import NotReady, Pipeline, Site, lookback_us, paths, span
from tundish_analytics.worker.windows import SECOND_US
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tundish_analytics.predictions import Prediction
    from tundish_platform.samples import SignalInfo

_EVERY: Final = 60
# A wrong count must not make the table of records eat the memory.
_MOST_RECORDS: Final = 5_000_000
_TARGET: Final = "remaining_life"
_RECALL_US: Final = 24 * 3600 * SECOND_US

_PROTOCOL_ZH: Final = "逐器件留出:用其余器件拟合后预测该器件;区间取各器件误差 10 %、90 % 分位的最外值。"
_PROTOCOL_EN: Final = (
    "Each device held out in turn and predicted from the others; the interval spans the outermost of the "
    "devices' "
    "10 % and 90 % error quantiles."
)
_LIMITS_ZH: Final = (
    "训练器件极少,区间无法保证覆盖率,且仅适用于相同老化条件。数据集未给出时间基准,寿命以记录数计。"
    "前 1,000 条记录内不作估计。"
)
_LIMITS_EN: Final = (
    "So few training devices cannot guarantee the interval's coverage, and it holds for the same stress "
    "only. The data "
    "set states no time base, so life is counted in records. No estimate within the first 1,000 records."
)


class MosfetPipeline(Pipeline):
    """Records left until the device's on-resistance has risen by 0.05 Ohm."""

    model_id = LifeModel.model_id
    targets = (
        OutputTarget(_TARGET, "剩余寿命", "Remaining life", "1", interval=True, period_s=float(_EVERY)),
    )

    def __init__(self, site: Site, delta: SignalInfo, age: SignalInfo) -> None:
        super().__init__(site)
        self._delta = delta
        self._age = age
        self._model: LifeModel | None = None
        self._records = Records()
        self._read_to: int | None = None

    @classmethod
    def bind(cls, site: Site) -> Self | None:
        """Needs the change of on-resistance and the record count of one channel."""
        for delta in site.by_semantic("resistance.rds_on.delta"):
            channel = delta.path.rpartition("/")[0]
            for age in site.by_semantic("count.cycle"):
                if age.path.rpartition("/")[0] == channel and age.kind is SampleKind.INTEGER:
                    return cls(site, delta, age)
        return None

    @property
    def model(self) -> LifeModel:
        """The model in use; `LookupError` before training."""
        if self._model is None:
            raise LookupError(f"{self.model_id} has no model yet")
        return self._model

    def train(self, begun: Callable[[], None]) -> ModelCard:
        """See `Pipeline.train`; devices count only once they reached the threshold."""
        ts, age, delta = self._read(lookback_us())
        parts = [part for part in device_parts(age) if age[part.start] == 0]
        failed = [part for part in parts if end_of_life(delta[part]) is not None]
        if len(failed) < MIN_UNITS:
            raise NotReady(
                f"已失效器件 {len(failed)} 个,需要 {MIN_UNITS} 个。",
                f"{len(failed)} devices reached the threshold, {MIN_UNITS} needed.",
            )
        begun()
        model = LifeModel.fit([by_age(age[part], delta[part]) for part in failed])
        low, high = (float(np.exp(factor)) for factor in model.factors)
        metrics = {"devices": float(model.units), "interval_factor_low": low, "interval_factor_high": high}
        card = ModelCard(
            model=self.model_id, line=self.site.line, cases=model.units, features=paths([self._delta,
            self._age]), protocol_zh=_PROTOCOL_ZH, protocol_en=_PROTOCOL_EN, metrics=metrics,
            limits_zh=_LIMITS_ZH, limits_en=_LIMITS_EN,
            **span(int(ts[failed[0].start]), int(ts[failed[-1].stop - 1])),
        )  # fmt: skip
        self._model = model
        return self._keep(card, model.state())

    def _load(self, state: dict[str, Any]) -> None:
        self._model = LifeModel.from_state(state)

    def _read(self, start_us: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Time, record number and value of each record from a time on; values are NaN where not good."""
        reader = self.site.reader
        ts, age = reader.read([self._age.id], start_us, kind=SampleKind.INTEGER).of(self._age.id)
        plausible = (age >= 0) & (age < _MOST_RECORDS)
        ts, age = ts[plausible], age[plausible]
        found_ts, found = reader.read([self._delta.id], start_us).of(self._delta.id)
        delta = np.full(len(ts), np.nan)
        _, here, there = np.intersect1d(ts, found_ts, assume_unique=True, return_indices=True)
        delta[here] = found[there]
        return ts, age, delta

    def _score(self) -> int:
        position = self._start_us()
        begin = position - _RECALL_US if self._read_to is None else self._read_to + 1
        horizon = self.site.reader.horizon_us([self._delta.id, self._age.id], 5 * SECOND_US)
        ts, age, delta = self._read(begin)
        settled = ts <= (horizon or 0)
        if not settled.any():
            return 0
        self._read_to = int(ts[settled][-1])
        found: list[Prediction] = []
        for part in device_parts(age[settled]):
            self._records.extend(ts[settled][part], age[settled][part], delta[settled][part])
            found += self._predict(position)
        self._position = self._read_to
        return self.outputs.write(found) if found else 0

    def _predict(self, position: int) -> list[Prediction]:
        """Statements about every sixtieth record of the present device that is later than `position`."""
        records = self._records
        due = [a for a in range(_EVERY - 1, len(records.delta), _EVERY) if records.ts[a] > position]
        if not due:
            return []
        estimate = self.model.estimate(records.delta)
        return [self._record(estimate, age) for age in due]

    def _record(self, estimate: LifeEstimate, age: int) -> Prediction:
        first = max(age - MIN_RECORDS + 1, 0)
        known = np.flatnonzero(np.isfinite(self._records.delta[first : age + 1]))
        complete = len(known) / (age + 1 - first)
        end = int(self._records.ts[age])
        begin = int(self._records.ts[first + known[0]]) if len(known) else end
        life = float(estimate.records[age])
        if not np.isfinite(life):
            return self._statement(_TARGET, checks.NO_LIFE, (begin, end), complete, cases=self.model.units)
        return self._statement(
            _TARGET,
            checks.LIFE,
            (begin, end),
            complete,
            value=life,
            low=float(estimate.low[age]),
            high=float(estimate.high[age]),
            evidence=self._evidence(estimate, age),
            cases=self.model.units,
        )

    def _evidence(self, estimate: LifeEstimate, age: int) -> tuple[Evidence, ...]:
        """Level and drift make the straight line that the model corrects; each has half a share."""
        delta, count = self._delta, self._age
        return (
            Evidence(
                delta.path, f"{delta.name_zh}(201 条中位数;失效阈值为参考)",
                f"{delta.name_en} (median of 201 records; expected is the threshold)",
                THRESHOLD_OHM - float(estimate.margin[age]), THRESHOLD_OHM, delta.unit, 0.5,
            ),
            Evidence(
                delta.path, f"{delta.name_zh}(每 1,000 条的增量;参考为剩余寿命恰为预测值时的直线)",
                f"{delta.name_en} (growth per 1,000 records; expected would end on a straight line)",
                1000 * float(estimate.slope[age]),
                1000 * float(estimate.margin[age]) / max(float(estimate.records[age]), 1.0),
                f"{delta.unit}/1000", 0.5,
            ),
            Evidence(
                count.path, f"{count.name_zh}(最少历史为参考)", f"{count.name_en} (expected: least history)",
                float(age + 1), float(MIN_RECORDS), count.unit, 0.0,
            ),
        )  # fmt: skip


class Records:
    """The records of the device on test, by record number; holes are NaN with time 0."""

    def __init__(self) -> None:
        self.ts = np.zeros(0, np.int64)
        self.delta = np.zeros(0)

    def extend(self, ts: NDArray[np.int64], age: NDArray[np.int64], delta: NDArray[np.float64]) -> None:
        """Add records of one device; a record number not above the last one begins a new device."""
        if age[0] < len(self.delta):
            self.ts, self.delta = np.zeros(0, np.int64), np.zeros(0)
        grown = int(age[-1]) + 1 - len(self.delta)
        self.ts = np.concatenate([self.ts, np.zeros(grown, np.int64)])
        self.delta = np.concatenate([self.delta, np.full(grown, np.nan)])
        self.ts[age] = ts
        self.delta[age] = delta


def device_parts(age: NDArray[np.int64]) -> list[slice]:
    """Stretches of rising record number: one per device."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(age) <= 0) + 1, [len(age)]])
    return [slice(int(a), int(b)) for a, b in pairwise(edges) if b > a]


def by_age(age: NDArray[np.int64], delta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values placed by record number, NaN for missing records."""
    placed = np.full(int(age[-1]) + 1, np.nan)
    placed[age] = delta
    return placed
