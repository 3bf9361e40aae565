"""What a subscription used on each day of the plant's clock: computed from its runs, kept nowhere.

A day belongs to the plan that ran last on it. A day on which the app ran at any moment counts as a day; one
on which it paused throughout does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import case, func, select

from tundish_platform.marketplace.days import day_start, days_of, month_after
from tundish_platform.marketplace.models import AppRun, Grant, Subscription, SubscriptionChange
from tundish_platform.marketplace.outcomes import Outcome
from tundish_platform.sdk import PlanKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

DayState = Literal["billed", "free", "trial", "paused"]
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class UsageDay:
    """One subscription on one day.

    Attributes:
        state: whether the day is charged, and if not, why.
        plan, plan_kind, fen: of the plan that ran last on it.
        runs: started on it, of which ``accepted`` ended well: only those are charged.
        rows: samples that the runs read.
        signals: granted at any moment of it while the app ran.
    """

    subscription: int
    app: str
    day: date
    state: DayState
    plan: str
    plan_kind: str
    fen: int
    runs: int
    accepted: int
    rows: int
    signals: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A subscription from one change to the next."""

    start: datetime
    end: datetime
    running: bool
    plan: str
    plan_kind: str
    fen: int
    trial_until: datetime | None


@dataclass(frozen=True, slots=True)
class Counted:
    """Runs of one subscription on one day."""

    runs: int = 0
    accepted: int = 0
    rows: int = 0


Runs = dict[tuple[int, date], Counted]


def usage_of_month(
    session: Session, scope: TenantScope, month: date, zone: ZoneInfo, now: datetime
) -> list[UsageDay]:
    """All subscriptions of the tenant in a month, by subscription and day, up to ``now``.

    The caller has checked what the scope may.
    """
    days = [day for day in days_of(month) if day_start(day, zone) < now]
    counted = counted_by_day(session, scope, days, zone)
    return with_plans(session, scope, month, zone, now, counted)


def with_plans(
    session: Session, scope: TenantScope, month: date, zone: ZoneInfo, now: datetime, counted: Runs
) -> list[UsageDay]:
    """Runs that were counted, with the plans, pauses and grants of their days."""
    spans = [(day, day_start(day, zone)) for day in [*days_of(month), month_after(month)]]
    bounds = [(day, start, min(end, now)) for (day, start), (_, end) in pairwise(spans) if start < now]
    found = []
    for number, app in _subscriptions(session, scope):
        stretches, grants = _stretches(session, scope, number), _grants(session, scope, number)
        for day, start, end in bounds:
            of_day = counted.get((number, day))
            if (one := _day(stretches, grants, start, end, of_day)) is not None:
                found.append(UsageDay(number, app, day, *one))
    return found


def counted_by_day(session: Session, scope: TenantScope, days: Sequence[date], zone: ZoneInfo) -> Runs:
    """Runs by subscription and day, counted by the database."""
    accepted = func.sum(case((AppRun.outcome == Outcome.OK.value, 1), else_=0))
    found: Runs = {}
    for day in days:
        start, end = day_start(day, zone), day_start(date.fromordinal(day.toordinal() + 1), zone)
        query = (
            select(AppRun.subscription_id, func.count(), accepted, func.sum(AppRun.rows_in))
            .where(AppRun.tenant_id == scope.tenant_id, AppRun.started_at >= start, AppRun.started_at < end)
            .group_by(AppRun.subscription_id)
        )
        for number, runs, well, rows in session.execute(query):
            found[number, day] = Counted(int(runs), int(well), int(rows))
    return found


def counted_one_by_one(session: Session, scope: TenantScope, month: date, zone: ZoneInfo) -> Runs:
    """The same counted another way: each run by itself, put on the day that the plant's clock showed."""
    start, end = day_start(days_of(month)[0], zone), day_start(month_after(month), zone)
    query = select(AppRun.subscription_id, AppRun.started_at, AppRun.outcome, AppRun.rows_in).where(
        AppRun.tenant_id == scope.tenant_id, AppRun.started_at >= start, AppRun.started_at < end
    )
    found: Runs = {}
    for number, at, outcome, rows in session.execute(query):
        key = number, at.astimezone(zone).date()
        before = found.get(key, Counted())
        well = before.accepted + (outcome == Outcome.OK.value)
        found[key] = Counted(before.runs + 1, well, before.rows + rows)
    return found


def _day(
    stretches: Sequence[Stretch],
    grants: Mapping[int, Sequence[tuple[datetime, datetime]]],
    start: datetime,
    end: datetime,
    counted: Counted | None,
) -> tuple[DayState, str, str, int, int, int, int, int] | None:
    """How the day stood; None where there was no subscription on it, nor any run."""
    there = [one for one in stretches if max(one.start, start) < min(one.end, end)]
    if not there and counted is None:
        return None
    counted = counted or Counted()
    running = [one for one in there if one.running]
    last = (running or there or stretches)[-1]
    figures = counted.runs, counted.accepted, counted.rows, _signals(running, grants, start, end)
    return _state(running, start), last.plan, last.plan_kind, last.fen, *figures


def _state(running: Sequence[Stretch], start: datetime) -> DayState:
    if not running:
        return "paused"
    last = running[-1]
    if last.plan_kind == PlanKind.FREE:
        return "free"
    return "trial" if last.trial_until is not None and start < last.trial_until else "billed"


def _signals(
    running: Sequence[Stretch],
    grants: Mapping[int, Sequence[tuple[datetime, datetime]]],
    start: datetime,
    end: datetime,
) -> int:
    spans = [(max(one.start, start), min(one.end, end)) for one in running]
    return sum(
        any(max(given, begin) < min(taken, until) for given, taken in of for begin, until in spans)
        for of in grants.values()
    )


def _subscriptions(session: Session, scope: TenantScope) -> list[tuple[int, str]]:
    mine = Subscription.tenant_id == scope.tenant_id
    query = select(Subscription.id, Subscription.app_id).where(mine).order_by(Subscription.id)
    return [(number, app) for number, app in session.execute(query)]


def _stretches(session: Session, scope: TenantScope, subscription: int) -> list[Stretch]:
    query = select(SubscriptionChange).where(
        SubscriptionChange.tenant_id == scope.tenant_id, SubscriptionChange.subscription_id == subscription
    )
    changes = session.scalars(query.order_by(SubscriptionChange.id)).all()
    found: list[Stretch] = []
    for one, after in zip(changes, [*changes[1:], None], strict=False):
        # Servers' clocks may differ by a little; what was written later is held to come later.
        start = max(one.at, found[-1].end) if found else one.at
        end = max(start, after.at) if after else (start if one.act == "cancelled" else _NEVER)
        found.append(Stretch(start, end, one.running, one.plan, one.plan_kind, one.fen, one.trial_until))
    return found


def _grants(
    session: Session, scope: TenantScope, subscription: int
) -> dict[int, list[tuple[datetime, datetime]]]:
    query = select(Grant.signal_id, Grant.granted_at, Grant.withdrawn_at).where(
        Grant.tenant_id == scope.tenant_id, Grant.subscription_id == subscription
    )
    found: dict[int, list[tuple[datetime, datetime]]] = {}
    for signal, given, taken in session.execute(query):
        found.setdefault(signal, []).append((given, taken or _NEVER))
    return found
