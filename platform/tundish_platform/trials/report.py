"""`TrialReport`: what an app would have caught, missed and cried about; page and PDF show this object."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from tundish_platform.alerts.outcomes import wilson
from tundish_platform.sdk import Manifest, Texts
from tundish_platform.sdk.manifest import PlanKind
from tundish_platform.trials.judging import CryVerdict, Source, TroubleVerdict, judge
from tundish_platform.trials.result import CRASHED, LEFT_OUT, Ended, Figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tundish_platform.sdk import Plan
    from tundish_platform.trials.judging import Cry, Judged, JudgedTrouble, Known
    from tundish_platform.trials.result import TrialResult, WindowDone

MAX_LINES: Final = 200
"""Cries and troubles that a report names one by one; the counts are of all."""

_MONTH: Final = timedelta(days=30)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Part):
    """An output that can be an alarm: which values, and how long before trouble it is meant to cry."""

    output: str
    name: Texts
    flags: str
    lead_s: float


class CryLine(_Part):
    """A cry as it was judged; `lead_s` where it caught something, negative where it came after."""

    output: str
    start: datetime
    end: datetime
    windows: int
    value: float | str
    verdict: CryVerdict
    lead_s: float | None


class TroubleLine(_Part):
    """A trouble as it was judged; `output` and `lead_s` are of the cry that caught it first."""

    source: Source
    path: str
    start: datetime
    end: datetime
    what: Texts
    verdict: TroubleVerdict
    output: str
    lead_s: float | None


class Day(_Part):
    """Runs of a day of the plant's calendar, and those in which some output was an alarm."""

    day: str
    runs: int
    flagged: int


class Cost(_Part):
    """What thirty days of it would cost.

    Attributes:
        plan: kind of the manifest's first plan, which a subscriber gets who names none.
        fen: None in reports from before plans by the run were reckoned.
        signals: that would be granted; runs: that its schedule makes in thirty days.
    """

    plan: str
    fen: int | None
    signals: int
    runs: int


class Counts(_Part):
    """How it turned out.

    Attributes:
        caught, late, missed, not_tried: troubles.
        cries_caught, cries_false, cries_nothing: cries that were judged.
        cries_planned, cries_unwatched, cries_not_over: cries about which nothing can be said.
        recall: caught, late ones too, of all troubles that were tried; None without any.
        precision: cries that caught something, of those that were judged; None without any.
        precision_low, precision_high, recall_low, recall_high: 95 % intervals by Wilson, 1927.
        lead_least_s, lead_median_s, lead_most_s: of troubles that were caught in time.
    """

    caught: int
    late: int
    missed: int
    not_tried: int
    cries_caught: int
    cries_false: int
    cries_nothing: int
    cries_planned: int
    cries_unwatched: int
    cries_not_over: int
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    lead_least_s: float | None
    lead_median_s: float | None
    lead_most_s: float | None


class TrialReport(_Part):
    """All of a trial.

    Attributes:
        step_s: between the runs that were made; `schedule_s` is what a subscription would keep.
        slowed: the step was made longer because a run took long; else only to bound the number.
        planned: windows there were at that step.
        runs: that went well; `crashed`: that failed; `left_out`: by reason the windows without a run.
        crashing: it failed so often in a row that it was stopped.
        known: how much of what kind is known, by `Source`, and ``refuted``, ``planned``.
        known_shortened: there was more than was read.
        watched_since: from when on trouble would have been recorded; None for never.
        counts: None where no output can be an alarm: then nothing is judged.
        cries, troubles: at most `MAX_LINES` each, the newest.
    """

    app: str
    version: str
    name: Texts
    start: datetime
    end: datetime
    step_s: float
    schedule_s: float
    window_s: float
    slowed: bool
    planned: int
    runs: int
    crashed: int
    left_out: dict[Ended, int]
    crashing: bool
    detail: str
    rows: int
    seconds: float
    seconds_median: float | None
    seconds_most: float | None
    isolation: str
    filtered: bool
    cost: Cost
    rules: tuple[Rule, ...]
    known: dict[str, int]
    known_shortened: bool
    watched_since: datetime | None
    counts: Counts | None
    cries: tuple[CryLine, ...]
    troubles: tuple[TroubleLine, ...]
    figures: tuple[tuple[Texts, str, Figure], ...]
    days: tuple[Day, ...]


