"""PostgreSQL: COPY in its binary form into a table without an index, each batch a commit that is on disk."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tundish_deploy.benchmarks.store.engine import Engine
from tundish_deploy.benchmarks.store.processes import PeerMissing, Server, program, version_of

if TYPE_CHECKING:
    from tundish_platform.samples import SampleBatch

_USER: Final = "postgres"
# PostgreSQL counts µs from the year 2000.
_EPOCH_US: Final = 946_684_800_000_000
_ROW: Final = np.dtype(
    [
        *(("fields", ">i2"), ("n0", ">i4"), ("ts", ">i8"), ("n1", ">i4"), ("value", ">f8")),
        *(("n2", ">i4"), ("signal", ">i4"), ("n3", ">i4"), ("status", ">i4")),
    ]
)
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
# In its favour: room for its log, no vacuum meanwhile, nothing kept for replicas.
_OPTIONS: Final = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "wal_buffers": "64MB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "30min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


class Postgres(Engine):
    """A cluster of its own in `folder`, which must be reachable for the user `postgres`, too."""

    name = "postgres"
    writers = 2

    def __init__(self, folder: Path) -> None:
        data = folder / "data"
        self.folder = data
        self._place = str(folder)
        prefix = _as_user(folder)
        made = [_server_program("initdb"), "-D", str(data), "-U", "bench", "--auth=trust"]
        subprocess.run(  # noqa: S603 - its own program
            [*prefix, *made, "--encoding=UTF8", "--no-locale"],
            cwd=folder, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        options = [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
        command = [*prefix, _server_program("postgres"), "-D", str(data), "-k", self._place, *options]
        self._local = threading.local()
        self._open: list[Any] = []
        # SIGINT is its fast shutdown; SIGTERM would wait for our connections.
        self._server = Server(command, folder, self._answers, signal.SIGINT)
        self.ask(
            "CREATE TABLE samples (ts timestamptz NOT NULL, value float8, "
            "signal int4 NOT NULL, status int4 NOT NULL)"
        )

    def encode(self, batch: SampleBatch) -> bytes:
        """COPY's binary form; the fields lie so that no byte is lost to alignment."""
        table = batch.table
        rows = np.empty(len(batch), _ROW)
        rows["fields"] = 4
        rows["n0"] = rows["n1"] = 8
        rows["n2"] = rows["n3"] = 4
        rows["ts"] = table["ts"].cast(pa.int64()).to_numpy() - _EPOCH_US
        rows["value"] = table["value"].to_numpy()
        rows["signal"] = table["signal"].to_numpy()
        rows["status"] = table["status"].to_numpy().view(np.int32)
        return _HEAD + rows.tobytes() + _END

    def write(self, encoded: bytes) -> None:
        """One COPY a batch, each its own transaction."""
        with self._connection().cursor().copy("COPY samples FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(encoded)

    def settle(self) -> float:
        """What it owes the disk is written at a checkpoint."""
        self.ask("CHECKPOINT")
        return time.perf_counter()

    def rows(self) -> int:
        """Rows that a query counts."""
        return int(self.ask("SELECT count(*) FROM samples")[0][0])

    def disk_bytes(self) -> int:
        """The table without the catalogue, and without the log, whose files are used again and again."""
        return int(self.ask("SELECT pg_table_size('samples')")[0][0])

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of an answer, if it has any."""
        cursor = self._connection().execute(query)
        rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return rows

    def pids(self) -> list[int]:
        """The server and its helpers."""
        return self._server.pids()

    def close(self) -> None:
        """Stop the server."""
        for connection in self._open:
            connection.close()
        self._server.stop()

    def _connection(self) -> Any:  # noqa: ANN401 - psycopg is an extra
        import psycopg

        if not hasattr(self._local, "connection"):
            self._local.connection = psycopg.connect(
                host=self._place, user="bench", dbname="postgres", autocommit=True
            )
            self._open.append(self._local.connection)
        return self._local.connection

    def _answers(self) -> bool:
        import psycopg

        try:
            self._connection()
        except psycopg.OperationalError:
            return False
        return True


def version() -> str:
    """What the server calls itself.

    Raises:
        PeerMissing: server or client is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise PeerMissing(
            "psycopg is not installed. Run pip install 'tundish[postgresql]', or name the peers with --peers."
        ) from error
    return f"{version_of(_server_program('postgres'), '--version')}, psycopg {psycopg.__version__}"


def _server_program(name: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return program(name, *map(str, places))


def _as_user(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, _USER, _USER)
    return [program("setpriv"), "--reuid", _USER, "--regid", _USER, "--clear-groups", "--pdeathsig", "KILL"]
