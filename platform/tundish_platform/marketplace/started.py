"""A run on its way, whether it is a process of its own or forked by the fork server."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tundish_platform.marketplace.isolation import ENVIRONMENT
from tundish_platform.sdk.forkserver import ENDED

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from typing import IO

_POLL_S = 0.002


class SandboxFailed(RuntimeError):  # noqa: N818 - reads as what it is where it is caught
    """No app was reached: the sandbox did not start, or broke. The next one may do."""


class Started(Protocol):
    """What the sandbox needs of a run.

    Attributes:
        cpu_s: processor seconds, where they are known.
        memory_mb: at most, interpreter and libraries included, where it is known.
    """

    cpu_s: float | None
    memory_mb: int | None

    @property
    def output(self) -> int:
        """Descriptor of what it says on standard output."""

    @property
    def errors(self) -> int:
        """Descriptor of what it says on standard error."""

    def ended_by(self, deadline: float) -> bool:
        """Whether it ends until a moment of the monotonic clock."""

    def close(self) -> int:
        """End it if it still runs, with all it started; its exit code, negative for a signal."""


@dataclass(slots=True)
class OwnProcess:
    """A process of its own, in a scratch folder of its own."""

    process: subprocess.Popen[bytes]
    place: tempfile.TemporaryDirectory[str]
    cpu_s: float | None = None
    memory_mb: int | None = None

    @classmethod
    def start(cls, command: Sequence[str], window: IO[bytes]) -> OwnProcess:
        """Start a command with a window as its input and nothing else."""
        place = tempfile.TemporaryDirectory(prefix="tundish-app-")
        process = subprocess.Popen(  # noqa: S603 - made from the catalogue's folder and fixed words
            command, stdin=window, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(ENVIRONMENT), cwd=place.name, start_new_session=True, close_fds=True,
        )  # fmt: skip
        return cls(process, place)

    @property
    def output(self) -> int:
        """As `Started.output`."""
        return _pipe(self.process.stdout).fileno()

    @property
    def errors(self) -> int:
        """As `Started.errors`."""
        return _pipe(self.process.stderr).fileno()

    def ended_by(self, deadline: float) -> bool:
        """Wait for the end without collecting it: until then its number cannot become another group's."""
        while os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def close(self) -> int:
        """As `Started.close`."""
        # The session's whole group: bubblewrap dies with its name spaces, a plain process with its children.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            _pipe(stream).close()
        self.place.cleanup()
        return code


@dataclass(slots=True)
class ForkedRun:
    """A child of the fork server, held by a socket: it lives as long as that is open.

    Attributes:
        status: brings the exit code, processor seconds and memory.
    """

    output: int
    errors: int
    status: socket.socket
    code: int | None = None
    cpu_s: float | None = None
    memory_mb: int | None = None

    def ended_by(self, deadline: float) -> bool:
        """As `Started.ended_by`."""
        left_ms = max(0, int((deadline - time.monotonic()) * 1_000))
        # Not select(), which knows no descriptor above 1,023.
        poll = select.poll()
        poll.register(self.status, select.POLLIN)
        if not poll.poll(left_ms):
            return False
        told = self.status.recv(ENDED.size)
        if len(told) != ENDED.size:
            raise SandboxFailed("the fork server is gone")
        self.code, self.cpu_s, peak_kb = ENDED.unpack(told)
        self.memory_mb = peak_kb // 1024
        return True

    def close(self) -> int:
        """As `Started.close`."""
        self.status.close()
        os.close(self.output)
        os.close(self.errors)
        return -signal.SIGKILL if self.code is None else self.code


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("the process was started without a pipe")
    return stream
