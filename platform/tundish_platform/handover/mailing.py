"""Mails with editions: claimed in the database, sent without it, written down what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import or_, select, update

from tundish_platform.alarms.notify.contacts import reach
from tundish_platform.alarms.notify.faults import WORDS, Fault, NotSent
from tundish_platform.alarms.notify.mail import MailServer, hand_in, letter
from tundish_platform.alarms.notify.models import NoticeChannel
from tundish_platform.alarms.notify.sending import LEASE, outcome
from tundish_platform.alarms.notify.vault import KeyLost
from tundish_platform.assets import lying_in
from tundish_platform.handover.models import HandoverEdition, HandoverMail
from tundish_platform.tenancy import Permission, Role
from tundish_platform.tenancy.models import Membership, Tenant
from tundish_platform.tenancy.scope import ROLE_PERMISSIONS, within

if TYPE_CHECKING:
    import random

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.alarms.notify.addresses import Allowed
    from tundish_platform.alarms.notify.vault import Vault
    from tundish_platform.tenancy import TenantScope

Language = Literal["zh", "en"]
MAX_PAGE: Final = 500
MAX_ATTACHED: Final = 8 * 1024 * 1024
"""Bytes of all files of a mail; mail servers commonly take 10 MB with its encoding."""
# A report takes longer to write and to hand in than an alarm's few lines.
_LEASE: Final = LEASE + timedelta(minutes=3)


class MailState(StrEnum):
    """Where a mail stands; ``dead`` is given up."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class MailView:
    """A mail as the log shows it.

    Attributes:
        fault_zh, fault_en: why the last attempt failed, and what to do; empty if it did not.
    """

    id: int
    edition: int
    path: str
    starts_at: datetime
    number: int
    person: int
    state: MailState
    attempts: int
    made_at: datetime
    due_at: datetime
    sent_at: datetime | None
    fault: str
    fault_zh: str
    fault_en: str
    detail: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that this process sends now; no database from here on.

    Attributes:
        to: the address; empty where the person has none any more.
        wrong: why it cannot even be tried.
    """

    mail: int
    attempt: int
    edition: int
    language: Language
    key: str
    to: str
    settings: dict[str, Any]
    password: str = field(repr=False)
    wrong: Fault | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a mail."""

    name: str
    media_type: str
    content: bytes


def due_mails(session: Session, scope: TenantScope, now: datetime, limit: int = 20) -> list[int]:
    """Numbers of a tenant's mails that are due, the longest waiting first."""
    return list(
        session.scalars(
            select(HandoverMail.id)
            .where(HandoverMail.tenant_id == scope.tenant_id, *_sendable(now))
            .order_by(HandoverMail.due_at, HandoverMail.id)
            .limit(limit)
        )
    )


def tenants_with_mails(session: Session, now: datetime) -> list[str]:
    """Slugs of the tenants that have mails to send; for the job that goes round all of them."""
    return list(
        session.scalars(
            select(Tenant.slug)
            .join(HandoverMail, HandoverMail.tenant_id == Tenant.id)
            .where(*_sendable(now))
            .distinct()
            .order_by(Tenant.slug)
        )
    )


def claim_mail(
    session: Session, scope: TenantScope, vault: Vault, number: int, now: datetime
) -> Claimed | None:
    """Claim a mail; ``None`` where another process has it. Commit before sending.

    Raises:
        AccessDenied: the scope may not configure.
    """
    scope.require(Permission.CONFIGURE)
    mine = (HandoverMail.tenant_id == scope.tenant_id, HandoverMail.id == number)
    claimed = session.scalar(
        update(HandoverMail)
        .where(*mine, *_sendable(now))
        .values(attempts=HandoverMail.attempts + 1, claimed_until=now + _LEASE)
        .returning(HandoverMail.id)
    )
    if claimed is None:
        return None
    row = session.scalars(select(HandoverMail).where(*mine).execution_options(populate_existing=True)).one()
    channel = session.scalars(
        select(NoticeChannel).where(
            NoticeChannel.tenant_id == scope.tenant_id, NoticeChannel.id == row.channel_id
        )
    ).one()
    wrong, secrets = None, {"password": ""}
    try:
        secrets = vault.open(scope.tenant_id, channel.secrets)
    except KeyLost:
        wrong = Fault.KEY_LOST
    if not channel.enabled:
        wrong = Fault.CHANNEL_OFF
    reached = [one.mail for one in reach(session, scope, [row.person], []) if one.mail]
    if not _may_read(session, scope, row):
        reached = []
    if not reached:
        wrong = wrong or Fault.NO_RECIPIENTS
    return Claimed(
        row.id, row.attempts, row.edition_id, "en" if row.language == "en" else "zh",
        f"{scope.slug}-handover-{row.id}", reached[0] if reached else "", channel.settings,
        secrets["password"], wrong,
    )  # fmt: skip


