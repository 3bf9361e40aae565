"""What follows a shadow run: the switch, or not; and the way back, by hand or because the version fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from tundish_platform.audit import record_of
from tundish_platform.marketplace.changes import Act, keep_change_of
from tundish_platform.marketplace.grants import give, take
from tundish_platform.marketplace.mapping import also_confirm, forget_inputs
from tundish_platform.marketplace.models import AppRun, Subscription
from tundish_platform.marketplace.outcomes import OWN_FAULTS, Outcome
from tundish_platform.marketplace.subscriptions import NotSubscribed, active_row, grant_signals
from tundish_platform.marketplace.upgrades.datause import RECORDS
from tundish_platform.marketplace.upgrades.faults import nothing_to_return_to, over
from tundish_platform.marketplace.upgrades.models import AppUpgrade
from tundish_platform.marketplace.upgrades.states import (
    FAILURES,
    MAX_TRIES,
    Reason,
    State,
    Verdict,
    verdict,
)
from tundish_platform.marketplace.upgrades.views import former_version, row_of, view_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.upgrades.comparing import Shadow
    from tundish_platform.marketplace.upgrades.views import UpgradeView
    from tundish_platform.sdk import Manifest
    from tundish_platform.tenancy import TenantScope

AGAIN: Final = timedelta(minutes=10)
"""So long after a shadow run that told nothing comes the next one."""

_ENDS: Final = {
    Verdict.BAD: (State.REFUSED, Reason.SHADOW),
    Verdict.DIFFERS: (State.DIFFERS, Reason.SHADOW),
}


def shadow_ran(
    session: Session, scope: TenantScope, number: int, shadow: Shadow, manifest: Manifest, now: datetime
) -> UpgradeView:
    """Keep what a shadow run told, and switch where it went well.

    Args:
        session: of the metadata database.
        scope: of the worker, with the permission to analyse.
        number: of the upgrade.
        shadow: both runs.
        manifest: of the new version.
        now: the platform's clock.

    Raises:
        AccessDenied: the scope may not analyse.
        UnknownUpgrade: the tenant has none of that number.
        UpgradeRefused: it waits for no shadow run, or these are other versions.
    """
    scope.require(Permission.ANALYSE)
    row = _trying(session, scope, number)
    if shadow.new.version != row.to_version:
        raise over(number)
    row.shadow, row.tries = shadow.model_dump(mode="json"), row.tries + 1
    unread = [part.partition(":")[2] for part in row.agreed if part.startswith(f"{RECORDS}:")]
    said = verdict(shadow, unread)
    if said is Verdict.GOOD:
        _switch(session, scope, row, manifest, row.asked_by, now)
        return view_of(row)
    if said is Verdict.UNDECIDED and row.tries < MAX_TRIES:
        row.try_at = now + AGAIN
        session.flush()
        return view_of(row)
    row.state, row.reason = _ENDS.get(said, (State.REFUSED, Reason.UNDECIDED))
    if row.state == State.REFUSED:
        row.ended_at, row.ended_by = now, "marketplace"
    session.flush()
    detail = {"from": row.from_version, "to": row.to_version, "outcome": shadow.new.outcome}
    record_of(session, scope, f"upgrade.{row.state}", row.app_id, now, detail)
    return view_of(row)


def take_anyway(
    session: Session, scope: TenantScope, number: int, manifest: Manifest, now: datetime
) -> UpgradeView:
    """Take a version whose shadow run went well but told other values than the running one.

    Raises:
        AccessDenied: the scope may not subscribe.
        UnknownUpgrade: the tenant has none of that number.
        UpgradeRefused: it does not wait for a person.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    row = row_of(session, scope, number)
    if row.state != State.DIFFERS:
        raise over(number)
    _switch(session, scope, row, manifest, scope.principal, now)
    return view_of(row)


