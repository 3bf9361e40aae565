"""Editions of shift reports: kept once, corrected by another one, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from tundish_platform.alarms.notify.models import NoticeChannel
from tundish_platform.assets import lying_in
from tundish_platform.audit import record_of
from tundish_platform.handover.facts import HandoverFacts
from tundish_platform.handover.faults import UnknownHandover
from tundish_platform.handover.mailing import MailState
from tundish_platform.handover.models import HandoverEdition, HandoverMail
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.handover.specs import HandoverMailing
    from tundish_platform.tenancy import TenantScope

MAX_PAGE: Final = 500
CORRECTED_FOR: Final = timedelta(hours=72)
"""Data that comes later than this after a shift's end makes no other edition."""
RECHECK_EVERY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class EditionView:
    """An edition as lists show it; see `HandoverEdition`."""

    id: int
    path: str
    starts_at: datetime
    ends_at: datetime
    number: int
    digest: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Edition:
    """An edition with everything it says."""

    view: EditionView
    facts: HandoverFacts


@dataclass(frozen=True, slots=True)
class Recheck:
    """An edition whose data is looked at again."""

    id: int
    path: str
    starts_at: datetime
    number: int
    digest: str


def keep_edition(
    session: Session,
    scope: TenantScope,
    facts: HandoverFacts,
    number: int,
    mail: HandoverMailing | None,
    now: datetime,
) -> int | None:
    """Keep an edition and want its mails, both in one transaction.

    Args:
        session: of the metadata database.
        scope: of the job.
        facts: what it says.
        number: 1, or one more than that of the edition it corrects.
        mail: who gets it, if anybody.
        now: the platform's clock, UTC.

    Returns:
        Its number in the list; None where another process kept it first.
    """
    shift = facts.shift
    ends = shift.ends_at + CORRECTED_FOR
    made: int | None = session.scalar(
        insert_into(session, HandoverEdition)
        .values(
            tenant_id=scope.tenant_id, path=facts.path, starts_at=shift.starts_at, ends_at=shift.ends_at,
            number=number, content=facts.model_dump(mode="json"), digest=facts.digest, made_at=now,
            recheck_at=now + RECHECK_EVERY if now + RECHECK_EVERY <= ends else None,
        )
        .on_conflict_do_nothing()
        .returning(HandoverEdition.id)
    )  # fmt: skip
    if made is None:
        return None
    what = {"shift": shift.starts_at.isoformat(), "number": number, "digest": facts.digest}
    record_of(session, scope, "handover.edition_made", facts.path, now, what)
    if mail is not None:
        _want_mail(session, scope, made, mail, now)
    return made


def newest_edition(session: Session, scope: TenantScope, path: str, starts_at: datetime) -> Edition | None:
    """The newest edition of a shift's report.

    Raises:
        AccessDenied: the scope may not read.
    """
    row = session.scalar(
        select(HandoverEdition)
        .where(
            HandoverEdition.tenant_id == scope.tenant_id, HandoverEdition.path == path,
            HandoverEdition.starts_at == starts_at, lying_in(HandoverEdition.path, scope.places()),
        )
        .order_by(HandoverEdition.number.desc())
        .limit(1)
    )  # fmt: skip
    return None if row is None else _whole(row)


def list_editions(
    session: Session, scope: TenantScope, *, path: str = "", before: int = 0, limit: int = 100
) -> list[EditionView]:
    """Editions where the scope may read, the newest first, a page at a time.

    Raises:
        AccessDenied: the scope may not read.
    """
    query = select(HandoverEdition).where(
        HandoverEdition.tenant_id == scope.tenant_id, lying_in(HandoverEdition.path, scope.places())
    )
    if path:
        query = query.where(HandoverEdition.path == path)
    if before:
        query = query.where(HandoverEdition.id < before)
    rows = session.scalars(query.order_by(HandoverEdition.id.desc()).limit(min(limit, MAX_PAGE)))
    return [_view(row) for row in rows]


