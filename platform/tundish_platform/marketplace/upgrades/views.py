"""Upgrades as people and the runner see them, a subscription's history of versions among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import false, select

from tundish_platform.marketplace.models import Subscription
from tundish_platform.marketplace.subscriptions import active_row
from tundish_platform.marketplace.upgrades.comparing import Shadow
from tundish_platform.marketplace.upgrades.models import AppUpgrade
from tundish_platform.marketplace.upgrades.states import OPEN, State
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


class UnknownUpgrade(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no upgrade of that number."""


@dataclass(frozen=True, slots=True)
class UpgradeView:
    """One upgrade; attributes as in `models.AppUpgrade`."""

    id: int
    app: str
    from_version: str
    to_version: str
    state: str
    automatic: bool
    asked_by: str
    asked_at: datetime
    agreed: tuple[str, ...]
    signals: tuple[int, ...]
    fresh: tuple[int, ...]
    inputs: Mapping[str, tuple[int, ...]] | None
    tries: int
    try_at: datetime
    shadow: Shadow | None
    taken_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    reason: str

    @property
    def open(self) -> bool:
        """Whether it was neither taken nor ended."""
        return self.state in OPEN


def upgrades_of(
    session: Session, scope: TenantScope, app_id: str, before: int = 0, limit: int = 50
) -> list[UpgradeView]:
    """The versions of the tenant's subscriptions to an app, newest first, a page at a time.

    Raises:
        AccessDenied: the scope may not read the whole tenant.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    query = select(AppUpgrade).where(
        AppUpgrade.tenant_id == scope.tenant_id, *_there(scope), AppUpgrade.app_id == app_id
    )
    if before:
        query = query.where(AppUpgrade.id < before)
    return [view_of(row) for row in session.scalars(query.order_by(AppUpgrade.id.desc()).limit(limit))]


def upgrade_of(session: Session, scope: TenantScope, number: int) -> UpgradeView:
    """One upgrade.

    Raises:
        AccessDenied: the scope may not read the whole tenant.
        UnknownUpgrade: the tenant has none of that number.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    return view_of(row_of(session, scope, number))


def open_upgrades(session: Session, scope: TenantScope) -> dict[str, UpgradeView]:
    """What waits for its shadow run or for a person, by app; nothing for who may see a part of the tenant."""
    scope.require(Permission.READ)
    query = select(AppUpgrade).where(
        AppUpgrade.tenant_id == scope.tenant_id, *_of_active(scope), AppUpgrade.state.in_(OPEN)
    )
    rows = session.scalars(query)
    return {row.app_id: view_of(row) for row in rows}


def newest_taken(session: Session, scope: TenantScope, app_id: str) -> UpgradeView | None:
    """The upgrade that brought the active subscription its version, or the last one that was undone.

    Raises:
        NotSubscribed: there is no active subscription.
    """
    scope.require(Permission.READ)
    active_row(session, scope, app_id)
    query = select(AppUpgrade).where(
        AppUpgrade.tenant_id == scope.tenant_id,
        *_of_active(scope),
        AppUpgrade.app_id == app_id,
        AppUpgrade.taken_at.is_not(None),
    )
    row = session.scalar(query.order_by(AppUpgrade.id.desc()).limit(1))
    return None if row is None else view_of(row)


def former_version(session: Session, scope: TenantScope, app_id: str) -> UpgradeView | None:
    """The upgrade that a roll-back would undo; None where there is none, or the last one was undone."""
    found = newest_taken(session, scope, app_id)
    if found is None or found.state != State.TAKEN:
        return None
    return found if active_row(session, scope, app_id).app_version == found.to_version else None


def row_of(session: Session, scope: TenantScope, number: int) -> AppUpgrade:
    """The row of an upgrade.

    Raises:
        UnknownUpgrade: the tenant has none of that number.
    """
    mine = AppUpgrade.tenant_id == scope.tenant_id, AppUpgrade.id == number
    row = session.scalar(select(AppUpgrade).where(*mine, *_there(scope)))
    if row is None:
        raise UnknownUpgrade(number)
    return row


def _there(scope: TenantScope) -> tuple[ColumnElement[bool], ...]:
    """A version reads wherever its inputs lie, so that who is limited to places sees none."""
    return () if Permission.READ not in scope.limits else (false(),)


def _of_active(scope: TenantScope) -> tuple[ColumnElement[bool], ...]:
    active = select(Subscription.id).where(
        Subscription.tenant_id == scope.tenant_id, Subscription.stopped_at.is_(None)
    )
    return (*_there(scope), AppUpgrade.subscription_id.in_(active))


def view_of(row: AppUpgrade) -> UpgradeView:
    """A row as people see it."""
    return UpgradeView(
        id=row.id, app=row.app_id, from_version=row.from_version, to_version=row.to_version, state=row.state,
        automatic=row.automatic, asked_by=row.asked_by, asked_at=row.asked_at, agreed=tuple(row.agreed),
        signals=tuple(row.signals), fresh=tuple(row.fresh),
        inputs=None if row.inputs is None else {key: tuple(some) for key, some in row.inputs.items()},
        tries=row.tries, try_at=row.try_at,
        shadow=None if row.shadow is None else Shadow.model_validate(row.shadow),
        taken_at=row.taken_at, ended_at=row.ended_at, ended_by=row.ended_by, reason=row.reason,
    )  # fmt: skip
