"""What the rows of a file would do to the register: shown before it is done, so it writes nothing."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError
from sqlalchemy import select

from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.register.changes import Difference, blocks, differences, timelines
from tundish_platform.programme.register.codes import UnknownCode
from tundish_platform.programme.register.contacts import ContactSpec, contacts_by
from tundish_platform.programme.register.fields import FIELDS, FieldRefused, read_date, spelled
from tundish_platform.programme.register.files import CONTACT
from tundish_platform.programme.uscc import InvalidUscc, check_uscc, normalise
from tundish_platform.samples.sheets import truth_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from tundish_platform.programme.register.contacts import Contact
    from tundish_platform.programme.register.timeline import Statement

    Rows = Sequence[tuple[int, dict[str, str]]]


class Does(StrEnum):
    """What a row does."""

    NEW = "new"
    CHANGED = "changed"
    KEPT = "kept"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a row, or worth a look."""

    column: str
    zh: str
    en: str


@dataclass(slots=True)
class Planned:
    """A row and what it would do.

    Attributes:
        row: its number in the file, the first being 1.
        faults: why it cannot be taken; ``remarks`` do not hinder it.
        on: day from which it holds.
        enterprise: number of the entry that it changes.
    """

    row: int
    uscc: str
    name: str = ""
    does: Does = Does.WRONG
    fields: list[Difference] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    remarks: list[Fault] = field(default_factory=list)
    on: date | None = None
    demo: bool = False
    contact: ContactSpec | None = None
    enterprise: int | None = None


_TWICE: Final = Fault("uscc", "在文件中出现多次。", "It stands in the file more than once.")


def plan(session: Session, rows: Rows, on: date, today: date) -> list[Planned]:
    """What each row would do, in the file's order.

    Args:
        session: of the metadata database.
        rows: their numbers and cells; a cell that is absent changes nothing.
        on: day from which rows hold that name none.
        today: nothing begins later.
    """
    return _Plan(session, rows, on, today).rows()


def digest_of(planned: Sequence[Planned]) -> str:
    """SHA-256 of what rows would do, in one spelling."""
    told = [asdict(one) | {"contact": one.contact and one.contact.model_dump()} for one in planned]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


class _Plan:
    """Rows beside what the register says of their enterprises."""

    def __init__(self, session: Session, rows: Rows, on: date, today: date) -> None:
        self._rows, self._on, self._today = rows, on, today
        codes = [normalise(cells.get("uscc", "")) for _, cells in rows]
        self._twice = {code for code in _repeated(codes) if code}
        self._held = {row.uscc: row for row in _held(session, sorted(set(codes)))}
        numbers = [row.id for row in self._held.values()]
        self._said = timelines(session, numbers)
        self._people = contacts_by(session, numbers)
        self._names = _names(session)

    def rows(self) -> list[Planned]:
        return [self._row(number, cells) for number, cells in self._rows]

    def _row(self, number: int, cells: dict[str, str]) -> Planned:
        one = Planned(number, normalise(cells.get("uscc", ""))[:40], cells.get("name_zh", "")[:200])
        held = self._held.get(one.uscc)
        one.demo = held.demo if held else truth_of(cells.get("demo", "")) or False
        self._check_code(one, held, cells)
        one.on = self._day(one, cells)
        said = self._fields(one, cells, new=held is None)
        one.contact = self._contact(one, cells, held)
        if one.faults or one.on is None:
            return one
        known: dict[str, list[Statement]] = {} if held is None else self._said[held.id]
        one.fields = differences(known, said, one.on)
        one.enterprise = None if held is None else held.id
        changed = bool(one.fields or one.contact)
        one.does = Does.NEW if held is None else Does.CHANGED if changed else Does.KEPT
        self._remark_names(one, held, said)
        return one

    def _check_code(self, one: Planned, held: Enterprise | None, cells: dict[str, str]) -> None:
        if one.uscc in self._twice:
            one.faults.append(_TWICE)
        try:
            check_uscc(one.uscc, demo=one.demo)
        except InvalidUscc as error:
            one.faults.append(Fault("uscc", error.message_zh, str(error)))
        if cells.get("demo") and truth_of(cells["demo"]) is None:
            one.faults.append(Fault("demo", "应为是或否。", "Either yes or no."))
        elif held is not None and truth_of(cells.get("demo", "")) not in {None, held.demo}:
            one.faults.append(Fault("demo", "不能更改。", "It does not change."))
        if held is not None and held.merged_into is not None:
            one.faults.append(Fault("uscc", "该登记已并入另一企业, 请使用其代码。",
                                    "That entry was merged into another; use its code."))  # fmt: skip

    def _day(self, one: Planned, cells: dict[str, str]) -> date | None:
        try:
            day = read_date(cells["valid_from"]) if cells.get("valid_from") else self._on
        except UnknownCode as error:
            one.faults.append(Fault("valid_from", error.zh, error.en))
            return None
        if day > self._today:
            one.faults.append(Fault("valid_from", "不能在将来。", "It may not lie in the future."))
        return day

    def _fields(self, one: Planned, cells: dict[str, str], *, new: bool) -> dict[str, str | None]:
        said = {}
        for name, known in FIELDS.items():
            if name in cells or (new and known.needed):
                try:
                    said[name] = spelled(name, cells.get(name))
                except FieldRefused as error:
                    one.faults.append(Fault(name, error.zh, error.en))
        return said

    def _contact(self, one: Planned, cells: dict[str, str], held: Enterprise | None) -> ContactSpec | None:
        typed = {name.removeprefix("contact_"): cells[name] for name in CONTACT if name in cells}
        if not typed:
            return None
        try:
            said = ContactSpec.model_validate(typed)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = f"contact_{first['loc'][0]}" if first["loc"] else "contact_name"
            one.faults.append(Fault(where, "联系人信息有误。", str(first["msg"])))
            return None
        known = [] if held is None else self._people.get(held.id, [])
        return None if any(_same(said, person) for person in known) else said

    def _remark_names(self, one: Planned, held: Enterprise | None, said: dict[str, str | None]) -> None:
        others = self._names.get(alike(said.get("name_zh") or ""), set()) - {one.uscc}
        if others and (held is None or any(part.field == "name_zh" for part in one.fields)):
            code = min(others)
            one.remarks.append(
                Fault("name_zh", f"同名企业已登记为 {code}, 或为同一企业, 可合并。",
                      f"{code} has the same name; if they are one enterprise, merge them.")
            )  # fmt: skip


def alike(name: str) -> str:
    """A name without what two spellings of it differ by: width, case, blanks."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _same(said: ContactSpec, person: Contact) -> bool:
    return (said.name, said.role, said.phone, said.mail) == (
        person.name, person.role, person.phone, person.mail,
    )  # fmt: skip


def _repeated(codes: Sequence[str]) -> set[str]:
    return {code for code, count in Counter(codes).items() if count > 1}


def _held(session: Session, codes: Sequence[str]) -> list[Enterprise]:
    return [
        row
        for block in blocks(codes)
        for row in session.scalars(select(Enterprise).where(Enterprise.uscc.in_(block)))
    ]


def _names(session: Session) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    query = select(Enterprise.name_zh, Enterprise.uscc).where(Enterprise.merged_into.is_(None))
    for name, code in session.execute(query):
        found.setdefault(alike(name), set()).add(code)
    return found
