"""One lane of the OPC UA campaign: a server, a line that breaks, a collector, and what came of it."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from tundish_connectors.spool import Spool
from tundish_deploy.campaigns.opcua_collector import KEEP_ALIVE_S
from tundish_deploy.campaigns.opcua_relay import Cut, Relay
from tundish_platform.samples import SampleKind, decode_batch

if TYPE_CHECKING:
    from collections.abc import Callable

PEERS: Final = Path(__file__).resolve().parents[3] / "tests" / "connectors" / "peers"
SERVERS: Final = {
    "asyncua": [sys.executable, str(PEERS / "asyncua_server.py")],
    "python-opcua": [sys.executable, "-W", "ignore", str(PEERS / "opcua_server.py")],
    "node-opcua": ["node", str(PEERS / "node_server.mjs")],
    "open62541": [sys.executable, str(PEERS / "o6_server.py")],
}
# The o6 package ends its process after ten minutes; the lane restarts it in good time, which it has to bear.
_LONGEST_LIFE_S = 480.0
SIGNALS: Final = 3
# node-opcua looks at its variables every 50 ms at most, and says so when it creates the item.
PERIODS_S: Final = {"node-opcua": 0.12}
_PERIOD_S = 0.03
_BOUND_S = 60.0
_AFTER_US = 150_000


@dataclass
class Lane:
    """What a lane brought.

    Attributes:
        seed: replays the faults.
        server: kind of server.
        cuts, server_kills, collector_kills: faults.
        samples: journalled by the server between the first and the last one collected, times signals.
        missing: of them neither collected nor within a gap record.
        in_gaps: of them within a gap record.
        deaf: signals that did not come back after a fault within a minute.
        recoveries_s: from each cut to the first durable sample from after it.
        words: the first findings.
    """

    seed: str
    server: str
    cuts: int = 0
    server_kills: int = 0
    collector_kills: int = 0
    samples: int = 0
    missing: int = 0
    in_gaps: int = 0
    deaf: int = 0
    recoveries_s: list[float] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


class Program:
    """A process that tells how far it is, one JSON line at a time."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.told: dict[str, Any] = {}
        with log.open("a") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)  # noqa: S603 - own
        self.ready = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        with self.process.stdout as lines:
            for line in lines:
                if "ready" in line:
                    self.ready.set()
                with contextlib.suppress(json.JSONDecodeError):
                    self.told = json.loads(line)

    def kill(self) -> None:
        """Kill -9."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._listener.join(_BOUND_S)

    def stop(self) -> None:
        """SIGTERM, and kill -9 if that does not help."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_BOUND_S)
        self.kill()


class World:
    """The processes of a lane."""

    def __init__(self, folder: Path, server: str, seed: str, client: Callable[[World], list[str]]) -> None:
        self.folder = folder
        self.kind = server
        self._port = _free_port()
        self._client = client
        self.server = self._serve()
        self.relay = Relay(self._port, seed)
        self.collector = self._collect()

    def _serve(self) -> Program:
        settings = {
            "port": self._port,
            "signals": SIGNALS,
            "period_s": PERIODS_S.get(self.kind, _PERIOD_S),
            "journal": str(self.folder / "journal.jsonl"),
        }
        program = Program([*SERVERS[self.kind], json.dumps(settings)], self.folder / "server.log")
        self._started = time.monotonic()
        if not program.ready.wait(_BOUND_S):
            raise RuntimeError(
                f"{self.kind} did not start: {(self.folder / 'server.log').read_text()[-500:]}"
            )
        return program

    def _collect(self) -> Program:
        return Program(self._client(self), self.folder / "collector.log")

    def flows(self, bound_s: float = _BOUND_S) -> bool:
        """Whether every signal brings samples from after this call, in time."""
        since = time.time() * 1e6 + _AFTER_US
        return wait_until(lambda: self._all_since(since), bound_s)

    def _all_since(self, since: float) -> bool:
        told = self.collector.told
        return bool(told.get("signals", 0) >= SIGNALS and told.get("oldest", 0) > since)

    def kill_server(self, while_down: Callable[[], object] = lambda: None) -> None:
        """Kill -9 and start again; ``while_down`` is called when the new one already counts."""
        self.relay.accepting = False
        self.server.kill()
        self.server = self._serve()
        while_down()
        self.relay.accepting = True

    def kill_collector(self) -> None:
        """Kill -9 and start again."""
        self.collector.kill()
        self.collector = self._collect()

    def refresh(self) -> None:
        """A server that ends by itself is restarted before it does."""
        if self.kind == "open62541" and time.monotonic() - self._started > _LONGEST_LIFE_S:
            self.kill_server()

    def journal(self) -> dict[int, int]:
        """Value by source time (µs), as the server wrote it."""
        return read_journal(self.folder / "journal.jsonl")

    def close(self) -> None:
        """End all processes."""
        self.collector.stop()
        self.relay.close()
        self.server.kill()