def editions_of(session: Session, scope: TenantScope, path: str, starts_at: datetime) -> list[EditionView]:
    """All editions of one shift's report, the first one first.

    Raises:
        AccessDenied: the scope may not read.
    """
    rows = session.scalars(
        select(HandoverEdition)
        .where(
            HandoverEdition.tenant_id == scope.tenant_id, HandoverEdition.path == path,
            HandoverEdition.starts_at == starts_at, lying_in(HandoverEdition.path, scope.places()),
        )
        .order_by(HandoverEdition.number)
    )  # fmt: skip
    return [_view(row) for row in rows]


def find_edition(session: Session, scope: TenantScope, number: int) -> Edition:
    """One edition with everything it says.

    Raises:
        AccessDenied: the scope may not read.
        UnknownHandover: there is none of that number where the scope may read.
    """
    row = session.scalar(
        select(HandoverEdition).where(
            HandoverEdition.tenant_id == scope.tenant_id, HandoverEdition.id == number,
            lying_in(HandoverEdition.path, scope.places()),
        )
    )  # fmt: skip
    if row is None:
        raise UnknownHandover(number)
    return _whole(row)


def claim_rechecks(session: Session, scope: TenantScope, now: datetime, limit: int = 20) -> list[Recheck]:
    """Editions whose data is to be looked at again, each given to one process only."""
    due = session.scalars(
        select(HandoverEdition)
        .where(HandoverEdition.tenant_id == scope.tenant_id, HandoverEdition.recheck_at <= now)
        .order_by(HandoverEdition.recheck_at)
        .limit(limit)
    ).all()
    claimed = []
    for row in due:
        found = Recheck(row.id, row.path, row.starts_at, row.number, row.digest)
        over, following = row.ends_at + CORRECTED_FOR, now + RECHECK_EVERY
        done = session.scalar(
            update(HandoverEdition)
            .where(
                HandoverEdition.tenant_id == scope.tenant_id, HandoverEdition.id == row.id,
                HandoverEdition.recheck_at == row.recheck_at,
            )
            .values(recheck_at=following if following <= over else None)
            .returning(HandoverEdition.id)
        )  # fmt: skip
        if done is not None and now <= over:
            claimed.append(found)
    return claimed


def end_rechecks(session: Session, scope: TenantScope, edition: int) -> None:
    """A corrected edition is looked at no more; the one that corrects it is."""
    session.execute(
        update(HandoverEdition)
        .where(HandoverEdition.tenant_id == scope.tenant_id, HandoverEdition.id == edition)
        .values(recheck_at=None)
    )


def shifts_told(session: Session, scope: TenantScope, path: str, since: datetime) -> set[datetime]:
    """When the shifts began whose report was made already, of those that end after an instant."""
    return set(
        session.scalars(
            select(HandoverEdition.starts_at).where(
                HandoverEdition.tenant_id == scope.tenant_id, HandoverEdition.path == path,
                HandoverEdition.ends_at > since,
            )
        )
    )  # fmt: skip


def _want_mail(
    session: Session, scope: TenantScope, edition: int, mail: HandoverMailing, now: datetime
) -> None:
    there = session.scalar(
        select(NoticeChannel.id).where(
            NoticeChannel.tenant_id == scope.tenant_id, NoticeChannel.id == mail.channel
        )
    )
    if there is None:
        return
    for person in sorted(set(mail.people)):
        session.execute(
            insert_into(session, HandoverMail)
            .values(
                tenant_id=scope.tenant_id, edition_id=edition, person=person, channel_id=mail.channel,
                language=mail.language, state=MailState.WAITING.value, attempts=0, due_at=now,
                claimed_until=None, fault="", detail="", made_at=now, sent_at=None,
            )
            .on_conflict_do_nothing()
        )  # fmt: skip


def _whole(row: HandoverEdition) -> Edition:
    return Edition(_view(row), HandoverFacts.model_validate(row.content))


def _view(row: HandoverEdition) -> EditionView:
    return EditionView(
        row.id, row.path, row.starts_at, row.ends_at, row.number, row.digest, row.made_at
    )  # fmt: skip
