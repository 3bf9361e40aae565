"""Third-party servers and gateways as processes, and the checker of "no loss without a record"."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tundish_connectors.connector import Backoff, ConnectorError, supervise
from tundish_connectors.delivery import Counters
from tundish_connectors.opcua import OpcUaConnection, OpcUaConnector
from tundish_connectors.opcua.intake import Intake
from tundish_connectors.spool import Spool
from tundish_deploy.campaigns.opcua_collector import LocalNumbers
from tundish_platform.samples import SampleKind, decode_batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.connectors.conftest import ReceivingPlatform

ASYNC_BOUND_S = 60.0
PEERS = Path(__file__).parent.parent / "peers"
PATH = "Plant/Line/Machine/Counter{}"
GATEWAY = (
    "import sys, pathlib; from tundish_connectors.opcua import GatewayConfig, run_connector; "
    "sys.exit(run_connector(GatewayConfig.model_validate_json(pathlib.Path(sys.argv[1]).read_text())))"
)
INSTALL = f"npm ci --prefix {PEERS.name}  (in tests/connectors, needs node 20 or newer)"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, condition: Callable[[], bool], timeout_s: float = 90.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout_s} s in vain for: {what}")
        time.sleep(0.2)


async def until(what: str, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + ASYNC_BOUND_S
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {ASYNC_BOUND_S} s in vain for: {what}")
        await asyncio.sleep(0.02)


@dataclass
class Peer:
    """A server process with a journal; may be killed and started again on the same port.

    Attributes:
        extra: further settings of the server.
        clock: its clock can be stepped.
    """

    command: list[str]
    folder: Path
    signals: int = 3
    period_s: float = 0.02
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    clock: bool = False

    def set_clock(self, offset_s: int) -> None:
        """Step the clock of this process alone; the monotonic one goes on."""
        (self.folder / "clock").write_text(f"{offset_s:+d}")

    def _environment(self) -> dict[str, str]:
        if not self.clock:
            return dict(os.environ)
        found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not found:
            pytest.fail("libfaketime is missing; run deploy/ci/system-packages.sh")
        return {
            **os.environ,
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.folder / "clock"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def start(self) -> None:
        settings = {
            **self.extra,
            "port": self.port,
            "signals": self.signals,
            "period_s": self.period_s,
            "journal": str(self.folder / "journal.jsonl"),
        }
        with (self.folder / "peer.log").open("a") as log:
            self.process = subprocess.Popen(
                [*self.command, json.dumps(settings)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment(),
            )
        assert self.process.stdout is not None
        # o6 greets with its name first, and node-opcua sometimes with a warning of its own.
        if not any("ready" in line for line in iter(self.process.stdout.readline, "")):
            pytest.fail(f"{self.command} did not start: {(self.folder / 'peer.log').read_text()[-2000:]}")

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()

    def journal(self) -> dict[int, int]:
        """Value by source time in µs."""
        entries: dict[int, int] = {}
        for line in (self.folder / "journal.jsonl").read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                entry = json.loads(line)
                moment = datetime.fromisoformat(entry["ts"])
                entries[round(moment.timestamp() * 1e6)] = entry["value"]
        return entries


@dataclass
class Gateway:
    """A connector process; its state folder outlives it."""

    folder: Path
    settings: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        config = self.folder / "gateway.json"
        config.write_text(json.dumps(self.settings))
        with (self.folder / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", GATEWAY, str(config)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONWARNINGS": "default"},
            )

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """It neither reads nor writes meanwhile."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)

    def log(self) -> str:
        return (self.folder / "gateway.log").read_text()


def missing(journal: dict[int, int], rows: dict[int, Any], gaps: list[tuple[int, int, str]]) -> list[int]:
    """Journalled values between the first and last one that arrived, neither arrived nor within a gap."""
    first, last = min(rows), max(rows)
    return [
        value
        for ts, value in journal.items()
        if first <= ts <= last and ts not in rows and not any(start <= ts < end for start, end, _ in gaps)
    ]


