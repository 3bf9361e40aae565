"""Consent per use: given to words with a version, asked at each reading, withdrawn with effect at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import or_, select, update

from tundish_platform.audit import record_of
from tundish_platform.programme.sharing.models import ShareConsent
from tundish_platform.programme.sharing.purposes import Purpose, purposes
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

AGREED: Final = "sharing.agreed"
WITHDRAWN: Final = "sharing.withdrawn"
_KEPT_BACK: Final = 200


class ConsentRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The consent cannot be given so.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


@dataclass(frozen=True, slots=True)
class Given:
    """A consent as it was given; withdrawn ones stay on record."""

    purpose: str
    version: str
    given_at: datetime
    given_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None


def agreed(session: Session, tenant: int | None) -> frozenset[Purpose]:
    """What a tenant agrees to at this moment, by the words in force; nothing without a tenant.

    Args:
        session: above tenants, or the tenant's own.
        tenant: number of the tenant that an enterprise of the register stands for.
    """
    if tenant is None:
        return frozenset()
    query = select(ShareConsent.purpose).where(ShareConsent.tenant_id == tenant, _in_force())
    return frozenset(Purpose(purpose) for purpose in session.scalars(query))


def agreeing(purpose: Purpose) -> Select[int]:
    """Numbers of all tenants that agree to a purpose as the statement runs; for a session above tenants."""
    return select(ShareConsent.tenant_id).where(ShareConsent.purpose == purpose.value, _in_force())


def given(session: Session, scope: TenantScope) -> list[Given]:
    """The newest 200 consents of the tenant, those withdrawn among them, the newest first.

    Raises:
        AccessDenied: the scope may not manage the tenant.
    """
    scope.require(Permission.MANAGE)
    query = select(ShareConsent).where(ShareConsent.tenant_id == scope.tenant_id)
    return [
        Given(row.purpose, row.version, row.given_at, row.given_by, row.withdrawn_at, row.withdrawn_by)
        for row in session.scalars(query.order_by(ShareConsent.id.desc()).limit(_KEPT_BACK))
    ]


def give(session: Session, scope: TenantScope, purpose: Purpose, version: str, now: datetime) -> None:
    """Agree to a purpose; said again it changes nothing.

    Args:
        session: of the tenant.
        scope: of a person who manages it.
        purpose: which.
        version: of the words that the person read.
        now: the platform's clock.

    Raises:
        AccessDenied: the scope may not manage the tenant.
        ConsentRefused: the words have changed since they were read.
    """
    scope.require(Permission.MANAGE)
    if version != purposes()[purpose].version:
        raise ConsentRefused(
            "授权文本已更新。请重新阅读后再确认。", "The words have changed. Read them again, then agree."
        )
    if purpose in agreed(session, scope.tenant_id):
        return
    # A consent to former words would stand in the way of the one to these.
    _end(session, scope, purpose, now)
    row = {
        "tenant_id": scope.tenant_id, "purpose": purpose.value, "version": version, "given_at": now,
        "given_by": scope.principal,
    }  # fmt: skip
    statement = insert_into(session, ShareConsent).values(**row).on_conflict_do_nothing()
    if session.scalar(statement.returning(ShareConsent.id)) is not None:
        record_of(session, scope, AGREED, purpose.value, now, {"version": version})


def withdraw(session: Session, scope: TenantScope, purpose: Purpose, now: datetime) -> bool:
    """Take a consent back: the next reading finds none. Returns whether there was one.

    Raises:
        AccessDenied: the scope may not manage the tenant.
    """
    scope.require(Permission.MANAGE)
    ended = _end(session, scope, purpose, now)
    if ended:
        record_of(session, scope, WITHDRAWN, purpose.value, now)
    return ended


def _end(session: Session, scope: TenantScope, purpose: Purpose, now: datetime) -> bool:
    ended = session.scalars(
        update(ShareConsent)
        .where(
            ShareConsent.tenant_id == scope.tenant_id,
            ShareConsent.purpose == purpose.value,
            ShareConsent.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now, withdrawn_by=scope.principal)
        .returning(ShareConsent.id)
    )
    return bool(ended.all())


def _in_force() -> ColumnElement[bool]:
    """A consent stands until it is withdrawn, and for the words it was given to."""
    words = [
        (ShareConsent.purpose == purpose.value) & (ShareConsent.version == said.version)
        for purpose, said in purposes().items()
    ]
    return ShareConsent.withdrawn_at.is_(None) & or_(*words)
