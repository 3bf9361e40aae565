"""Two tenants with a row in every table that has an owner; made from the tables, so a new one is covered."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tundish_platform.migrations.tables import target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy.orm import Session

CANARY = "canary-9c1e"
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Filler:
    """Puts a row of made-up values into any table, and rows into those that it refers to."""

    def __init__(self, session: Session | sa.Connection, text: str) -> None:
        self._session = session
        self._text = text
        self._numbers = count(int(session.scalar(sa.text("SELECT count(*) FROM tenant")) or 0) * 1000 + 1)
        self._rows: dict[str, dict[str, Any]] = {}

    def row(self, table: sa.Table) -> dict[str, Any]:
        if table.name not in self._rows:
            values = {column.name: self._value(column) for column in table.columns}
            self._session.execute(table.insert().values(values))
            self._rows[table.name] = values
        return self._rows[table.name]

    def _value(self, column: sa.Column[Any]) -> Any:  # noqa: ANN401 - of whatever type the column has
        for key in column.foreign_keys:
            if key.column.table is column.table:
                # The first row of a tree has nothing above it.
                return None
            return self.row(key.column.table)[key.column.name]
        number = next(self._numbers)
        made: dict[type[Any], Callable[[], Any]] = {
            sa.String: lambda: f"{self._text} {number}"[-(column.type.length or 999) :],  # type: ignore[attr-defined]
            sa.Text: lambda: self._text,
            sa.DateTime: lambda: NOW,
            sa.Date: lambda: date(2026, 3, 1),
            sa.Boolean: lambda: True,
            sa.JSON: lambda: {"text": self._text},
            sa.LargeBinary: self._text.encode,
            sa.Integer: lambda: number,
            sa.Float: lambda: float(number),
        }
        if column.name == "slug":
            return f"t{number}"
        if column.name == "left_fen":
            # Never more than there was, says the table.
            return 1
        kind = column.type.impl if isinstance(column.type, sa.TypeDecorator) else column.type
        return next(make() for type_, make in made.items() if isinstance(kind, type_))  # type: ignore[arg-type]


def owned_tables() -> list[sa.Table]:
    """Found by their column, not by the models' class: what only holds a tenant's number is covered too."""
    return [
        table
        for table in target.sorted_tables
        if "tenant_id" in table.c and {key.target_fullname for key in table.c.tenant_id.foreign_keys}
    ]


@pytest.fixture
def fill_tables() -> Callable[[sa.Connection, Iterable[sa.Table]], None]:
    """Puts a row into each of the tables, whatever version of the schema they are of."""

    def make(connection: sa.Connection, tables: Iterable[sa.Table]) -> None:
        filler = Filler(connection, CANARY)
        for table in tables:
            filler.row(table)

    return make


@pytest.fixture
def owned() -> list[sa.Table]:
    """Every table whose rows belong to a tenant."""
    return owned_tables()


@pytest.fixture
def fill() -> Callable[[Session, str], int]:
    """Makes a tenant with a row in every table; returns its number."""

    def make(session: Session, text: str) -> int:
        filler = Filler(session, text)
        for table in owned_tables():
            filler.row(table)
        number: int = filler.row(target.tables["tenant"])["id"]
        return number

    return make
