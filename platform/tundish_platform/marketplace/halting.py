"""Apps that fail again and again are stopped for that tenant until a person or a new version starts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, update

from tundish_platform.audit import record_of
from tundish_platform.marketplace.models import AppHalt, AppRun, Subscription
from tundish_platform.marketplace.outcomes import OWN_FAULTS, Outcome
from tundish_platform.marketplace.subscriptions import subscription_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

FAILURES: Final = 5
"""So many in a row stop an app."""
NEW_VERSION: Final = "new version"
_REASONS: Final = {
    Outcome.FAILED: ("运行出错", "ended with an error"),
    Outcome.TIMEOUT: ("超时", "took too long"),
    Outcome.REFUSED: ("结果与清单不符", "handed back what does not fit its manifest"),
}


@dataclass(frozen=True, slots=True)
class Halt:
    """An app that stands still.

    Attributes:
        since: when it was stopped.
        reason_zh, reason_en: why, and what to do.
    """

    app: str
    version: str
    failures: int
    outcome: str
    since: datetime

    @property
    def reason_zh(self) -> str:
        """Why, in Chinese."""
        why = _REASONS[Outcome(self.outcome)][0]
        return (
            f"{self.app} {self.version} 连续 {self.failures} 次运行失败 (最后一次: {why}), 已停止运行。"
            "请联系应用发布者, 或在确认后重新启动; 换用其他版本后会自动启动。"
        )

    @property
    def reason_en(self) -> str:
        """Why, in English."""
        why = _REASONS[Outcome(self.outcome)][1]
        return (
            f"{self.app} {self.version} failed {self.failures} times in a row (the last run {why}) and was "
            "stopped. Contact its publisher, or start it again; another version starts by itself."
        )


def after_run(session: Session, scope: TenantScope, app_id: str, version: str, now: datetime) -> Halt | None:
    """Look at an app's last runs after one was recorded; the halt that stands then, or None.

    Args:
        session: of the metadata database.
        scope: with the permission to run analyses.
        app_id: whose run it was.
        version: that ran.
        now: the platform's clock, UTC.
    """
    scope.require(Permission.ANALYSE)
    subscription = subscription_of(session, scope, app_id).id
    session.execute(
        update(AppHalt)
        .where(*_open(scope, app_id), AppHalt.app_version != version)
        .values(cleared_at=now, cleared_by=NEW_VERSION)
    )
    standing = halt_of(session, scope, app_id)
    if standing is not None:
        return standing
    last = _last_outcomes(session, scope, subscription, version)
    if len(last) < FAILURES or not all(outcome in OWN_FAULTS for outcome in last):
        return None
    session.add(
        AppHalt(
            tenant_id=scope.tenant_id, subscription_id=subscription, app_id=app_id, app_version=version,
            failures=FAILURES, outcome=last[0], halted_at=now,
        )
    )  # fmt: skip
    session.flush()
    record_of(session, scope, "subscription.halted", app_id, now, {"version": version, "outcome": last[0]})
    return halt_of(session, scope, app_id)


def restart(session: Session, scope: TenantScope, app_id: str, now: datetime) -> bool:
    """Let a halted app run again; False where it was not halted.

    Raises:
        AccessDenied: the scope may not subscribe.
        NotSubscribed: there is no active subscription.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    subscription_of(session, scope, app_id)
    cleared = session.execute(
        update(AppHalt).where(*_open(scope, app_id)).values(cleared_at=now, cleared_by=scope.principal)
    )
    done = bool(cleared.rowcount)  # type: ignore[attr-defined] # an UPDATE gives a CursorResult
    if done:
        record_of(session, scope, "subscription.restarted", app_id, now)
    return done


def halts(session: Session, scope: TenantScope) -> dict[str, Halt]:
    """The tenant's apps that stand still, by id."""
    scope.require(Permission.READ)
    rows = session.scalars(select(AppHalt).where(*_open(scope)))
    return {row.app_id: _halt(row) for row in rows}


def halt_of(session: Session, scope: TenantScope, app_id: str) -> Halt | None:
    """Whether one app stands still, and why."""
    scope.require(Permission.READ)
    row = session.scalar(select(AppHalt).where(*_open(scope, app_id)).limit(1))
    return None if row is None else _halt(row)


def _open(scope: TenantScope, app_id: str | None = None) -> tuple[ColumnElement[bool], ...]:
    """Halts of active subscriptions, to one app or to all."""
    active = select(Subscription.id).where(
        Subscription.tenant_id == scope.tenant_id, Subscription.stopped_at.is_(None)
    )
    mine = (
        AppHalt.tenant_id == scope.tenant_id,
        AppHalt.cleared_at.is_(None),
        AppHalt.subscription_id.in_(active),
    )
    return mine if app_id is None else (*mine, AppHalt.app_id == app_id)


def _last_outcomes(session: Session, scope: TenantScope, subscription: int, version: str) -> list[str]:
    """Of the newest runs since it was last started again, newest first; unreached ones tell nothing."""
    cleared = select(func.max(AppHalt.cleared_at)).where(
        AppHalt.tenant_id == scope.tenant_id, AppHalt.subscription_id == subscription
    )
    since = session.scalar(cleared)
    query = select(AppRun.outcome).where(
        AppRun.tenant_id == scope.tenant_id,
        AppRun.subscription_id == subscription,
        AppRun.app_version == version,
        AppRun.outcome != Outcome.UNREACHED,
    )
    if since is not None:
        query = query.where(AppRun.started_at > since)
    return list(session.scalars(query.order_by(AppRun.id.desc()).limit(FAILURES)))


def _halt(row: AppHalt) -> Halt:
    return Halt(row.app_id, row.app_version, row.failures, row.outcome, row.halted_at)
