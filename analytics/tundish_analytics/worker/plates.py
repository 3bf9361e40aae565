"""Pipeline of the plate classifier: one prediction per inspected plate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from tundish_analytics import checks
from tundish_analytics.models.registry import ModelCard
from tundish_analytics.quality.steel import MIN_COMPLETENESS, UNSURE, PlateFaults
from tundish_analytics.worker.hits import LiveHits
from tundish_analytics.worker.output import OutputTarget
from tundish_analytics.worker.pipeline import NotReady, Pipeline, Site, lookback_us, paths, span
from tundish_analytics.worker.windows import SECOND_US, spread
from tundish_platform.samples import SampleKind, SignalRole

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tundish_analytics.predictions import Prediction
    from tundish_platform.samples import SignalInfo

_MIN_PLATES: Final = 300
_MIN_FEATURES: Final = 10
_AT_ONCE: Final = 500
_PATIENCE_US: Final = 60 * SECOND_US
_TARGET: Final = PlateFaults.target

_PROTOCOL_ZH: Final = "训练钢板五折分层交叉验证;“不确定”阈值取自同一批留出钢板,因此其准确率略偏乐观。"
_PROTOCOL_EN: Final = (
    'Five-fold stratified cross-validation of the training plates; the threshold of "unsure" was chosen '
    "on the same "
    "held-out plates, so its accuracy is slightly optimistic."
)
_LIMITS_ZH: Final = "同一卷的相近钢板可能同时出现在训练与测试中;“其他缺陷”并非单一缺陷。低于阈值时不作判断。"
_LIMITS_EN: Final = (
    'Similar plates of one coil may lie in training and test; "other faults" is no single fault. '
    "Below the threshold no class is stated."
)


class PlatePipeline(Pipeline):
    """Fault class of each plate, or "unsure"."""

    model_id = PlateFaults.model_id
    targets = (OutputTarget(_TARGET, "表面缺陷类别", "Surface fault class", "", judged=True),)

    def __init__(self, site: Site, inputs: list[SignalInfo]) -> None:
        super().__init__(site)
        self._inputs = inputs
        self._label = next(iter(site.by_semantic("label.fault_class")), None)
        self._model: PlateFaults | None = None
        self._hits = LiveHits(self.outputs)
        # Source time of each scored plate -> class stated, None where unsure.
        self._answers: dict[int, str | None] = {}

    @classmethod
    def bind(cls, site: Site) -> Self | None:
        """Needs ten or more defect features of one inspection system."""
        inputs = [
            signal
            for signal in site.signals
            if signal.semantic.startswith("defect.") and signal.role is SignalRole.RESULT
        ]
        inputs = [signal for signal in inputs if signal.kind is SampleKind.NUMERIC]
        ordered = sorted(inputs, key=lambda signal: (signal.semantic, signal.path))
        return cls(site, ordered) if len(ordered) >= _MIN_FEATURES else None

    @property
    def model(self) -> PlateFaults:
        """The model in use; `LookupError` before training."""
        if self._model is None:
            raise LookupError(f"{self.model_id} has no model yet")
        return self._model

    def train(self, begun: Callable[[], None]) -> ModelCard:
        """See `Pipeline.train`."""
        if self._label is None:
            raise NotReady(
                "缺少检验类别信号,无法训练。", "No inspected class is declared: nothing to learn from."
            )
        ts, labels = self._labels(lookback_us())
        self._await_import(len(ts), _MIN_PLATES, "已判级的钢板不足", "Too few classified plates")
        begun()
        features = self._features(ts)
        whole = np.isfinite(features).mean(axis=1) >= MIN_COMPLETENESS
        try:
            model = PlateFaults.fit(features[whole], labels[whole].tolist())
        except ValueError as error:
            raise NotReady("每个类别至少需要五块钢板。", f"{error}.") from error
        card = ModelCard(
            model=self.model_id, line=self.site.line, cases=int(whole.sum()), features=paths(self._inputs),
            protocol_zh=_PROTOCOL_ZH, protocol_en=_PROTOCOL_EN, metrics=model.metrics,
            limits_zh=_LIMITS_ZH, limits_en=_LIMITS_EN, **span(int(ts[0]), int(ts[-1])),
        )  # fmt: skip
        self._model = model
        return self._keep(card, model.state(), features[whole])

    def _load(self, state: dict[str, Any]) -> None:
        self._model = PlateFaults.from_state(state)
        known = {signal.path: signal for signal in self._inputs}
        if gone := [path for path in self.card.features if path not in known]:
            raise NotReady(f"缺少信号 {gone[0]}。", f"Signal {gone[0]} is no longer declared.")
        self._inputs = [known[path] for path in self.card.features]

    def _resume(self) -> None:
        super()._resume()
        self._hits.restore(self.site.reader)
        self._recall()

    def expected_hits(self) -> dict[str, float]:
        """See `Pipeline.expected_hits`."""
        return {_TARGET: self.card.metrics["accuracy_of_sure"]}

    def _labels(self, start_us: int) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
        """Source time and class of the plates a person has classified."""
        if self._label is None:
            return np.empty(0, np.int64), np.empty(0, object)
        return self.site.reader.read([self._label.id], start_us, kind=SampleKind.TEXT).of(self._label.id)

    def _features(self, ts: NDArray[np.int64]) -> NDArray[np.float64]:
        numbers = [signal.id for signal in self._inputs]
        found = self.site.reader.read(numbers, int(ts[0]), int(ts[-1]) + 1)
        return spread(found, numbers, ts)

    def _score(self) -> int:
        start = self._start_us()
        numbers = [signal.id for signal in self._inputs]
        horizon = self.site.reader.horizon_us(numbers, _PATIENCE_US)
        if horizon is None or horizon <= start:
            self._judge()
            return 0
        found = self.site.reader.read(numbers, start + 1, horizon + 1)
        ts = np.unique(found.ts)[:_AT_ONCE]
        written = self.outputs.write(self._predict(ts, spread(found, numbers, ts))) if len(ts) else 0
        self._position = int(ts[-1]) if len(ts) else horizon
        self._judge()
        return written

    def _predict(self, ts: NDArray[np.int64], features: NDArray[np.float64]) -> list[Prediction]:
        self._saw(ts, features)
        reading = self.model.read(features, self._inputs)
        complete = np.isfinite(features).mean(axis=1)
        found = []
        for row, at in enumerate(ts.tolist()):
            number, probability = int(reading.number[row]), float(reading.probability[row])
            sure = complete[row] >= MIN_COMPLETENESS and number != UNSURE
            best = self.model.classes[reading.best[row]]
            self._answers[at] = best if sure else None
            meaning = checks.plate_fault(best) if sure else checks.UNSURE
            if complete[row] < MIN_COMPLETENESS:
                meaning = checks.INCOMPLETE
            found.append(
                self._statement(
                    _TARGET, meaning, (at, at), float(complete[row]),
                    value=float(number if sure else UNSURE), probability=probability,
                    evidence=reading.evidence[row], cases=int(reading.cases[row]),
                )
            )  # fmt: skip
        return found

    def _judged_us(self) -> int:
        return self._hits.position_us(_TARGET) or max(self._trained_to_us(), self._begun_us)

    def _recall(self) -> None:
        """Answers given before a restart, of plates that are not judged yet."""
        number = self.outputs.value_ids()[_TARGET]
        ts, values = self.site.reader.read([number], self._judged_us() + 1).of(number)
        for at, value in zip(ts.tolist(), values.astype(int).tolist(), strict=True):
            self._answers[at] = None if value == UNSURE else self.model.classes[value]

    def _judge(self) -> None:
        """Compare answers with the classes that a person has stated since."""
        if not self._answers:
            return
        ts, labels = self._labels(self._judged_us() + 1)
        cases: list[tuple[int, bool | None]] = []
        for at, label in zip(ts.tolist(), labels.tolist(), strict=True):
            if at in self._answers:
                answer = self._answers.pop(at)
                cases.append((at, None if answer is None else answer == label))
        self._hits.judge(_TARGET, cases)
