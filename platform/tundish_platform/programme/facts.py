"""The facts the rules are applied to, counted from what the platform holds and by arrival time.

Only data that came through a live connection counts: imported recordings, models and apps do not make a plant
connected. No value of a machine enters the facts, only when good data came and from how many machines.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.programme.uscc import InvalidUscc, check_uscc
from tundish_platform.samples import SignalInfo, SignalRole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from tundish_platform.programme.models import Enterprise
    from tundish_platform.programme.rules import Facts, Rule

IMPORT_PREFIX = "import:"
_LINE_LEVELS = 3
_DERIVED = frozenset({SignalRole.PREDICTION, SignalRole.OUTPUT})
_WEEK_HOURS = 168.0
_MINUTE = 60

MINUTES = pa.schema([("signal", pa.uint32()), ("minute", pa.timestamp("us", tz="UTC"))])


@dataclass(frozen=True, slots=True)
class AppUse:
    """An accepted run of an app that read samples, and the signals it was granted."""

    started_at: datetime
    signals: frozenset[int]
    app: str = ""


@dataclass(frozen=True, slots=True)
class AlertCase:
    """An alert, and when somebody first said what they found there; None while nobody has."""

    opened_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Activity:
    """What the platform holds of one enterprise's tenant.

    Attributes:
        signals: all signals of the tenant.
        connectors: names of live connections that reported themselves.
        minutes: columns ``signal, minute``: minutes of arrival in which good samples of the signal came.
        logins: who logged in when.
        subscriptions: how many subscriptions are active.
        uses: runs of apps.
        alerts: of models, opened so long before that their time to be handled ends where windows lie.
    """

    signals: tuple[SignalInfo, ...] = ()
    connectors: frozenset[str] = frozenset()
    minutes: pa.Table = field(default_factory=MINUTES.empty_table)
    logins: tuple[tuple[int, datetime], ...] = ()
    subscriptions: int = 0
    uses: tuple[AppUse, ...] = ()
    alerts: tuple[AlertCase, ...] = ()

    def with_minutes(self, facts: pa.Table) -> Activity:
        """The same with the minutes of the store's arrival facts in which good samples came."""
        good = facts.filter(pc.greater(facts.column("good"), 0))
        return replace(self, minutes=good.select(["signal", "minute"]))

    def live(self) -> tuple[SignalInfo, ...]:
        """Signals that a live connection delivers."""
        return tuple(
            s
            for s in self.signals
            if s.source in self.connectors
            and not s.source.startswith(IMPORT_PREFIX)
            and s.role not in _DERIVED
        )


def span(rule: Rule, now: datetime) -> tuple[datetime, datetime]:
    """The time facts are needed for: whole bins, up to the end of the newest complete one."""
    end = aligned(rule, now)
    rolling = 1 if rule.monthly else rule.windows
    reach = max(rule.window_s * rolling, rule.machine_window_s) + rule.app_delay_s
    return end - timedelta(seconds=reach), end


