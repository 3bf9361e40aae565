"""VictoriaMetrics: JSON lines to its import API, a line a signal and batch, as its own `vmctl` sends them.

It keeps milliseconds and a number only, so the status goes to a second metric where it is not good. It
acknowledges what lies in memory: up to some seconds of acknowledged rows are lost with the process.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_deploy.benchmarks.store.engine import Engine
from tundish_deploy.benchmarks.store.processes import Http, Server, at_rest, free_port, program
from tundish_deploy.benchmarks.store.workload import DAYS, START_MS

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_platform.samples import SampleBatch

_WINDOW_DAYS: Final = 2 * DAYS


class VictoriaMetrics(Engine):
    """A server of its own in `folder`."""

    name = "victoriametrics"
    # One for each core; 1, 2 and 4 could not be told apart on a busy machine.
    writers = 2

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        port = free_port()
        self._http = Http(port)
        command = [
            program("victoria-metrics"),
            f"-storageDataPath={self.folder}",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=100y",
            "-loggerLevel=ERROR",
            "-import.maxLineLen=100MB",
        ]
        self._server = Server(command, folder, lambda: self._http.answers("/health"))

    def encode(self, batch: SampleBatch) -> bytes:
        """Lines ``{"metric": …, "values": […], "timestamps": […]}``."""
        table = batch.table
        odd = table.filter(pc.not_equal(table["status"], 0))
        return _lines("value", table, table["value"]) + _lines("status", odd, odd["status"])

    def write(self, encoded: bytes) -> None:
        """One request a batch."""
        self._http.ask("POST", "/api/v1/import", encoded)

    def settle(self) -> float:
        """Rows that are in memory become parts on disk; then its own merges."""
        self._http.ask("GET", "/internal/force_flush")
        return at_rest(self.pids)

    def shrink(self) -> None:
        """Everything of a month into one part."""
        self._http.ask("GET", "/internal/force_merge")
        at_rest(self.pids)

    def rows(self) -> int:
        """Values that a query counts."""
        query = quote(f"sum(count_over_time(value[{_WINDOW_DAYS}d]))")
        end = START_MS // 1000 + _WINDOW_DAYS * 86_400 - 1
        answer = json.loads(self._http.ask("GET", f"/api/v1/query?query={query}&time={end}&nocache=1"))
        found = answer["data"]["result"]
        return int(found[0]["value"][1]) if found else 0

    def pids(self) -> list[int]:
        """The server."""
        return self._server.pids()

    def close(self) -> None:
        """Stop the server."""
        self._server.stop()


def _lines(metric: str, table: pa.Table, values: pa.ChunkedArray) -> bytes:
    if not table.num_rows:
        return b""
    signal = table["signal"].to_numpy()
    order = np.argsort(signal, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(signal[order])))
    offsets = pa.array(np.append(first, len(signal)), pa.int32())

    def joined(column: pa.ChunkedArray) -> pa.Array:
        texts = pc.cast(column.combine_chunks().take(pa.array(order)), pa.string())
        return pc.binary_join(pa.ListArray.from_arrays(offsets, texts), ",")

    ms = pc.divide(table["ts"].cast(pa.int64()), 1000)
    lines = pc.binary_join_element_wise(
        f'{{"metric":{{"__name__":"{metric}","i":"',
        pc.cast(pa.array(signal[order][first]), pa.string()),
        '"},"values":[',
        joined(values),
        '],"timestamps":[',
        joined(ms),
        "]}\n",
        "",
    )
    return "".join(lines.to_pylist()).encode()
