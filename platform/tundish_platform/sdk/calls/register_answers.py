"""What the API answers about the register, as types of its JSON; see `answers`."""

from __future__ import annotations

from typing_extensions import TypedDict


class RegisterEntry(TypedDict):
    """An enterprise as the register has it."""

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
    founded: str | None
    hours_week: float
    notes: str | None
    demo: bool
    connected: bool
    merged_into: str | None
    registered_at: str
    version: int


class RegisterFigures(TypedDict):
    """Enterprises counted, as known at ``change`` about the day ``on``."""

    change: int
    known_at: str | None
    on: str
    enterprises: int
    demo_enterprises: int
    merged: int
    by_region: dict[str, int]
    by_industry: dict[str, int]
    by_size: dict[str, int]
    by_park: dict[str, int]


class RegisterStatement(TypedDict):
    """What a change said of a field."""

    id: int
    uscc: str
    change: int
    at: str
    actor: str
    kind: str
    note: str
    field: str
    valid_from: str
    value: str | None
    withdrawn: bool
    replaced: bool


class RegisterMerge(TypedDict):
    """Two entries that are one enterprise."""

    id: int
    merged: str
    kept: str
    change: int
    at: str
    actor: str
    note: str
    undone_by: int | None


class RegisterContact(TypedDict):
    """A person of an enterprise."""

    id: int
    name: str
    role: str
    phone: str
    mail: str
    entered_by: str
    entered_at: str


class RegisterNumber(TypedDict):
    """Number of what was made."""

    id: int


class RegisterChanged(TypedDict):
    """Number of the change that was made."""

    change: int


class RowFault(TypedDict):
    """What is wrong in a cell, or worth a look."""

    column: str
    zh: str
    en: str


class RowDifference(TypedDict):
    """A field with its old and its new value."""

    field: str
    old: str | None
    new: str | None


class PlannedRow(TypedDict):
    """A row of a file and what it does."""

    row: int
    uscc: str
    name: str
    does: str
    on: str | None
    fields: list[RowDifference]
    contact: bool
    faults: list[RowFault]
    remarks: list[RowFault]


class RegisterPreview(TypedDict):
    """What a file does to the register; ``digest`` is what it is confirmed with."""

    id: int
    file_name: str
    state: str
    digest: str
    outdated: bool
    made_by: str
    made_at: str
    expires_at: str
    change: int | None
    new: int
    changed: int
    kept: int
    wrong: int
    rows: list[PlannedRow]
