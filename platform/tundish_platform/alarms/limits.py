"""Judging samples against an alarm rule: limits with deadband and delays, states, bad quality. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.samples import is_good

if TYPE_CHECKING:
    from numpy.typing import NDArray

US: Final = 1_000_000


class LimitKind(StrEnum):
    """What a rule watches for."""

    HIGH = "high"
    LOW = "low"
    BAD = "bad_quality"


@dataclass(frozen=True, slots=True)
class Limit:
    """What counts as an alarm.

    Attributes:
        kind: above or below the threshold, or a status that is not good.
        threshold: in the signal's unit; unused for bad quality.
        deadband: how far the value must come back behind the threshold to clear it, in the signal's unit.
        on_delay_s: how long it must last, without a break, before the alarm is raised.
        off_delay_s: how long it must be gone before the alarm clears.
    """

    kind: LimitKind
    threshold: float = 0.0
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Watch:
    """How far judging has come; begins empty.

    Attributes:
        active: the alarm is raised.
        pending_since: source time, µs since 1970, from which the opposite has held; ``None`` if it does not.
        seen: source time of the newest judged sample, µs since 1970.
    """

    active: bool = False
    pending_since: int | None = None
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The alarm was raised or cleared.

    Attributes:
        active: raised.
        ts: source time, µs since 1970: of the sample with which the delay was over.
        value: of that sample; NaN for none.
    """

    active: bool
    ts: int
    value: float


def judge(
    limit: Limit, watch: Watch, ts: NDArray[np.int64], value: NDArray[np.float64], status: NDArray[np.uint32],
    on_duty: NDArray[np.bool_] | None = None,
) -> tuple[Watch, list[Change]]:  # fmt: skip
    """Judge samples of one signal in the order of their source times.

    A bad sample proves nothing about a limit, so it neither raises nor clears one, and a delay that runs
    goes on over it.

    Args:
        limit: the rule.
        watch: from the call before; samples not newer than it has seen are left out.
        ts: µs since 1970, ascending, shape ``(n,)``.
        value: in the signal's unit, shape ``(n,)``.
        status: OPC UA status codes, shape ``(n,)``.
        on_duty: within the rule's hours, shape ``(n,)``; outside them every sample counts as back.

    Returns:
        The watch to go on with, and what changed, in order.
    """
    fresh = ts > watch.seen if watch.seen is not None else np.ones(len(ts), dtype=bool)
    duty = np.ones(len(ts), dtype=bool) if on_duty is None else on_duty
    ts, value, status, duty = ts[fresh], value[fresh], status[fresh], duty[fresh]
    if len(ts) == 0:
        return watch, []
    newest = int(ts[-1])
    if limit.kind is not LimitKind.BAD:
        known = is_good(status) & ~np.isnan(value)
        ts, value, status, duty = ts[known], value[known], status[known], duty[known]
    on, off = _beyond_and_back(limit, value, status)
    on, off = on & duty, off | ~duty
    changes: list[Change] = []
    at = 0
    while at < len(ts):
        wanted = off if watch.active else on
        watch, at, change = _until_change(limit, watch, ts, wanted, at)
        if change is not None:
            changes.append(Change(watch.active, int(ts[change]), float(value[change])))
    return replace(watch, seen=newest), changes


def _until_change(
    limit: Limit, watch: Watch, ts: NDArray[np.int64], wanted: NDArray[np.bool_], at: int
) -> tuple[Watch, int, int | None]:
    """Go on to the sample that changes the alarm, or to the end; returns that sample's place."""
    delay = round((limit.off_delay_s if watch.active else limit.on_delay_s) * US)
    since = watch.pending_since
    while at < len(ts):
        if not wanted[at]:
            # Skip all at once what is as it should be: most samples of most signals are.
            ahead = np.flatnonzero(wanted[at:])
            since = None
            at = len(ts) if len(ahead) == 0 else at + int(ahead[0])
            continue
        since = int(ts[at]) if since is None else since
        if ts[at] - since >= delay:
            return Watch(active=not watch.active), at + 1, at
        rest = wanted[at:]
        breaks = np.flatnonzero(~rest)
        end = len(ts) if len(breaks) == 0 else at + int(breaks[0])
        ripe = int(np.searchsorted(ts[at:end], since + delay)) + at
        at = min(end, ripe)
    return replace(watch, pending_since=since), at, None


def _beyond_and_back(
    limit: Limit, value: NDArray[np.float64], status: NDArray[np.uint32]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which samples are beyond the limit, and which are safely back; inside the deadband they are neither."""
    match limit.kind:
        case LimitKind.BAD:
            good = is_good(status)
            return ~good, good
        case LimitKind.HIGH:
            return value > limit.threshold, value <= limit.threshold - limit.deadband
        case LimitKind.LOW:
            return value < limit.threshold, value >= limit.threshold + limit.deadband
