"""Tables of the register: changes in their order, what each said, contacts, merges, and imports that wait."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, UtcDateTime


class RegisterChange(Base):
    """One transaction on the register; its number is the moment known.

    Attributes:
        id: counted up by one under a lock, so that who sees a number sees all below it.
        at: never earlier than the change before, whatever the clock does.
        kind: `changes.Kind`.
    """

    __tablename__ = "register_change"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(String(400), default="")


class RegisterHead(Base):
    """Number and moment of the last change, one row; whoever changes the register takes it first."""

    __tablename__ = "register_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    change_id: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class RegisterFact(Base):
    """What a change said of a field: from that day on it has this value. Rows are never changed.

    Attributes:
        value: as `fields` spells it; None for unknown.
        withdrawn: the field did not change on that day after all.
    """

    __tablename__ = "register_fact"
    __table_args__ = (UniqueConstraint("enterprise_id", "field", "valid_from", "change_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"))
    field: Mapped[str] = mapped_column(String(20))
    valid_from: Mapped[date]
    value: Mapped[str | None] = mapped_column(Text)
    withdrawn: Mapped[bool] = mapped_column(default=False)
    change_id: Mapped[int] = mapped_column(ForeignKey("register_change.id"), index=True)


class RegisterEntryRow(Base):
    """What is known now of today, beside the columns of `Enterprise`: to search and page by, made from facts.

    Attributes:
        version: number of the last change that touched the enterprise.
    """

    __tablename__ = "register_entry"

    enterprise_id: Mapped[int] = mapped_column(
        ForeignKey("enterprise.id", ondelete="CASCADE"), primary_key=True
    )
    park: Mapped[str | None] = mapped_column(String(100), index=True)
    size: Mapped[str | None] = mapped_column(String(10), index=True)
    size_entered: Mapped[bool] = mapped_column(default=False)
    staff: Mapped[int | None]
    revenue: Mapped[float | None]
    founded: Mapped[date | None]
    notes: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int]


class RegisterContact(Base):
    """A person to talk to. Personal data: no history, and what is deleted is gone."""

    __tablename__ = "register_contact"

    id: Mapped[int] = mapped_column(primary_key=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(100))
    phone: Mapped[str] = mapped_column(String(40))
    mail: Mapped[str] = mapped_column(String(200))
    entered_by: Mapped[str] = mapped_column(String(200))
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)


_STANDS = text("undone_by IS NULL")


class RegisterMerge(Base):
    """Two entries that are one enterprise.

    Attributes:
        kept_id: the entry that stands for both; ``merged_id`` is counted no more.
        change_id: the change that merged them; ``undone_by`` the one that took it back.
        tenant_moved: the tenant that went from the one to the other.
    """

    __tablename__ = "register_merge"
    __table_args__ = (
        Index("register_merge_standing", "merged_id", unique=True, sqlite_where=_STANDS,
              postgresql_where=_STANDS),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    kept_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"), index=True)
    merged_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"))
    change_id: Mapped[int] = mapped_column(ForeignKey("register_change.id"))
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("register_change.id"))
    tenant_moved: Mapped[int | None] = mapped_column(ForeignKey("tenant.id", ondelete="SET NULL"))


class RegisterImport(Base):
    """A file that was read and waits for a person to confirm what it would do.

    Attributes:
        digest: SHA-256 of what it would have done to the register as it stood.
        valid_on: day from which values hold whose rows name none.
        cells: row numbers and texts; emptied when it is confirmed, dropped or too old.
        change_id: the change that it became.
    """

    __tablename__ = "register_import"

    id: Mapped[int] = mapped_column(primary_key=True)
    file_name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    valid_on: Mapped[date]
    cells: Mapped[list[Any]] = mapped_column(JSON)
    made_by: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(12))
    change_id: Mapped[int | None] = mapped_column(ForeignKey("register_change.id"))
