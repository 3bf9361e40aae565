"""Runs the parts of the platform as processes: starts them, restarts what falls, stops all of them cleanly.

Children get a pipe as standard input; when the supervisor dies, however it dies, the pipe closes and
`watch_supervisor` in the child stops it. So no orphan keeps a port or the store's lock.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

log = structlog.get_logger(__name__)

SUPERVISED = "TUNDISH_SUPERVISED"
_FIRST_DELAY_S = 1.0
_LAST_DELAY_S = 30.0
_STEADY_S = 60.0
_LOG_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the platform.

    Attributes:
        name: short name, also of its log file.
        arguments: of the ``tundish`` command.
        environment: variables beyond the supervisor's own.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Running:
    part: Part
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    delay: float = _FIRST_DELAY_S
    start_at: float = 0.0
    restarts: int = 0


class Supervisor:
    """Keeps parts running until stopped.

    Args:
        log_dir: where each part's output goes, ``<name>.log``.
        on_event: told of starts, falls and stops, for a person watching.
    """

    def __init__(self, log_dir: Path, on_event: Callable[[str, str], None] | None = None) -> None:
        self._log_dir = log_dir
        self._on_event = on_event or (lambda _name, _event: None)
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        log_dir.mkdir(parents=True, exist_ok=True)

    def start(self, part: Part) -> None:
        """Start a part, and from now on restart it whenever it ends by itself."""
        with self._lock:
            running = _Running(part)
            self._running[part.name] = running
            self._launch(running)
        if not self._watcher.is_alive():
            self._watcher.start()

    def alive(self, name: str) -> bool:
        """Whether the part's process runs at this moment."""
        with self._lock:
            running = self._running.get(name)
            return running is not None and running.process is not None and running.process.poll() is None

    def restarts(self) -> dict[str, int]:
        """How often each part had to be restarted."""
        with self._lock:
            return {name: running.restarts for name, running in self._running.items()}

    def pid(self, name: str) -> int | None:
        """Process id of a part, if it runs."""
        with self._lock:
            process = self._running[name].process
            return None if process is None else process.pid

    def stop(self, grace_s: float = 15.0) -> None:
        """Stop all parts, the last started first; kill what has not ended after the grace time."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for running in reversed(list(self._running.values())):
            _end(running, grace_s)
            self._on_event(running.part.name, "stopped")

    def _launch(self, running: _Running) -> None:
        path = self._log_dir / f"{running.part.name}.log"
        if path.exists() and path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as output:
            running.process = subprocess.Popen(  # noqa: S603 - our own interpreter and command
                [sys.executable, "-m", "tundish_deploy", *running.part.arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **running.part.environment, SUPERVISED: "1"},
                # Ctrl-C must reach the supervisor alone, which then stops the parts in order.
                start_new_session=True,
            )
        running.started = time.monotonic()
        self._on_event(running.part.name, "started")

    def _watch(self) -> None:
        while not self._stopping.wait(0.25):
            with self._lock:
                for running in self._running.values():
                    self._mend(running)

    def _mend(self, running: _Running) -> None:
        now = time.monotonic()
        process = running.process
        if process is not None and process.poll() is not None:
            steady = now - running.started > _STEADY_S
            running.delay = _FIRST_DELAY_S if steady else min(running.delay * 2, _LAST_DELAY_S)
            running.start_at = now + running.delay
            _close_pipe(process)
            running.process = None
            running.restarts += 1
            log.warning(
                "part ended", part=running.part.name, code=process.returncode, restart_in_s=running.delay
            )
            self._on_event(running.part.name, f"ended with {process.returncode}, restarting")
        elif process is None and now >= running.start_at:
            self._launch(running)


def _close_pipe(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _end(running: _Running, grace_s: float) -> None:
    process = running.process
    if process is None:
        return
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            log.warning("part did not stop in time and is killed", part=running.part.name, grace_s=grace_s)
            process.kill()
            process.wait()
    _close_pipe(process)


def watch_supervisor() -> None:
    """In a child: end like on SIGTERM as soon as the supervisor is gone. Does nothing when run by hand."""
    if os.environ.get(SUPERVISED) != "1":
        return

    def wait_for_end() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_end, name="supervisor-watch", daemon=True).start()
