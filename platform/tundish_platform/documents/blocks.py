"""What a document consists of, from top to bottom; every text is in the document's language."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

Language = Literal["zh", "en"]


class Align(StrEnum):
    """Where the texts of a column stand."""

    LEFT = "left"
    RIGHT = "right"
    CENTRE = "centre"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, of the first or of the second order."""

    text: str
    level: Literal[1, 2] = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences; a notice stands on a tinted ground, a warning on another."""

    text: str
    tone: Literal["plain", "notice", "warning", "small"] = "plain"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values, a line each."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; `share` is its part of the width in relation to the other columns' shares."""

    name: str
    align: Align = Align.LEFT
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; the heads are repeated on every page.

    Attributes:
        columns: at least one.
        rows: each with a text a column.
        title: above the heads; empty for none.
        total: whether the last row is the sum of the others, shown as such.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    total: bool = False

    def __post_init__(self) -> None:
        if not self.columns or any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a table has a column at least, and a text a column in every row")


@dataclass(frozen=True, slots=True)
class ChartSeries:
    """One value a place on the axis; ``None`` breaks a line and leaves a bar out."""

    name: str
    y: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines or bars over labelled places, the axis of values from zero or from the least value.

    Attributes:
        labels: one a place; as many are written as have room.
        series: at least one, each with as many values as there are labels.
        unit: of the values.
    """

    title: str
    labels: tuple[str, ...]
    series: tuple[ChartSeries, ...]
    kind: Literal["line", "bars"] = "line"
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.series or any(len(one.y) != len(self.labels) for one in self.series):
            raise ValueError("a chart has a series at least, and each a value a label")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a timeline's row; `colour` counts through the document's colours from 0."""

    start: datetime
    end: datetime
    colour: int = 0


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """What lasted from when to when, or happened at an instant (`start` = `end`)."""

    name: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows over one axis of time.

    Attributes:
        first_label: of `start`, written under the axis' beginning; `last_label` under its end.
    """

    title: str
    start: datetime
    end: datetime
    rows: tuple[TimelineRow, ...]
    first_label: str
    last_label: str


Block = Heading | Paragraph | Facts | Table | Chart | Timeline


@dataclass(frozen=True, slots=True)
class Document:
    """A document on A4 pages.

    Attributes:
        title: at its head and in the file's properties.
        language: of every text in it.
        blocks: from top to bottom.
        source: who says this, in the footer of every page.
        moment: when it was true; also the file's date. With a time zone.
        moment_text: the moment as people there write it.
        subtitle: below the title; empty for none.
        landscape: the long side lies.
    """

    title: str
    language: Language
    blocks: tuple[Block, ...]
    source: str
    moment: datetime
    moment_text: str
    subtitle: str = ""
    landscape: bool = False

    def __post_init__(self) -> None:
        if self.moment.tzinfo is None:
            raise ValueError("a document's moment needs a time zone")
