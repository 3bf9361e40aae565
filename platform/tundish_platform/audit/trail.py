"""The audit trail in the metadata database: writing, reading, letting go of what is old, verifying."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, select, update

from tundish_platform.audit.chain import (
    GENESIS,
    Entry,
    Verdict,
    canonical,
    digest_of,
    digest_of_detail,
    said,
    verify,
)
from tundish_platform.audit.models import AuditEntry, AuditHead
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

# The Chinese cyber security law wants six months; nobody may set less.
LEAST_KEPT: Final = timedelta(days=180)
MAX_PAGE: Final = 1_000
PRUNED: Final = "audit.pruned"
_HEAD: Final = 1
_BLOCK: Final = 5_000


def record(
    session: Session, actor: str, action: str, subject: str, *, tenant: str = "", now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> int:  # fmt: skip
    """Write an entry in the transaction of what it records: both stand, or neither.

    Args:
        session: of the metadata database.
        actor: name of the person, service or job.
        action: what was done, ``thing.verb``.
        subject: to what.
        tenant: slug; empty above tenants.
        now: the platform's clock, UTC.
        detail: more, as JSON; never a secret.

    Returns:
        The entry's number.
    """
    number, previous = _next(session)
    text = canonical(dict(detail or {}))
    actor, subject = actor[:200], subject[:400]
    digest = digest_of(previous, said(number, now, actor, tenant, action, subject, digest_of_detail(text)))
    session.add(
        AuditEntry(
            number=number, at=now, actor=actor, tenant=tenant, action=action, subject=subject, detail=text,
            detail_digest=digest_of_detail(text),
            digest=digest,
        )
    )  # fmt: skip
    session.execute(update(AuditHead).where(AuditHead.id == _HEAD).values(number=number, digest=digest))
    session.flush()
    return number


def record_of(
    session: Session, scope: TenantScope, action: str, subject: str, now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> int:  # fmt: skip
    """`record` of what was done in a tenant by whoever has the scope."""
    return record(session, scope.principal, action, subject, tenant=scope.slug, now=now, detail=detail)


def entries_of(
    session: Session, scope: TenantScope, *, before: int | None = None, limit: int = MAX_PAGE,
    action: str = "",
) -> list[Entry]:  # fmt: skip
    """What was done in a tenant, newest first; of one action if it is named.

    Raises:
        AccessDenied: the scope may not manage the tenant.
    """
    scope.require(Permission.MANAGE)
    scope.require_all_signals()
    query = select(AuditEntry).where(AuditEntry.tenant == scope.slug)
    if before is not None:
        query = query.where(AuditEntry.number < before)
    if action:
        query = query.where(AuditEntry.action == action)
    rows = session.scalars(query.order_by(AuditEntry.number.desc()).limit(min(limit, MAX_PAGE)))
    return [_entry(row) for row in rows]


def all_entries(session: Session, after: int = 0) -> Iterator[Entry]:
    """Every entry above tenants and in them, oldest first; for the operator, who verifies and exports."""
    while True:
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.number > after).order_by(AuditEntry.number).limit(_BLOCK)
        ).all()
        for row in rows:
            yield _entry(row)
        session.expunge_all()
        if len(rows) < _BLOCK:
            return
        after = rows[-1].number


def head(session: Session) -> tuple[int, str]:
    """Number and digest of the last entry: an anchor, to be written down elsewhere."""
    row = session.get(AuditHead, _HEAD, populate_existing=True)
    return (0, GENESIS) if row is None else (row.number, row.digest)


def verify_trail(session: Session, anchors: Mapping[int, str] | None = None) -> Verdict:
    """Follow the whole trail that is kept.

    Args:
        session: of the metadata database.
        anchors: digests by number that were written down elsewhere.
    """
    row = session.get(AuditHead, _HEAD, populate_existing=True)
    if row is None:
        return verify(all_entries(session), anchors=anchors)
    after, previous, number, digest = row.kept_after, row.kept_digest, row.number, row.digest
    verdict = verify(
        all_entries(session, after), after=after, previous=previous, anchors=anchors, least=number
    )
    if not verdict.faults and verdict.digest != digest:
        end = f"the trail ends with another digest than its head says ({digest[:12]}…)"
        return Verdict(verdict.entries, verdict.last, verdict.digest, (end,))
    return verdict


def prune(session: Session, actor: str, keep: timedelta, now: datetime) -> int:
    """Let go of entries older than ``keep``; what is kept still verifies, and says that this was done.

    Returns:
        How many went.

    Raises:
        ValueError: ``keep`` is less than `LEAST_KEPT`.
    """
    if keep < LEAST_KEPT:
        raise ValueError(f"an audit trail is kept for {LEAST_KEPT.days} days at least")
    # From the oldest to the first young one: a clock that once stood wrong must not tear a hole.
    young = session.scalar(
        select(AuditEntry.number).where(AuditEntry.at >= now - keep).order_by(AuditEntry.number).limit(1)
    )
    query = select(AuditEntry).order_by(AuditEntry.number.desc()).limit(1)
    last = session.scalar(query if young is None else query.where(AuditEntry.number < young))
    if last is None:
        return 0
    number, digest = last.number, last.digest
    detail = {"up_to": number, "digest": digest}
    record(session, actor, PRUNED, f"1–{number}", now=now, detail=detail)
    session.execute(
        update(AuditHead).where(AuditHead.id == _HEAD).values(kept_after=number, kept_digest=digest)
    )
    gone = session.scalars(
        delete(AuditEntry).where(AuditEntry.number <= number).returning(AuditEntry.number)
    ).all()
    return len(gone)


def _next(session: Session) -> tuple[int, str]:
    """The next number and the digest it follows; the end of the chain is ours until the transaction ends."""
    session.execute(
        insert_into(session, AuditHead)
        .values(id=_HEAD, number=0, digest=GENESIS, kept_after=0, kept_digest=GENESIS)
        .on_conflict_do_nothing()
    )
    number, digest = session.execute(
        update(AuditHead)
        .where(AuditHead.id == _HEAD)
        .values(number=AuditHead.number)
        .returning(AuditHead.number, AuditHead.digest)
    ).one()
    return number + 1, digest


def _entry(row: AuditEntry) -> Entry:
    return Entry(
        row.number, row.at, row.actor, row.tenant, row.action, row.subject,
        row.detail, row.detail_digest, row.digest,
    )  # fmt: skip
