"""The fields of the register: how each is read from what a person typed, and how it is spelled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from tundish_platform.programme.register.codes import UnknownCode, county_code, industry_code
from tundish_platform.programme.register.sizes import SIZE_NAMES, Size

if TYPE_CHECKING:
    from collections.abc import Callable

_EARLIEST: Final = date(1800, 1, 1)
_DATE: Final = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]00:00:00)?")
_HOURS: Final = 168
_MOST: Final = 10**9


class FieldRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A field cannot have that value."""

    def __init__(self, field: str, zh: str, en: str) -> None:
        super().__init__(f"{field}: {en}")
        self.field, self.zh, self.en = field, zh, en


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the register.

    Attributes:
        read: the spelling of what was typed, or `UnknownCode`.
        needed: an entry cannot be without it.
    """

    name: str
    zh: str
    read: Callable[[str], str]
    needed: bool = False


def _text(longest: int) -> Callable[[str], str]:
    def read(typed: str) -> str:
        # An apostrophe before a text is a spreadsheet's mark that it is one.
        text = typed.replace("\r\n", "\n").lstrip("' \t\n").strip()
        if len(text) > longest or not text.replace("\n", "").isprintable():
            raise UnknownCode(f"最多 {longest} 个可显示字符。", f"At most {longest} printable characters.")
        return text

    return read


def _number(most: int, *, whole: bool) -> Callable[[str], str]:
    def read(typed: str) -> str:
        try:
            value = Decimal(typed.replace(",", "").replace(",", "").strip())
        except InvalidOperation:
            value = Decimal(-1)
        if not value.is_finite() or not 0 <= value <= most or (whole and value != int(value)):
            raise UnknownCode(f"应为 0 至 {most} 的{'整' if whole else ''}数。",
                              f"A {'whole ' if whole else ''}number from 0 to {most}.")  # fmt: skip
        return str(int(value)) if value == int(value) else f"{round(value, 4).normalize():f}"

    return read


def read_date(typed: str) -> date:
    """A day as people write it: ``2024-03-01``, ``2024/3/1``, ``2024年3月1日``.

    Raises:
        UnknownCode: it is none.
    """
    try:
        found = _DATE.fullmatch(typed.strip())
        day = date(*(int(part) for part in found.groups())) if found else None
    except ValueError:
        day = None
    if day is None or day < _EARLIEST:
        raise UnknownCode("不是日期, 请写成 2024-03-01。", "That is no day; write 2024-03-01.")
    return day


def _size(typed: str) -> str:
    wanted = typed.strip().lower()
    for size, (zh, en) in SIZE_NAMES.items():
        if wanted in {zh, zh[0], en}:
            return size
    raise UnknownCode("应为大型、中型、小型或微型。", "One of large, medium, small, micro.")


def _hours(typed: str) -> str:
    text = _number(_HOURS, whole=False)(typed)
    if text == "0":
        raise UnknownCode("每周计划工时应大于 0。", "Hours a week lie above 0.")
    return text


FIELDS: Final = {
    field.name: field
    for field in (
        Field("name_zh", "企业名称", _text(200), needed=True),
        Field("name_en", "英文名称", _text(200)),
        Field("industry", "行业代码", industry_code, needed=True),
        Field("region", "区县代码", county_code, needed=True),
        Field("park", "园区", _text(100)),
        Field("size", "规模", _size),
        Field("staff", "从业人员", _number(_MOST, whole=True)),
        Field("revenue", "营业收入(万元)", _number(_MOST, whole=False)),
        Field("founded", "成立日期", lambda typed: read_date(typed).isoformat()),
        Field("hours_week", "每周计划工时", _hours),
        Field("notes", "备注", _text(2000)),
    )
}


def spelled(name: str, typed: str | None) -> str | None:
    """A field's value as the register keeps it; None for nothing.

    Raises:
        FieldRefused: it cannot be, or the field may not be empty.
    """
    field = FIELDS[name]
    try:
        value = field.read(typed) if typed and typed.strip() else ""
    except UnknownCode as error:
        raise FieldRefused(name, error.zh, error.en) from None
    if not value and field.needed:
        raise FieldRefused(name, "不能为空。", "It may not be empty.")
    return value or None


def size_word(value: str | None) -> str | None:
    """A size class in Chinese, as files have it."""
    return None if value is None else SIZE_NAMES[Size(value)][0]