def report_of(
    manifest: Manifest, stretch: tuple[datetime, datetime], result: TrialResult, known: Known, signals: int,
    days: Sequence[str],
) -> TrialReport:  # fmt: skip
    """The report of a trial that ran.

    Args:
        manifest: of the app.
        stretch: start and end.
        result: what the worker handed back.
        known: what happened.
        signals: how many the app read.
        days: of each window the day on the plant's calendar.
    """
    windows = sorted(result.windows, key=lambda one: one.at)
    leads = leads_of(manifest)
    judged = judge(windows, leads, known, timedelta(seconds=result.step_s), stretch[1])
    ran = [one for one in windows if one.ended is Ended.OK]
    took = [one.seconds for one in windows if one.seconds]
    ended = Counter(one.ended for one in windows)
    return TrialReport(
        app=manifest.id, version=manifest.version, name=manifest.name, start=stretch[0], end=stretch[1],
        step_s=result.step_s, schedule_s=manifest.schedule_s, window_s=manifest.window_s,
        slowed=result.slowed, planned=len(windows), runs=len(ran),
        crashed=sum(ended[one] for one in CRASHED),
        left_out={one: ended[one] for one in LEFT_OUT if ended[one]},
        crashing=result.stopped == "crashing", detail=result.detail,
        rows=sum(one.rows for one in windows), seconds=sum(took),
        seconds_median=median(took) if took else None, seconds_most=max(took, default=None),
        isolation=result.isolation, filtered=result.filtered,
        cost=cost_of(manifest.offer(), signals, int(_MONTH / timedelta(seconds=manifest.schedule_s))),
        rules=tuple(
            Rule(output=o.key, name=o.name, flags=o.flags, lead_s=leads[o.key].total_seconds())
            for o in manifest.outputs if o.flags
        ),
        known=dict(known.counts), known_shortened=known.shortened, watched_since=known.watched_since,
        counts=counts_of(judged) if leads else None,
        cries=tuple(_cry(one) for one in judged.cries[-MAX_LINES:]),
        troubles=tuple(_trouble(one) for one in judged.troubles[-MAX_LINES:]),
        figures=_figures(manifest, result.figures), days=_days(windows, days),
    )  # fmt: skip


def leads_of(manifest: Manifest) -> dict[str, timedelta]:
    """By output that can be an alarm how long before trouble it is meant to cry."""
    return {o.key: timedelta(seconds=o.lead_s or manifest.window_s) for o in manifest.outputs if o.flags}


def counts_of(judged: Judged) -> Counts:
    """The counts of what was judged."""
    of = Counter(one.verdict for one in judged.troubles)
    cries = Counter(one.verdict for one in judged.cries)
    hit, right = of[TroubleVerdict.CAUGHT] + of[TroubleVerdict.LATE], cries[CryVerdict.CAUGHT]
    tried = hit + of[TroubleVerdict.MISSED]
    said = right + cries[CryVerdict.FALSE] + cries[CryVerdict.NOTHING]
    low, high = wilson(right, said)
    recall_low, recall_high = wilson(hit, tried)
    leads = [one.lead_s for one in judged.troubles if one.lead_s is not None and one.lead_s >= 0]
    return Counts(
        caught=of[TroubleVerdict.CAUGHT], late=of[TroubleVerdict.LATE], missed=of[TroubleVerdict.MISSED],
        not_tried=of[TroubleVerdict.NOT_TRIED], cries_caught=right, cries_false=cries[CryVerdict.FALSE],
        cries_nothing=cries[CryVerdict.NOTHING], cries_planned=cries[CryVerdict.PLANNED],
        cries_unwatched=cries[CryVerdict.UNWATCHED], cries_not_over=cries[CryVerdict.NOT_OVER],
        precision=right / said if said else None, precision_low=low, precision_high=high,
        recall=hit / tried if tried else None, recall_low=recall_low, recall_high=recall_high,
        lead_least_s=min(leads, default=None), lead_median_s=median(leads) if leads else None,
        lead_most_s=max(leads, default=None),
    )  # fmt: skip


def cost_of(plan: Plan, signals: int, runs: int) -> Cost:
    """What thirty days would cost by a plan, its trial days past; every run counts as accepted."""
    each = {
        PlanKind.FREE: 0, PlanKind.FLAT: 1, PlanKind.PER_SIGNAL: signals, PlanKind.PER_RUN: runs,
    }[plan.kind]  # fmt: skip
    return Cost(plan=plan.kind, fen=each * plan.fen, signals=signals, runs=runs)


def _cry(cry: Cry) -> CryLine:
    return CryLine(**{name: getattr(cry, name) for name in CryLine.model_fields})


def _trouble(one: JudgedTrouble) -> TroubleLine:
    trouble = one.trouble
    return TroubleLine(
        source=trouble.source, path=trouble.path, start=trouble.start, end=trouble.end,
        what=Texts(zh=trouble.zh or trouble.path, en=trouble.en or trouble.path), verdict=one.verdict,
        output=one.output, lead_s=one.lead_s,
    )  # fmt: skip


def _figures(manifest: Manifest, figures: Iterable[Figure]) -> tuple[tuple[Texts, str, Figure], ...]:
    outputs = {output.key: output for output in manifest.outputs}
    known = [one for one in figures if one.output in outputs]
    return tuple((outputs[one.output].name, outputs[one.output].unit, one) for one in known)


def _days(windows: Sequence[WindowDone], days: Sequence[str]) -> tuple[Day, ...]:
    runs: Mapping[str, list[WindowDone]] = {day: [] for day in dict.fromkeys(days)}
    for window, day in zip(windows, days, strict=True):
        runs[day].append(window)
    return tuple(
        Day(
            day=day,
            runs=sum(one.ended is Ended.OK for one in of),
            flagged=sum(bool(one.flagged) for one in of),
        )
        for day, of in runs.items()
    )  # fmt: skip
