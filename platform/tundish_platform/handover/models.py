"""Tables of the hand-over: shift plans, editions of reports, notes of people, and mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class ShiftPlan(TenantOwned, Base):
    """The shifts of a site or a line and what is measured there; ``spec`` is a `ShiftPlanSpec`.

    Attributes:
        path: of the site, area or line; one plan each.
        since: when it was first made; shifts that ended before are not reported on by themselves.
        version: counts changes, so that two people editing at once do not undo each other.
    """

    __tablename__ = "shift_plan"
    __table_args__ = (UniqueConstraint("tenant_id", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(400))
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int]
    changed_by: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class HandoverEdition(TenantOwned, Base):
    """One edition of a shift's report; never changed. What came late makes another one.

    Attributes:
        starts_at, ends_at: of the shift.
        number: 1 for the first edition, more for corrected ones.
        content: the `HandoverFacts` as JSON.
        digest: of what was measured; an edition is corrected when it differs.
        recheck_at: when the newest edition is compared with the data again; None when that is over.
    """

    __tablename__ = "handover_edition"
    __table_args__ = (
        # Two processes that see a shift end make one edition.
        UniqueConstraint("tenant_id", "path", "starts_at", "number"),
        Index("handover_edition_by_recheck", "tenant_id", "recheck_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(400))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    number: Mapped[int]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recheck_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class HandoverNote(TenantOwned, Base):
    """What somebody of a shift hands over in words.

    Attributes:
        starts_at: of the shift it belongs to.
        point: an open point, carried to the shifts that follow until somebody closes it.
        follows: the note that this one goes on from.
        said_by, said_at: who hands over, and when it was said or last changed.
        taken_by, taken_at: who took it over; from then on it is not changed.
        closed_by, closed_at: of an open point.
    """

    __tablename__ = "handover_note"
    __table_args__ = (Index("handover_note_by_shift", "tenant_id", "path", "starts_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(400))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    text: Mapped[str] = mapped_column(Text)
    point: Mapped[bool]
    follows: Mapped[int | None] = mapped_column(ForeignKey("handover_note.id", ondelete="SET NULL"))
    said_by: Mapped[str] = mapped_column(String(200))
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    taken_by: Mapped[str] = mapped_column(String(200))
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str] = mapped_column(String(200))
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class HandoverMail(TenantOwned, Base):
    """An edition's mail to one person, from being wanted to sent or given up; at once the log.

    Attributes:
        person: number of whom it is for.
        language: of the text and of the files with it.
        state: `MailState`.
        due_at: earliest next attempt.
        claimed_until: a process is at it until then.
        fault, detail: of the last attempt that failed: `Fault`, and what the other side said.
    """

    __tablename__ = "handover_mail"
    __table_args__ = (
        UniqueConstraint("tenant_id", "edition_id", "person"),
        Index("handover_mail_by_due", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("handover_edition.id", ondelete="CASCADE"))
    person: Mapped[int]
    channel_id: Mapped[int] = mapped_column(ForeignKey("notice_channel.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(2))
    state: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fault: Mapped[str] = mapped_column(String(30))
    detail: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
