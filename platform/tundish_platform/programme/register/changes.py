"""Changes of the register: numbered one after the other, each saying from which day on something holds."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, update

from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.register.fields import FIELDS, spelled
from tundish_platform.programme.register.sizes import size_class
from tundish_platform.programme.register.tables import (
    RegisterChange,
    RegisterEntryRow,
    RegisterFact,
    RegisterHead,
)
from tundish_platform.programme.register.timeline import Statement, holding, standing
from tundish_platform.programme.simulated import simulated_city
from tundish_platform.programme.uscc import check_uscc, normalise
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

    Timelines = dict[str, list[Statement]]

# The bureau's own calendar, in which days begin and end.
ZONE: Final = ZoneInfo("Asia/Shanghai")
Key = TypeVar("Key", int, str)
NEWEST: Final = 2**31 - 1
_HEAD: Final = 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=ZONE)
_BLOCK: Final = 500


class Kind(StrEnum):
    """What a change was."""

    SETUP = "setup"
    ENTRY = "entry"
    IMPORT = "import"
    MERGE = "merge"
    UNDO = "undo"


class RegisterRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The register cannot take what was said."""

    def __init__(self, zh: str, en: str, code: str = "register_refused") -> None:
        super().__init__(en)
        self.message_zh, self.message_en, self.code = zh, en, code


class Outdated(RegisterRefused):
    """Somebody changed meanwhile what was looked at."""

    def __init__(self) -> None:
        super().__init__(
            "此后登记信息已被修改。请重新查看后再确认。",
            "The register was changed since. Look again before you confirm.", "outdated",
        )  # fmt: skip


class Difference(NamedTuple):
    """A field that gets another value, or would."""

    field: str
    old: str | None
    new: str | None


class Withdrawal(BaseModel):
    """A day on which a field did not change after all."""

    model_config = ConfigDict(extra="forbid")

    field: Annotated[str, Field(max_length=20)]
    valid_from: date


class Edit(BaseModel):
    """What an officer says of an enterprise.

    Attributes:
        valid_from: since when it holds; today if absent.
        fields: new values as typed; an empty one means that none is known.
        withdraw: what was said by mistake.
        note: why, or by which document.
    """

    model_config = ConfigDict(extra="forbid")

    valid_from: date | None = None
    fields: dict[Annotated[str, Field(max_length=20)], Annotated[str, Field(max_length=2500)]] = {}
    withdraw: Annotated[tuple[Withdrawal, ...], Field(max_length=20)] = ()
    note: Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")] = ""


def today_of(now: datetime) -> date:
    """The bureau's day."""
    return now.astimezone(ZONE).date()


def hold(session: Session) -> int:
    """Keep others from changing the register until the transaction ends; returns the last change's number."""
    session.execute(
        insert_into(session, RegisterHead)
        .values(id=_HEAD, change_id=0, at=_EPOCH)
        .on_conflict_do_nothing()
    )  # fmt: skip
    taken = update(RegisterHead).where(RegisterHead.id == _HEAD).values(id=_HEAD)
    return session.execute(taken.returning(RegisterHead.change_id)).scalar_one()


def begin(session: Session, actor: str, kind: Kind, now: datetime, note: str = "") -> int:
    """Write the next change of the register that `hold` took; returns its number."""
    head = session.get_one(RegisterHead, _HEAD, populate_existing=True)
    number, at = head.change_id + 1, max(now, head.at)
    session.add(RegisterChange(id=number, at=at, actor=actor[:200], kind=kind, note=note))
    head.change_id, head.at = number, at
    session.flush()
    return number


def timelines(session: Session, enterprises: Sequence[int]) -> dict[int, Timelines]:
    """All that was ever said of enterprises, by their number and field."""
    found: dict[int, Timelines] = {number: {} for number in enterprises}
    for block in blocks(enterprises):
        query = select(
            RegisterFact.enterprise_id, RegisterFact.field, RegisterFact.change_id,
            RegisterFact.valid_from, RegisterFact.value, RegisterFact.withdrawn,
        ).where(RegisterFact.enterprise_id.in_(block))  # fmt: skip
        for number, field, change, valid_from, value, withdrawn in session.execute(query):
            one = Statement(change, valid_from, value, withdrawn)
            found[number].setdefault(field, []).append(one)
    return found


