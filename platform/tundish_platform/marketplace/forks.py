"""The fork server seen from outside: started when it is needed, again when it broke, asked for runs."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import tempfile
import threading
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from tundish_platform.marketplace.isolation import bubblewrap, forkserver_command
from tundish_platform.marketplace.started import ForkedRun, SandboxFailed
from tundish_platform.sdk.confine import filter_available
from tundish_platform.sdk.forkserver import READY

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from tundish_platform.marketplace.catalogue import App

# It may start behind everything else on a busy machine, and is on nobody's clock.
_START_S: Final = 300.0


def forks_available() -> bool:
    """Whether a fork server keeps apart as well as single processes do: with bubblewrap and the filter."""
    return bubblewrap() is not None and filter_available()


@dataclass(slots=True)
class ForkServer:
    """Starts runs at a tenth of the cost of an interpreter each; safe to use from several threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _control: socket.socket | None = None
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, app: App, window: IO[bytes]) -> ForkedRun:
        """Start a run of an app over the window in a file.

        Raises:
            SandboxFailed: the server could not be started, or is just breaking down.
        """
        limits = app.manifest.resources
        words = json.dumps({"seconds": limits.seconds, "memory_mb": limits.memory_mb}).encode()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        (output, output_in), (errors, errors_in) = os.pipe(), os.pipe()
        with tempfile.TemporaryFile() as packed, theirs:
            packed.write(archive(app.folder))
            packed.seek(0)
            given = [window.fileno(), packed.fileno(), output_in, errors_in, theirs.fileno()]
            run = ForkedRun(output, errors, ours)
            try:
                socket.send_fds(self._asked(), [words], given)
            except OSError as error:
                self.close()
                run.close()
                raise SandboxFailed(f"the fork server is gone: {error}") from error
            except SandboxFailed:
                run.close()
                raise
            finally:
                os.close(output_in)
                os.close(errors_in)
        return run

    def close(self) -> None:
        """End the server, and with it every run that it started."""
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            self._control = self._process = None

    def _asked(self) -> socket.socket:
        with self._lock:
            if self._control is None or self._process is None or self._process.poll() is not None:
                self._control, self._process = _launched()
            return self._control


def archive(folder: Path) -> bytes:
    """An app's files as they are imported from, packed for one run."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as files:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                files.write(path, path.relative_to(folder.parent).as_posix())
    return sink.getvalue()


def _launched() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, tempfile.TemporaryFile() as log:
        # Not to die with the thread that starts it; the closed socket is what ends it.
        words = [word for word in forkserver_command(theirs.fileno()) if word != "--die-with-parent"]
        process = subprocess.Popen(  # noqa: S603 - fixed words
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={}, cwd="/",
            pass_fds=(theirs.fileno(),), start_new_session=True,
        )  # fmt: skip
        theirs.close()
        ours.settimeout(_START_S)
        said = b""
        with suppress(OSError):
            said = ours.recv(len(READY))
        if said != READY:
            ours.close()
            process.kill()
            process.wait()
            log.seek(0)
            raise SandboxFailed(
                f"the fork server did not start: {log.read()[-1_000:].decode(errors='replace')}"
            )
    ours.settimeout(None)
    return ours, process
