"""Pipeline of the IGBT's ageing index: one prediction per minute of source time, over the last five."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from tundish_analytics import checks
from tundish_analytics.condition.vce import (
    BASELINE_PULSES,
    CRITERION_PERCENT,
    WARNING_PERCENT,
    Ageing,
    AgeingModel,
)
from tundish_analytics.models.registry import ModelCard
from tundish_analytics.predictions import Evidence
from tundish_analytics.worker.output import OutputTarget
from tundish_analytics.worker.pipeline import NotReady, Pipeline, Site, lookback_us, paths, span
from tundish_analytics.worker.windows import SECOND_US, spread
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tundish_analytics.checks import Meaning
    from tundish_analytics.predictions import Prediction
    from tundish_platform.samples import SignalInfo

_STEP_US: Final = 60 * SECOND_US
_WINDOW_US: Final = 300 * SECOND_US
_PATIENCE_US: Final = 60 * SECOND_US
_AT_ONCE: Final = 120
_TRAIN_US: Final = 2 * 3600 * SECOND_US
_TARGET: Final = "vce_drift"
_SEMANTICS: Final = ("voltage.vce_on", "current.load", "temperature.package")

_PROTOCOL_ZH: Final = "与本器件热稳定后前 100 个脉冲的基线比较,匹配封装温度与电流;区间为分块自助法 80 %。"
_PROTOCOL_EN: Final = (
    "Against this device's own first 100 pulses after thermal settling, at matched package temperature and "
    "current; "
    "80 % interval by block bootstrap."
)
_LIMITS_ZH: Final = (
    "仅一个器件、一次试验:只报告变化量,不推断剩余寿命。AQG 324 的 +5 % 判据针对键合线引起的上升;"
    "VCE(on) 下降指向阈值漂移或芯片粘接变化。封装温度并非结温。"
)
_LIMITS_EN: Final = (
    "One device, one run: the change is reported, no remaining life is inferred. AQG 324's +5 % is written "
    "for a rise "
    "by bond-wire damage; a falling VCE(on) points to threshold or die-attach changes. "
    "Package temperature is not junction temperature."
)


class IgbtPipeline(Pipeline):
    """Drift of VCE(on) against the channel's own start."""

    model_id = AgeingModel.model_id
    targets = (OutputTarget(_TARGET, "通态压降变化", "Drift of VCE(on)", "%", interval=True, period_s=60.0),)

    def __init__(self, site: Site, inputs: list[SignalInfo]) -> None:
        super().__init__(site)
        self._inputs = inputs
        self._model: AgeingModel | None = None

    @classmethod
    def bind(cls, site: Site) -> Self | None:
        """Needs on-state voltage, load current and package temperature of one channel."""
        for voltage in site.by_semantic(_SEMANTICS[0]):
            channel = voltage.path.rpartition("/")[0]
            beside = {
                s.semantic: s
                for s in site.by_semantic(*_SEMANTICS)
                if s.path.rpartition("/")[0] == channel and s.kind is SampleKind.NUMERIC
            }
            if set(beside) == set(_SEMANTICS):
                return cls(site, [beside[semantic] for semantic in _SEMANTICS])
        return None

    @property
    def model(self) -> AgeingModel:
        """The model in use; `LookupError` before training."""
        if self._model is None:
            raise LookupError(f"{self.model_id} has no baseline yet")
        return self._model

    def train(self, begun: Callable[[], None]) -> ModelCard:
        """See `Pipeline.train`; the baseline lies in the first two hours on record."""
        voltage = self._inputs[0].id
        ts, _ = self.site.reader.read([voltage], lookback_us()).of(voltage)
        begin = int(ts[0]) if len(ts) else 0
        seconds, _ = self._seconds(begin, begin + _TRAIN_US)
        missing = (
            "热稳定后的脉冲不足 100 个。",
            f"Fewer than {BASELINE_PULSES} pulses after thermal settling.",
        )
        try:
            model = AgeingModel.fit(seconds)
        except ValueError as error:
            raise NotReady(*missing) from error
        if len(model.baseline) < BASELINE_PULSES:
            raise NotReady(*missing)
        begun()
        end = begin + int(model.baseline.ts[-1] * SECOND_US)
        metrics = {"baseline_v": model.baseline_v, "match_celsius": model.match_c}
        card = ModelCard(
            model=self.model_id, line=self.site.line, cases=len(model.baseline), features=paths(self._inputs),
            protocol_zh=_PROTOCOL_ZH, protocol_en=_PROTOCOL_EN, metrics=metrics,
            limits_zh=_LIMITS_ZH, limits_en=_LIMITS_EN, **span(begin, end),
        )  # fmt: skip
        self._model = model
        return self._keep(card, model.state())

    def _load(self, state: dict[str, Any]) -> None:
        self._model = AgeingModel.from_state(state)

    def _seconds(self, start_us: int, end_us: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """On-state seconds ``(n, 4)`` from `start_us` on, and the times of all good package temperatures."""
        numbers = [signal.id for signal in self._inputs]
        found = self.site.reader.read(numbers, start_us, end_us)
        ts, _ = found.of(numbers[0])
        matrix = spread(found, numbers, ts)
        return np.column_stack([(ts - start_us) / SECOND_US, matrix]), found.of(numbers[2])[0]

    def _score(self) -> int:
        start = self._start_us()
        horizon = self.site.reader.horizon_us([self._inputs[2].id], _PATIENCE_US)
        if horizon is None:
            return 0
        first = -(-(start + 1) // _STEP_US) * _STEP_US
        # A window's end is exclusive: its last second is the one before.
        ends = np.arange(first, horizon + SECOND_US + 1, _STEP_US)[:_AT_ONCE]
        if not len(ends):
            return 0
        begin = int(ends[0]) - _WINDOW_US
        seconds, temperature_ts = self._seconds(begin, int(ends[-1]))
        found = [self._window(seconds, temperature_ts, begin, int(end)) for end in ends]
        self._position = int(ends[-1])
        return self.outputs.write([prediction for prediction in found if prediction])

    def _window(
        self, seconds: NDArray[np.float64], temperature_ts: NDArray[np.int64], begin: int, end: int
    ) -> Prediction | None:
        """The statement about ``[end - 300 s, end)``; nothing at all where nothing was collected."""
        there = int(((temperature_ts >= end - _WINDOW_US) & (temperature_ts < end)).sum())
        if not there:
            return None
        at = seconds[:, 0] * SECOND_US + begin
        ageing = self.model.measure(seconds[(at >= end - _WINDOW_US) & (at < end)])
        window, complete = (end - _WINDOW_US, end), min(there / (_WINDOW_US // SECOND_US), 1.0)
        if ageing is None:
            return self._statement(_TARGET, checks.INCOMPLETE, window, complete)
        return self._statement(
            _TARGET,
            _meaning(ageing.percent),
            window,
            complete,
            value=ageing.percent,
            low=ageing.low,
            high=ageing.high,
            evidence=self._evidence(ageing),
            cases=len(self.model.baseline),
        )

    def _evidence(self, ageing: Ageing) -> tuple[Evidence, ...]:
        """The drift is in the voltage; temperature and current show that like was compared with like."""
        voltage, current, temperature = self._inputs
        model = self.model
        rows = (
            (
                voltage,
                "匹配温度下中位数",
                "median at matched temperature",
                ageing.voltage,
                model.baseline_v,
                1.0,
            ),
            (temperature, "升温段均值", "mean while warming", ageing.temperature, model.match_c, 0.0),
            (current, "脉冲均值", "mean of the pulses", ageing.current, model.baseline_current, 0.0),
        )
        return tuple(
            Evidence(s.path, f"{s.name_zh}({zh})", f"{s.name_en} ({en})", value, expected, s.unit, share)
            for s, zh, en, value, expected, share in rows
        )


def _meaning(percent: float) -> Meaning:
    if abs(percent) >= CRITERION_PERCENT:
        return checks.VCE_BEYOND if percent < 0 else checks.VCE_RISEN
    return checks.VCE_WARNING if abs(percent) >= WARNING_PERCENT else checks.VCE_STEADY