def send_mail(
    out: Claimed, subject: str, text: str, files: tuple[Attachment, ...], allowed: Allowed, timeout: float,
    now: datetime,
) -> None:  # fmt: skip
    """Hand it in once. Its ``Message-ID`` is the same for every attempt, so that programs drop repeats.

    Raises:
        NotSent: it was not taken.
    """
    if out.wrong is not None:
        raise NotSent(out.wrong, again=False)
    given = out.settings
    message = letter(sender=given["sender"], to=[out.to], subject=subject, text=text, key=out.key, now=now)
    for file in files:
        main, _, sub = file.media_type.partition("/")
        message.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)
    server = MailServer(given["host"], given["port"], given["security"], given["user"], out.password)
    hand_in(server, message, [out.to], allowed, timeout)


def settle_mail(
    session: Session, scope: TenantScope, out: Claimed, error: NotSent | None, now: datetime,
    rng: random.Random,
) -> None:  # fmt: skip
    """Write down what became of an attempt; nothing if another process has taken the mail over since."""
    session.execute(
        update(HandoverMail)
        .where(
            HandoverMail.tenant_id == scope.tenant_id, HandoverMail.id == out.mail,
            HandoverMail.attempts == out.attempt, HandoverMail.state == MailState.WAITING.value,
        )
        .values(**outcome(out.attempt, error, now, rng))
    )  # fmt: skip


def list_mails(session: Session, scope: TenantScope, *, before: int = 0, limit: int = 100) -> list[MailView]:
    """The log of mails where the scope may configure, the newest first, a page at a time.

    Raises:
        AccessDenied: the scope may not configure.
    """
    there = lying_in(HandoverEdition.path, scope.places(Permission.CONFIGURE))
    query = (
        select(HandoverMail, HandoverEdition)
        .join(HandoverEdition, HandoverEdition.id == HandoverMail.edition_id)
        .where(HandoverMail.tenant_id == scope.tenant_id, HandoverEdition.tenant_id == scope.tenant_id, there)
    )
    if before:
        query = query.where(HandoverMail.id < before)
    rows = session.execute(query.order_by(HandoverMail.id.desc()).limit(min(limit, MAX_PAGE)))
    return [_view(mail, edition) for mail, edition in rows]


def _sendable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = or_(HandoverMail.claimed_until.is_(None), HandoverMail.claimed_until <= now)
    return HandoverMail.state == MailState.WAITING.value, HandoverMail.due_at <= now, free


def _may_read(session: Session, scope: TenantScope, row: HandoverMail) -> bool:
    """Whether the person may still see the place that the report is about."""
    path = session.scalars(
        select(HandoverEdition.path).where(
            HandoverEdition.tenant_id == scope.tenant_id, HandoverEdition.id == row.edition_id
        )
    ).one()
    held = session.execute(
        select(Membership.role, Membership.place).where(
            Membership.tenant_id == scope.tenant_id, Membership.user_id == row.person
        )
    )
    return any(
        Permission.READ in ROLE_PERMISSIONS[Role(role)]
        and within(path, frozenset({place}) if place else None)
        for role, place in held
    )


def _view(mail: HandoverMail, edition: HandoverEdition) -> MailView:
    zh, en = WORDS.get(mail.fault, ("", ""))
    return MailView(
        id=mail.id, edition=mail.edition_id, path=edition.path, starts_at=edition.starts_at,
        number=edition.number, person=mail.person, state=MailState(mail.state), attempts=mail.attempts,
        made_at=mail.made_at, due_at=mail.due_at, sent_at=mail.sent_at, fault=mail.fault, fault_zh=zh,
        fault_en=en, detail=mail.detail,
    )  # fmt: skip
