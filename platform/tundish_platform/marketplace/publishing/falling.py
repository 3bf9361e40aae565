"""What becomes of subscriptions whose version was withdrawn: another one that serves them, or the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from tundish_platform.audit import record
from tundish_platform.marketplace.changes import Act, keep_change_of
from tundish_platform.marketplace.models import Grant, Subscription
from tundish_platform.marketplace.publishing.states import State
from tundish_platform.marketplace.publishing.versions import manifest_of, number_of, versions_in
from tundish_platform.marketplace.upgrades.datause import more_data
from tundish_platform.marketplace.upgrades.models import AppUpgrade
from tundish_platform.marketplace.upgrades.states import OPEN, Reason
from tundish_platform.marketplace.upgrades.states import State as Upgrading
from tundish_platform.sdk import Manifest
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

BY = "marketplace"


def stop_orphans(session: Session, app_id: str, because: str, now: datetime) -> int:
    """Have subscriptions to a version that is approved no more run another one, or stop; how many stop.

    Another one is of the same major number and reads no more than was agreed to: the newest older one,
    else the newest. There is nothing to try it beside, for the withdrawn version must not run.

    Args:
        session: above tenants.
        app_id: of the app.
        because: for the subscribers.
        now: the platform's clock.
    """
    approved = versions_in(session, State.APPROVED, apps=[app_id], limit=10_000)
    standing = {one.version: Manifest.model_validate(one.manifest) for one in approved}
    _end_waiting(session, app_id, list(standing), now)
    active = (
        select(Subscription, Tenant.slug)
        .join(Tenant, Tenant.id == Subscription.tenant_id)
        .where(Subscription.app_id == app_id, Subscription.stopped_at.is_(None))
    )
    stopped = 0
    for row, slug in session.execute(active).all():
        if row.app_version in standing:
            continue
        other = _other(session, row, list(standing.values()))
        if other is None:
            _stop(session, row, slug, because, now)
            stopped += 1
        else:
            _run_instead(session, row, slug, other, now)
    return stopped


def _other(session: Session, row: Subscription, standing: Sequence[Manifest]) -> Manifest | None:
    """The version that may run in place of a withdrawn one."""
    was = manifest_of(session, row.app_id, row.app_version)
    ran = select(AppUpgrade.from_version).where(
        AppUpgrade.tenant_id == row.tenant_id, AppUpgrade.subscription_id == row.id
    )
    before = set(session.scalars(ran))
    mine = number_of(row.app_version)
    fitting = [
        one
        for one in standing
        if number_of(one.version)[0] == mine[0]
        and (one.version in before or (was is not None and not more_data(was, one)))
    ]
    older = [one for one in fitting if number_of(one.version) < mine]
    return max(older or fitting, key=lambda one: number_of(one.version), default=None)


def _run_instead(session: Session, row: Subscription, slug: str, other: Manifest, now: datetime) -> None:
    was = row.app_version
    session.execute(
        update(Subscription)
        .where(Subscription.tenant_id == row.tenant_id, Subscription.id == row.id)
        .values(
            app_version=other.version, schedule_s=other.schedule_s, window_s=other.window_s,
            parameters=other.carried(row.parameters),
        )
    )  # fmt: skip
    session.add(
        AppUpgrade(
            tenant_id=row.tenant_id, subscription_id=row.id, app_id=row.app_id, from_version=was,
            to_version=other.version, state=Upgrading.TAKEN, automatic=True, asked_by=BY, asked_at=now,
            agreed=[], signals=[], fresh=[], inputs=None, tries=0, try_at=now, taken_at=now,
            reason=Reason.WITHDRAWN,
        )
    )  # fmt: skip
    detail = {"from": was, "to": other.version, "reason": Reason.WITHDRAWN}
    keep_change_of(session, row.tenant_id, row.id, Act.VERSION_TAKEN, BY, now, detail)
    record(session, BY, f"subscription.{Act.VERSION_TAKEN}", row.app_id, tenant=slug, now=now, detail=detail)


def _stop(session: Session, row: Subscription, slug: str, because: str, now: datetime) -> None:
    session.execute(
        update(Grant)
        .where(
            Grant.tenant_id == row.tenant_id, Grant.subscription_id == row.id, Grant.withdrawn_at.is_(None)
        )
        .values(withdrawn_at=now, withdrawn_by=BY)
    )
    session.execute(
        update(Subscription)
        .where(Subscription.tenant_id == row.tenant_id, Subscription.id == row.id)
        .values(stopped_at=now, stopped_by=BY, stopped_because=because[:400])
    )
    detail = {"version": row.app_version, "reason": because}
    keep_change_of(session, row.tenant_id, row.id, Act.CANCELLED, BY, now, detail)
    record(session, BY, "subscription.stopped", row.app_id, tenant=slug, now=now, detail=detail)


def _end_waiting(session: Session, app_id: str, standing: Sequence[str], now: datetime) -> None:
    """Upgrades to, or from, a version that may not run wait for nothing any more."""
    session.execute(
        update(AppUpgrade)
        .where(
            AppUpgrade.app_id == app_id,
            AppUpgrade.state.in_(OPEN),
            AppUpgrade.to_version.not_in(standing) | AppUpgrade.from_version.not_in(standing),
        )
        .values(state=Upgrading.REFUSED, ended_at=now, ended_by=BY, reason=Reason.WITHDRAWN)
    )
