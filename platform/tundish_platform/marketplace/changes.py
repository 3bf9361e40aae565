"""What happened to a subscription: who did it, when, and how it stood from then on. Rows are only added."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tundish_platform.marketplace.models import Subscription, SubscriptionChange
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


class Act(StrEnum):
    """What may happen to a subscription."""

    STARTED = "started"
    PLAN_CHANGED = "plan_changed"
    PAUSED = "paused"
    RESUMED = "resumed"
    GRANT_WITHDRAWN = "grant_withdrawn"
    GRANT_GIVEN = "grant_given"
    VERSION_TAKEN = "version_taken"
    VERSION_RETURNED = "version_returned"
    CANCELLED = "cancelled"
    OUTPUTS_REMOVED = "outputs_removed"


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change as people see it; attributes as in `models.SubscriptionChange`."""

    id: int
    subscription: int
    app: str
    at: datetime
    by: str
    act: str
    running: bool
    plan: str
    plan_kind: str
    fen: int
    trial_until: datetime | None
    detail: Mapping[str, Any]


def keep_change(
    session: Session, scope: TenantScope, subscription: int, act: Act, now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Write down what was just done to a subscription, in the transaction that does it."""
    session.flush()
    keep_change_of(session, scope.tenant_id, subscription, act, scope.principal, now, detail)


def keep_change_of(
    session: Session, tenant_id: int, subscription: int, act: Act, by: str, now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """`keep_change` for work above tenants, which has the tenant's number from the row it changes."""
    mine = Subscription.tenant_id == tenant_id, Subscription.id == subscription
    row = session.scalars(select(Subscription).where(*mine).execution_options(populate_existing=True)).one()
    session.add(
        SubscriptionChange(
            tenant_id=tenant_id, subscription_id=subscription, at=now, by=by[:200], act=act.value,
            running=row.stopped_at is None and row.paused_at is None,
            plan=row.plan, plan_kind=row.plan_kind, fen=row.fen, trial_until=row.trial_until,
            detail=dict(detail or {}),
        )
    )  # fmt: skip
    session.flush()


def changes_of(
    session: Session, scope: TenantScope, app_id: str, before: int = 0, limit: int = 100
) -> list[ChangeView]:
    """What happened to the tenant's subscriptions to an app, newest first.

    Args:
        session: of the metadata database.
        scope: with the permission to read the whole tenant.
        app_id: which app.
        before: number of the last change of the page before; 0 for the first page.
        limit: at most so many.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    query = (
        select(SubscriptionChange)
        .join(
            Subscription,
            (Subscription.id == SubscriptionChange.subscription_id)
            & (Subscription.tenant_id == scope.tenant_id),
        )
        .where(SubscriptionChange.tenant_id == scope.tenant_id, Subscription.app_id == app_id)
    )
    if before:
        query = query.where(SubscriptionChange.id < before)
    rows = session.scalars(query.order_by(SubscriptionChange.id.desc()).limit(limit))
    return [
        ChangeView(
            row.id, row.subscription_id, app_id, row.at, row.by, row.act, row.running, row.plan,
            row.plan_kind, row.fen, row.trial_until, row.detail,
        )
        for row in rows
    ]  # fmt: skip