def roll_back(
    session: Session, scope: TenantScope, app_id: str, may_run: Callable[[str], bool], now: datetime
) -> UpgradeView:
    """Have the former version back, by a person's hand.

    Args:
        session: of the metadata database.
        scope: with the permission to subscribe.
        app_id: of the app.
        may_run: whether a version is still approved.
        now: the platform's clock.

    Raises:
        AccessDenied: the scope may not subscribe.
        NotSubscribed: there is no active subscription.
        UpgradeRefused: there is no former version, or it was withdrawn.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    found = former_version(session, scope, app_id)
    if found is None or not may_run(found.from_version):
        raise nothing_to_return_to(app_id)
    return _return(session, scope, row_of(session, scope, found.id), scope.principal, Reason.PERSON, now)


def after_failures(
    session: Session, scope: TenantScope, app_id: str, version: str, may_run: Callable[[str], bool],
    now: datetime,
) -> UpgradeView | None:  # fmt: skip
    """Bring the former version back where the one that took over fails run by run; None where it does not.

    Args:
        session: of the metadata database.
        scope: of the worker that recorded the run, with the permission to analyse.
        app_id: whose run it was.
        version: that ran.
        may_run: whether a version is still approved.
        now: the platform's clock.
    """
    scope.require(Permission.ANALYSE)
    found = former_version(session, scope, app_id)
    if found is None or found.to_version != version or found.taken_at is None:
        return None
    row = row_of(session, scope, found.id)
    query = select(AppRun.outcome).where(
        AppRun.tenant_id == scope.tenant_id,
        AppRun.subscription_id == row.subscription_id,
        AppRun.app_version == version,
        AppRun.started_at >= found.taken_at,
        AppRun.outcome != Outcome.UNREACHED,
    )
    last = list(session.scalars(query.order_by(AppRun.id.desc()).limit(FAILURES)))
    if len(last) < FAILURES or not OWN_FAULTS.issuperset(last) or not may_run(found.from_version):
        return None
    return _return(session, scope, row, "marketplace", Reason.FAILING, now)


def _trying(session: Session, scope: TenantScope, number: int) -> AppUpgrade:
    """The row of an upgrade that waits for its shadow run; held, so that of two results one counts."""
    held = (
        update(AppUpgrade)
        .where(
            AppUpgrade.tenant_id == scope.tenant_id, AppUpgrade.id == number, AppUpgrade.state == State.TRYING
        )
        .values(reason=AppUpgrade.reason)
        .returning(AppUpgrade.id)
    )
    row = row_of(session, scope, number)
    if session.scalar(held) is None or not _still(session, scope, row):
        raise over(number)
    return row


def _still(session: Session, scope: TenantScope, row: AppUpgrade) -> bool:
    """Whether the subscription runs what the upgrade would replace."""
    try:
        active = active_row(session, scope, row.app_id)
    except NotSubscribed:
        return False
    return (active.id, active.app_version) == (row.subscription_id, row.from_version)


def _switch(
    session: Session, scope: TenantScope, row: AppUpgrade, manifest: Manifest, by: str, now: datetime
) -> None:
    if not _still(session, scope, row):
        raise over(row.id)
    subscription = active_row(session, scope, row.app_id)
    held = grant_signals(session, scope, row.app_id)
    wanted = (set(row.signals) & held) | set(row.fresh)
    kept = {
        "schedule_s": subscription.schedule_s, "window_s": subscription.window_s,
        "parameters": dict(subscription.parameters),
        "taken": take(session, scope, row.subscription_id, now, but=wanted, by=by),
        "given": give(session, scope, row.subscription_id, wanted, now),
        "mapped": also_confirm(session, scope, row.app_id, row.inputs or {}, by, now),
    }  # fmt: skip
    _run_version(
        session, scope, row.subscription_id, app_version=row.to_version, schedule_s=manifest.schedule_s,
        window_s=manifest.window_s, parameters=manifest.carried(subscription.parameters),
    )  # fmt: skip
    row.state, row.taken_at, row.kept = State.TAKEN, now, kept
    _tell(session, scope, row, Act.VERSION_TAKEN, by, now)


def _return(
    session: Session, scope: TenantScope, row: AppUpgrade, by: str, reason: Reason, now: datetime
) -> UpgradeView:
    kept = row.kept or {}
    take(session, scope, row.subscription_id, now, only=kept.get("given", []), by=by)
    give(session, scope, row.subscription_id, kept.get("taken", []), now)
    forget_inputs(session, scope, row.app_id, kept.get("mapped", []))
    before = {name: kept[name] for name in ("schedule_s", "window_s", "parameters") if name in kept}
    _run_version(session, scope, row.subscription_id, app_version=row.from_version, **before)
    row.state, row.ended_at, row.ended_by, row.reason = State.RETURNED, now, by, reason
    _tell(session, scope, row, Act.VERSION_RETURNED, by, now)
    return view_of(row)


def _run_version(session: Session, scope: TenantScope, subscription: int, **values: object) -> None:
    mine = Subscription.tenant_id == scope.tenant_id, Subscription.id == subscription
    session.execute(update(Subscription).where(*mine).values(**values))


def _tell(session: Session, scope: TenantScope, row: AppUpgrade, act: Act, by: str, now: datetime) -> None:
    session.flush()
    way = row.from_version, row.to_version
    was, becomes = way if act is Act.VERSION_TAKEN else way[::-1]
    detail = {"from": was, "to": becomes, "reason": row.reason or Reason.SHADOW, "by": by}
    keep_change_of(session, scope.tenant_id, row.subscription_id, act, by, now, detail)
    record_of(session, scope, f"subscription.{act}", row.app_id, now, detail)
