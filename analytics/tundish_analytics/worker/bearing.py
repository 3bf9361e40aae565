"""Pipeline of bearing health: vibration waveforms against the bearing's own beginning. No remaining life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from tundish_analytics import checks
from tundish_analytics.condition.bearing import (
    BEGINNING,
    INDICATORS,
    RECENT,
    BearingBaseline,
    envelope_line,
    health_indicators,
    meaning_of,
    trend,
)
from tundish_analytics.models.registry import ModelCard
from tundish_analytics.predictions import Evidence, rounded
from tundish_analytics.worker.output import OutputTarget
from tundish_analytics.worker.pipeline import NotReady, Pipeline, Site, lookback_us, paths, span
from tundish_analytics.worker.windows import SECOND_US
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tundish_analytics.predictions import Prediction
    from tundish_platform.samples import SignalInfo

    Values = NDArray[np.float64]

_SEMANTICS: Final = ("vibration.acceleration", "waveform.vibration.acceleration")
_RATE: Final = "frequency.sampling"
_DAY_US: Final = 86_400 * SECOND_US
_AT_ONCE: Final = 200
_CHANGE: Final = "vibration_change"
_TREND: Final = "vibration_trend"
_UNIT: Final = "dB"

_PROTOCOL_ZH: Final = (
    "以本轴承最初 60 段波形的中位数为基线;值为最近 10 段中位数相对基线的最大变化(分贝),"
    "区间由两者自身的散布得出。"
)
_PROTOCOL_EN: Final = (
    "Against the median of this bearing's own first 60 blocks; the value is the largest change of the last "
    "ten blocks' medians in decibels, the interval comes from the scatter of both."
)
_LIMITS_ZH: Final = (
    "只报告变化与趋势,不推断剩余寿命:在可得的轴承数据上,振动模型不优于仅凭运行时间的估计。"
    "6 dB 与 20 dB 为经验界限,不是标准限值。转速或负载变化也会改变振动。"
)
_LIMITS_EN: Final = (
    "Change and trend are told, no remaining life: on the bearings at hand, a model that reads vibration did "
    "no better than age alone. 6 dB and 20 dB are rules of thumb, no limits of a standard. Another speed or "
    "load changes vibration, too."
)


class BearingPipeline(Pipeline):
    """Growth of RMS, envelope and impacts of one bearing's acceleration since its beginning."""

    model_id = "bearing-health"
    targets = (
        OutputTarget(_CHANGE, "轴承振动变化", "Bearing vibration, change", _UNIT, interval=True),
        OutputTarget(_TREND, "轴承振动趋势", "Bearing vibration, trend", f"{_UNIT}/d", interval=True),
    )

    def __init__(self, site: Site, wave: SignalInfo, rate: SignalInfo) -> None:
        super().__init__(site)
        self._wave = wave
        self._rate = rate
        self._rate_hz: float | None = None
        self._baseline: BearingBaseline | None = None
        self._ts = np.empty(0, np.int64)
        self._rows = np.empty((0, len(INDICATORS)))
        self._hz = np.empty(0)

    @classmethod
    def bind(cls, site: Site) -> Self | None:
        """Needs waveforms of acceleration, and beside them a signal with their sampling rate in Hz."""
        for wave in site.by_semantic(*_SEMANTICS):
            beside = wave.path.rpartition("/")[0]
            rates = [s for s in site.by_semantic(_RATE) if s.path.rpartition("/")[0] == beside]
            if wave.kind is SampleKind.ARRAY and rates and rates[0].kind is SampleKind.NUMERIC:
                return cls(site, wave, rates[0])
        return None

    @property
    def baseline(self) -> BearingBaseline:
        """What the beginning looked like; `LookupError` before training."""
        if self._baseline is None:
            raise LookupError(f"{self.model_id} has no baseline yet")
        return self._baseline

    def train(self, begun: Callable[[], None]) -> ModelCard:
        """See `Pipeline.train`; the baseline is the first blocks on record."""
        ts, rows = self._beginning()
        if len(rows) < BEGINNING:
            raise NotReady(
                f"波形 {len(rows)} 段,需要 {BEGINNING} 段。", f"{len(rows)} waveforms, {BEGINNING} needed."
            )
        begun()
        baseline = BearingBaseline.fit(rows[:BEGINNING])
        card = ModelCard(
            model=self.model_id, line=self.site.line, cases=BEGINNING,
            features=paths([self._wave, self._rate]),
            protocol_zh=_PROTOCOL_ZH, protocol_en=_PROTOCOL_EN,
            limits_zh=_LIMITS_ZH, limits_en=_LIMITS_EN,
            metrics={
                name.en: float(v) for name, v in zip(INDICATORS, np.exp(baseline.middle), strict=True)
            },
            **span(int(ts[0]), int(ts[BEGINNING - 1])),
        )  # fmt: skip
        self._baseline = baseline
        return self._keep(card, baseline.state())

    def _load(self, state: dict[str, Any]) -> None:
        self._baseline = BearingBaseline(**state)

    def _beginning(self) -> tuple[NDArray[np.int64], Values]:
        """Times and indicators of the first waveforms on record, a day at a time."""
        newest = self.site.reader.latest_us([self._wave.id]).get(self._wave.id)
        begin, ts, rows = lookback_us(), np.empty(0, np.int64), np.empty((0, len(INDICATORS)))
        while newest is not None and begin <= newest and len(rows) < BEGINNING:
            more_ts, more, _ = self._indicators(begin, begin + _DAY_US, BEGINNING)
            ts, rows = np.concatenate([ts, more_ts]), np.concatenate([rows, more])
            begin += _DAY_US
        return ts, rows

    def _indicators(
        self, start_us: int, end_us: int | None, most: int = _AT_ONCE
    ) -> tuple[NDArray[np.int64], Values, Values]:
        """Times, indicators and strongest envelope line (Hz) of the first waveforms of ``[start, end)``."""
        wave = self._wave.id
        ts, blocks = self.site.reader.read([wave], start_us, end_us, SampleKind.ARRAY).of(wave)
        rate_hz = self._sampling()
        found = [
            (int(at), np.asarray(block, np.float64))
            for at, block in zip(ts[:most], blocks[:most], strict=True)
        ]
        whole = [(at, block) for at, block in found if len(block) and np.isfinite(block).all()]
        if not whole or rate_hz is None:
            return np.empty(0, np.int64), np.empty((0, len(INDICATORS))), np.empty(0)
        rows = np.concatenate([health_indicators(block[None, :], rate_hz) for _, block in whole])
        lines = np.array([envelope_line(block, rate_hz) for _, block in whole])
        return np.array([at for at, _ in whole], np.int64), rows, lines

    def _sampling(self) -> float | None:
        """The sampling rate; it is told once or now and then, so the newest one holds."""
        if self._rate_hz is None:
            newest = self.site.reader.latest_us([self._rate.id]).get(self._rate.id)
            if newest is not None:
                _, values = self.site.reader.read([self._rate.id], newest, newest + 1).of(self._rate.id)
                self._rate_hz = float(values[-1]) if len(values) else None
        return self._rate_hz

    def _score(self) -> int:
        position = self._start_us()
        if not len(self._ts):
            self._ts, self._rows, self._hz = self._indicators(position - _DAY_US, position + 1)
        ts, rows, lines = self._indicators(position + 1, None)
        if not len(ts):
            return 0
        told = []
        for at, row, hz in zip(ts.tolist(), rows, lines.tolist(), strict=True):
            self._ts = np.append(self._ts, at)[-_AT_ONCE:]
            self._rows = np.vstack([self._rows, row])[-_AT_ONCE:]
            self._hz = np.append(self._hz, hz)[-_AT_ONCE:]
            told += self._statements()
        self._position = int(ts[-1])
        return self.outputs.write(told)

    def _statements(self) -> list[Prediction]:
        recent = self._rows[-RECENT:]
        end = int(self._ts[-1])
        window = (int(self._ts[-len(recent)]), end)
        change = self.baseline.change(recent)
        complete = len(recent) / RECENT
        said = self._statement(
            _CHANGE, meaning_of(change.value, change.low), window, complete,
            value=change.value, low=change.low, high=change.high,
            evidence=self._evidence(change.decibels, recent), cases=BEGINNING,
        )  # fmt: skip
        slope = trend(self._ts / _DAY_US, self.baseline.decibels(self._rows).max(axis=1))
        if slope is None:
            return [said]
        value, low, high = slope
        window = (int(self._ts[0]), end)
        return [
            said,
            self._statement(
                _TREND, checks.VIBRATION_TREND, window, 1.0, value=value, low=low, high=high,
                evidence=self._evidence(change.decibels, recent), cases=len(self._ts),
            ),
        ]  # fmt: skip

    def _evidence(self, decibels: Values, recent: Values) -> tuple[Evidence, ...]:
        """Each indicator's level beside the beginning's; the envelope's strongest line with its frequency."""
        wave, grown = self._wave, np.maximum(decibels, 0.0)
        at = ["", "", "", f" {self._hz[-1]:.4g} Hz"]
        share = grown / max(float(grown.sum()), 1e-9)
        now, then = np.exp(np.median(recent, axis=0)), np.exp(self.baseline.middle)
        rows = [
            Evidence(
                wave.path, f"{wave.name_zh}({name.zh}{at[n]})", f"{wave.name_en} ({name.en}{at[n]})",
                float(now[n]), float(then[n]), wave.unit, rounded(float(share[n])) or 0.0,
            )
            for n, name in enumerate(INDICATORS)
        ]  # fmt: skip
        return tuple(sorted(rows, key=lambda e: -e.contribution))
