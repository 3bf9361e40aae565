"""Calls with many operations, in parts that the server bears."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, TypeVar

from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_FEW = 8
_TOO_MANY = {
    StatusCodes.BadTooManyOperations,
    StatusCodes.BadTooManyMonitoredItems,
    StatusCodes.BadRequestTooLarge,
    StatusCodes.BadResponseTooLarge,
    StatusCodes.BadEncodingLimitsExceeded,
    StatusCodes.BadTcpMessageTooLarge,
    StatusCodes.BadTooManyPublishRequests,
}


class Batching:
    """Remembers, for one service of one server, how many operations a call may have.

    Args:
        size: operations per call to begin with.
        at_once: calls that may be under way together.

    Attributes:
        size: operations per call; halved whenever the server refuses a call as too large or answers too late.
        learned: it was halved at least once.
    """

    def __init__(self, size: int, at_once: int = 1) -> None:
        self.size = max(1, size)
        self.learned = False
        self._at_once = max(1, at_once)

    async def run(
        self, items: Sequence[_Item], call: Callable[[Sequence[_Item]], Awaitable[Sequence[_Result]]]
    ) -> list[_Result]:
        """The results of all items, in order.

        Raises:
            UaStatusCodeError: the server refuses even single items, or for another reason.
            TimeoutError: it does not answer in time, even for few items.
            UaError: the server answered with more or fewer results than it was asked for.
        """
        answers: dict[int, Sequence[_Result]] = {}
        waiting = deque([(0, len(items))] if items else [])
        while waiting:
            now = self._take(waiting)
            done = await asyncio.gather(*(call(items[a:b]) for a, b in now), return_exceptions=True)
            for (start, end), answer in zip(now, done, strict=True):
                if isinstance(answer, BaseException):
                    self._halve(end - start, answer)
                    waiting.appendleft((start, end))
                elif len(answer) != end - start:
                    raise UaError(f"{len(answer)} results for {end - start} operations")
                else:
                    answers[start] = answer
        return [result for start in sorted(answers) for result in answers[start]]

    def _take(self, waiting: deque[tuple[int, int]]) -> list[tuple[int, int]]:
        now: list[tuple[int, int]] = []
        while waiting and len(now) < self._at_once:
            start, end = waiting.popleft()
            cut = min(start + self.size, end)
            now.append((start, cut))
            if cut < end:
                waiting.appendleft((cut, end))
        return now

    def _halve(self, operations: int, error: BaseException) -> None:
        too_many = isinstance(error, UaStatusCodeError) and error.code in _TOO_MANY
        # A slow server may need longer for the whole than we wait; a dead one does not answer few either.
        too_slow = isinstance(error, TimeoutError) and operations > _FEW
        if operations == 1 or not (too_many or too_slow):
            raise error
        self.size = max(1, min(self.size, operations // 2))
        self.learned = True
