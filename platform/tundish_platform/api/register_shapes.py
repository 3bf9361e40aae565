"""Answers about the register as the OpenAPI document tells them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from tundish_platform.api.shapes import Shape


class RegisterEntry(Shape):
    """An enterprise as the register has it; ``size`` is entered or computed, ``version`` its last change."""

    uscc: str
    name_zh: str
    name_en: str
    industry: str
    region: str
    park: str | None
    size: str | None
    size_entered: bool
    staff: int | None
    revenue: float | None
    founded: date | None
    hours_week: float
    notes: str | None
    demo: bool
    connected: bool
    merged_into: str | None
    registered_at: datetime
    version: int


class RegisterFigures(Shape):
    """Enterprises counted, as known at a change about a day; asked again with both it is the same."""

    change: int
    known_at: datetime | None
    on: date
    enterprises: int
    demo_enterprises: int
    merged: int
    by_region: dict[str, int]
    by_industry: dict[str, int]
    by_size: dict[str, int]
    by_park: dict[str, int]


class Said(Shape):
    """A statement of the history: what holds from which day, said by whom and when."""

    id: int
    uscc: str
    change: int
    at: datetime
    actor: str
    kind: str
    note: str
    field: str
    valid_from: date
    value: str | None
    withdrawn: bool
    replaced: bool


class Merge(Shape):
    """A merge: ``merged`` is counted no more, ``kept`` stands for both."""

    id: int
    merged: str
    kept: str
    change: int
    at: datetime
    actor: str
    note: str
    undone_by: int | None


class Changed(Shape):
    """Number of the change that was made."""

    change: int


class Numbered(Shape):
    """Number of what was made."""

    id: int


class Contact(Shape):
    """A person of an enterprise."""

    id: int
    name: str
    role: str
    phone: str
    mail: str
    entered_by: str
    entered_at: datetime


class Fault(Shape):
    """What is wrong in a cell, or worth a look."""

    column: str
    zh: str
    en: str


class Difference(Shape):
    """A field with its old and its new value."""

    field: str
    old: str | None
    new: str | None


class PlannedRow(Shape):
    """A row of a file and what it does; ``remarks`` do not hinder it."""

    row: int
    uscc: str
    name: str
    does: Literal["new", "changed", "kept", "wrong"]
    on: date | None
    fields: list[Difference]
    contact: bool
    faults: list[Fault]
    remarks: list[Fault]


class Preview(Shape):
    """What a file does: counts of all rows, and the first thousand that are not kept as they are."""

    id: int
    file_name: str
    state: str
    digest: str
    outdated: bool
    made_by: str
    made_at: datetime
    expires_at: datetime
    change: int | None
    new: int
    changed: int
    kept: int
    wrong: int
    rows: list[PlannedRow]
