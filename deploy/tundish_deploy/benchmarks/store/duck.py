"""DuckDB: plain appends of the same Arrow batches, each a commit; and a sorted table for the queries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from tundish_deploy.benchmarks.store.engine import Engine

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from tundish_platform.samples import SampleBatch

_TABLE: Final = "CREATE TABLE {} (signal UINTEGER, ts TIMESTAMPTZ, value DOUBLE, status UINTEGER)"


class DuckDb(Engine):
    """A database file in `folder`."""

    name = "duckdb"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connection = self._connected()
        if not self.ask("SELECT 1 FROM duckdb_tables()").num_rows:
            self.execute(_TABLE.format("samples"))

    def _connected(self) -> Any:  # noqa: ANN401 - duckdb belongs to the server extra
        import duckdb

        connection = duckdb.connect(str(self.folder / "bench.duckdb"))
        # As many as the machine has processors, and times as UTC.
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    def encode(self, batch: SampleBatch) -> pa.Table:
        """As it is."""
        return batch.table

    def write(self, encoded: pa.Table) -> None:
        """An INSERT from Arrow, which commits to its log on disk."""
        self._connection.register("batch", encoded)
        self._connection.execute("INSERT INTO samples SELECT * FROM batch")
        self._connection.unregister("batch")

    def settle(self) -> float:
        """Its log goes into the table."""
        self.execute("CHECKPOINT")
        return time.perf_counter()

    def rows(self) -> int:
        """Rows that a query counts."""
        return int(self.ask("SELECT count(*) AS n FROM samples")["n"][0].as_py())

    def sort(self) -> None:
        """The table that queries are compared on: everything, by signal and time."""
        self.execute("CREATE TABLE sorted AS SELECT * FROM samples ORDER BY signal, ts")
        self.execute("DROP TABLE samples")
        self.execute("CHECKPOINT")

    def execute(self, statement: str) -> None:
        """A statement without an answer."""
        self._connection.execute(statement)

    def ask(self, query: str) -> pa.Table:
        """An answer as an Arrow table."""
        return self._connection.sql(query).to_arrow_table()

    def reopen(self) -> None:
        """Forget what is in memory."""
        self._connection.close()
        self._connection = self._connected()

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()
