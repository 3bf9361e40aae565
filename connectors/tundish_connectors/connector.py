"""What a connector is, how it says what went wrong, and the runner that alone decides what to do then."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

_log = structlog.get_logger(__name__)


class ErrorKind(StrEnum):
    """What an error means for going on.

    ``retry``: the same call may succeed later. ``fatal``: it cannot before a person changes something.
    ``partial``: the connector goes on without a part of its signals.
    """

    RETRY = "retry"
    FATAL = "fatal"
    PARTIAL = "partial"


class ConnectorError(Exception):
    """An error that a connector has classified, with texts for people.

    Attributes:
        kind: what it means for going on; the runner decides by it.
        message_zh, message_en: what happened, what it means, what to do next.
        wait_s: shortest time in seconds after which a further try makes sense, where the other side told.
    """

    def __init__(
        self, kind: ErrorKind, message_en: str, message_zh: str, *, wait_s: float | None = None
    ) -> None:
        super().__init__(message_en)
        self.kind = kind
        self.message_en = message_en
        self.message_zh = message_zh
        self.wait_s = wait_s


class RunState(StrEnum):
    """What the heartbeat tells of a connector."""

    RUNNING = "running"
    CONNECTING = "connecting"
    DOWN = "down"


@runtime_checkable
class Connector(Protocol):
    """A source of samples. Built from a checked configuration without touching the network.

    ``run`` connects, reports ``running`` through the callback once samples may flow, and returns only when
    the source has no more to give. It raises `ConnectorError` (retry or fatal) and hands partial errors to
    the callback. Cancelling it must leave everything that was acknowledged on disk.
    """

    @property
    def name(self) -> str:
        """Name of the source in the tenant."""
        ...

    async def run(self, report: Report) -> None:
        """Collect until the source ends, the task is cancelled or an error is raised."""
        ...


class Report(Protocol):
    """Where a connector and its runner tell how things stand."""

    def __call__(self, state: RunState, error: ConnectorError | None = None) -> None:
        """Take note of a state and, where there is one, the error behind it."""
        ...


@dataclass
class Backoff:
    """Waiting times that double up to a limit, spread at random so that many gateways do not come at once.

    Attributes:
        first_s, limit_s: shortest and longest wait in seconds.
        factor: growth from one try to the next.
        steady_s: a run that lasted this long starts again at the shortest wait.
    """

    first_s: float = 0.5
    limit_s: float = 30.0
    factor: float = 2.0
    steady_s: float = 60.0
    spread: Callable[[], float] = field(default=random.random, repr=False)
    _next_s: float = field(default=0.0, init=False)

    def reset(self) -> None:
        """Begin again at the shortest wait."""
        self._next_s = 0.0

    def wait_s(self, at_least: float | None = None) -> float:
        """Seconds to wait before the next try: between half and all of the present step."""
        self._next_s = min(self.limit_s, max(self.first_s, self._next_s * self.factor))
        return max(at_least or 0.0, self._next_s * (0.5 + 0.5 * self.spread()))


async def supervise(connector: Connector, report: Report, backoff: Backoff | None = None) -> None:
    """Run a connector until it ends, is cancelled, or fails for good.

    Retryable errors, and errors nobody classified, are followed by a growing wait and another run.

    Raises:
        ConnectorError: of kind fatal; a person has to act.
    """
    backoff = backoff or Backoff()
    while True:
        report(RunState.CONNECTING)
        started = time.monotonic()
        try:
            await connector.run(report)
        except ConnectorError as error:
            report(RunState.DOWN, error)
            if error.kind is ErrorKind.FATAL:
                raise
            _log.warning("connector failed", connector=connector.name, reason=error.message_en)
            wait_at_least = error.wait_s
        except Exception as error:  # noqa: BLE001 - the runner is the last to catch; it logs and tries again
            # A defect in one connector must not end the collection for good; it is logged with its trace.
            report(RunState.DOWN, _unexpected(error))
            _log.exception("connector failed in an unforeseen way", connector=connector.name)
            wait_at_least = None
        else:
            return
        if time.monotonic() - started > backoff.steady_s:
            backoff.reset()
        await asyncio.sleep(backoff.wait_s(wait_at_least))


def _unexpected(error: Exception) -> ConnectorError:
    return ConnectorError(
        ErrorKind.RETRY,
        f"The connector failed in an unforeseen way ({type(error).__name__}: {error}); it starts again by "
        "itself. Please send the log to the maintainers.",
        f"连接器发生未预见的错误({type(error).__name__}: {error}),将自动重新启动。请把日志发给维护人员。",
    )
