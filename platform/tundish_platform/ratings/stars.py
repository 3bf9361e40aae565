"""Stars: what people who ran an app think of it, beside the measured figures and never instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from tundish_platform.audit import record_of
from tundish_platform.marketplace import Outcome
from tundish_platform.marketplace.models import AppRun
from tundish_platform.ratings.models import AppStars
from tundish_platform.tenancy import Permission, access_programme
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import Principal, TenantScope

MOST: Final = 5


class StarsRefused(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has not run the app, so it has nothing to say of it.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    message_zh = "贵企业还没有成功运行过该应用。订阅并至少成功运行一次后即可评价。"
    message_en = "Your plant has not run this app yet. Subscribe, and rate it once a run went well."


class UnknownStars(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """There are no such stars."""


class StarsSpec(BaseModel):
    """Stars and a short text, which everybody may read without whose it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stars: Annotated[int, Field(ge=1, le=MOST, strict=True)]
    text: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""


@dataclass(frozen=True, slots=True)
class Stars:
    """How many tenants gave how many stars; ``mean`` is None while nobody has.

    Attributes:
        counts: of one star, two, … five.
    """

    mean: float | None
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What one tenant says of an app, without whose it is.

    Attributes:
        hidden_because: why an operator hides it; only the operator and who said it see it then.
    """

    id: int
    stars: int
    text: str
    version: str
    said_at: datetime
    hidden_because: str | None


@dataclass(frozen=True, slots=True)
class SaidOf:
    """The same with the app that it is about."""

    app: str
    said: Said


@dataclass(frozen=True, slots=True)
class OwnStars:
    """What the tenant itself said, and whether it may say anything."""

    may: bool
    said: Said | None


def give_stars(session: Session, scope: TenantScope, app_id: str, spec: StarsSpec, now: datetime) -> Said:
    """Give stars or change them; what an operator hid stays hidden.

    Raises:
        AccessDenied: the scope may not subscribe.
        StarsRefused: no run of the app was accepted at the tenant.
    """
    scope.require(Permission.SUBSCRIBE)
    version = _newest_version(session, scope, app_id)
    if version is None:
        raise StarsRefused(app_id)
    told = {
        "stars": spec.stars, "text": spec.text.strip(), "app_version": version,
        "said_at": now, "said_by": scope.principal,
    }  # fmt: skip
    statement = insert_into(session, AppStars).values(tenant_id=scope.tenant_id, app_id=app_id, **told)
    session.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "app_id"], set_=told))
    record_of(session, scope, "stars.given", app_id, now, {"stars": spec.stars})
    row = _own(session, scope, app_id)
    if row is None:
        raise UnknownStars(app_id)
    return _said(row)


def take_stars_back(session: Session, scope: TenantScope, app_id: str, now: datetime) -> None:
    """Withdraw the tenant's stars; where there are none nothing happens.

    Raises:
        AccessDenied: the scope may not subscribe.
    """
    scope.require(Permission.SUBSCRIBE)
    row = _own(session, scope, app_id)
    if row is not None:
        session.delete(row)
        session.flush()
        record_of(session, scope, "stars.withdrawn", app_id, now)


def own_stars(session: Session, scope: TenantScope, app_id: str) -> OwnStars:
    """What the tenant said of an app, and whether it may."""
    scope.require(Permission.READ)
    row = _own(session, scope, app_id)
    may = Permission.SUBSCRIBE in scope.permissions and _newest_version(session, scope, app_id) is not None
    return OwnStars(may, None if row is None else _said(row))


def stars_of(above: Session, apps: Collection[str]) -> dict[str, Stars]:
    """How many stars each of these apps got of how many tenants; hidden ones do not count."""
    query = (
        select(AppStars.app_id, AppStars.stars, func.count())
        .where(AppStars.app_id.in_(apps), AppStars.hidden_at.is_(None))
        .group_by(AppStars.app_id, AppStars.stars)
    )
    counts = {app: [0] * MOST for app in apps}
    for app, stars, count in above.execute(query):
        counts[app][stars - 1] = count
    return {app: _stars(of) for app, of in counts.items()}


def said_of(above: Session, app_id: str, *, hidden: bool, before: int, limit: int) -> list[Said]:
    """What tenants say of an app, newest first, a page at a time.

    Args:
        above: session above tenants.
        app_id: of the app.
        hidden: with those that an operator hides.
        before: number of the last one of the page before; 0 for the first page.
        limit: at most so many.
    """
    query = select(AppStars).where(AppStars.app_id == app_id)
    if not hidden:
        query = query.where(AppStars.hidden_at.is_(None))
    if before:
        query = query.where(AppStars.id < before)
    return [_said(row) for row in above.scalars(query.order_by(AppStars.id.desc()).limit(limit))]


def newest_said(above: Session, limit: int) -> list[SaidOf]:
    """What tenants said last, of whatever app and hidden or not, newest first."""
    rows = above.scalars(select(AppStars).order_by(AppStars.said_at.desc(), AppStars.id.desc()).limit(limit))
    return [SaidOf(row.app_id, _said(row)) for row in rows]


def hide_stars(above: Session, principal: Principal, number: int, reason: str, now: datetime) -> Said:
    """Hide stars and text from everybody for a reason, or show them again where the reason is empty.

    Raises:
        AccessDenied: the principal does not run the platform.
        UnknownStars: there are none of that number.
    """
    access_programme(principal, Permission.OPERATE)
    row = above.get(AppStars, number)
    if row is None:
        raise UnknownStars(number)
    row.hidden_at = now if reason else None
    row.hidden_by = principal.name if reason else None
    row.hidden_because = reason or None
    above.flush()
    return _said(row)


def _newest_version(session: Session, scope: TenantScope, app_id: str) -> str | None:
    """The version that ran last and well at the tenant."""
    query = select(AppRun.app_version).where(
        AppRun.tenant_id == scope.tenant_id, AppRun.app_id == app_id, AppRun.outcome == Outcome.OK.value
    )
    version: str | None = session.scalar(query.order_by(AppRun.started_at.desc()).limit(1))
    return version


def _own(session: Session, scope: TenantScope, app_id: str) -> AppStars | None:
    query = select(AppStars).where(AppStars.tenant_id == scope.tenant_id, AppStars.app_id == app_id)
    return session.scalar(query.execution_options(populate_existing=True))


def _stars(counts: list[int]) -> Stars:
    tenants = sum(counts)
    total = sum(stars * count for stars, count in enumerate(counts, start=1))
    return Stars(total / tenants if tenants else None, tuple(counts))


def _said(row: AppStars) -> Said:
    return Said(row.id, row.stars, row.text, row.app_version, row.said_at, row.hidden_because)
