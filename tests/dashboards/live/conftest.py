"""The pages' server on a port of its own, and the page's end of its streams."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from waitress import wasyncore
from waitress.server import create_server

from tundish_dashboards.live import door
from tundish_dashboards.live.handover import HandingChannel
from tundish_dashboards.live.limits import LiveLimits
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Site
    from flask import Flask

    from tundish_dashboards.live.hub import Hub

QUICK = LiveLimits(look_s=0.02, recheck_s=0.1, alive_s=0.2, slow_s=1.0)
LINES = {"own-plant": "OWN-Site/Shop/L1", "canary-plant": "CANARY-Site/Shop/L1"}
PRESSURE = {slug: f"{line}/M1/C1/V1" for slug, line in LINES.items()}
PATIENCE_S = 20.0
_seconds = iter(range(1, 100_000))


class Reader:
    """A page's end of a stream; reads on while it is asked."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.raw = b""
        connection.settimeout(0.05)

    def status(self) -> int:
        self._until(lambda: b"\r\n\r\n" in self.raw)
        return int(self.raw.split(b" ", 2)[1])

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """What has come; the frames of chunks are looked through."""
        body = self.raw.partition(b"\r\n\r\n")[2]
        text, at = b"", 0
        while (end := body.find(b"\r\n", at)) >= 0:
            length = int(body[at:end], 16)
            text += body[end + 2 : end + 2 + length]
            at = end + 4 + length
        found = []
        for block in text.decode().split("\n\n")[:-1]:
            if block.startswith("event: "):
                name, data = block.split("\n")
                found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
        return found

    def rows(self) -> dict[str, dict[str, Any]]:
        """The newest row of each signal."""
        return {row["id"]: row for name, data in self.events() if name == "news" for row in data["rows"]}

    def _read(self) -> bool:
        try:
            part = self.connection.recv(65_536)
        except TimeoutError:
            return True
        except ConnectionError:
            return False
        self.raw += part
        return bool(part)

    def _until(self, there: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not there():
            assert time.monotonic() < end, self.raw[-2_000:]
            if not self._read():
                assert there(), self.raw[-2_000:]

    def until(self, there: Callable[[Reader], object]) -> Reader:
        self._until(lambda: there(self))
        return self

    def until_closed(self) -> Reader:
        end = time.monotonic() + PATIENCE_S
        while self._read():
            assert time.monotonic() < end, "still open"
        return self


@dataclass
class Live:
    """The pages' server on a port of its own, with quick streams."""

    site: Site
    app: Flask
    port: int
    readers: list[Reader] = field(default_factory=list)
    reader = Reader
    quick = QUICK
    lines = LINES
    pressure = PRESSURE
    patience_s = PATIENCE_S

    @property
    def hub(self) -> Hub:
        return self.app.extensions[door.EXTENSION]

    def cookie(self, login: str, *, anew: bool = False) -> str:
        client = self.site.new_visitor(login) if anew else self.site.visitor(login)
        return client.get_cookie("tundish_session").value

    def open(
        self, login: str = "insider", tenant: str = "own-plant", query: str | None = None,
        *, cookie: str | None = None, version: str = "1.1", size: int | None = None, method: str = "GET",
    ) -> Reader:  # fmt: skip
        connection = socket.socket()
        if size is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        connection.connect(("127.0.0.1", self.port))
        asked = f"line={LINES.get(tenant, 'x')}" if query is None else query
        secret = self.cookie(login) if cookie is None else cookie
        head = (
            f"{method} /live/{tenant}?{asked} HTTP/{version}\r\nHost: x\r\n"
            f"Accept-Language: en\r\nCookie: tundish_session={secret}\r\n\r\n"
        )
        connection.sendall(head.encode())
        self.readers.append(Reader(connection))
        return self.readers[-1]

    def send(self, tenant: str, value: float, status: int = 0) -> None:
        """A new pressure."""
        context, path = self.site.context, PRESSURE[tenant]
        with context.metadata.session() as session:
            scope = access_tenant(job_principal(session, "c", Role.COLLECTOR), tenant, Permission.INGEST)
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(milliseconds=next(_seconds))
        schema = SCHEMAS[SampleKind.NUMERIC]
        columns = [[self.site.signals[tenant][path]], [at], [value], [status]]
        table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
        context.telemetry.append(scope, [SampleBatch(SampleKind.NUMERIC, table, at)])

    def number(self, tenant: str) -> str:
        return str(self.site.signals[tenant][PRESSURE[tenant]])

    def shows(self, value: str, tenant: str = "own-plant") -> Callable[[Reader], bool]:
        """Whether a reader was told that the pressure is so."""
        number = self.number(tenant)
        return lambda reader: value in reader.rows().get(number, {}).get("value", "")

    def ended(self, reason: str, count: int = 1) -> None:
        end = time.monotonic() + PATIENCE_S
        while self.hub.ended[reason] < count:
            assert time.monotonic() < end, self.hub.ended
            time.sleep(0.02)


@pytest.fixture
def live(site: Site) -> Iterator[Live]:
    app = site.dash.server
    before = app.extensions[door.EXTENSION]
    before.limits = QUICK
    before.ended.clear()
    sockets: dict[int, object] = {}
    server = create_server(app, map=sockets, host="127.0.0.1", port=0, threads=2, channel_request_lookahead=1)
    server.channel_class = HandingChannel
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            wasyncore.loop(timeout=0.1, use_poll=True, map=sockets, count=1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    one = Live(site, app, int(server.effective_port))
    yield one
    for reader in one.readers:
        reader.connection.close()
    end = time.monotonic() + PATIENCE_S
    while len(one.hub):
        assert time.monotonic() < end, "a page that left is still told news"
        time.sleep(0.02)
    stopped.set()
    thread.join(timeout=10)
    server.task_dispatcher.shutdown()
    wasyncore.close_all(map=sockets)