def lane(seed: str, server: str, cuts: int, server_kills: int, collector_kills: int) -> Lane:
    """Run one lane; the order of its faults comes from the seed."""
    chance = random.Random(seed)  # noqa: S311 - repeatable faults, no secrets
    faults = ["cut"] * cuts + ["server"] * server_kills + ["collector"] * collector_kills
    chance.shuffle(faults)
    result = Lane(seed, server, cuts, server_kills, collector_kills)
    with TemporaryDirectory() as name:
        folder = Path(name)
        world = World(folder, server, seed, _collector)
        moments: list[float] = []
        try:
            _expect(world, result, "the start")
            for fault in faults:
                world.refresh()
                time.sleep(chance.uniform(0.0, 0.3))
                if fault == "cut":
                    moments.append(time.time())
                    world.relay.break_line(chance.choice(list(Cut)))
                elif fault == "server":
                    world.kill_server()
                else:
                    world.kill_collector()
                _expect(world, result, fault)
        finally:
            world.close()
        _judge(result, folder, world.journal(), moments)
    return result


def _collector(world: World) -> list[str]:
    url = f"opc.tcp://127.0.0.1:{world.relay.port}"
    return [sys.executable, "-m", "tundish_deploy.campaigns.opcua_collector", str(world.folder), url]


def _expect(world: World, result: Lane, fault: str) -> None:
    if not world.flows():
        result.deaf += 1
        if len(result.words) < 5:  # noqa: PLR2004 - enough to begin a search with
            tail = (world.folder / "collector.log").read_text()[-400:]
            result.words.append(f"after {fault}: {world.collector.told}; {tail}")


def _judge(result: Lane, folder: Path, journal: dict[int, int], moments: list[float]) -> None:
    rows, gaps, arrivals = _collected(folder)
    for number in range(1, SIGNALS + 1):
        mine, holes = rows.get(number, {}), gaps.get(number, {})
        if not mine:
            result.deaf += 1
            continue
        first, last = min(mine), max(mine)
        told = [ts for ts in journal if first <= ts <= last]
        lacking = [ts for ts in told if ts not in mine]
        unknown = [ts for ts in lacking if not any(start <= ts < end for start, end in holes.items())]
        result.samples += len(told)
        result.missing += len(unknown)
        result.in_gaps += len(lacking) - len(unknown)
        if unknown and len(result.words) < 5:  # noqa: PLR2004 - enough to begin a search with
            result.words.append(f"signal {number}: missing {unknown[:5]} of {len(unknown)}")
    for moment in moments:
        after = [arrival for arrival, newest in arrivals if newest > moment * 1e6 and arrival > moment]
        result.recoveries_s.append(min(after, default=moment + _BOUND_S) - moment)


def _collected(
    folder: Path,
) -> tuple[dict[int, dict[int, Any]], dict[int, dict[int, int]], list[tuple[float, int]]]:
    rows: dict[int, dict[int, Any]] = {}
    gaps: dict[int, dict[int, int]] = {}
    arrivals: list[tuple[float, int]] = []
    spool = Spool(folder / "spool")
    after = 0
    while records := spool.read(64 * 1024**2, after=after):
        after = records[-1].number
        for record in records:
            batch = decode_batch(record.payload)
            table = batch.table
            starts = [round(moment.timestamp() * 1e6) for moment in table["ts"].to_pylist()]
            signals = table["signal"].to_pylist()
            if batch.kind is SampleKind.GAP:
                ends = [round(moment.timestamp() * 1e6) for moment in table["end"].to_pylist()]
                for number, start, end in zip(signals, starts, ends, strict=True):
                    gaps.setdefault(number, {})[start] = end
                continue
            for number, ts, value in zip(signals, starts, table["value"].to_pylist(), strict=True):
                rows.setdefault(number, {})[ts] = value
            arrivals.append((batch.arrival.timestamp(), max(starts)))
    spool.close()
    return rows, gaps, arrivals


def read_journal(path: Path) -> dict[int, int]:
    """Value by source time in µs; a line that a kill tore is left out."""
    entries: dict[int, int] = {}
    for line in path.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            entry = json.loads(line)
            entries[round(datetime.fromisoformat(entry["ts"]).timestamp() * 1e6)] = entry["value"]
    return entries


def wait_until(condition: Callable[[], bool], bound_s: float = _BOUND_S) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + bound_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


__all__ = ["KEEP_ALIVE_S", "Lane", "Program", "World", "lane", "read_journal", "wait_until"]
