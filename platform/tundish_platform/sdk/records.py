"""Records: what the platform knows of a tenant beside signals, and an app may ask for.

The list of kinds is closed, and each is one Arrow table of fixed columns. A column that was not granted is
there and holds nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tundish_platform.sdk.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_WORD: Final = r"^[a-z][a-z0-9_]*$"
_AT: Final = pa.timestamp("us", tz="UTC")
MAX_DAYS: Final = 400


class RecordKind(StrEnum):
    """What an app may ask for; `RECORDS` says which columns each has."""

    PRODUCT_EVENTS = "product_events"
    ALARMS = "alarms"
    MAINTENANCE = "maintenance"
    USAGE = "usage"
    ANSWERS = "answers"
    PEERS = "peers"


RECORDS: Final[Mapping[RecordKind, pa.Schema]] = {
    # A declaration, an origin, or a stay; `at` is when it began, or when it was declared.
    RecordKind.PRODUCT_EVENTS: pa.schema(
        [
            ("event", pa.string()), ("at", _AT), ("ends_at", _AT), ("kind", pa.string()),
            ("series", pa.string()), ("number", pa.string()), ("material", pa.string()),
            ("quantity", pa.float64()), ("unit", pa.string()), ("order", pa.string()),
            ("from_series", pa.string()), ("from_number", pa.string()), ("position", pa.string()),
            ("path", pa.string()),
        ]
    ),
    # One row for each day (UTC) and priority on which anything was raised or acknowledged.
    RecordKind.ALARMS: pa.schema(
        [("day", _AT), ("priority", pa.int64()), ("raised", pa.int64()), ("acknowledged", pa.int64())]
    ),
    RecordKind.MAINTENANCE: pa.schema([("path", pa.string()), ("starts_at", _AT), ("ends_at", _AT)]),
    # One row for each figure; counts of things, never names.
    RecordKind.USAGE: pa.schema([("figure", pa.string()), ("value", pa.float64()), ("as_of", _AT)]),
    # The newest sheet of the app's own questionnaire, a row for each question that was answered.
    RecordKind.ANSWERS: pa.schema(
        [("question", pa.string()), ("answer", pa.string()), ("version", pa.string()), ("said_at", _AT)]
    ),
    # Quartiles over other enterprises, made by the platform; `reason` says why there are none.
    RecordKind.PEERS: pa.schema(
        [
            ("figure", pa.string()), ("month", pa.string()), ("industry", pa.string()), ("size", pa.string()),
            ("q1", pa.float64()), ("median", pa.float64()), ("q3", pa.float64()), ("at_least", pa.int64()),
            ("reason", pa.string()),
        ]
    ),
}  # fmt: skip


class RecordWish(BaseModel):
    """Records an app asks for, in words a person can agree to.

    Attributes:
        kind: which.
        need: without the required ones the app cannot work.
        fields: the columns it reads.
        days: how far back.
        purpose: what it reads them for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: RecordKind
    need: Literal["required", "optional"] = "required"
    fields: Annotated[tuple[str, ...], Field(min_length=1)]
    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] = 31
    purpose: Texts

    @model_validator(mode="after")
    def _check(self) -> Self:
        unknown = set(self.fields) - set(RECORDS[self.kind].names)
        if unknown or len(set(self.fields)) < len(self.fields):
            raise ValueError(
                f"{self.kind} has no such fields, or one is named twice: {', '.join(self.fields)}"
            )
        return self


class DocumentWish(BaseModel):
    """A document the app hands back and the platform seals: its key and its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, Field(pattern=_WORD, max_length=60)]
    name: Texts


def record_table(
    kind: RecordKind, rows: Sequence[Mapping[str, object]], fields: Collection[str] | None = None
) -> pa.Table:
    """A table of one kind of records.

    Args:
        kind: which.
        rows: by column; what is absent is empty.
        fields: the columns that were granted, the others stay empty; all for None.
    """
    schema = RECORDS[kind]
    granted = set(schema.names if fields is None else fields)
    columns = [
        pa.array([row.get(f.name) if f.name in granted else None for row in rows], f.type) for f in schema
    ]
    return pa.table(columns, schema=schema)
