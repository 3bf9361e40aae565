"""A small real HTTP platform that the connector tests deliver to."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tundish_platform.samples import CodecError, SampleBatch, SampleKind, decode_frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

TOKEN = "gateway-token"


@dataclass
class ReceivingPlatform:
    """Keeps what it is sent. ``answers`` holds status codes to give before it works normally again."""

    url: str = ""
    batches: list[SampleBatch] = field(default_factory=list)
    signals: dict[str, int] = field(default_factory=dict)
    specs: dict[str, dict[str, Any]] = field(default_factory=dict)
    heartbeats: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    largest_body: int = 64 * 1024**2
    lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self, path: str) -> dict[int, Any]:
        """Value by source time (µs) of one signal, all kinds but gaps."""
        found: dict[int, Any] = {}
        with self.lock:
            for batch in self.batches:
                if batch.kind is not SampleKind.GAP:
                    found.update(self._of(batch, path, "value"))
        return found

    def gaps(self, path: str) -> list[tuple[int, int, str]]:
        """Start, end (µs) and reason of one signal's gap records."""
        with self.lock:
            rows = [
                row
                for batch in self.batches
                if batch.kind is SampleKind.GAP
                for row in batch.table.to_pylist()
                if row["signal"] == self.signals[path]
            ]
        return [(_micros(row["ts"]), _micros(row["end"]), row["reason"]) for row in rows]

    def _of(self, batch: SampleBatch, path: str, column: str) -> dict[int, Any]:
        wanted = pc.equal(batch.table["signal"], pa.scalar(self.signals.get(path, 0), pa.uint32()))
        table = batch.table.filter(wanted)
        return dict(zip(table["ts"].cast(pa.int64()).to_pylist(), table[column].to_pylist(), strict=True))

    def handle(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        with self.lock:
            self.requests.append((method, path, len(body)))
            if self.answers and not path.startswith("/sources"):
                status = self.answers.pop(0)
                return status, {"code": "made_up", "message": f"answer {status}"}
            if path == "/signals":
                return 200, {"ids": self._declare(json.loads(body))}
            if path == "/ingest":
                return self._ingest(body)
            self.heartbeats.append(json.loads(body))
            return 200, {}

    def _declare(self, body: dict[str, Any]) -> dict[str, int]:
        ids = {}
        for spec in body["signals"]:
            ids[spec["path"]] = self.signals.setdefault(spec["path"], len(self.signals) + 1)
            self.specs[spec["path"]] = spec
        return ids

    def _ingest(self, body: bytes) -> tuple[int, dict[str, Any]]:
        if len(body) > self.largest_body:
            return 413, {"code": "too_large", "message": "too large"}
        try:
            batches = list(decode_frames(body))
        except CodecError as error:
            return 400, {"code": "bad_frames", "message": str(error)}
        self.batches += batches
        return 200, {"rows": sum(len(batch) for batch in batches)}


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


class _Handler(BaseHTTPRequestHandler):
    platform: ClassVar[ReceivingPlatform]
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        prefix = "/api/v1/tenants/plant"
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, answer = 401, {"code": "no_token", "message": "no valid token"}
        elif not self.path.startswith(prefix):
            status, answer = 404, {"code": "unknown", "message": "unknown tenant"}
        else:
            status, answer = self.platform.handle(self.command, self.path.removeprefix(prefix), body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_PUT = do_POST = _serve  # noqa: N815 - names that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's signature
        """Keep the test output quiet."""


@pytest.fixture
def platform() -> Iterator[ReceivingPlatform]:
    state = ReceivingPlatform()
    handler = type("Handler", (_Handler,), {"platform": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()
