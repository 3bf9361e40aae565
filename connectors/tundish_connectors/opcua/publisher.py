"""Keeps publish requests waiting at the server and gathers what is answered.

`LanePublisher` sends and receives bytes and asks anew while answers are still being gathered, so that many
small notifications share one decoding and one write to disk. `TaskPublisher` does the same over asyncua's
requests, a task each, for sessions that have no lane.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from asyncua.ua.uaerrors import UaError

from tundish_connectors.opcua.decode import DecodeError
from tundish_connectors.opcua.publish import Notification, decode_publish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.opcua.lane import Lane

Answer = Notification | BaseException
_MOST_BYTES = 16 * 1024**2
_ENOUGH_BYTES = 2 * 1024**2
_LONGEST_LINGER_S = 0.02
_LINGER_SHARE = 0.1
_MOST_ACKNOWLEDGED = 1000


class PublishingSession(Protocol):
    """What a publisher needs of a session."""

    @property
    def lane(self) -> Lane | None:
        """The fast way, if there is one."""
        ...

    async def publish_raw(self, acknowledge: Sequence[tuple[int, int]]) -> Notification:
        """One publish request and its answer."""
        ...


class Publisher(Protocol):
    """Publishing of one session.

    Attributes:
        most: publish requests that may wait at the server.
    """

    most: int

    def acknowledge(self, numbers: Sequence[tuple[int, int]]) -> None:
        """Tell the server with the next requests that these (subscription, number) are safe on disk."""

    async def answers(self, timeout_s: float) -> list[Answer]:
        """What has come since the last call, in order, errors of single requests included; [] in vain."""
        ...

    async def close(self) -> None:
        """Ask no more."""


def open_publisher(session: PublishingSession, most: int, publishing_s: float) -> Publisher:
    """The publisher that suits a session; publishing_s is the interval that the server granted."""
    lane = getattr(session, "lane", None)
    if lane is None:
        return TaskPublisher(session, most)
    linger_s = min(_LONGEST_LINGER_S, publishing_s * _LINGER_SHARE)
    held = lane.owner
    if isinstance(held, LanePublisher):
        # Requests of the last subscription still wait at the server, which answers them for the next one.
        held.reopen(most, linger_s)
        return held
    publisher = LanePublisher(lane, most, linger_s)
    lane.owner = publisher
    return publisher


class TaskPublisher:
    """A task for each publish request."""

    def __init__(self, session: PublishingSession, most: int) -> None:
        self.most = most
        self._session = session
        self._acknowledge: list[tuple[int, int]] = []
        self._waiting: set[asyncio.Task[Notification]] = set()

    def acknowledge(self, numbers: Sequence[tuple[int, int]]) -> None:
        """As `Publisher`."""
        self._acknowledge += numbers

    async def answers(self, timeout_s: float) -> list[Answer]:
        """As `Publisher`."""
        while len(self._waiting) < self.most:
            self._waiting.add(asyncio.create_task(self._publish()))
        done, self._waiting = await asyncio.wait(
            self._waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        return [task.exception() or task.result() for task in done]

    async def _publish(self) -> Notification:
        acknowledge, self._acknowledge = self._acknowledge, []
        return await self._session.publish_raw(acknowledge)

    async def close(self) -> None:
        """As `Publisher`."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)


class LanePublisher:
    """Publish requests without a task or an object of asyncua for each.

    Answers are gathered for a little while after the first has come. Meanwhile half of the requests stay at
    the server, or all once it has used them up; the others follow with the acknowledgements of what was
    gathered. None is sent while more lies here than a disk should get at once, which is how a slow disk slows
    the server down.
    """

    def __init__(self, lane: Lane, most: int, linger_s: float) -> None:
        self.most = most
        self._lane = lane
        self._linger_s = linger_s
        self._acknowledge: list[tuple[int, int]] = []
        self._gathered: list[Answer] = []
        self._bytes = 0
        self._waiting = 0
        self._failed = False
        self._closed = False
        self._enough = False
        self._sleeper: asyncio.Future[None] | None = None
        self._sleeps_until_enough = False
        lane.burst = self._burst

    def acknowledge(self, numbers: Sequence[tuple[int, int]]) -> None:
        """As `Publisher`."""
        self._acknowledge += numbers

    async def answers(self, timeout_s: float) -> list[Answer]:
        """As `Publisher`."""
        self._ask(self.most)
        if not self._gathered:
            await self._sleep(timeout_s, until_enough=False)
        if self._gathered and not self._enough:
            await self._sleep(self._linger_s, until_enough=True)
        gathered, self._gathered = self._gathered, []
        self._bytes, self._failed, self._enough = 0, False, False
        return gathered

    async def _sleep(self, most_s: float, *, until_enough: bool) -> None:
        # Not `asyncio.wait_for`: until Python 3.12 it can swallow a cancellation.
        loop = asyncio.get_running_loop()
        self._sleeper, self._sleeps_until_enough = loop.create_future(), until_enough
        alarm = loop.call_later(most_s, self._wake)
        try:
            await self._sleeper
        finally:
            alarm.cancel()
            self._sleeper = None

    def _wake(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    def _ask(self, most: int) -> None:
        lacking = most - self._waiting
        if lacking <= 0:
            return
        parts = [
            self._acknowledge[start : start + _MOST_ACKNOWLEDGED]
            for start in range(0, lacking * _MOST_ACKNOWLEDGED, _MOST_ACKNOWLEDGED)
        ]
        del self._acknowledge[: lacking * _MOST_ACKNOWLEDGED]
        self._lane.publish(parts, self._answered)
        self._waiting += lacking

    def _answered(self, answer: bytes | BaseException) -> None:
        self._waiting -= 1
        read = _read(answer)
        if isinstance(read, BaseException):
            self._fail(read)
            return
        self._gathered.append(read)
        self._bytes += len(answer) if isinstance(answer, bytes) else 0
        self._enough = self._enough or self._bytes >= _ENOUGH_BYTES
        if self._enough or not self._sleeps_until_enough:
            self._wake()

    def _burst(self) -> None:
        # After an error no more is asked until its owner has judged it.
        if self._closed or self._failed or self._bytes >= _MOST_BYTES:
            return
        least = self.most if len(self._gathered) >= self.most else (self.most + 1) // 2
        if self._waiting < least:
            try:
                self._ask(least)
            except ConnectionError as error:
                self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._gathered.append(error)
        self._failed = self._enough = True
        self._wake()

    def reopen(self, most: int, linger_s: float) -> None:
        """Go on where `close` stopped, with what has come since."""
        self.most, self._linger_s = most, linger_s
        self._acknowledge = []
        self._closed = self._failed = False
        self._lane.burst = self._burst

    async def close(self) -> None:
        """As `Publisher`."""
        self._closed = True
        if self._lane.burst == self._burst:
            self._lane.burst = None


def _read(answer: bytes | BaseException) -> Answer:
    if isinstance(answer, BaseException):
        return answer
    try:
        return decode_publish(answer)
    except (UaError, DecodeError) as error:
        return error
