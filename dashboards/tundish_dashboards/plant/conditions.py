"""What each signal is doing right now, judged from its latest sample and its connector's report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from tundish_dashboards.theme import Tone
from tundish_platform.api.completeness import source_now as line_now
from tundish_platform.samples import Severity, SignalInfo, SignalRole, severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tundish_platform.assets import SourceInfo

# A signal counts as silent when this many expected samples, and at least this time, have passed without one.
_SILENT_PERIODS = 5
_SILENT_AT_LEAST = timedelta(seconds=10)

# What platform and apps compute comes when it comes; connectors do not answer for it.
DERIVED_ROLES = frozenset({SignalRole.PREDICTION, SignalRole.OUTPUT})


class Condition(StrEnum):
    """How a signal does; the value is the key of its words."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"
    SILENT = "silent"
    MISSING = "missing"
    FAILED = "failed"

    @property
    def tone(self) -> Tone:
        """How it is coloured."""
        return _TONES[self]


_TONES = {
    Condition.GOOD: Tone.GOOD,
    Condition.UNCERTAIN: Tone.NOTICE,
    Condition.BAD: Tone.BAD,
    Condition.SILENT: Tone.NOTICE,
    Condition.MISSING: Tone.QUIET,
    Condition.FAILED: Tone.BAD,
}


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest sample of a signal.

    Attributes:
        ts: source time.
        arrival: when the collector received it.
        value: number, whole number, text or array; ``None`` for a status without a value.
        status: OPC UA status code.
    """

    ts: datetime
    arrival: datetime
    value: float | int | str | list[float] | None
    status: int


@dataclass(frozen=True, slots=True)
class SignalState:
    """A signal with its newest sample and how it does.

    Attributes:
        reason: the connector's words for a failed signal; empty for the others.
    """

    signal: SignalInfo
    latest: Latest | None
    condition: Condition
    reason: str = ""

    @property
    def silence(self) -> datetime | None:
        """Source time of the last sample, where the signal has gone silent."""
        return self.latest.ts if self.latest and self.condition is Condition.SILENT else None


def judge(
    signals: Iterable[SignalInfo],
    latest: Mapping[int, Latest],
    sources: Iterable[SourceInfo],
    now: datetime | None,
) -> list[SignalState]:
    """The state of each signal.

    Args:
        signals: whose state.
        latest: newest sample by signal.
        sources: the connectors' last reports; what they say of a signal goes before what its samples say.
        now: newest source time of the line; ``None`` while nothing has come.
    """
    reports = list(sources)
    failed, silent = failed_signals(reports), silent_signals(reports)
    return [_state(signal, latest.get(signal.id), failed, silent, now) for signal in signals]


def _state(
    signal: SignalInfo,
    latest: Latest | None,
    failed: Mapping[str, str],
    silent: frozenset[str],
    now: datetime | None,
) -> SignalState:
    if signal.path in failed:
        return SignalState(signal, latest, Condition.FAILED, failed[signal.path])
    if latest is None:
        return SignalState(signal, None, Condition.MISSING)
    if signal.path in silent or _overdue(signal, latest, now):
        return SignalState(signal, latest, Condition.SILENT)
    quality = {Severity.GOOD: Condition.GOOD, Severity.UNCERTAIN: Condition.UNCERTAIN}
    return SignalState(signal, latest, quality.get(severity(latest.status), Condition.BAD))


def _overdue(signal: SignalInfo, latest: Latest, now: datetime | None) -> bool:
    if now is None or signal.period_s is None or signal.role in DERIVED_ROLES:
        return False
    return now - latest.ts > max(timedelta(seconds=_SILENT_PERIODS * signal.period_s), _SILENT_AT_LEAST)


def source_now(signals: Iterable[SignalInfo], latest: Mapping[int, Latest]) -> datetime | None:
    """The newest source time that a connector delivered; predictions and app outputs do not count.

    The same instant at which the windows of the line's completeness end.
    """
    times = (latest[s.id].ts for s in signals if s.role not in DERIVED_ROLES and s.id in latest)
    return line_now(times)


def last_arrival(signals: Iterable[SignalInfo], latest: Mapping[int, Latest]) -> datetime | None:
    """When a connector last received anything of these signals."""
    times = (latest[s.id].arrival for s in signals if s.role not in DERIVED_ROLES and s.id in latest)
    return max(times, default=None)


def failed_signals(sources: Iterable[SourceInfo]) -> dict[str, str]:
    """Paths that the connectors could not subscribe, with the reasons they gave."""
    return {failed.path: failed.reason for source in sources for failed in source.signals.failed}


def silent_signals(sources: Iterable[SourceInfo]) -> frozenset[str]:
    """Paths that the connectors listen to in vain."""
    return frozenset(path for source in sources for path in source.signals.silent)


def line_of(signal: SignalInfo) -> str:
    """Path of the signal's line: its first three levels, site, area and line."""
    return "/".join(signal.path.split("/")[:3])
