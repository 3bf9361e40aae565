"""What a collected value costs: our whole gateway beside clients that merely receive, on the same server.

Our gateway decodes, keeps each notification on disk before acknowledging it, and delivers by HTTP; the peers
hand values to an empty callback. Each client is a process of its own whose processor time is read from the
system, so neither the server's work nor start-up counts.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tundish_deploy.figures import Report, judged
from tundish_platform.samples import SampleKind, decode_frames

if TYPE_CHECKING:
    from collections.abc import Iterator

_MILLION: Final = 1_000_000
_SETTLE_S: Final = 4.0
_START_S: Final = 60.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """Values a second that came, and processor seconds for a million of them."""

    rate: float
    cpu: float


def bench_opcua(seconds: float, items: int) -> Report:
    """Run server and clients one after the other; Linux only, for it reads ``/proc``."""
    with TemporaryDirectory() as folder, _server(items) as url:
        ours = _gateway(url, Path(folder), seconds)
        peers = {name: _peer(name, url, Path(folder), seconds) for name in ("asyncua", "python-opcua")}
    costs = {name: cost.cpu for name, cost in peers.items()}
    rates = {name: cost.rate for name, cost in peers.items()}
    figures = [
        judged("cpu_s_per_million", ours.cpu, "s", "lower", peers=costs),
        judged("values_per_s", ours.rate, "1/s", "higher", peers=rates),
        judged("cpu_best_peer_over_ours", min(costs.values()) / ours.cpu, "1", "higher"),
    ]
    conditions = {
        "items": items,
        "seconds a client": seconds,
        "server": "asyncua, float64, every item each 100 ms; it bounds the rate, so cost is what counts",
        "security": "None",
        "ours": "decode, spool with fdatasync, HTTP delivery",
        "peers": "decode and an empty callback",
    }
    return Report("bench opcua", conditions, figures)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _process(*arguments: str) -> subprocess.Popen[bytes]:
    module = "tundish_deploy.benchmarks.opcua_parts"
    return subprocess.Popen([sys.executable, "-m", module, *arguments])  # noqa: S603 - our own module


@contextmanager
def _stopped_afterwards(process: subprocess.Popen[bytes]) -> Iterator[int]:
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def _server(items: int) -> Iterator[str]:
    port = _free_port()
    with _stopped_afterwards(_process("server", str(port), str(items))):
        deadline = time.monotonic() + _START_S
        while True:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if time.monotonic() > deadline:
                raise TimeoutError("the benchmark's OPC UA server did not start")
            time.sleep(0.2)
        yield f"opc.tcp://127.0.0.1:{port}/bench"


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class _Sink(ThreadingHTTPServer):
    """Takes what the gateway delivers and counts the samples."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _SinkHandler)
        self.values = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _SinkHandler(BaseHTTPRequestHandler):
    server: _Sink

    def do_PUT(self) -> None:
        import json

        body = json.loads(self._body())
        paths = [signal["path"] for signal in body.get("signals", [])] if "source" in body else []
        self._answer({"ids": {path: number for number, path in enumerate(paths, 1)}})

    def do_POST(self) -> None:
        rows = 0
        for batch in decode_frames(self._body()):
            rows += len(batch) if batch.kind is not SampleKind.GAP else 0
        self.server.values += rows
        self._answer({"rows": rows})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, document: dict[str, Any]) -> None:
        import json

        data = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: object) -> None:
        """Keep the benchmark's output clean."""


def _gateway(url: str, folder: Path, seconds: float) -> Cost:
    sink = _Sink()
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    try:
        with _stopped_afterwards(_process("gateway", url, str(folder / "gateway"), sink.url)) as pid:
            return _measure(pid, lambda: sink.values, seconds)
    finally:
        sink.shutdown()
        sink.server_close()


def _peer(name: str, url: str, folder: Path, seconds: float) -> Cost:
    counter = folder / f"{name}.count"
    counter.write_text("0", "utf-8")
    with _stopped_afterwards(_process(name, url, str(counter))) as pid:
        return _measure(pid, lambda: int(counter.read_text("utf-8") or 0), seconds)


def _measure(pid: int, count: Any, seconds: float) -> Cost:  # noqa: ANN401 - a callable
    deadline = time.monotonic() + _START_S
    while not count():
        if time.monotonic() > deadline:
            raise TimeoutError("a client received nothing")
        time.sleep(0.1)
    time.sleep(_SETTLE_S)
    first, cpu, begun = count(), _cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    values = count() - first
    return Cost(values / (time.monotonic() - begun), (_cpu_s(pid) - cpu) / values * _MILLION)
