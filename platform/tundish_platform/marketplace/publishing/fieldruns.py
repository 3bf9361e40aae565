"""How a publisher's app runs in the field, over all tenants, without anything of the tenants' own.

Of a run there are version, outcome, times and sizes, kind and place of a failure: no message, value, signal
or name. Tenants are numbers in the order in which each first ran the app; samples are told as powers of ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from tundish_platform.marketplace.models import AppHalt, AppRun, Subscription
from tundish_platform.marketplace.publishing.models import AppTitle
from tundish_platform.marketplace.publishing.versions import unknown_version
from tundish_platform.marketplace.upgrades.models import AppUpgrade
from tundish_platform.tenancy import Permission

FEWEST: Final = 5
"""Fewer tenants than that are not counted in public; as for all figures that leave a tenant."""

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


@dataclass(frozen=True, slots=True)
class FieldRun:
    """One run as the app's publisher sees it.

    Attributes:
        tenant: a number that stands for the tenant, for this app alone.
        day: on which it ran, UTC.
        rows_below: the power of ten that its samples stay below.
        error_type, error_place: as `tundish_platform.marketplace.faults.Fault`.
    """

    id: int
    tenant: int
    version: str
    day: date
    outcome: str
    seconds: float
    cpu_s: float | None
    memory_mb: int | None
    rows_below: int
    error_type: str
    error_place: str


@dataclass(frozen=True, slots=True)
class FieldHalt:
    """How many tenants' runs of a version stand still because it failed again and again."""

    version: str
    tenants: int


@dataclass(frozen=True, slots=True)
class FieldUpgrade:
    """How many upgrades to a version stand so, and why."""

    version: str
    state: str
    reason: str
    upgrades: int


@dataclass(frozen=True, slots=True)
class FieldVersion:
    """At how many tenants a version runs; None where that is fewer than `FEWEST`, and one at least."""

    version: str
    tenants: int | None


def field_runs(
    session: Session, above: Session, scope: TenantScope, app_id: str, before: int, limit: int
) -> list[FieldRun]:
    """Runs of one of the publisher's apps, newest first, a page at a time.

    Args:
        session: that reaches the publisher.
        above: that reaches subscribers.
        scope: the publisher's.
        app_id: of the app.
        before: number of the last run of the page before; 0 for the first page.
        limit: at most so many.

    Raises:
        AccessDenied: the scope may not publish.
        PublishRefused: the app is not the tenant's.
    """
    _require_own(session, scope, app_id)
    of_app = AppRun.app_id == app_id
    firsts = select(AppRun.tenant_id).where(of_app).group_by(AppRun.tenant_id).order_by(func.min(AppRun.id))
    numbers = {tenant: number for number, tenant in enumerate(above.scalars(firsts), start=1)}
    query = select(AppRun).where(of_app)
    if before:
        query = query.where(AppRun.id < before)
    rows = above.scalars(query.order_by(AppRun.id.desc()).limit(limit))
    return [_fact(row, numbers[row.tenant_id]) for row in rows]


def field_halts(session: Session, above: Session, scope: TenantScope, app_id: str) -> list[FieldHalt]:
    """Versions that stand still somewhere, by version.

    Raises:
        AccessDenied: the scope may not publish.
        PublishRefused: the app is not the tenant's.
    """
    _require_own(session, scope, app_id)
    query = (
        select(AppHalt.app_version, func.count())
        .where(AppHalt.app_id == app_id, AppHalt.cleared_at.is_(None))
        .group_by(AppHalt.app_version)
        .order_by(AppHalt.app_version)
    )
    return [FieldHalt(version, count) for version, count in above.execute(query)]


def field_upgrades(session: Session, above: Session, scope: TenantScope, app_id: str) -> list[FieldUpgrade]:
    """Of each version how many upgrades to it stand how, by version and state; no tenant is told.

    Raises:
        AccessDenied: the scope may not publish.
        PublishRefused: the app is not the tenant's.
    """
    _require_own(session, scope, app_id)
    query = (
        select(AppUpgrade.to_version, AppUpgrade.state, AppUpgrade.reason, func.count())
        .where(AppUpgrade.app_id == app_id)
        .group_by(AppUpgrade.to_version, AppUpgrade.state, AppUpgrade.reason)
        .order_by(AppUpgrade.to_version, AppUpgrade.state, AppUpgrade.reason)
    )
    return [FieldUpgrade(version, state, reason, n) for version, state, reason, n in above.execute(query)]


def field_versions(session: Session, above: Session, scope: TenantScope, app_id: str) -> list[FieldVersion]:
    """At how many tenants each version runs now, newest version last; fewer than `FEWEST` are not counted.

    Raises:
        AccessDenied: the scope may not publish.
        PublishRefused: the app is not the tenant's.
    """
    _require_own(session, scope, app_id)
    query = (
        select(Subscription.app_version, func.count(func.distinct(Subscription.tenant_id)))
        .where(Subscription.app_id == app_id, Subscription.stopped_at.is_(None))
        .group_by(Subscription.app_version)
        .order_by(Subscription.app_version)
    )
    return [FieldVersion(version, n if n >= FEWEST else None) for version, n in above.execute(query)]


def own_apps(session: Session, scope: TenantScope) -> list[str]:
    """Ids of the apps that the tenant publishes."""
    scope.require(Permission.PUBLISH)
    mine = select(AppTitle.app_id).where(AppTitle.tenant_id == scope.tenant_id)
    return list(session.scalars(mine.order_by(AppTitle.app_id)))


def _require_own(session: Session, scope: TenantScope, app_id: str) -> None:
    if app_id not in own_apps(session, scope):
        raise unknown_version()


def _fact(row: AppRun, tenant: int) -> FieldRun:
    return FieldRun(
        id=row.id, tenant=tenant, version=row.app_version, day=row.started_at.date(), outcome=row.outcome,
        seconds=round(row.seconds, 2), cpu_s=None if row.cpu_s is None else round(row.cpu_s, 2),
        memory_mb=row.memory_mb, rows_below=bucket(row.rows_in), error_type=row.error_type,
        error_place=row.error_place,
    )  # fmt: skip


def bucket(rows: int) -> int:
    """The least power of ten above a count."""
    return int(10 ** (math.floor(math.log10(rows)) + 1)) if rows else 1
