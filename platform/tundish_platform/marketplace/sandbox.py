"""Runs an app out of process: bytes of a window in, checked outputs out, and nothing else in reach.

With bubblewrap the process has name spaces of its own: no network, no other process, and of the file system
only the interpreter, the libraries, the SDK and the app, all read-only. Where bubblewrap is missing or may
not make name spaces, a plain process with resource limits and the system call filter runs instead, and the
result says so. One kernel is shared either way; side channels are not kept out.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tundish_platform.marketplace.isolation import ENVIRONMENT, best_isolation, confined_command
from tundish_platform.marketplace.runs import Outcome
from tundish_platform.sdk import AppOutputs
from tundish_platform.sdk.wire import ContractError, check_outputs, encode_inputs

if TYPE_CHECKING:
    from typing import IO

    from tundish_platform.marketplace.catalogue import App
    from tundish_platform.marketplace.isolation import Isolation
    from tundish_platform.sdk import AppInputs

_LOG_BYTES = 16_384
_CHUNK = 65_536
# Starting the interpreter and importing the libraries is not the app's doing, so it is not on its clock,
# which starts with the first byte of the answer.
_START_SECONDS = 60.0
# As bubblewrap passes it on, and as a plain process ends.
_CPU_SPENT = frozenset({128 + signal.SIGXCPU, -signal.SIGXCPU})


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """How a run ended.

    Attributes:
        outputs: what the app handed back; None unless it was accepted.
        seconds: wall time of the process.
        isolation: ``bubblewrap`` or ``process``; ``filtered``: the system call filter was active.
        detail: why it failed, or the end of what the app printed.
    """

    outcome: Outcome
    outputs: AppOutputs | None
    seconds: float
    isolation: Isolation
    filtered: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Ended:
    answer: bytes
    log: str
    code: int
    stopped: Outcome | None


def run_sandboxed(app: App, inputs: AppInputs, isolation: Isolation | None = None) -> SandboxResult:
    """Run an app over one window.

    Args:
        app: from the catalogue.
        inputs: the window; only what is in it reaches the app.
        isolation: as found best here when absent, for foreign apps always ``bubblewrap``, which is never
            silently replaced.

    Returns:
        The result; an app that crashes, hangs, floods or lies is a result too, never an exception.

    Raises:
        RuntimeError: bubblewrap was asked for and does not work here.
    """
    best, filtered = best_isolation()
    # Foreign code never falls back to a plain process, which could read the server's files.
    chosen = isolation or ("bubblewrap" if app.foreign else best)
    limits = app.manifest.resources
    arguments = [str(limits.seconds), str(limits.memory_mb), "filter" if filtered else "open"]
    command = confined_command(app.folder.resolve(), arguments, chosen)
    started = time.monotonic()
    ended = _run(command, encode_inputs(inputs), limits.seconds, limits.output_bytes)
    outcome, outputs, detail = _judge(inputs, ended)
    return SandboxResult(outcome, outputs, time.monotonic() - started, chosen, filtered, detail)


def _judge(inputs: AppInputs, ended: _Ended) -> tuple[Outcome, AppOutputs | None, str]:
    limits = inputs.manifest.resources
    if ended.stopped is Outcome.TIMEOUT or ended.code in _CPU_SPENT:
        return Outcome.TIMEOUT, None, f"it ran longer than {limits.seconds:g} s"
    if ended.stopped is Outcome.REFUSED:
        return Outcome.REFUSED, None, f"it handed back more than {limits.output_bytes} bytes"
    if ended.code != 0:
        return Outcome.FAILED, None, f"exit code {ended.code}; {ended.log}"
    try:
        outputs = AppOutputs.model_validate_json(ended.answer)
        check_outputs(inputs, outputs)
    except (ValidationError, ContractError) as error:
        return Outcome.REFUSED, None, str(error)[:1_000]
    return (Outcome.MISSING_INPUT if outputs.missing else Outcome.OK), outputs, ended.log


def _run(command: list[str], payload: bytes, seconds: float, most: int) -> _Ended:
    with tempfile.TemporaryDirectory(prefix="tundish-app-") as place, tempfile.TemporaryFile() as window:
        window.write(payload)
        window.seek(0)
        process = subprocess.Popen(  # noqa: S603 - made from the catalogue's folder and fixed words
            command, stdin=window, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(ENVIRONMENT), cwd=place, start_new_session=True, close_fds=True,
        )  # fmt: skip
        try:
            answer, log, stopped = _read(process, seconds, most)
        finally:
            _kill(process)
    return _Ended(answer, log, process.returncode, stopped)


def _read(process: subprocess.Popen[bytes], seconds: float, most: int) -> tuple[bytes, str, Outcome | None]:
    """Everything the process says until it ends: the answer up to its cap, the end of the log."""
    answer, log = bytearray(), bytearray()
    deadline = time.monotonic() + _START_SECONDS
    with selectors.DefaultSelector() as selector:
        for stream, kept in ((process.stdout, answer), (process.stderr, log)):
            selector.register(_pipe(stream), selectors.EVENT_READ, kept)
        while selector.get_map():
            started, left = bool(answer), deadline - time.monotonic()
            if left <= 0:
                return bytes(answer), _text(log), Outcome.TIMEOUT
            _take(selector, left)
            if answer and not started:
                deadline = time.monotonic() + seconds
            if len(answer) > most:
                return b"", _text(log), Outcome.REFUSED
            del log[:-_LOG_BYTES]
    return bytes(answer), _text(log), None if _ended_by(process.pid, deadline) else Outcome.TIMEOUT


def _take(selector: selectors.BaseSelector, seconds: float) -> None:
    """Read once from each pipe that has something, waiting for the first."""
    for key, _ in selector.select(seconds):
        chunk = os.read(key.fd, _CHUNK)
        if not chunk:
            selector.unregister(key.fileobj)
        key.data.extend(chunk)


def _ended_by(pid: int, deadline: float) -> bool:
    """Wait for the end without collecting it: until then its number cannot become another group's."""
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("the process was started without a pipe")
    return stream


def _kill(process: subprocess.Popen[bytes]) -> None:
    # The session's whole group: bubblewrap dies with its name spaces, a plain process with its children.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        _pipe(stream).close()


def _text(log: bytearray) -> str:
    return log.decode(errors="replace")[-1_500:].strip()
