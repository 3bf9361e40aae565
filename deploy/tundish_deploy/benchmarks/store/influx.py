"""InfluxDB 1.6: line protocol, its log synced at each write.

A field for the status is written where it is not good; a second field on each line would only slow it down.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from tundish_deploy.benchmarks.store.engine import Engine
from tundish_deploy.benchmarks.store.processes import Http, Server, at_rest, free_port, program

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_platform.samples import SampleBatch

# Everything else is the default: the index in memory, compaction as fast as the processors allow.
_CONFIG: Final = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
  logging-enabled = false
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  wal-fsync-delay = "0s"
  query-log-enabled = false
  cache-max-memory-size = 4294967296
  cache-snapshot-write-cold-duration = "1s"
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  max-body-size = 0
[logging]
  level = "error"
  suppress-logo = true
"""


class InfluxDb(Engine):
    """A server of its own in `folder`."""

    name = "influxdb"
    writers = 2

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self.folder.mkdir()
        port = free_port()
        config = folder / "influxdb.conf"
        config.write_text(_CONFIG.format(folder=self.folder, port=port, rpc=free_port()), "utf-8")
        self._http = Http(port)
        command = [program("influxd"), "run", "-config", str(config)]
        self._server = Server(command, folder, lambda: self._http.answers("/ping"))
        self._http.ask("POST", "/query?q=" + quote("CREATE DATABASE bench"))

    def encode(self, batch: SampleBatch) -> bytes:
        """Lines ``s,i=<signal> v=<value> <ms>``, a signal's lines together: it costs the server less."""
        table = batch.table.take(pc.sort_indices(batch.table, [("signal", "ascending"), ("ts", "ascending")]))
        odd = pc.not_equal(table["status"], 0)
        status = pc.binary_join_element_wise(",q=", pc.cast(table["status"], pa.string()), "i", "")
        lines = pc.binary_join_element_wise(
            "s,i=",
            pc.cast(table["signal"], pa.string()),
            " v=",
            pc.cast(table["value"], pa.string()),
            pc.if_else(odd, status, ""),
            " ",
            pc.cast(pc.divide(table["ts"].cast(pa.int64()), 1000), pa.string()),
            "",
        )
        return "\n".join(lines.to_pylist()).encode()

    def write(self, encoded: bytes) -> None:
        """One request a batch."""
        self._http.ask("POST", "/write?db=bench&precision=ms", encoded)

    def settle(self) -> float:
        """Its cache goes to disk after a second without writes; then it compacts."""
        return at_rest(self.pids)

    def rows(self) -> int:
        """Values that a query counts."""
        query = quote("SELECT count(v) FROM s")
        answer = json.loads(self._http.ask("GET", f"/query?db=bench&q={query}"))
        return int(answer["results"][0]["series"][0]["values"][0][1])

    def pids(self) -> list[int]:
        """The server."""
        return self._server.pids()

    def close(self) -> None:
        """Stop the server."""
        self._server.stop()
