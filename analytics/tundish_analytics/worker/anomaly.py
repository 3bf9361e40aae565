"""Pipeline of the generic anomaly watch: any line with enough measured signals, no labels needed."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from tundish_analytics import checks
from tundish_analytics.anomaly.cases import Cases
from tundish_analytics.anomaly.texts import (
    INPUTS,
    LIMITS_EN,
    LIMITS_ZH,
    PROTOCOL_EN,
    PROTOCOL_ZH,
    TRANSITION,
    USUAL,
    named,
    unusual,
)
from tundish_analytics.anomaly.watch import ALPHA, STATISTICS, AnomalyWatch, TooLittle
from tundish_analytics.anomaly.windows import WindowGrid, WindowRows, window_variables
from tundish_analytics.models.registry import ModelCard
from tundish_analytics.models.threads import one_thread
from tundish_analytics.predictions import Evidence, Similar, rounded
from tundish_analytics.worker.output import OutputTarget
from tundish_analytics.worker.pipeline import NotReady, Pipeline, Site, lookback_us, paths, span
from tundish_analytics.worker.windows import SECOND_US, from_us
from tundish_platform.samples import SampleKind, SignalRole

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tundish_analytics.anomaly.watch import Judged
    from tundish_analytics.predictions import Prediction
    from tundish_platform.samples import SignalInfo

    Values = NDArray[np.float64]

LEAST_SIGNALS: Final = 5
MOST_SIGNALS: Final = 200
# Below this share of a window's samples nothing is said.
COMPLETE: Final = 0.6
NEEDED: Final = 300
MOST: Final = 3_000
_WIDTH_US: Final = 60 * SECOND_US
_SLOWEST_S: Final = 600.0
# A window holds at least so many samples of the slowest signal.
_SAMPLES: Final = 4
_PATIENCE_WINDOWS: Final = 2
_AT_ONCE: Final = 240
_CHUNK: Final = 240
_DAY_US: Final = 86_400 * SECOND_US
_RECALL: Final = 60
_SHOWN: Final = 5
_TARGET: Final = "anomaly"


class AnomalyPipeline(Pipeline):
    """How unlike the line's own first good history each window is, and which signals make it so."""

    model_id = "anomaly-watch"
    targets = (OutputTarget(_TARGET, "异常程度", "Anomaly score", "1", period_s=60.0),)

    def __init__(self, site: Site, inputs: list[SignalInfo], labels: list[SignalInfo]) -> None:
        super().__init__(site)
        self._inputs = inputs
        self._labels = labels
        periods = tuple(int(float(s.period_s or 1.0) * SECOND_US) for s in inputs)
        widest = _SAMPLES * max(periods)
        self._grid = WindowGrid(-(-max(widest, _WIDTH_US) // _WIDTH_US) * _WIDTH_US, periods)
        self._variables = window_variables(len(inputs))
        self._watch: AnomalyWatch | None = None
        self._cases: Cases | None = None
        self._slow: Values | None = None

    @classmethod
    def bind(cls, site: Site) -> Self | None:
        """Needs five measured numbers with a known period of at most ten minutes."""
        measured = [
            s for s in sorted(site.signals, key=lambda s: s.path)
            if s.kind is SampleKind.NUMERIC and s.role is SignalRole.MEASUREMENT
            and s.period_s is not None and s.period_s <= _SLOWEST_S
        ]  # fmt: skip
        labels = [s for s in site.signals if s.role is SignalRole.LABEL and s.kind is not SampleKind.ARRAY]
        enough = len(measured) >= LEAST_SIGNALS
        return cls(site, measured[:MOST_SIGNALS], labels) if enough else None

    @property
    def watch(self) -> AnomalyWatch:
        """The model in use; `LookupError` before training."""
        if self._watch is None:
            raise LookupError(f"{self.model_id} has no model yet")
        return self._watch

    @property
    def cases(self) -> Cases:
        """Windows that new ones are likened to; `LookupError` before training."""
        if self._cases is None:
            raise LookupError(f"{self.model_id} has no cases yet")
        return self._cases

    @one_thread
    def train(self, begun: Callable[[], None]) -> ModelCard:
        """See `Pipeline.train`; learns from the first windows on record that are whole enough."""
        numbers = self._on_record()
        self._await_import(len(numbers), NEEDED, "历史窗口不足", "Too few windows of history")
        begun()
        found = self._windows(numbers)
        whole = found.share.mean(axis=1) >= COMPLETE
        rows, ends = found.rows[whole], (numbers[whole] + 1) * self._grid.width_us
        means = np.arange(len(self._variables)) < len(self._inputs)
        try:
            watch = AnomalyWatch.fit(rows, means)
        except TooLittle as error:
            raise NotReady(f"无法校准:{error}。", f"Cannot be calibrated: {error}.") from error
        judged = watch.judge(rows)
        self._watch = watch
        self._cases = Cases(watch.pca.place(judged.z), ends, self._called(ends))
        card = ModelCard(
            model=self.model_id, line=self.site.line, cases=len(rows), features=paths(self._inputs),
            protocol_zh=PROTOCOL_ZH, protocol_en=PROTOCOL_EN, limits_zh=LIMITS_ZH, limits_en=LIMITS_EN,
            metrics={
                "regimes": float(len(watch.regimes)), "variables": float(watch.kept.sum()),
                "components": float(watch.pca.axes.shape[1]), "stated false-alarm rate": watch.alpha,
                "held-out windows": float(len(watch.healthy.scores)),
            },
            **span(int(ends[0]) - self._grid.width_us, int(ends[-1])),
        )  # fmt: skip
        return self._keep(card, {"watch": watch.state(), "cases": self._cases.state()})

    def _load(self, state: dict[str, Any]) -> None:
        self._watch = AnomalyWatch.from_state(state["watch"])
        self._cases = Cases(**state["cases"])

    def _on_record(self) -> NDArray[np.int64]:
        """Numbers (time over width) of the first windows on record, read a day at a time."""
        slowest = max(self._inputs, key=lambda s: s.period_s or 0.0).id
        newest = self.site.reader.latest_us([slowest]).get(slowest)
        found, begin = np.empty(0, np.int64), lookback_us()
        while newest is not None and begin <= newest and len(found) <= MOST:
            ts, _ = self.site.reader.read([slowest], begin, begin + _DAY_US).of(slowest)
            found = np.union1d(found, ts // self._grid.width_us).astype(np.int64)
            begin += _DAY_US
        # The last one may not be whole yet.
        return found[:-1][:MOST]

    def _windows(self, numbers: NDArray[np.int64]) -> WindowRows:
        """Windows by their rising numbers."""
        parts = []
        for at in range(0, len(numbers), _CHUNK):
            those = numbers[at : at + _CHUNK]
            first = int(those[0])
            read = self._read(first * self._grid.width_us, int(those[-1]) - first + 1)
            parts.append((read.rows[those - first], read.share[those - first], read.halves[:, those - first]))
        rows, share, halves = zip(*parts, strict=True)
        return WindowRows(np.concatenate(rows), np.concatenate(share), np.concatenate(halves, axis=1))

    def _read(self, start_us: int, count: int) -> WindowRows:
        end = start_us + count * self._grid.width_us
        numbers = [s.id for s in self._inputs]
        found = self.site.reader.read(numbers, start_us, end) if count else None
        empty = (np.empty(0, np.int64), np.empty(0))
        parts = [found.of(number) if found else empty for number in numbers]
        return self._grid.rows(parts, start_us, count)

    def _called(self, ends: NDArray[np.int64]) -> list[str]:
        """What inspections said in each window: names and values of the line's label signals."""
        said: list[list[str]] = [[] for _ in ends]
        for kind, signals in groupby(sorted(self._labels, key=lambda s: s.kind), key=lambda s: s.kind):
            those = list(signals)
            found = self.site.reader.read(
                [s.id for s in those], int(ends[0]) - self._grid.width_us, int(ends[-1]), kind
            )
            for signal in those:
                ts, values = found.of(signal.id)
                place = np.searchsorted(ends, ts, side="right")
                for row, value in zip(place.tolist(), values.tolist(), strict=True):
                    if row < len(ends) and ts.size:
                        said[row].append(f"{signal.name_zh} {value} · {signal.name_en} {value}")
        return ["; ".join(words) for words in said]

    def _score(self) -> int:
        width = self._grid.width_us
        start = -(-self._start_us() // width) * width
        horizon = self.site.reader.horizon_us([s.id for s in self._inputs], _PATIENCE_WINDOWS * width)
        count = min(max(((horizon or 0) - start) // width, 0), _AT_ONCE)
        if not count:
            return 0
        if self._slow is None:
            self._recall(start)
        found = self._read(start, int(count))
        told = self._told(found, start)
        self._position = start + int(count) * width
        return self.outputs.write(told) if told else 0

    def _recall(self, start: int) -> None:
        """Take up the running average where the last windows before a restart left it."""
        before = self._read(start - _RECALL * self._grid.width_us, _RECALL)
        whole = before.share.mean(axis=1) >= COMPLETE
        self._slow = np.zeros(int(self.watch.kept.sum()))
        if whole.any():
            self._slow = self.watch.judge(before.rows[whole]).slow[-1]

    def _told(self, found: WindowRows, start: int) -> list[Prediction]:
        """Statements about all windows in which anything was collected."""
        complete = found.share.mean(axis=1)
        moved = self.watch.in_transition(*found.halves)
        fit = np.flatnonzero((complete >= COMPLETE) & ~moved)
        judged = self.watch.judge(found.rows[fit], self._slow) if len(fit) else None
        if judged is not None:
            self._slow = judged.slow[-1]
        place = {int(row): at for at, row in enumerate(fit)}
        told = []
        for row in np.flatnonzero(complete > 0).tolist():
            window = (start + row * self._grid.width_us, start + (row + 1) * self._grid.width_us)
            if judged is not None and row in place:
                told.append(self._judged(judged, place[row], found.rows[row], window, float(complete[row])))
            else:
                meaning = TRANSITION if complete[row] >= COMPLETE else checks.INCOMPLETE
                lacking = self._lacking(found, row)
                told.append(self._statement(_TARGET, meaning, window, float(complete[row]), evidence=lacking))
        return told

    def _judged(
        self, judged: Judged, at: int, row: Values, window: tuple[int, int], complete: float
    ) -> Prediction:
        p = float(judged.p[at])
        statistic = STATISTICS[judged.leading[at]]
        place = self.watch.pca.place(judged.z[at : at + 1])[0]
        alike = self.cases.nearest(place, apart_us=_RECALL * self._grid.width_us)
        meaning = unusual(statistic, p) if p <= ALPHA else USUAL
        if p <= ALPHA:
            self.cases.add(place, window[1], named(p))
        return self._statement(
            _TARGET, meaning, window, complete,
            value=rounded(1 - p), evidence=self._evidence(judged, at, row), cases=self.card.cases,
            similar=tuple(Similar(from_us(ts), label, rounded(d) or 0.0) for ts, label, d in alike),
        )  # fmt: skip

    def _evidence(self, judged: Judged, at: int, row: Values) -> tuple[Evidence, ...]:
        """The signals with most of the distance, each by its more telling variable."""
        share, expected = np.zeros(len(row)), np.full(len(row), np.nan)
        share[self.watch.kept] = self.watch.parts(judged, at)
        expected[self.watch.kept] = self.watch.expected(judged, at)
        by_signal = share.reshape(2, -1)
        ranked = np.argsort(-by_signal.sum(axis=0), kind="stable")[:_SHOWN]
        best = by_signal.argmax(axis=0)
        found = []
        for column in ranked.tolist():
            variable = column + int(best[column]) * len(self._inputs)
            signal, read = self._inputs[column], self._variables[variable]
            now, then = float(row[variable]), float(expected[variable])
            found.append(
                Evidence(
                    signal.path, f"{signal.name_zh}({read.zh})", f"{signal.name_en} ({read.en})", now, then,
                    signal.unit, rounded(float(by_signal[:, column].sum())) or 0.0,
                )
            )  # fmt: skip
        return tuple(found)

    def _lacking(self, found: WindowRows, row: int) -> tuple[Evidence, ...]:
        """The signals of which least had come."""
        worst = np.argsort(found.share[row], kind="stable")[:_SHOWN]
        return tuple(
            Evidence(
                self._inputs[c].path, f"{self._inputs[c].name_zh}({INPUTS[0]})",
                f"{self._inputs[c].name_en} ({INPUTS[1]})", float(found.share[row, c]), 1.0, "1", 0.0,
            )
            for c in worst.tolist()
        )  # fmt: skip
