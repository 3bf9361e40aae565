"""Single values out of a SQLite file, a hundred µs cheaper than by the engine: each request asks for one."""

from __future__ import annotations

import sqlite3
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from sqlalchemy import Engine, Select

_MEMORY: Final = ":memory:"


class QuickValues:
    """Connections that read one value at a time, each outside any transaction, so that it is the newest.

    Args:
        file: of the database.
        busy_s: how long to wait for who has it alone.
    """

    def __init__(self, file: str, busy_s: float) -> None:
        self._file, self._busy_s = file, busy_s
        # Taking from one end and giving back to it needs no lock, and is the quickest to find warm.
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @classmethod
    def of(cls, engine: Engine, busy_s: float) -> Self | None:
        """For the engine's database; ``None`` where that is no plain file."""
        file = engine.url.database
        plain = engine.dialect.name == "sqlite" and file and file != _MEMORY and not engine.url.query
        return cls(str(file), busy_s) if plain else None

    def value(self, query: Select[Any]) -> Any:  # noqa: ANN401 - of whatever column
        """The first column of the first row; ``None`` without one.

        Raises:
            OperationalError: as the engine raises it.
        """
        text, as_python = _prepared(query)
        connection = self._taken()
        try:
            # All rows: a statement that stands in the middle would hold its view of the file.
            rows = connection.execute(text).fetchall()
        except sqlite3.Error as error:
            connection.close()
            raise OperationalError(text, None, error) from error
        self._give_back(connection)
        found = rows[0][0] if rows else None
        return as_python(found) if as_python is not None else found

    def close(self) -> None:
        """Close those that nobody is reading with; the others are closed when they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _taken(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return sqlite3.connect(
                self._file, timeout=self._busy_s, check_same_thread=False, isolation_level=None
            )
        except sqlite3.Error as error:
            raise OperationalError("connect", None, error) from error

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)


@lru_cache(maxsize=64)
def _prepared(query: Select[Any]) -> tuple[str, Callable[[Any], Any] | None]:
    """Its text, and what makes a value of its column's type of what the file holds."""
    dialect = sqlite.dialect()
    text = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    column = query.selected_columns[0].type
    return text, column.dialect_impl(dialect).result_processor(dialect, None)