def blocks(numbers: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """Numbers or codes in blocks that a statement may name."""
    return (numbers[start : start + _BLOCK] for start in range(0, len(numbers), _BLOCK))


def differences(known: Timelines, said: Mapping[str, str | None], on: date) -> list[Difference]:
    """What would change on a day if that were said."""
    found = []
    for field, value in said.items():
        held = holding(known.get(field, ()), NEWEST, on)
        if (None if held is None else held.value) != value:
            found.append(Difference(field, None if held is None else held.value, value))
    return found


def write(session: Session, change: int, enterprise: int, said: Iterable[Difference], on: date) -> None:
    """Keep what a change says; the caller projects afterwards."""
    session.add_all(
        RegisterFact(
            enterprise_id=enterprise, field=one.field, valid_from=on, value=one.new, change_id=change
        )
        for one in said
    )  # fmt: skip


def project(session: Session, enterprises: Sequence[int], on: date) -> None:
    """Make the columns that lists and rules read from what holds on that day, as known now."""
    session.flush()
    said = timelines(session, enterprises)
    for block in blocks(enterprises):
        rows = {row.id: row for row in session.scalars(select(Enterprise).where(Enterprise.id.in_(block)))}
        kept = select(RegisterEntryRow).where(RegisterEntryRow.enterprise_id.in_(block))
        entries = {row.enterprise_id: row for row in session.scalars(kept)}
        for number, row in rows.items():
            entry = entries.get(number)
            if entry is None:
                entry = RegisterEntryRow(enterprise_id=number)
                session.add(entry)
            _project_one(row, entry, said[number], on)
    session.flush()


def _project_one(row: Enterprise, entry: RegisterEntryRow, said: Timelines, on: date) -> None:
    held = {name: holding(said.get(name, ()), NEWEST, on) for name in FIELDS}
    values = {name: None if one is None else one.value for name, one in held.items()}
    row.name_zh, row.industry, row.region = (values[name] or "" for name in ("name_zh", "industry", "region"))
    row.name_en = values["name_en"] or row.name_zh
    row.hours_week = float(values["hours_week"] or 168)
    entry.park, entry.notes = values["park"], values["notes"]
    entry.staff = None if values["staff"] is None else int(values["staff"])
    entry.revenue = None if values["revenue"] is None else float(values["revenue"])
    entry.founded = None if values["founded"] is None else date.fromisoformat(values["founded"])
    entry.size_entered = values["size"] is not None
    entry.size = values["size"] or size_class(row.industry, entry.staff, entry.revenue)
    entry.version = max((one.change for of in said.values() for one in of), default=0)


def enter_enterprise(
    session: Session, actor: str, uscc: str, edit: Edit, now: datetime, *, demo: bool = False,
    kind: Kind = Kind.ENTRY,
) -> Enterprise:  # fmt: skip
    """Put an enterprise on the register.

    Args:
        session: of the metadata database.
        actor: who says so.
        uscc: its code.
        edit: its fields; name, industry and county must be among them.
        now: the platform's clock, UTC.
        demo: fictional.
        kind: of the change.

    Raises:
        InvalidUscc: the code is none.
        FieldRefused: a field cannot have that value.
        RegisterRefused: it is on the register already.
    """
    code = check_uscc(uscc, demo=demo)
    hold(session)
    if find(session, code) is not None:
        raise RegisterRefused(f"{code} 已在登记册中。", f"{code} is on the register already.", "registered")
    said = {name: spelled(name, edit.fields.get(name)) for name in FIELDS} | _said(edit)
    row = add_enterprise(session, code, now, demo=demo)
    change = begin(session, actor, kind, now, edit.note)
    stated = [Difference(name, None, value) for name, value in said.items() if value is not None]
    write(session, change, row.id, stated, _day(edit, now))
    project(session, [row.id], today_of(now))
    return row


def add_enterprise(session: Session, code: str, now: datetime, *, demo: bool) -> Enterprise:
    """The bare row of an enterprise, to be filled by a change.

    Raises:
        RegisterRefused: it is real, and this database is a simulated city's.
    """
    if not demo and simulated_city(session) is not None:
        raise RegisterRefused(
            "本数据库为模拟城市,不登记真实企业。",
            "This database is a simulated city's: no real enterprise is put on its register.",
            "simulated_city",
        )
    row = Enterprise(uscc=code, name_zh="", name_en="", industry="", region="", demo=demo, registered_at=now)
    session.add(row)
    session.flush()
    return row


def edit_enterprise(
    session: Session, actor: str, uscc: str, edit: Edit, now: datetime, *, version: int | None = None,
    kind: Kind = Kind.ENTRY,
) -> int:  # fmt: skip
    """Say something else of an enterprise; what was said before stays readable.

    Returns:
        Number of the last change that touched it; the one before if nothing differed.

    Raises:
        FieldRefused: a field cannot have that value.
        RegisterRefused: unknown, merged away, or there is nothing to withdraw.
        Outdated: the version named is not the last one.
    """
    hold(session)
    row = needed(session, uscc)
    said = timelines(session, [row.id])[row.id]
    last = max((one.change for of in said.values() for one in of), default=0)
    if version is not None and version != last:
        raise Outdated
    on = _day(edit, now)
    changed = differences(said, _said(edit), on)
    _check_withdrawals(said, edit)
    if not changed and not edit.withdraw:
        return last
    change = begin(session, actor, kind, now, edit.note)
    write(session, change, row.id, changed, on)
    session.add_all(
        RegisterFact(enterprise_id=row.id, field=one.field, valid_from=one.valid_from, value=None,
                     withdrawn=True, change_id=change)
        for one in edit.withdraw
    )  # fmt: skip
    project(session, [row.id], today_of(now))
    return change


def find(session: Session, uscc: str) -> Enterprise | None:
    """The row of that code, merged away or not."""
    return session.scalar(select(Enterprise).where(Enterprise.uscc == normalise(uscc)))


def needed(session: Session, uscc: str) -> Enterprise:
    """The row of that code, which stands for an enterprise.

    Raises:
        RegisterRefused: unknown, or merged into another.
    """
    row = find(session, uscc)
    if row is None:
        raise RegisterRefused(f"未登记企业 {uscc:.20}。", f"No enterprise {uscc:.20} is registered.",
                              "unknown_enterprise")  # fmt: skip
    if row.merged_into is not None:
        into = session.get_one(Enterprise, row.merged_into).uscc
        raise RegisterRefused(f"{row.uscc} 已并入 {into}。", f"{row.uscc} was merged into {into}.", "merged")
    return row


def _said(edit: Edit) -> dict[str, str | None]:
    odd = sorted(set(edit.fields) - set(FIELDS))
    if odd:
        raise RegisterRefused(f"没有字段 {odd[0]}。", f"There is no field {odd[0]}.")
    return {name: spelled(name, typed) for name, typed in edit.fields.items()}


def _day(edit: Edit, now: datetime) -> date:
    today = today_of(now)
    if edit.valid_from is not None and edit.valid_from > today:
        raise RegisterRefused(
            "生效日期不能在将来。", "What begins in the future is entered when it has begun."
        )
    return edit.valid_from or today


def _check_withdrawals(said: Timelines, edit: Edit) -> None:
    for one in edit.withdraw:
        stands = [s.valid_from for s in standing(said.get(one.field, ()), NEWEST)]
        if one.valid_from not in stands or (edit.valid_from == one.valid_from and one.field in edit.fields):
            raise RegisterRefused(f"{one.field} 在 {one.valid_from} 没有可撤回的记录。",
                                  f"{one.field} did not change on {one.valid_from}.")  # fmt: skip
        if FIELDS[one.field].needed and stands[0] == one.valid_from:
            raise RegisterRefused("首条记录不能撤回, 请更正其内容。",
                                  "The first statement of it cannot be withdrawn; correct it.")  # fmt: skip
