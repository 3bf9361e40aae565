"""Persons to talk to in enterprises: entered, read and deleted by officers, with no history kept."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import delete, func, select

from tundish_platform.audit import record
from tundish_platform.programme.register.changes import RegisterRefused, blocks, find, needed
from tundish_platform.programme.register.tables import RegisterContact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from sqlalchemy.orm import Session

MOST: Final = 20
_PHONE: Final = re.compile(r"[0-9+()\- ]{5,40}")
_MAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _printable(text: str) -> str:
    text = text.strip()
    if not text.isprintable():
        raise ValueError("only printable characters")
    return text


_Short = Annotated[str, Field(max_length=100), AfterValidator(_printable)]


class ContactSpec(BaseModel):
    """A person, with a phone number or a mail address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[_Short, Field(min_length=1)]
    role: _Short = ""
    phone: Annotated[str, Field(max_length=40), AfterValidator(_printable)] = ""
    mail: Annotated[str, Field(max_length=200), AfterValidator(_printable)] = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.phone and not _PHONE.fullmatch(self.phone):
            raise ValueError("a phone number has digits, blanks, brackets, + and -")
        if self.mail and not _MAIL.fullmatch(self.mail):
            raise ValueError("a mail address has an @")
        return self


class Contact(ContactSpec):
    """A person of the register, with who entered them and when."""

    id: int
    entered_by: str
    entered_at: datetime


def contacts_of(session: Session, uscc: str) -> list[Contact]:
    """The persons of an enterprise as they were entered; none for a code that nobody has."""
    row = find(session, uscc)
    return [] if row is None else contacts_by(session, [row.id]).get(row.id, [])


def contacts_by(session: Session, enterprises: Sequence[int]) -> dict[int, list[Contact]]:
    """The persons of many enterprises by their numbers."""
    found: dict[int, list[Contact]] = {}
    for block in blocks(enterprises):
        query = select(RegisterContact).where(RegisterContact.enterprise_id.in_(block))
        for row in session.scalars(query.order_by(RegisterContact.id)):
            found.setdefault(row.enterprise_id, []).append(
                Contact.model_construct(
                    id=row.id, name=row.name, role=row.role, phone=row.phone, mail=row.mail,
                    entered_by=row.entered_by, entered_at=row.entered_at,
                )
            )  # fmt: skip
    return found


def add_contact(session: Session, actor: str, uscc: str, said: ContactSpec, now: datetime) -> int:
    """Enter a person; returns their number.

    Raises:
        RegisterRefused: the enterprise is unknown or merged away, or has as many as it may.
    """
    row = needed(session, uscc)
    held = select(func.count()).where(RegisterContact.enterprise_id == row.id)
    if (session.scalar(held) or 0) >= MOST:
        raise RegisterRefused(
            f"每家企业最多 {MOST} 位联系人。", f"An enterprise has at most {MOST} contacts."
        )
    return add_to(session, actor, row.id, said, now)


def delete_contact(session: Session, actor: str, uscc: str, number: int, now: datetime) -> bool:
    """Delete a person for good; whether there was one. The trail tells that, and not who it was."""
    row = find(session, uscc)
    gone = delete(RegisterContact).where(
        RegisterContact.id == number, RegisterContact.enterprise_id == (0 if row is None else row.id)
    )
    found = session.execute(gone.returning(RegisterContact.id)).all()
    if found:
        record(session, actor, "register.contact_deleted", uscc, now=now, detail={"contact": number})
    return bool(found)


def add_to(session: Session, actor: str, enterprise: int, said: ContactSpec, now: datetime) -> int:
    """Enter a person of an enterprise that was looked up; returns their number."""
    made = RegisterContact(
        enterprise_id=enterprise, name=said.name, role=said.role, phone=said.phone, mail=said.mail,
        entered_by=actor[:200], entered_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made.id
