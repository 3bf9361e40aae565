"""Writing predictions back as signals, and reading where writing had stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from tundish_analytics.worker.windows import Reader, to_us
from tundish_platform.samples import GOOD, SCHEMAS, SampleBatch, SampleKind, SignalRole, SignalSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_analytics.predictions import Prediction
    from tundish_analytics.worker.notes import Notes

_HIT_NAMES: Final = {
    "HitRate": ("现场命中率", "live hit rate"),
    "HitCount": ("已核对次数", "judged cases"),
    "AnsweredShare": ("作出判断的比例", "share of cases answered"),
}


@dataclass(frozen=True, slots=True)
class OutputTarget:
    """One thing a model predicts.

    Attributes:
        interval: whether `Low` and `High` are written.
        judged: whether labels come later, so that hits are counted.
        period_s: seconds of source time between predictions, ``None`` for one per piece.
    """

    name: str
    name_zh: str
    name_en: str
    unit: str
    interval: bool = False
    judged: bool = False
    period_s: float | None = None


class Outputs:
    """The prediction signals of one model on one line, declared on first use.

    Args:
        reader: of the tenant.
        line: path of the line.
        model: id of the model, also the source's name.
        targets: what it predicts.

    Attributes:
        notes: where predictions and judged cases are noted, too, if anyone watches.
        unwritten: whether they are only noted; so with a version on trial.
    """

    def __init__(self, reader: Reader, line: str, model: str, targets: Sequence[OutputTarget]) -> None:
        self._reader = reader
        self._base = f"{line}/Models/{model}"
        self._model = model
        self._targets = tuple(targets)
        self._ids: dict[str, int] = {}
        self.notes: Notes | None = None
        self.unwritten = False

    def _id(self, target: str, leaf: str) -> int:
        if not self._ids:
            specs = [spec for item in self._targets for spec in self._specs(item)]
            self._ids = self._reader.client.put_signals(self._reader.tenant, self._model, specs)
        return self._ids[f"{self._base}/{target}/{leaf}"]

    def _specs(self, target: OutputTarget) -> list[SignalSpec]:
        semantic = f"prediction.{self._model}.{target.name}"
        names = {"Value": ("预测值", "predicted")}
        if target.interval:
            names |= {
                "Low": ("预测下限", "predicted, lower end"),
                "High": ("预测上限", "predicted, upper end"),
            }
        specs = [
            self._spec(target, leaf, names[leaf], semantic + ("" if leaf == "Value" else f".{leaf.lower()}"))
            for leaf in names
        ]
        hits = _HIT_NAMES if target.judged else {}
        for leaf, words in hits.items():
            spec = self._spec(target, leaf, words, f"{semantic}.{_snake(leaf)}")
            specs.append(spec.model_copy(update={"unit": "1", "period_s": None}))
        evidence = self._spec(target, "Evidence", ("预测依据", "evidence"), f"{semantic}.evidence")
        return [*specs, evidence.model_copy(update={"kind": SampleKind.TEXT, "unit": "", "period_s": None})]

    def _spec(self, target: OutputTarget, leaf: str, words: tuple[str, str], semantic: str) -> SignalSpec:
        return SignalSpec(
            path=f"{self._base}/{target.name}/{leaf}",
            name_zh=f"{target.name_zh}·{words[0]}",
            name_en=f"{target.name_en}, {words[1]}",
            semantic=semantic,
            role=SignalRole.PREDICTION,
            unit=target.unit,
            period_s=target.period_s,
            step=True,
        )

    def value_ids(self) -> dict[str, int]:
        """Number of each target's `Value` signal."""
        return {target.name: self._id(target.name, "Value") for target in self._targets}

    def evidence_ids(self) -> dict[str, int]:
        """Number of each target's `Evidence` signal."""
        return {target.name: self._id(target.name, "Evidence") for target in self._targets}

    def interval_ids(self, target: str) -> dict[str, int]:
        """Numbers of a target's `Low` and `High` signals."""
        return {leaf: self._id(target, leaf) for leaf in ("Low", "High")}

    def leaf_ids(self, leaf: str) -> dict[str, int]:
        """Number of one more signal of each judged target, such as ``HitCount``."""
        return {target.name: self._id(target.name, leaf) for target in self._targets if target.judged}

    def position_us(self) -> int | None:
        """Source time of the newest prediction written, ``None`` before the first."""
        if self.unwritten:
            return None
        newest = self._reader.latest_us([self._id(target.name, "Evidence") for target in self._targets])
        return max(newest.values(), default=None)

    def write(self, predictions: Sequence[Prediction]) -> int:
        """Write predictions at the ends of their windows; returns their number once they are stored."""
        numbers: list[tuple[int, int, float]] = []
        texts: list[tuple[int, int, str]] = []
        for prediction in predictions:
            ts = to_us(prediction.window_end)
            leaves = {"Value": prediction.value, "Low": prediction.low, "High": prediction.high}
            numbers += [
                (self._id(prediction.target, leaf), ts, value)
                for leaf, value in leaves.items()
                if value is not None
            ]
            texts.append((self._id(prediction.target, "Evidence"), ts, prediction.to_json()))
        self._send(numbers, texts)
        if self.notes is not None:
            self.notes.said(predictions)
        return len(predictions)

    def write_hits(self, hits: Sequence[tuple[str, int, dict[str, float]]]) -> None:
        """Write live accuracy: target, source time, and the values of its hit signals."""
        rows = [(self._id(name, leaf), ts, value) for name, ts, row in hits for leaf, value in row.items()]
        self._send(rows, [])

    def _send(self, numbers: Sequence[tuple[int, int, float]], texts: Sequence[tuple[int, int, str]]) -> None:
        batches = [_batch(SampleKind.NUMERIC, numbers), _batch(SampleKind.TEXT, texts)]
        filled = [batch for batch in batches if len(batch)]
        if filled and not self.unwritten:
            self._reader.client.ingest(self._reader.tenant, filled)


def _snake(leaf: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in leaf).lstrip("_")


def _batch(kind: SampleKind, rows: Sequence[tuple[int, int, float | str]]) -> SampleBatch:
    signal, ts, value = zip(*rows, strict=True) if rows else ((), (), ())
    columns = [list(signal), list(ts), list(value), [GOOD] * len(rows)]
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, SCHEMAS[kind], strict=True)]
    return SampleBatch(kind, pa.Table.from_arrays(arrays, schema=SCHEMAS[kind]), datetime.now(UTC))