def aligned(rule: Rule, now: datetime) -> datetime:
    """End of the newest complete bin."""
    return datetime.fromtimestamp(now.timestamp() // rule.bin_s * rule.bin_s, tz=now.tzinfo)


def gather(
    enterprise: Enterprise,
    activity: Activity,
    rule: Rule,
    now: datetime,
    earlier: Sequence[Mapping[str, float]] = (),
) -> Facts:
    """Count the facts of one enterprise.

    Args:
        enterprise: as registered.
        activity: of its tenant; an empty one where it has none.
        rule: says how long windows and bins are.
        now: the moment of the assessment.
        earlier: frozen facts of calendar months, the newest first, for a monthly rule.

    Returns:
        ``{"as_of", "windows": [{fact: number}, …]}``, newest window first.
    """
    end = aligned(rule, now)
    arrivals = _Arrivals.of(activity)
    registered = _registered(enterprise)
    looks = [
        _Look(until - rule.window_s, until, until - rule.machine_window_s)
        for back in range(1 if rule.monthly else rule.windows)
        for until in [end.timestamp() - rule.window_s * back]
    ]
    rolling = [registered | _window(enterprise, activity, arrivals, rule, look) for look in looks]
    kept = [dict(month) for month in earlier[: rule.windows - 1]] if rule.monthly else []
    return {"as_of": end.isoformat(), "windows": rolling + kept}


def of_month(
    enterprise: Enterprise, activity: Activity, rule: Rule, start: datetime, end: datetime
) -> dict[str, float]:
    """The facts of one calendar month ``[start, end)``; its days are those of the offset of `start`."""
    offset = int((start.utcoffset() or timedelta()).total_seconds())
    look = _Look(start.timestamp(), end.timestamp(), start.timestamp(), offset)
    return _registered(enterprise) | _window(enterprise, activity, _Arrivals.of(activity), rule, look)


@dataclass(frozen=True, slots=True)
class _Look:
    """A window ``[since, until)``, machines connected from `machines_since` on; seconds since 1970.

    Attributes:
        offset: seconds that local time is ahead, so that days begin where people's days do.
    """

    since: float
    until: float
    machines_since: float
    offset: int = 0

    def has(self, at: datetime) -> bool:
        """Whether the instant lies in the window."""
        return self.since <= at.timestamp() < self.until


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """Live signals with the minutes (seconds since 1970) in which good samples of theirs came."""

    live: Mapping[int, SignalInfo]
    signal: NDArray[np.int64]
    second: NDArray[np.int64]

    @classmethod
    def of(cls, activity: Activity) -> _Arrivals:
        live = {s.id: s for s in activity.live()}
        signal = activity.minutes.column("signal").to_numpy().astype(np.int64)
        second = activity.minutes.column("minute").cast(pa.timestamp("s")).cast(pa.int64()).to_numpy()
        kept = np.isin(signal, np.fromiter(live, np.int64, len(live)))
        return cls(live, signal[kept], second[kept])

    def between(self, start: float, end: float) -> _Arrivals:
        kept = (self.second >= start) & (self.second < end)
        return _Arrivals(self.live, self.signal[kept], self.second[kept])

    def senders(self) -> set[int]:
        return set(np.unique(self.signal).tolist())


def _registered(enterprise: Enterprise) -> dict[str, float]:
    try:
        valid = check_uscc(enterprise.uscc, demo=enterprise.demo) == enterprise.uscc
    except InvalidUscc:
        valid = False
    return {
        "uscc_valid": int(valid),
        "industry_set": int(bool(enterprise.industry)),
        "region_set": int(bool(enterprise.region)),
    }


def _window(
    enterprise: Enterprise, activity: Activity, arrivals: _Arrivals, rule: Rule, look: _Look
) -> dict[str, float]:
    inside = arrivals.between(look.since, look.until)
    connected = arrivals.between(look.machines_since, look.until).senders()
    bins = (inside.second + look.offset) // rule.bin_s
    logins = [(user, at) for user, at in activity.logins if look.has(at)]
    scheduled = (look.until - look.since) / rule.bin_s * min(1.0, enterprise.hours_week / _WEEK_HOURS)
    return {
        "subscriptions": activity.subscriptions,
        "sources": len({arrivals.live[s].source for s in inside.senders()}),
        "users": len({user for user, _ in logins}),
        "user_bins": len({(at.timestamp() + look.offset) // rule.bin_s for _, at in logins}),
        "machine_bins": _machine_bins(inside, bins),
        "machines": len({arrivals.live[s].machine for s in connected}),
        "lines": _whole_lines(arrivals.live, connected),
        "good_share": round(min(1.0, len(np.unique(bins)) / scheduled), 4),
        **_app_use(activity.uses, arrivals, rule, look),
        **_handling(activity.alerts, rule, look),
    }


def _handling(alerts: Iterable[AlertCase], rule: Rule, look: _Look) -> dict[str, float]:
    """Alerts whose time to be handled ended in the window: of each it is known how it came out."""
    within = timedelta(seconds=rule.alert_within_s)
    due = [case for case in alerts if look.has(case.opened_at + within)]
    handled = sum(c.answered_at is not None and c.answered_at - c.opened_at <= within for c in due)
    share = round(handled / len(due), 4) if due else 0.0
    return {"alerts": len(due), "alerts_handled": handled, "alert_share": share}


def _machine_bins(inside: _Arrivals, bins: NDArray[np.int64]) -> int:
    """Bins with good data of the machine that has most of them."""
    of_machine: dict[str, set[int]] = {}
    for signal, number in zip(inside.signal.tolist(), bins.tolist(), strict=True):
        of_machine.setdefault(inside.live[signal].machine, set()).add(number)
    return max((len(of) for of in of_machine.values()), default=0)


def _whole_lines(live: Mapping[int, SignalInfo], connected: set[int]) -> int:
    """Lines all of whose known machines sent good data."""
    machines = _machines_by_line(live.values())
    sending = _machines_by_line(live[s] for s in connected)
    return sum(of == sending.get(line) for line, of in machines.items())


def _machines_by_line(signals: Iterable[SignalInfo]) -> dict[str, set[str]]:
    lines: dict[str, set[str]] = {}
    for signal in signals:
        lines.setdefault("/".join(signal.path.split("/")[:_LINE_LEVELS]), set()).add(signal.machine)
    return lines


def _app_use(uses: Iterable[AppUse], arrivals: _Arrivals, rule: Rule, look: _Look) -> dict[str, float]:
    """Apps that ran on signals that were arriving live at the time, and the bins in which any did."""
    apps, bins = set(), set()
    for use in uses:
        at = use.started_at.timestamp()
        if look.has(use.started_at):
            fresh = arrivals.between(at - rule.app_delay_s - _MINUTE, at)
            if fresh.senders() & use.signals:
                apps.add(use.app)
                bins.add((at + look.offset) // rule.bin_s)
    return {"apps": len(apps), "app_bins": len(bins)}
