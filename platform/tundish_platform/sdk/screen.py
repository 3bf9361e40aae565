"""Screens of apps as declared data: texts, tables and charts. There is no place for HTML or scripts in it.

Whoever shows a screen shows every string as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    InstanceOf,
    JsonValue,
    model_validator,
)

from tundish_platform.sdk.columns import LONGEST_TEXT, OutputColumn, column_of
from tundish_platform.sdk.texts import Texts

if TYPE_CHECKING:
    from datetime import datetime

MAX_POINTS = 5_000
MAX_ROWS = 1_000

Cell = Texts | Annotated[str, Field(max_length=500)] | FiniteFloat | None


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TextBlock(_Block):
    """A sentence or two; a warning is shown as one."""

    type: Literal["text"] = "text"
    level: Literal["info", "warning"] = "info"
    text: Texts


class Column(_Block):
    """A table's column with its UCUM unit."""

    name: Texts
    unit: Annotated[str, Field(max_length=20)] = ""


class TableBlock(_Block):
    """Rows under columns; a cell is text (in both languages where it is words), a finite number, or empty."""

    type: Literal["table"] = "table"
    title: Texts
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=30)]
    rows: Annotated[tuple[tuple[Cell, ...], ...], Field(max_length=MAX_ROWS)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has more or fewer cells than the table has columns")
        return self


class Series(_Block):
    """One line, set of points, limit or bars of a chart; ``None`` breaks a line, it is never bridged."""

    name: Texts
    style: Literal["line", "points", "limit", "alarm", "bars"] = "line"
    y: Annotated[tuple[FiniteFloat | None, ...], Field(max_length=MAX_POINTS)]


class ChartBlock(_Block):
    """Series over one shared axis of times or numbers."""

    type: Literal["chart"] = "chart"
    title: Texts
    x: Annotated[tuple[AwareDatetime, ...] | tuple[FiniteFloat, ...], Field(max_length=MAX_POINTS)]
    x_name: Texts
    unit: Annotated[str, Field(max_length=20)] = ""
    series: Annotated[tuple[Series, ...], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(len(series.y) != len(self.x) for series in self.series):
            raise ValueError("a series has more or fewer points than the chart has places on its axis")
        return self


Block = Annotated[TextBlock | TableBlock | ChartBlock, Field(discriminator="type")]


class Screen(_Block):
    """What an app shows of one run, from top to bottom."""

    blocks: Annotated[tuple[Block, ...], Field(max_length=30)] = ()


class OutputValue(_Block):
    """One value of a declared output at one instant of source time.

    Attributes:
        output: key of the output in the manifest.
        ts: source time it stands for, inside the window that was read.
        value: number or text as declared; ``None`` where the app could not tell.
    """

    output: Annotated[str, Field(max_length=60)]
    ts: AwareDatetime
    value: FiniteFloat | Annotated[str, Field(max_length=LONGEST_TEXT)] | None


class Document(_Block):
    """A document for the platform to seal, under a key that the manifest declares.

    Attributes:
        subject: what it is about, such as a product's number; there is one of each key and subject.
    """

    key: Annotated[str, Field(max_length=60)]
    subject: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    content: dict[str, JsonValue]


class AppOutputs(_Block):
    """All an app hands back.

    Attributes:
        values: written to the store as the app's signals; a few, each with its instant.
        columns: the same for many: up to what ``output_bytes`` of the manifest holds. Of each output either.
        screen: shown to the subscriber.
        missing: keys of inputs without which it could not work; then ``values`` may be empty.
        documents: sealed by the platform and kept; the newest of each key and subject counts.
    """

    values: Annotated[tuple[OutputValue, ...], Field(max_length=10_000)] = ()
    columns: Annotated[tuple[InstanceOf[OutputColumn], ...], Field(max_length=64, exclude=True)] = ()
    screen: Screen = Screen()
    missing: Annotated[tuple[Annotated[str, Field(max_length=60)], ...], Field(max_length=64)] = ()
    documents: Annotated[tuple[Document, ...], Field(max_length=50)] = ()

    @property
    def count(self) -> int:
        """How many values there are, either way."""
        return len(self.values) + sum(map(len, self.columns))

    def told(self) -> dict[str, OutputColumn]:
        """All values by output, oldest first, whichever way they were handed back."""
        found = {column.output: column for column in self.columns}
        listed: dict[str, list[OutputValue]] = {}
        for one in sorted(self.values, key=lambda one: one.ts):
            listed.setdefault(one.output, []).append(one)
        few = {
            key: column_of(key, [v.ts for v in some], [v.value for v in some]) for key, some in listed.items()
        }
        return {**found, **few}


def window_values(values: dict[str, float | str | None], ts: datetime) -> tuple[OutputValue, ...]:
    """Output values that all stand for one instant, from ``{output: value}``."""
    return tuple(OutputValue(output=key, ts=ts, value=value) for key, value in values.items())
