"""`Prediction`: one statement of a model with the evidence a person needs to check it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Evidence:
    """One signal that speaks for a prediction.

    Attributes:
        signal: path of the signal.
        name_zh, name_en: what was looked at, such as "oil temperature 1, mean of seconds 11-20".
        value: current value in `unit`.
        expected: what the model's reference (healthy state or class) shows there, in `unit`.
        contribution: share of the evidence that lies in this signal, 0 to 1. A distance measure, no proof
            of cause; each model's page says how it is computed.
    """

    signal: str
    name_zh: str
    name_en: str
    value: float
    expected: float
    unit: str
    contribution: float


@dataclass(frozen=True, slots=True)
class Similar:
    """A past window that resembles the one a prediction is about.

    Attributes:
        at: its end.
        label: what it was called then; empty where nobody called it anything.
        distance: in the model's own space, in standard deviations.
    """

    at: datetime
    label: str
    distance: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """One statement of a model about one window.

    Attributes:
        value: the number in `unit`; ``None`` where the model abstains.
        low, high: interval of the value in `unit`, where the model states one.
        probability: calibrated probability of the label, where the target is a class.
        window_start, window_end: the source time looked at; nothing after `window_end` was used.
        completeness: share of the window's expected samples that were there and good, 0 to 1.
        cases: training cases of the same label (classes) or training units (remaining life).
        similar: past windows most like this one, nearest first, where the model keeps any.
    """

    model: str
    version: str
    target: str
    label_zh: str
    label_en: str
    value: float | None
    unit: str
    low: float | None
    high: float | None
    probability: float | None
    window_start: datetime
    window_end: datetime
    completeness: float
    evidence: tuple[Evidence, ...]
    check_zh: str
    check_en: str
    trained_from: datetime
    trained_to: datetime
    cases: int
    similar: tuple[Similar, ...] = ()

    def to_json(self) -> str:
        """The evidence text that is stored as a sample: one JSON object, times in ISO 8601, no NaN."""
        document = _document(self)
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _document(stated: Prediction | Evidence | Similar) -> dict[str, object]:
    """By hand: `asdict` copies every text and number deeply, which took a tenth of live scoring."""
    return {field.name: _plain(getattr(stated, field.name)) for field in fields(stated)}


def _plain(value: object) -> object:
    if isinstance(value, (Evidence, Similar)):
        return _document(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return rounded(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def rounded(value: float) -> float | None:
    """A number with six significant digits, or ``None`` for what JSON cannot carry."""
    if not math.isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