class Bench:
    """The connector with its spool, in this process."""

    def __init__(self, folder: Path, port: int, **options: object) -> None:
        connection = OpcUaConnection.model_validate(
            {
                "name": "bench",
                "url": f"opc.tcp://127.0.0.1:{port}",
                "state_dir": folder,
                "security_policy": "None",
                "publishing_interval_ms": 50,
                "keep_alive_s": 0.5,
                "reconcile_s": 1.0,
                **options,
            }
        )
        self.spool = Spool(folder / "spool")
        self.intake = Intake(self.spool, Counters(), folder)
        self.connector = OpcUaConnector(connection, self.spool, LocalNumbers(), self.intake)
        self.backoff = Backoff(first_s=0.05, limit_s=0.2)
        self.states: list[str] = []
        self.errors: list[ConnectorError] = []

    def report(self, state: object, error: ConnectorError | None = None) -> None:
        self.states.append(str(state))
        if error is not None:
            self.errors.append(error)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(supervise(self.connector, self.report, self.backoff))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.spool.close()

    def rows(self, number: int = 1) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for batch in self._batches():
            if batch.kind is not SampleKind.GAP:
                for row in batch.table.to_pylist():
                    if row["signal"] == number:
                        found[round(row["ts"].timestamp() * 1e6)] = row["value"]
        return found

    def gaps(self, number: int = 1) -> dict[int, tuple[int, str]]:
        """End and reason by start: a later record of the same start replaces the first."""
        found: dict[int, tuple[int, str]] = {}
        for batch in self._batches():
            if batch.kind is SampleKind.GAP:
                for row in batch.table.to_pylist():
                    if row["signal"] == number:
                        start, end = (round(row[name].timestamp() * 1e6) for name in ("ts", "end"))
                        found[start] = (end, row["reason"])
        return found

    def _batches(self) -> list[Any]:
        return [decode_batch(record.payload) for record in self.spool.read(10**9, after=0, limit=10**6)]

    def has(self, written: dict[int, dict[int, int]]) -> bool:
        return all(values.items() <= self.rows(number).items() for number, values in written.items())

    @property
    def number(self) -> int:
        subscription = self.connector._subscription
        return subscription.number if subscription is not None else 0

    @property
    def granted(self) -> dict[int, Any]:
        subscription = self.connector._subscription
        return subscription.items.granted if subscription is not None else {}


@pytest.fixture(scope="session")
def node_modules() -> None:
    """Install node-opcua as the lock file says; a machine without npm fails here, with what to do."""
    lock = hashlib.sha256((PEERS / "package-lock.json").read_bytes()).hexdigest()
    stamp = PEERS / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() == lock:
        return
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.fail(f"node-opcua is a test peer and needs node and npm; install them, then run: {INSTALL}")
    done = subprocess.run(["npm", "ci"], cwd=PEERS, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        pytest.fail(f"node-opcua could not be installed; run: {INSTALL}\n{done.stderr[-2000:]}")
    stamp.write_text(lock)


COMMANDS = {
    "asyncua": [sys.executable, str(PEERS / "asyncua_server.py")],
    "python-opcua": [sys.executable, "-W", "ignore", str(PEERS / "opcua_server.py")],
    "open62541": [sys.executable, str(PEERS / "o6_server.py")],
    "node-opcua": ["node", str(PEERS / "node_server.mjs")],
    "node-plant": ["node", str(PEERS / "node_plant.mjs")],
}


@pytest.fixture
def start_peer(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Peer]]:
    peers: list[Peer] = []

    def start(kind: str, **options: Any) -> Peer:  # noqa: ANN401 - fields of Peer
        if kind.startswith("node-"):
            request.getfixturevalue("node_modules")
        folder = tmp_path / f"peer{len(peers)}"
        folder.mkdir()
        peer = Peer(COMMANDS[kind], folder, **options)
        peer.set_clock(0)
        peers.append(peer)
        peer.start()
        return peer

    yield start
    for peer in peers:
        peer.kill()


@pytest.fixture
def gateway(tmp_path: Path, platform: ReceivingPlatform) -> Iterator[Gateway]:
    folder = tmp_path / "gateway"
    folder.mkdir()
    built = Gateway(
        folder,
        {
            "connection": {
                "name": "line-1",
                "url": "opc.tcp://127.0.0.1:1",
                "state_dir": str(folder / "state"),
                "security_policy": "None",
                "publishing_interval_ms": 100,
                "keep_alive_s": 0.5,
            },
            "delivery": {"base_url": platform.url, "tenant": "plant", "token": "gateway-token"},
            "heartbeat_s": 0.5,
        },
    )
    yield built
    built.kill()


@pytest.fixture(scope="module")
def unused_port() -> int:
    return free_port()


class Kit:
    """Helpers for test files, which do not import each other."""

    bench = Bench
    until = staticmethod(until)
    wait_until = staticmethod(wait_until)
    missing = staticmethod(missing)
    free_port = staticmethod(free_port)
    path = staticmethod(PATH.format)


@pytest.fixture
def kit() -> type[Kit]:
    return Kit
