"""Sending to a replicated log: what waits travels together, several messages are under way at once."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitedTooLong
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import nats.errors
import nats.js.errors
import structlog

from tundish_platform.store.log import envelope
from tundish_platform.store.log.interface import StoreFailed, StoreFull

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tundish_platform.store.log.link import NatsLink

log = structlog.get_logger(__name__)

# How the servers say that there is no room: account, server, stream by bytes, stream by messages.
_FULL: Final = frozenset({10002, 10023, 10047, 10077, 10028})
# Answers that another try cannot change: a foreign stream, a message too long, a sealed or read-only stream.
_FINAL: Final = frozenset({10054, 10060, 10097, 10109})
_ATTEMPT_S: Final = 3.0
_PAUSE_S: Final = 0.05
_ASK_S: Final = 0.5


@dataclass(slots=True)
class _Request:
    tenant: int
    payloads: Sequence[bytes]
    message_id: str | None
    size: int
    taken: Callable[[Sequence[int]], None] | None = None
    answer: Future[list[int]] = field(default_factory=Future)


class Publisher:
    """Puts batches into messages and waits until a majority of the servers has each on disk.

    Args:
        link: the connection.
        stream: name of the stream; an answer of any other is no acknowledgement.
        subject: of the stream.
        in_flight: messages under way at once.
        group_bytes: a message is filled up to this size if more batches wait.
        patience_s: how long a message is sent again before its callers are told that it failed. Must be
            shorter than the stream remembers message ids, or a record could be stored twice.
    """

    def __init__(
        self,
        link: NatsLink,
        stream: str,
        subject: str,
        *,
        in_flight: int = 8,
        group_bytes: int = 2 * 1024 * 1024,
        patience_s: float = 30.0,
    ) -> None:
        self._link = link
        self._stream = stream
        self._subject = subject
        self._free = in_flight
        self._group_bytes = group_bytes
        self._patience_s = patience_s
        self._waiting: deque[_Request] = deque()
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = False
        self._closed = False
        # Message ids of two runs must differ, or the second run's records would count as repeated.
        self._run = secrets.token_hex(8)
        self._count = 0
        self._own: dict[str, list[_Request]] = {}
        self.failed: StoreFailed | None = None

    def send(
        self,
        tenant: int,
        payloads: Sequence[bytes],
        message_id: str | None = None,
        taken: Callable[[Sequence[int]], None] | None = None,
    ) -> list[int]:
        """Sequences of the batches once they are safe.

        Args:
            tenant: row number of the tenant.
            payloads: its batches.
            message_id: the caller's own; its message travels alone.
            taken: kept for `claim`.

        Raises:
            StoreFull: the log has no room.
            StoreFailed: it cannot be said that they are durable.
        """
        request = _Request(tenant, payloads, message_id, envelope.size(payloads), taken)
        with self._lock:
            if self._closed:
                raise StoreFailed("the log is closed")
            self._waiting.append(request)
            wake, self._woken = not self._woken, True
        if wake:
            self._link.loop.call_soon_threadsafe(self._dispatch)
        try:
            # The loop tells in time; this bound is for a loop that died.
            return request.answer.result(2 * self._patience_s + 60)
        except WaitedTooLong as error:
            raise StoreFailed("the connection to NATS does not answer any more") from error

    def claim(self, message_id: str, number: int) -> bool:
        """Call `taken` for all batches of an own message, in their order; False for a foreign message."""
        with self._lock:
            group = self._own.pop(message_id, None)
        if group is None:
            return False
        first = number * envelope.SLOTS
        for request in group:
            following = first + len(request.payloads)
            if request.taken is not None:
                request.taken(range(first, following))
            first = following
        return True

    def close(self) -> None:
        """Take nothing more; what is under way is still answered."""
        with self._lock:
            self._closed = True

    def _dispatch(self) -> None:
        with self._lock:
            self._woken = False
        while self._free and (group := self._next_group()):
            self._free -= 1
            self._keep(self._link.loop.create_task(self._deliver(group)))

    def _next_group(self) -> list[_Request]:
        group: list[_Request] = []
        size = records = 0
        with self._lock:
            while self._waiting:
                head = self._waiting[0]
                size, records = size + head.size, records + len(head.payloads)
                alone = (
                    head.message_id is not None
                    or (group and (head.taken is None) != (group[0].taken is None))
                    or size > self._group_bytes
                    or records > envelope.SLOTS
                )
                if group and alone:
                    break
                group.append(self._waiting.popleft())
                if alone:
                    break
        return group

    async def _deliver(self, group: list[_Request]) -> None:
        try:
            self._count += 1
            message_id = group[0].message_id or f"{self._run}-{self._count}"
            if any(request.taken is not None for request in group):
                with self._lock:
                    self._own[message_id] = group
            batches = [(request.tenant, payload) for request in group for payload in request.payloads]
            number = await self.publish(envelope.pack(batches), message_id)
        except BaseException as problem:
            with self._lock:
                # Should it be stored nevertheless, it is handed over like a stranger's.
                self._own = {name: own for name, own in self._own.items() if own is not group}
            _refuse(group, problem)
            if not isinstance(problem, StoreFailed):
                raise
        else:
            _acknowledge(group, number * envelope.SLOTS)
        finally:
            self._free += 1
            self._dispatch()

    async def publish(self, message: bytes, message_id: str) -> int:
        """Number of the message in the stream; sent again, under the same id, until it is there."""
        headers = {"Nats-Msg-Id": message_id, "Nats-Expected-Stream": self._stream}
        end = time.monotonic() + self._patience_s
        while True:
            try:
                attempt_s = max(_PAUSE_S, min(_ATTEMPT_S, end - time.monotonic()))
                answer = await self._link.streams.publish(
                    self._subject, message, timeout=attempt_s, headers=headers
                )
            except nats.js.errors.APIError as error:
                problem = self._judge(error)
            except (nats.errors.Error, OSError) as error:
                problem = error
            else:
                self.failed = None
                return answer.seq
            if time.monotonic() > end:
                raise self._failing(f"no majority of the log's servers answers ({problem})")
            await asyncio.sleep(_PAUSE_S)

    def _failing(self, problem: str) -> StoreFailed:
        if self.failed is None:
            log.error("the log does not answer", stream=self._stream, problem=problem)
            self.failed = StoreFailed(problem)
            self._keep(self._link.loop.create_task(self._await_return()))
        return StoreFailed(problem)

    async def _await_return(self) -> None:
        """Ask until the servers take a message again, so that callers who wait for that need not try."""
        while self.failed is not None and not self._closed:
            await asyncio.sleep(_ASK_S)
            with contextlib.suppress(StoreFailed):
                await self.publish(envelope.pack([]), f"return-{secrets.token_hex(8)}")

    def _keep(self, task: asyncio.Task[None]) -> None:
        # The loop itself keeps only a weak hold on its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _judge(self, error: nats.js.errors.APIError) -> Exception:
        if error.err_code in _FULL:
            self.failed = None
            log.error("no space for the log", stream=self._stream, problem=error.description)
            raise StoreFull(f"no space is left for the log: {error.description}")
        if error.err_code in _FINAL:
            raise StoreFailed(f"the log refuses the message: {error.description}")
        return error


def _acknowledge(group: list[_Request], first: int) -> None:
    for request in group:
        following = first + len(request.payloads)
        request.answer.set_result(list(range(first, following)))
        first = following


def _refuse(group: list[_Request], problem: BaseException) -> None:
    kind = type(problem) if isinstance(problem, StoreFailed) else StoreFailed
    for request in group:
        # One exception raised in several threads would collect the traces of all of them.
        request.answer.set_exception(kind(str(problem) or "sending broke off"))
