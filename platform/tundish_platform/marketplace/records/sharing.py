"""Sealed documents: listed, shared by a code for a while, fetched by it while the consent stands."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from tundish_platform.audit import record_of
from tundish_platform.marketplace.models import Grant, Subscription
from tundish_platform.marketplace.record_models import RecordGrant, SealedDocument
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


class UnknownDocument(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """There is no such document, or it may not be fetched any more."""


class DocumentInfo(BaseModel):
    """A document as its tenant sees it.

    Attributes:
        kinds: the records it rests on.
        code: by which it can be fetched; None while it is not shared.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    app: str
    version: str
    key: str
    subject: str
    kinds: list[str]
    made_at: datetime
    code: str | None
    shared_by: str | None
    shared_until: datetime | None


def documents(
    session: Session, scope: TenantScope, app_id: str, before: int = 0, limit: int = 50
) -> list[DocumentInfo]:
    """An app's documents, newest first, a page at a time.

    Args:
        session: of the metadata database.
        scope: with the permission to read in the whole tenant.
        app_id: whose.
        before: number of the last one of the page before; 0 for the first page.
        limit: at most so many.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    query = select(SealedDocument).where(
        SealedDocument.tenant_id == scope.tenant_id, SealedDocument.app_id == app_id
    )
    if before:
        query = query.where(SealedDocument.id < before)
    return [_info(row) for row in session.scalars(query.order_by(SealedDocument.id.desc()).limit(limit))]


def document_file(session: Session, scope: TenantScope, number: int) -> str:
    """The file of one of the tenant's documents.

    Raises:
        UnknownDocument: the tenant has none of that number.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    return _own(session, scope, number).content


def share(session: Session, scope: TenantScope, number: int, until: datetime, now: datetime) -> DocumentInfo:
    """Let whoever has the code fetch the document until then; shared again, the code stays.

    Raises:
        AccessDenied: the scope may not subscribe.
        UnknownDocument: the tenant has none of that number.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    row = _own(session, scope, number)
    row.code = row.code or secrets.token_urlsafe(18)
    row.shared_at, row.shared_by, row.shared_until = now, scope.principal, until
    record_of(session, scope, "document.shared", f"{row.app_id}/{row.key}", now, _told(row))
    return _info(row)


def unshare(session: Session, scope: TenantScope, number: int) -> bool:
    """Take the code back at once; False where there was none.

    Raises:
        AccessDenied: the scope may not subscribe.
        UnknownDocument: the tenant has none of that number.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    row = _own(session, scope, number)
    if row.code is None:
        return False
    row.code = row.shared_at = row.shared_by = row.shared_until = None
    told = f"{row.app_id}/{row.key}"
    record_of(session, scope, "document.unshared", told, datetime.now(UTC), {"document": row.id})
    return True


def shared_file(session: Session, code: str, now: datetime) -> str:
    """The file behind a code, from a session above tenants: whose it is, only the code says.

    Nothing is fetched of a document whose subscription has ended, or of which a record or a signal that was
    granted when it was made has been withdrawn since; granting anew does not bring it back.

    Raises:
        UnknownDocument: there is none that may be fetched; why is not told.
    """
    row = session.scalar(select(SealedDocument).where(SealedDocument.code == code))
    if row is None or row.shared_until is None or row.shared_until <= now:
        raise UnknownDocument(code)
    subscription = session.get(Subscription, row.subscription_id)
    if subscription is None or subscription.stopped_at is not None:
        raise UnknownDocument(code)
    if not set(row.kinds) <= _standing_since(session, row) or _signal_withdrawn(session, row):
        raise UnknownDocument(code)
    return row.content


def _standing_since(session: Session, row: SealedDocument) -> set[str]:
    query = select(RecordGrant.kind).where(
        RecordGrant.tenant_id == row.tenant_id,
        RecordGrant.subscription_id == row.subscription_id,
        RecordGrant.withdrawn_at.is_(None),
        RecordGrant.granted_at <= row.made_at,
    )
    return set(session.scalars(query))


def _signal_withdrawn(session: Session, row: SealedDocument) -> bool:
    query = select(Grant.id).where(
        Grant.tenant_id == row.tenant_id,
        Grant.subscription_id == row.subscription_id,
        Grant.withdrawn_at > row.made_at,
    )
    return session.scalar(query.limit(1)) is not None


def _own(session: Session, scope: TenantScope, number: int) -> SealedDocument:
    query = select(SealedDocument).where(
        SealedDocument.tenant_id == scope.tenant_id, SealedDocument.id == number
    )
    row = session.scalar(query)
    if row is None:
        raise UnknownDocument(number)
    return row


def _told(row: SealedDocument) -> dict[str, object]:
    return {"document": row.id, "until": row.shared_until.isoformat() if row.shared_until else ""}


def _info(row: SealedDocument) -> DocumentInfo:
    return DocumentInfo(
        id=row.id, app=row.app_id, version=row.app_version, key=row.key, subject=row.subject, kinds=row.kinds,
        made_at=row.made_at, code=row.code, shared_by=row.shared_by, shared_until=row.shared_until,
    )  # fmt: skip
