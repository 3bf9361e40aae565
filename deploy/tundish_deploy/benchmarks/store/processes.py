"""Server processes of the peers: starting, waiting, and what they cost. Linux only: it reads ``/proc``."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tundish_deploy.benchmarks.ending import end

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_START_S: Final = 60.0
_STOP_S: Final = 60.0
_POLL_S: Final = 0.2
_REST_S: Final = 2.0
_REST_SHARE: Final = 0.1
_REST_LIMIT_S: Final = 300.0
_OK: Final = 300


class PeerMissing(Exception):  # noqa: N818 - what a person must know
    """A peer is not installed; the message names the command that installs it."""


class PeerFailed(RuntimeError):  # noqa: N818 - what happened
    """A peer did not start, or refused a request."""


def program(name: str, *places: str) -> str:
    """Where a peer's program is.

    Raises:
        PeerMissing: nowhere.
    """
    found = shutil.which(name, path=os.pathsep.join([*places, os.environ.get("PATH", "")]))
    if found is None:
        raise PeerMissing(
            f"{name} is not installed. Run deploy/ci/bench-packages.sh, or name the peers with --peers."
        )
    return found


def version_of(*command: str) -> str:
    """The line in which a program tells its version."""
    answer = subprocess.run(  # noqa: S603 - the peer's own program
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    lines = (answer.stdout + answer.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def processor_s(pids: Sequence[int]) -> float:
    """Processor seconds of processes and of children they have waited for."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / _TICKS


def resident_bytes(pid: int) -> int:
    """The most memory that a process has had."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise PeerFailed(f"process {pid} does not tell its memory")


def free_port() -> int:
    """A port on loopback that nobody has right now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A peer's process, which ends with this one.

    Args:
        command: how to start it.
        folder: where it runs; its output goes to ``server.log`` there.
        ready: true once it answers.
        stop: the signal that ends it in good order.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        ready: Callable[[], bool],
        stop: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._log = folder / "server.log"
        self._stop = stop
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the peer's own program
                [program("setpriv"), "--pdeathsig", "KILL", *command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_S
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise PeerFailed(f"{command[0]} did not start: {self._log.read_text('utf-8')[-2000:]}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """Of the server."""
        return self._process.pid

    def pids(self) -> list[int]:
        """The server and its children."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("utf-8").split()
        return [self.pid, *map(int, children)]

    def stop(self) -> None:
        """End it, by force if it takes too long."""
        end(self._process, self._stop, _STOP_S)


def at_rest(pids: Callable[[], list[int]]) -> float:
    """Wait until processes do nothing any more; when they last did something (`time.perf_counter`)."""
    busy, spent = time.perf_counter(), processor_s(pids())
    deadline = busy + _REST_LIMIT_S
    while (now := time.perf_counter()) - busy < _REST_S and now < deadline:
        time.sleep(_POLL_S)
        after = processor_s(pids())
        if after - spent > _REST_SHARE * (time.perf_counter() - now):
            busy = time.perf_counter()
        spent = after
    return busy


class Http:
    """Requests to a peer on loopback; each thread keeps its own connection.

    Args:
        port: where it listens.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._local = threading.local()

    def ask(self, method: str, url: str, body: bytes | None = None) -> bytes:
        """The answer's body.

        Raises:
            PeerFailed: the peer refused.
        """
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=600)
            self._local.connection = connection
        connection.request(method, url, body)
        answer = connection.getresponse()
        data: bytes = answer.read()
        if answer.status >= _OK:
            raise PeerFailed(f"{method} {url}: {answer.status} {data[:300]!r}")
        return data

    def answers(self, url: str) -> bool:
        """Whether somebody is there."""
        try:
            self.ask("GET", url)
        except (OSError, http.client.HTTPException, PeerFailed):
            self._local.connection = None
            return False
        return True
