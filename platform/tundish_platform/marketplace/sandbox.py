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
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tundish_platform.marketplace.isolation import best_isolation, confined_command
from tundish_platform.marketplace.outcomes import Outcome
from tundish_platform.marketplace.started import OwnProcess, SandboxFailed
from tundish_platform.sdk.wire import ContractError, check_outputs, decode_outputs, encode_inputs
from tundish_platform.sdk.worker import READY

if TYPE_CHECKING:
    from tundish_platform.marketplace.catalogue import App
    from tundish_platform.marketplace.forks import ForkServer
    from tundish_platform.marketplace.isolation import Isolation
    from tundish_platform.marketplace.started import Started
    from tundish_platform.sdk import AppInputs, AppOutputs

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
        cpu_s, memory_mb: as `Started` has them.
    """

    outcome: Outcome
    outputs: AppOutputs | None
    seconds: float
    isolation: Isolation
    filtered: bool
    detail: str = ""
    cpu_s: float | None = None
    memory_mb: int | None = None


@dataclass(frozen=True, slots=True)
class _Ended:
    answer: bytes
    log: str
    code: int
    stopped: Outcome | None


def run_sandboxed(
    app: App, inputs: AppInputs, isolation: Isolation | None = None, forks: ForkServer | None = None
) -> SandboxResult:
    """Run an app over one window.

    Args:
        app: from the catalogue.
        inputs: the window; only what is in it reaches the app.
        isolation: as found best here when absent, for foreign apps always ``bubblewrap``, which is never
            silently replaced.
        forks: starts the run where bubblewrap was chosen; a process of its own without.

    Returns:
        The result; an app that crashes, hangs, floods or lies is a result too, never an exception.

    Raises:
        SandboxFailed: the app was not reached.
        RuntimeError: bubblewrap was asked for and does not work here.
    """
    best, filtered = best_isolation()
    # Foreign code never falls back to a plain process, which could read the server's files.
    chosen = isolation or ("bubblewrap" if app.foreign else best)
    limits = app.manifest.resources
    started = time.monotonic()
    with tempfile.TemporaryFile() as window:
        window.write(encode_inputs(inputs))
        window.seek(0)
        if forks is not None and chosen == "bubblewrap":
            run: Started = forks.start(app, window)
        else:
            arguments = [str(limits.seconds), str(limits.memory_mb), "filter" if filtered else "open"]
            run = OwnProcess.start(confined_command(app.folder.resolve(), arguments, chosen), window)
        ended = _watched(run, limits.seconds, limits.output_bytes)
    outcome, outputs, detail = _judge(inputs, ended)
    took = time.monotonic() - started
    return SandboxResult(outcome, outputs, took, chosen, filtered, detail, run.cpu_s, run.memory_mb)


def _judge(inputs: AppInputs, ended: _Ended) -> tuple[Outcome, AppOutputs | None, str]:
    limits = inputs.manifest.resources
    if not ended.answer and ended.stopped is not Outcome.REFUSED:
        raise SandboxFailed(f"the sandbox ended with {ended.code} before the app began; {ended.log}")
    if ended.stopped is Outcome.TIMEOUT or ended.code in _CPU_SPENT:
        return Outcome.TIMEOUT, None, f"it ran longer than {limits.seconds:g} s"
    if ended.stopped is Outcome.REFUSED:
        return Outcome.REFUSED, None, f"it handed back more than {limits.output_bytes} bytes"
    if ended.code != 0:
        return Outcome.FAILED, None, f"exit code {ended.code}; {ended.log}"
    try:
        outputs = decode_outputs(ended.answer.removeprefix(READY), inputs.manifest)
        check_outputs(inputs, outputs)
    except (ValidationError, ContractError) as error:
        return Outcome.REFUSED, None, str(error)[:1_000]
    return (Outcome.MISSING_INPUT if outputs.missing else Outcome.OK), outputs, ended.log


def _watched(run: Started, seconds: float, most: int) -> _Ended:
    answer, log, stopped, code = b"", "", None, 0
    try:
        answer, log, stopped = _read(run, seconds, most)
    finally:
        code = run.close()
    return _Ended(answer, log, code, stopped)


def _read(run: Started, seconds: float, most: int) -> tuple[bytes, str, Outcome | None]:
    """Everything the process says until it ends: the answer up to its cap, the end of the log."""
    answer, log = bytearray(), bytearray()
    deadline = time.monotonic() + _START_SECONDS
    with selectors.DefaultSelector() as selector:
        for stream, kept in ((run.output, answer), (run.errors, log)):
            selector.register(stream, selectors.EVENT_READ, kept)
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
    return bytes(answer), _text(log), None if run.ended_by(deadline) else Outcome.TIMEOUT


def _take(selector: selectors.BaseSelector, seconds: float) -> None:
    """Read once from each pipe that has something, waiting for the first."""
    for key, _ in selector.select(seconds):
        chunk = os.read(key.fd, _CHUNK)
        if not chunk:
            selector.unregister(key.fileobj)
        key.data.extend(chunk)


def _text(log: bytearray) -> str:
    return log.decode(errors="replace")[-1_500:].strip()
