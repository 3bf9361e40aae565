"""Days on the plant's clock: when they begin, which one an instant is of, and until when a trial lasts."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from tundish_platform.marketplace.models import Subscription
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.sdk import Plan
    from tundish_platform.tenancy import TenantScope

_DAY = timedelta(days=1)


def zone_of(session: Session, scope: TenantScope) -> ZoneInfo:
    """The zone in which the tenant's days are reckoned."""
    return ZoneInfo(session.scalars(select(Tenant.timezone).where(Tenant.id == scope.tenant_id)).one())


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day, UTC; also where clocks are changed at midnight."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def days_of(month: date) -> list[date]:
    """All days of the month that a day lies in."""
    first = month.replace(day=1)
    return [first + n * _DAY for n in range(calendar.monthrange(first.year, first.month)[1])]


def month_after(month: date) -> date:
    """First day of the next month."""
    return days_of(month)[-1] + _DAY


def trial_end(
    session: Session, scope: TenantScope, app_id: str, plan: Plan, now: datetime
) -> datetime | None:
    """Until when the plan's trial lasts; None where there is none, or it is over.

    It counts from the day on which the tenant first subscribed to the app: the rest of that day and then
    ``trial_days`` whole days. So neither cancelling and coming back nor changing plans makes a new one.
    """
    if not plan.trial_days:
        return None
    mine = Subscription.tenant_id == scope.tenant_id, Subscription.app_id == app_id
    first = session.scalar(select(func.min(Subscription.started_at)).where(*mine)) or now
    zone = zone_of(session, scope)
    end = day_start(first.astimezone(zone).date() + (plan.trial_days + 1) * _DAY, zone)
    return end if now < end else None
