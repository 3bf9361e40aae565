"""Pipeline of the hydraulic model: one prediction per target and finished 60-s cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from tundish_analytics import checks
from tundish_analytics.condition.cycles import CYCLE_S, FAST_SEMANTICS, SLOW_SEMANTICS
from tundish_analytics.condition.hydraulic import INTERVAL, MIN_COMPLETENESS, HydraulicCondition
from tundish_analytics.condition.targets import PRESSURE_TARGET, TARGETS
from tundish_analytics.models.folds import TooFewGroups
from tundish_analytics.models.registry import ModelCard
from tundish_analytics.worker.hits import LiveHits
from tundish_analytics.worker.output import OutputTarget
from tundish_analytics.worker.pipeline import NotReady, Pipeline, Site, lookback_us, paths, span
from tundish_analytics.worker.windows import SECOND_US
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tundish_analytics.condition.hydraulic import Reading
    from tundish_analytics.predictions import Prediction
    from tundish_platform.samples import SignalInfo

_MIN_CYCLES: Final = 200
_CYCLE_US: Final = CYCLE_S * SECOND_US
_PATIENCE_US: Final = 2 * _CYCLE_US
_AT_ONCE: Final = 120
_READ_US: Final = 4 * 3600 * SECOND_US
_MEANINGS: Final = {target.name: target.meanings for target in TARGETS}

_PROTOCOL_ZH: Final = (
    "宏平均 F1:按整段相同工况的循环分组交叉验证,同一段不会同时出现在训练与测试中;概率经温度标定。"
)
_PROTOCOL_EN: Final = (
    "Macro-F1 by cross-validation with whole runs of equal condition held out; probabilities "
    "temperature-scaled."
)
_LIMITS_ZH: Final = (
    "仅适用于训练所用的 60 秒载荷循环与该试验台;工况组合未见过时,蓄能器判断最易出错。缺失数据由其余信号推断。"
)
_LIMITS_EN: Final = (
    "Valid for this bench and its 60-s load cycle only; in unseen combinations the accumulator errs most. "
    "Missing samples are inferred from the other signals."
)


class HydraulicPipeline(Pipeline):
    """Cooler, valve, pump, accumulator, and accumulator pressure of a bench that repeats 60-s cycles."""

    model_id = HydraulicCondition.model_id
    targets = (
        *(OutputTarget(t.name, t.name_zh, t.name_en, t.unit, judged=True, period_s=CYCLE_S) for t in TARGETS),
        OutputTarget(
            PRESSURE_TARGET,
            "蓄能器压力估计",
            "Accumulator pressure",
            "bar",
            interval=True,
            judged=True,
            period_s=CYCLE_S,
        ),
    )

    def __init__(self, site: Site, inputs: list[SignalInfo], count: SignalInfo) -> None:
        super().__init__(site)
        self._inputs = inputs
        self._count = count
        self._labels = [next(iter(site.by_semantic(target.label)), None) for target in TARGETS]
        self._model: HydraulicCondition | None = None
        self._hits = LiveHits(self.outputs)
        # Start of each scored cycle -> what was said per target, as an interval; None where the model
        # abstained.
        self._answers: dict[int, dict[str, tuple[float, float] | None]] = {}

    @classmethod
    def bind(cls, site: Site) -> Self | None:
        """Needs pressures, flow, motor power and a cycle counter on one line."""
        inputs = site.by_semantic(*FAST_SEMANTICS, *SLOW_SEMANTICS)
        counts = [s for s in site.by_semantic("count.cycle") if s.kind is SampleKind.INTEGER]
        needed = {"pressure.hydraulic", "flow.hydraulic", "power.active.pump"}
        if not counts or not needed <= {signal.semantic for signal in inputs}:
            return None
        return cls(site, inputs, counts[0])

    def train(self, begun: Callable[[], None]) -> ModelCard:
        """See `Pipeline.train`."""
        starts, labels = self._inspected(lookback_us())
        self._await_import(len(starts), _MIN_CYCLES, "已检验的循环不足", "Too few inspected cycles")
        begun()
        windows = np.concatenate([self._windows(part) for part in _stretches(starts)])
        semantics = [signal.semantic for signal in self._inputs]
        try:
            model = HydraulicCondition.fit(windows, semantics, labels, starts // SECOND_US)
        except TooFewGroups as error:
            raise NotReady("每种工况至少需要两段。", f"{error}.") from error
        card = ModelCard(
            model=self.model_id, line=self.site.line, cases=len(starts), features=paths(self._inputs),
            protocol_zh=_PROTOCOL_ZH, protocol_en=_PROTOCOL_EN, metrics=model.metrics,
            limits_zh=_LIMITS_ZH, limits_en=_LIMITS_EN, **span(starts[0], starts[-1] + _CYCLE_US),
        )  # fmt: skip
        self._model = model
        return self._keep(card, model.state(), _means(windows))

    @property
    def model(self) -> HydraulicCondition:
        """The model in use; `LookupError` before training."""
        if self._model is None:
            raise LookupError(f"{self.model_id} has no model yet")
        return self._model

    def _load(self, state: dict[str, Any]) -> None:
        self._model = HydraulicCondition.from_state(state)
        # The model knows its columns by path, so a signal declared since does not shift them.
        known = {signal.path: signal for signal in self._inputs}
        gone = [path for path in self.card.features if path not in known]
        if gone:
            raise NotReady(f"缺少信号 {gone[0]}。", f"Signal {gone[0]} is no longer declared.")
        self._inputs = [known[path] for path in self.card.features]

    def _resume(self) -> None:
        super()._resume()
        self._hits.restore(self.site.reader)
        self._recall()

    def expected_hits(self) -> dict[str, float]:
        """See `Pipeline.expected_hits`; the pressure's interval is to hold 80 % of the values."""
        found = {target.name: self.card.metrics.get(f"accuracy.{target.name}") for target in TARGETS}
        known = {name: share for name, share in found.items() if share is not None}
        return known | {PRESSURE_TARGET: INTERVAL}

    def _starts(self, start_us: int, end_us: int | None = None) -> NDArray[np.int64]:
        """Start of each cycle: the first time at which each count was seen."""
        found = self.site.reader.read([self._count.id], start_us, end_us, SampleKind.INTEGER)
        return found.ts[np.flatnonzero(np.diff(found.value, prepend=-1) != 0)]

    def _inspected(self, start_us: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Starts and labels ``(cycles, 4)`` of the cycles that all four inspections have seen."""
        labels = [label for label in self._labels if label is not None]
        if len(labels) < len(TARGETS):
            raise NotReady(
                "缺少检验信号,无法训练。", "Inspection signals are missing: nothing to learn from."
            )
        starts = self._starts(start_us)
        found = self.site.reader.read([label.id for label in labels], start_us)
        table = np.full((len(starts), len(TARGETS)), np.nan)
        for column, label in enumerate(labels):
            ts, values = found.of(label.id)
            cycle = _cycle_of(starts, ts)
            table[cycle[cycle >= 0], column] = values[cycle >= 0]
        whole = np.isfinite(table).all(axis=1)
        return starts[whole], table[whole]

    def _windows(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """``(cycles, 60, signals)`` of cycles that lie close together."""
        numbers = [signal.id for signal in self._inputs]
        found = self.site.reader.read(numbers, int(starts[0]), int(starts[-1]) + _CYCLE_US)
        windows = np.full((len(starts), CYCLE_S, len(numbers)), np.nan)
        for column, number in enumerate(numbers):
            ts, values = found.of(number)
            cycle = np.searchsorted(starts, ts, side="right") - 1
            second = (ts - starts[np.maximum(cycle, 0)]) // SECOND_US
            inside = (cycle >= 0) & (second < CYCLE_S)
            windows[cycle[inside], second[inside], column] = values[inside]
        return windows

    def _score(self) -> int:
        start = self._start_us()
        horizon = self.site.reader.horizon_us([s.id for s in self._inputs], _PATIENCE_US)
        if horizon is None:
            return 0
        starts = self._starts(start - _CYCLE_US // 2)
        # The last second of a cycle has come when the newest sample is at its place or later.
        done = starts[(starts >= start - SECOND_US) & (starts + _CYCLE_US - SECOND_US <= horizon)][:_AT_ONCE]
        if not len(done):
            self._judge()
            return 0
        written = self.outputs.write(self._predict(done))
        self._position = int(done[-1]) + _CYCLE_US
        self._judge()
        return written

    def _predict(self, starts: NDArray[np.int64]) -> list[Prediction]:
        windows = np.concatenate([self._windows(part) for part in _stretches(starts)])
        self._saw(starts + _CYCLE_US, _means(windows))
        readings, complete = self.model.read(windows, self._inputs)
        return [
            self._prediction(name, reading, row, int(start), float(complete[row]))
            for row, start in enumerate(starts)
            for name, reading in readings.items()
        ]

    def _prediction(self, name: str, reading: Reading, row: int, start: int, complete: float) -> Prediction:
        value, low, high = (float(part[row]) for part in (reading.value, reading.low, reading.high))
        pressure = name == PRESSURE_TARGET
        known = complete >= MIN_COMPLETENESS
        self._answers.setdefault(start, {})[name] = (
            ((low, high) if pressure else (value, value)) if known else None
        )
        if not known:
            return self._statement(name, checks.INCOMPLETE, (start, start + _CYCLE_US), complete)
        return self._statement(
            name,
            checks.ACCUMULATOR_PRESSURE if pressure else _MEANINGS[name][int(value)],
            (start, start + _CYCLE_US),
            complete,
            value=value,
            low=low if pressure else None,
            high=high if pressure else None,
            probability=None if pressure else float(reading.probability[row]),
            evidence=reading.evidence[row],
            cases=int(reading.cases[row]),
        )

    def _recall(self) -> None:
        """Answers given before a restart, of labels that are not judged yet."""
        since = min((self._judged_us(target.name) for target in self.targets), default=0)
        ids = self.outputs.value_ids()
        found = self.site.reader.read(ids.values(), since - _CYCLE_US)
        for name, number in ids.items():
            if name != PRESSURE_TARGET:
                for ts, value in zip(*found.of(number), strict=True):
                    self._answers.setdefault(int(ts) - _CYCLE_US, {})[name] = (value, value)
        ends = [self.outputs.interval_ids(PRESSURE_TARGET)[leaf] for leaf in ("Low", "High")]
        found = self.site.reader.read(ends, since - _CYCLE_US)
        (ts, low), (_, high) = found.of(ends[0]), found.of(ends[1])
        for start, answer in zip(ts - _CYCLE_US, zip(low, high, strict=True), strict=True):
            self._answers.setdefault(int(start), {})[PRESSURE_TARGET] = answer

    def _judged_us(self, target: str) -> int:
        return self._hits.position_us(target) or max(self._trained_to_us(), self._begun_us)

    def _judge(self) -> None:
        """Compare answers with the inspections that have come since."""
        labels = {target.name: label for target, label in zip(TARGETS, self._labels, strict=True) if label}
        if not labels or not self._answers:
            return
        labels[PRESSURE_TARGET] = labels["accumulator"]
        since = min(self._judged_us(name) for name in labels)
        found = self.site.reader.read({label.id for label in labels.values()}, since + 1)
        starts = np.array(sorted(self._answers), dtype=np.int64)
        for name, label in labels.items():
            ts, truth = found.of(label.id)
            cycle = _cycle_of(starts, ts)
            # A label later than the newest answer waits for its cycle to be scored.
            rows = np.flatnonzero((ts > self._judged_us(name)) & (cycle >= 0))
            begun = {row: int(starts[cycle[row]]) for row in rows.tolist()}
            known = [row for row, start in begun.items() if name in self._answers[start]]
            cases = [(int(ts[row]), _right(self._answers[begun[row]], name, truth[row])) for row in known]
            self._hits.judge(name, cases, [begun[row] + _CYCLE_US for row in known])
        done = min(self._judged_us(name) for name in labels)
        self._answers = {start: given for start, given in self._answers.items() if start >= done - _CYCLE_US}


def _right(given: dict[str, tuple[float, float] | None], name: str, truth: float) -> bool | None:
    answer = given[name]
    return None if answer is None else bool(answer[0] <= truth <= answer[1])


def _means(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each signal over each cycle, NaN where it was silent; shape ``(cycles, signals)``."""
    known = np.isfinite(windows)
    total = np.where(known, windows, 0.0).sum(axis=1)
    count = known.sum(axis=1)
    found: NDArray[np.float64] = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return found


def _cycle_of(starts: NDArray[np.int64], ts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of each label's cycle, -1 for none; a label comes with its cycle's last second or just after."""
    at = ts - SECOND_US
    cycle = np.searchsorted(starts, at, side="right") - 1
    if not len(starts):
        return np.full(len(ts), -1)
    inside = (cycle >= 0) & (at < starts[np.maximum(cycle, 0)] + _CYCLE_US)
    return np.where(inside, cycle, -1)


def _stretches(starts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cycles cut so that one read covers at most four hours."""
    return np.split(starts, np.flatnonzero(np.diff(starts // _READ_US)) + 1)
