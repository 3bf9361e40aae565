"""Reads segments with DuckDB. A connection sees one tenant's folder and nothing else, and stays so."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import duckdb

from tundish_platform.store.rows import STORED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa


_IDLE: Final = 16
_CONFIG: Final[dict[str, str | int | float | list[str]]] = {
    "threads": 1,
    "memory_limit": "512MB",
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class FileVanished(Exception):  # noqa: N818 - says what happened
    """A segment is gone."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class SegmentDamaged(Exception):  # noqa: N818 - says what is wrong
    """A segment cannot be read."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def locked_connection(folder: Path) -> duckdb.DuckDBPyConnection:
    """A connection that can read below one folder, and whose settings nobody can change any more."""
    connection = duckdb.connect(":memory:", config=_CONFIG)
    allowed = str(folder).replace("'", "''")
    for setting in (
        "TimeZone = 'UTC'",
        "python_enable_replacements = false",
        f"allowed_directories = ['{allowed}/']",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection


class Readers:
    """Connections of all tenants, opened when needed; only a few are kept, whatever the number of tenants."""

    def __init__(self) -> None:
        self._idle: list[tuple[Path, duckdb.DuckDBPyConnection]] = []
        self._lock = threading.Lock()

    def of(self, folder: Path) -> SegmentReader:
        """The reader of one tenant's folder."""
        return SegmentReader(folder, self)

    @contextmanager
    def connection(self, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of that folder for the time being."""
        connection = self._taken(folder) or locked_connection(folder)
        try:
            yield connection
        finally:
            with self._lock:
                self._idle.append((folder, connection))
                surplus = self._idle[:-_IDLE]
                self._idle = self._idle[-_IDLE:]
            for _, other in surplus:
                other.close()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def _taken(self, folder: Path) -> duckdb.DuckDBPyConnection | None:
        with self._lock:
            for index in reversed(range(len(self._idle))):
                if self._idle[index][0] == folder:
                    return self._idle.pop(index)[1]
        return None


class SegmentReader:
    """What the store asks of one tenant's segments.

    Args:
        folder: the tenant's own.
        readers: where connections come from.

    Raises:
        FileVanished: by all methods, if a file is gone; a merge may have replaced it meanwhile.
    """

    def __init__(self, folder: Path, readers: Readers) -> None:
        self._folder = folder
        self._readers = readers

    @property
    def folder(self) -> Path:
        return self._folder

    def rows(self, kind, files, signals=None, start=None, end=None):
        found = []
        for file in files:
            where = [_among(signals)]
            where += ["ts >= $start"] if start is not None else []
            where += ["ts < $end"] if end is not None else []
            query = f"SELECT * FROM read_parquet($paths) WHERE {' AND '.join(where)}"
            table = self._ask(query, [file.path], start=start, end=end)
            found.append(table.select(STORED[kind].names).cast(STORED[kind]))
        return found

    def newest(self, kind, files):
        return self.rows(kind, files)

    def live_minutes(self, files, signals, start, end):
        query = (
            "SELECT signal, epoch_us(arrival) // 60000000 * 60000000 AS minute, "
            "count(*) FILTER (status >> 30 = 0) AS good, count(*) AS total FROM read_parquet($paths) "
            f"WHERE {_among(signals)} AND live AND arrival >= $start AND arrival < $end GROUP BY ALL"
        )
        return self._ask(query, [f.path for f in files], start=start, end=end)

    def _ask(self, query: str, paths: Sequence[str], **values: datetime | None) -> pa.Table:
        given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
        given["paths"] = [str(self._folder / path) for path in paths]
        for path in paths:
            if not (self._folder / path).exists():
                raise FileVanished(path)
        with self._readers.connection(self._folder) as connection:
            try:
                table: pa.Table = connection.sql(query, params=given).to_arrow_table()
            except duckdb.Error as error:
                for path in paths:
                    if not (self._folder / path).exists():
                        raise FileVanished(path) from error
                raise SegmentDamaged(paths[0]) from error
            return table


def _among(signals: Sequence[int] | None) -> str:
    """A condition on `signal`; a literal list, because DuckDB prunes row groups by it."""
    if signals is None:
        return "true"
    return f"signal IN ({', '.join(str(int(number)) for number in signals)})" if signals else "false"
