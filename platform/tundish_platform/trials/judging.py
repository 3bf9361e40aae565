"""Holds what an app cried about against what is known to have happened. Pure; nothing is guessed.

A cry is a run of windows in which an output was an alarm. It caught a trouble that began within the output's
lead time after the cry's beginning, or was still there when the cry began. A cry that stood long before a
trouble told nobody anything new, so it catches nothing; an app that always cries misses everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tundish_platform.trials.result import Ended

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from tundish_platform.trials.result import WindowDone

# A window that was left out within a cry does not end it, two in a row do.
_BRIDGED: Final = 2


class Source(StrEnum):
    """Where it is known from that something happened."""

    ALARM = "alarm"
    ALERT = "alert"
    STOP = "stop"


class CryVerdict(StrEnum):
    """What is to be thought of a cry; the last three are no verdict, and say why there is none."""

    CAUGHT = "caught"
    FALSE = "false"
    NOTHING = "nothing"
    PLANNED = "planned"
    UNWATCHED = "unwatched"
    NOT_OVER = "not_over"


class TroubleVerdict(StrEnum):
    """What became of a trouble."""

    CAUGHT = "caught"
    LATE = "late"
    MISSED = "missed"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is known to have happened.

    Attributes:
        start, end: source time; the same where only the moment is known.
        zh, en: what.
    """

    source: Source
    path: str
    start: datetime
    end: datetime
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when to when."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Whether the instant lies in it, its ends included."""
        return self.start <= at <= self.end


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of a plant's stretch of time.

    Attributes:
        troubles: what happened.
        refuted: when an alert stood open of which a person found that it was false.
        planned: when there was maintenance.
        watched_since: from when on something is there that would have recorded trouble; None for never.
        counts: by `Source` how much was found, and ``refuted``, ``planned``.
        shortened: there was more than was read.
    """

    troubles: tuple[Trouble, ...] = ()
    refuted: tuple[Stretch, ...] = ()
    planned: tuple[Stretch, ...] = ()
    watched_since: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    shortened: bool = False


@dataclass(frozen=True, slots=True)
class Cry:
    """A run of windows in which an output was an alarm; `verdict` and `lead_s` once it is judged."""

    output: str
    start: datetime
    end: datetime
    windows: int
    value: float | str
    verdict: CryVerdict = CryVerdict.NOT_OVER
    lead_s: float | None = None


@dataclass(frozen=True, slots=True)
class JudgedTrouble:
    """A trouble, and the cry that caught it first: by which output, how long before (negative: after)."""

    trouble: Trouble
    verdict: TroubleVerdict
    output: str = ""
    lead_s: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """Cries and troubles, each with what is to be thought of it, in order of time."""

    cries: tuple[Cry, ...]
    troubles: tuple[JudgedTrouble, ...]


def cries_of(windows: Sequence[WindowDone], output: str, step: timedelta) -> list[Cry]:
    """The cries of one output, oldest first."""
    found: list[Cry] = []
    current: Cry | None = None
    for window in windows:
        if output in window.flagged:
            if current and window.at - current.end <= _BRIDGED * step:
                current = replace(current, end=window.at, windows=current.windows + 1)
                continue
            found += [current] if current else []
            current = Cry(output, window.at, window.at, 1, window.flagged[output])
        elif current and window.ended is Ended.OK:
            found.append(current)
            current = None
    return found + ([current] if current else [])


def judge(
    windows: Sequence[WindowDone],
    leads: Mapping[str, timedelta],
    known: Known,
    step: timedelta,
    end: datetime,
) -> Judged:
    """Judge all outputs that can be alarms.

    Args:
        windows: in order of time.
        leads: by output how long before trouble it is meant to cry.
        known: what happened.
        step: between windows.
        end: of the stretch that was tried.
    """
    troubles = tuple(sorted(_together(known.troubles, step), key=lambda one: one.start))
    cries = [cry for output in leads for cry in cries_of(windows, output, step)]
    judged = [_judged_cry(cry, leads[cry.output], troubles, known, step, end) for cry in cries]
    judged.sort(key=lambda cry: (cry.start, cry.output))
    longest = max(leads.values(), default=timedelta())
    tried = [window.at for window in windows if window.ended is Ended.OK]
    first = tried[0] if tried else end
    return Judged(
        tuple(judged),
        tuple(
            _judged_trouble(
                one, judged, leads, step, [at for at in tried if one.start - longest <= at <= one.end]
            )
            for one in troubles
            if one.start >= first - step
        ),
    )


def catches(cry: Cry, trouble: Trouble, lead: timedelta, step: timedelta) -> bool:
    """Whether the cry began within the lead time before the trouble, or while it was there."""
    return trouble.start - lead <= cry.start <= trouble.end + step


def _judged_cry(
    cry: Cry, lead: timedelta, troubles: Iterable[Trouble], known: Known, step: timedelta, end: datetime
) -> Cry:
    caught = [one for one in troubles if catches(cry, one, lead, step)]
    if caught:
        first = min(caught, key=lambda one: one.start)
        return replace(cry, verdict=CryVerdict.CAUGHT, lead_s=(first.start - cry.start).total_seconds())
    return replace(cry, verdict=_without_trouble(cry, lead, known, end))


def _without_trouble(cry: Cry, lead: timedelta, known: Known, end: datetime) -> CryVerdict:
    if any(one.holds(cry.start) for one in known.refuted):
        return CryVerdict.FALSE
    if any(one.holds(cry.start) for one in known.planned):
        return CryVerdict.PLANNED
    if known.watched_since is None or cry.start < known.watched_since:
        return CryVerdict.UNWATCHED
    return CryVerdict.NOT_OVER if cry.start + lead > end else CryVerdict.NOTHING


def _judged_trouble(
    trouble: Trouble, cries: Iterable[Cry], leads: Mapping[str, timedelta], step: timedelta,
    tried: Sequence[datetime],
) -> JudgedTrouble:  # fmt: skip
    caught = [cry for cry in cries if catches(cry, trouble, leads[cry.output], step)]
    if caught:
        first = min(caught, key=lambda cry: cry.start)
        lead = (trouble.start - first.start).total_seconds()
        verdict = TroubleVerdict.CAUGHT if lead >= 0 else TroubleVerdict.LATE
        return JudgedTrouble(trouble, verdict, first.output, lead)
    return JudgedTrouble(trouble, TroubleVerdict.MISSED if tried else TroubleVerdict.NOT_TRIED)


def _together(troubles: Iterable[Trouble], step: timedelta) -> list[Trouble]:
    """The same trouble that comes and goes within a step is one."""
    found: dict[tuple[str, str, str], list[Trouble]] = {}
    for one in sorted(troubles, key=lambda one: one.start):
        same = found.setdefault((one.source, one.path, one.en), [])
        if same and one.start - same[-1].end <= step:
            same[-1] = replace(same[-1], end=max(same[-1].end, one.end))
        else:
            same.append(one)
    return [one for same in found.values() for one in same]
