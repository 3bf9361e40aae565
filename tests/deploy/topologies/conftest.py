"""A platform of real processes, started as `tundish up` does, and somebody who counts what it keeps."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import tomli_w

from tundish_deploy.settings import load_settings
from tundish_deploy.stores import prepare
from tundish_deploy.supervisor import Supervisor
from tundish_deploy.up import server_parts, store_parts, wait_for_server
from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind, SignalSpec
from tundish_platform.sdk.client import ApiError, Client
from tundish_platform.store.testing.ports import free_ports
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_token
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BOUND_S = 120.0
EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
SLUGS = ("steel", "power")


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for it, as long as a busy machine may take."""
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline, f"did not come: {what}"
        time.sleep(0.05)


@dataclass
class Counter:
    """Appends one row after the other for a tenant, each once; keeps which of them were acknowledged."""

    client: Client
    tenant: str
    signal: int
    safe: list[int] = field(default_factory=list)
    refusals: list[ApiError] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    _next: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._stopped.set()
        self._thread.join()

    def rows(self) -> list[int]:
        """What is stored."""
        table = self.client.samples(self.tenant, [self.signal], EPOCH, EPOCH + timedelta(days=1))
        return [int(value) for value in table["value"].to_pylist()]

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._next += 1
            try:
                self.client.ingest(self.tenant, [row(self.signal, self._next)])
            except ApiError as error:
                self.refusals.append(error)
                self._stopped.wait(0.05)
                continue
            self.safe.append(self._next)
            self._look()

    def _look(self) -> None:
        """Whoever was told that a row is stored finds it, whichever process answers."""
        try:
            found = self.client.latest(self.tenant, [self.signal])
        except ApiError as error:
            self.refusals.append(error)
        else:
            if int(found[0]["value"]) != self._next:
                self.unread.append(self._next)


def row(signal_number: int, count: int) -> SampleBatch:
    columns = [[signal_number], [EPOCH + timedelta(milliseconds=count)], [float(count)], [0]]
    schema = SCHEMAS[SampleKind.NUMERIC]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return SampleBatch(SampleKind.NUMERIC, pa.table(arrays, schema=schema), datetime.now(UTC), Origin.LIVE)


class Installation:
    """Settings, tenants with tokens, and the processes."""

    def __init__(self, folder: Path, **tables: Any) -> None:  # noqa: ANN401 - whatever settings there are
        self.file = folder / "tundish.toml"
        (port,) = free_ports(1)
        server = {"port": port} | tables.pop("server", {})
        self.file.write_text(tomli_w.dumps({"data_dir": str(folder / "data"), "server": server, **tables}))
        self.settings = load_settings(self.file)
        self.supervisor = Supervisor(folder / "logs")
        self.log_dir = folder / "logs"
        self.counters: list[Counter] = []
        prepare(self.settings)
        metadata = Metadata(self.settings.database)
        with metadata.above(Above.OPERATOR).session() as session:
            for slug in SLUGS:
                create_tenant(session, slug, slug, slug)
            roles = [Role.ANALYST, Role.COLLECTOR]
            self.token = create_token(session, "counter", dict.fromkeys(SLUGS, roles))
        metadata.close()

    def start(self) -> None:
        for part in store_parts(self.settings, self.file) + server_parts(self.settings, self.file):
            self.supervisor.start(part)
        wait_for_server(self.supervisor, self.settings, self.log_dir, BOUND_S)

    def client(self) -> Client:
        """It asks once: a client that asks again by itself would hide the refusals that are counted here."""
        return Client(self.settings.server.url, self.token, timeout=BOUND_S, retries=0)

    def counter(self, tenant: str = "steel") -> Counter:
        """Counts from now on."""
        client = self.client()
        spec = SignalSpec(path="Counter", name_zh="计数", name_en="count", semantic="count.parts")
        number = client.put_signals(tenant, "counter", [spec])["Counter"]
        made = Counter(client, tenant, number)
        made.begin()
        self.counters.append(made)
        return made

    def kill(self, part: str) -> None:
        """As a power switch would; the supervisor starts it again."""
        before = self.supervisor.restarts()[part]
        pid = self.supervisor.pid(part)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.supervisor.restarts()[part] > before, f"{part} falls")

    def progress(self, rows: int = 5) -> None:
        """Wait until every counter has so many more rows acknowledged."""
        goals = [(counter, len(counter.safe) + rows) for counter in self.counters]
        until(lambda: all(len(c.safe) >= goal for c, goal in goals), "acknowledgements")

    def refusal(self) -> None:
        """Wait until every counter is refused once more."""
        goals = [(counter, len(counter.refusals) + 1) for counter in self.counters]
        until(lambda: all(len(c.refusals) >= goal for c, goal in goals), "refusals")

    def check(self) -> None:
        """All that was acknowledged is there, each once, and was there as soon as it was acknowledged."""
        for counter in self.counters:
            counter.end()
        for counter in self.counters:
            found = counter.rows()
            assert len(set(found)) == len(found)
            assert set(counter.safe) <= set(found)
            assert counter.unread == []

    def end(self) -> None:
        for counter in self.counters:
            counter.end()
            counter.client.close()
        self.supervisor.stop()


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    made: list[Installation] = []

    def make(**tables: Any) -> Installation:  # noqa: ANN401 - see above
        made.append(Installation(tmp_path, **tables))
        return made[-1]

    yield make
    for one in made:
        one.end()
