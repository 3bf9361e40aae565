"""The register as a file that people edit: a template, an export, and the cells of what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from tundish_platform.audit import record
from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.register.contacts import contacts_by
from tundish_platform.programme.register.fields import FIELDS, size_word
from tundish_platform.programme.register.reading import entries
from tundish_platform.samples.sheets import read_sheet, write_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.programme.register.reading import Known, RegisterEntry, Wanted

MAX_ROWS: Final = 40_000
MAX_BYTES: Final = 16 * 1024**2
CONTACT: Final = ("contact_name", "contact_role", "contact_phone", "contact_mail")
COLUMNS: Final = {
    "uscc": "统一社会信用代码",
    **{name: field.zh for name, field in FIELDS.items()},
    "demo": "演示企业",
    "valid_from": "生效日期",
}
CONTACT_COLUMNS: Final = dict(zip(CONTACT, ("联系人", "联系人职务", "联系电话", "联系邮箱"), strict=True))
# Excel's Chinese keyboards write wide brackets.
_NAMES: Final = {
    head: name
    for name, zh in (COLUMNS | CONTACT_COLUMNS).items()
    for head in (zh, zh.replace("(", "(").replace(")", ")"))
}
_SHEET: Final = "登记册"
# A line that begins so is no enterprise; it tells people what belongs where.
_HELP: Final = {
    "uscc": "# 18位 18 places", "name_zh": "必填 needed", "industry": "GB/T 4754, C3130",
    "region": "GB/T 2260, 431302", "size": "大型/中型/小型/微型; 空=自动计算 computed", "staff": "人 persons",
    "revenue": "万元 10,000 yuan", "founded": "2010-05-01", "hours_week": "≤168", "demo": "是/否 yes/no",
    "valid_from": "空=今天 today",
}  # fmt: skip


def template(*, excel: bool, chinese: bool = True) -> bytes:
    """An empty file with the columns and a line that explains them."""
    columns = COLUMNS | CONTACT_COLUMNS
    return write_sheet(
        _heads(columns, chinese=chinese), [[_HELP.get(name, "") for name in columns]], _SHEET, excel=excel
    )


def export(
    session: Session, known: Known, wanted: Wanted, *, excel: bool, chinese: bool = True,
    taken: tuple[str, datetime] | None = None,
) -> bytes:  # fmt: skip
    """Entries as a file that the import takes back without a change.

    Args:
        session: of the metadata database.
        known: as known when, about which day.
        wanted: what it is narrowed to.
        excel: a workbook; CSV otherwise.
        chinese: heads in Chinese; else the fields' names.
        taken: who takes the first person of each along, and when, for the audit trail; None for no persons.
    """
    found = entries(session, known, wanted, limit=10**9)
    columns = COLUMNS | (CONTACT_COLUMNS if taken else {})
    people = _people(session) if taken else {}
    if taken is not None:
        actor, now = taken
        record(session, actor, "register.contacts_exported", _SHEET, now=now, detail={"rows": len(found)})
    rows = ([_cell(one, name, people) for name in columns] for one in found)
    return write_sheet(_heads(columns, chinese=chinese), rows, _SHEET, excel=excel)


def read_file(data: bytes, *, excel: bool) -> list[tuple[int, dict[str, str]]]:
    """Rows with their number in the file and their cells by the columns' names.

    Raises:
        SheetError: it is no such file, is too big, unpacks to too much, or has other columns.
    """
    return read_sheet(
        data, [*COLUMNS, *CONTACT_COLUMNS], "uscc", excel=excel, max_rows=MAX_ROWS, max_bytes=MAX_BYTES,
        also=_NAMES,
    )  # fmt: skip


def _heads(columns: dict[str, str], *, chinese: bool) -> list[str]:
    return list(columns.values() if chinese else columns)


def _people(session: Session) -> dict[str, tuple[str, str, str, str]]:
    codes = dict(session.execute(select(Enterprise.id, Enterprise.uscc)).all())
    return {
        codes[number]: (of[0].name, of[0].role, of[0].phone, of[0].mail)
        for number, of in contacts_by(session, list(codes)).items()
    }


def _cell(one: RegisterEntry, name: str, people: dict[str, tuple[str, str, str, str]]) -> Any:  # noqa: ANN401 - a cell
    if name in CONTACT:
        return people.get(one.uscc, ("",) * len(CONTACT))[CONTACT.index(name)]
    if name == "valid_from":
        return None
    value = getattr(one, name)
    if name == "size":
        return size_word(value) if one.size_entered else None
    if value == {"name_en": one.name_zh, "hours_week": 168.0}.get(name):
        # Nobody said so: it is what holds where nothing was said.
        return None
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return value


def lines(cells: list[Any]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows as they were kept in JSON."""
    for number, row in cells:
        yield int(number), dict(row)
