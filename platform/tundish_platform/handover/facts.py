"""What a shift's report says, as data: made once from the samples and kept with its edition."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

MAX_LISTED: Final = 50
"""Stops, alarms, alerts, gaps and silent signals that a report lists of each; more are counted."""


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RatioFact(_Fact):
    """A figure with its bounds; without a value it says why (`Ratio` of `tundish_analytics.oee`)."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


class StopFact(_Fact):
    """A stretch in which a line stood; ``reason`` is empty where nobody gave one.

    Attributes:
        state: `State` of `tundish_analytics.oee` in lower case.
        goes_on: it had not ended when the report's time did.
    """

    state: str
    reason: str
    start: datetime
    end: datetime
    goes_on: bool = False


class NamedFact(_Fact):
    """A signal by path and names."""

    path: str
    name_zh: str
    name_en: str


class QualityFact(NamedFact):
    """A quality signal with values outside its control limits.

    Attributes:
        judged: values of the shift.
        outside: of them outside three sigmas, more than chance and habit explain.
        usual: share of the values before the shift that lay outside the same limits.
        centre, sigma: of the values before the shift; ``baseline`` is how many those were.
        last: when the last value outside came.
    """

    unit: str
    judged: int
    outside: int
    usual: float
    centre: float
    sigma: float
    baseline: int
    last: datetime | None


class GapFact(NamedFact):
    """A stretch of which nothing is known of a signal, within the shift."""

    start: datetime
    end: datetime
    reason: str


class DataFact(_Fact):
    """How complete a line's data is.

    Attributes:
        share: mean over the periodic signals; None where none has a period.
        signals: periodic ones.
        silent: of which nothing came; the first `MAX_LISTED`.
        gaps: recorded ones, the longest first; the first `MAX_LISTED`.
    """

    share: float | None = None
    signals: int = 0
    silent_count: int = 0
    silent: tuple[NamedFact, ...] = ()
    gap_count: int = 0
    gaps: tuple[GapFact, ...] = ()


class CountFact(_Fact):
    """Pieces of the shift; None is what nothing counts, never 0.

    Attributes:
        by: path of the signal that counted.
        target: what was planned.
    """

    total: float | None = None
    good: float | None = None
    rejects: float | None = None
    target: float | None = None
    by: str = ""


class LineFact(NamedFact):
    """One line in the shift.

    Attributes:
        state_by: path of the signal that told the state; empty where none does.
        seconds: of each class of time, `Time` of `tundish_analytics.oee` in lower case.
        losses: seconds, `losses` of `tundish_analytics.oee`; empty without OEE.
        stop_count: all; ``stops`` are the longest.
        energy_kwh: None where no meter tells it.
        energy_signals: how many meters.
        warnings: keys of what is to be known of the figures.
    """

    state_by: str = ""
    oee: RatioFact = RatioFact()
    availability: RatioFact = RatioFact()
    performance: RatioFact = RatioFact()
    quality: RatioFact = RatioFact()
    seconds: dict[str, float] = {}
    losses: dict[str, float] = {}
    ideal_s: float | None = None
    counts: CountFact = CountFact()
    stop_count: int = 0
    stops: tuple[StopFact, ...] = ()
    energy_kwh: float | None = None
    energy_signals: int = 0
    out_of_control: tuple[QualityFact, ...] = ()
    judged_signals: int = 0
    data: DataFact = DataFact()
    warnings: tuple[str, ...] = ()


class AlarmFact(NamedFact):
    """An alarm that was raised in the shift, or stood in it.

    Attributes:
        number: of the alarm.
        raised_at: last, source time.
        times: raised within the shift.
        active: at the end of the report's time.
        acknowledged: at that time.
    """

    number: int
    priority: int
    message_zh: str
    message_en: str
    raised_at: datetime
    cleared_at: datetime | None
    times: int
    active: bool
    acknowledged: bool


class FloodFact(_Fact):
    """A stretch in which more alarms came than a person can handle."""

    start: datetime
    end: datetime
    alarms: int


class AlertFact(_Fact):
    """An alert that was open in the shift, and what people last said of it; empty where nobody did."""

    number: int
    line: str
    target_zh: str
    target_en: str
    label_zh: str
    label_en: str
    check_zh: str
    check_en: str
    priority: int
    opened_at: datetime
    closed_at: datetime | None
    verdict: str = ""
    said_by: str = ""
    said_at: datetime | None = None
    note: str = ""


class ShiftFact(_Fact):
    """Which shift."""

    code: str
    name_zh: str
    name_en: str
    production_date: date
    starts_at: datetime
    ends_at: datetime


class HandoverFacts(NamedFact):
    """A shift's report at a place.

    Attributes:
        zone: IANA name in which times are told.
        until: up to when it tells; the shift's end where that is over.
        alarms: active ones first, then by priority; the first `MAX_LISTED` of ``alarm_count``.
        alerts: open ones first; the first `MAX_LISTED` of ``alert_count``.
    """

    zone: str
    shift: ShiftFact
    until: datetime
    lines: tuple[LineFact, ...]
    alarm_count: int = 0
    alarms: tuple[AlarmFact, ...] = ()
    floods: tuple[FloodFact, ...] = ()
    alert_count: int = 0
    alerts: tuple[AlertFact, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of what was measured. What people did since (acknowledged, judged) is no late data."""
        measured = [_rounded(line.model_dump(mode="json")) for line in self.lines]
        raised = sorted((one.number, one.times) for one in self.alarms)
        text = json.dumps([measured, raised, self.alarm_count], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _rounded(value: object) -> object:
    """Without the last digits, in which sums of the same numbers may differ."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value
