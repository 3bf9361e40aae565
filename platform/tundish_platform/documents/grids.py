"""Tables whose cells are numbers: written as text in a document, as numbers in a workbook."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from tundish_platform.documents.blocks import Align, Column, Table

Value = str | int | float | None
NOTHING = "–"


class Kind(StrEnum):
    """What a column's numbers are: words, counts, shares of 1, or yuan."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class GridColumn:
    """A column; `share` is its part of the width in relation to the others' shares."""

    name: str
    kind: Kind = Kind.COUNT
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of values under columns; a text stands where a number is withheld, None where there is none.

    Attributes:
        columns: at least one.
        rows: each with a value a column.
        title: above the heads; empty for none.
        total: whether the last row is the sum of the others, shown as such.
    """

    columns: tuple[GridColumn, ...]
    rows: tuple[tuple[Value, ...], ...]
    title: str = ""
    total: bool = False

    def __post_init__(self) -> None:
        if not self.columns or any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a grid has a column at least, and a value a column in every row")


def table_of(grid: Grid) -> Table:
    """The grid with its values as texts."""
    return Table(
        tuple(
            Column(column.name, Align.LEFT if column.kind is Kind.TEXT else Align.RIGHT, column.share)
            for column in grid.columns
        ),
        tuple(
            tuple(shown(value, column.kind) for value, column in zip(row, grid.columns, strict=True))
            for row in grid.rows
        ),
        grid.title,
        grid.total,
    )


def shown(value: Value, kind: Kind) -> str:
    """A value as text: thousands with commas, shares in per cent and yuan with two decimals."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value
    if kind is Kind.SHARE:
        return f"{_rounded(Decimal(repr(value)) * 100):,} %"
    return f"{_rounded(Decimal(repr(value))):,}" if kind is Kind.MONEY else f"{value:,}"


def _rounded(value: Decimal) -> Decimal:
    """Two decimals, halves upwards as bulletins print them."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)
