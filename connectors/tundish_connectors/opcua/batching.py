"""Calls with many operations, in parts that the server bears."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

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

    Attributes:
        size: operations per call; halved whenever the server refuses a call as too large.
    """

    def __init__(self, size: int) -> None:
        self.size = max(1, size)

    async def run(
        self, items: Sequence[_Item], call: Callable[[Sequence[_Item]], Awaitable[Sequence[_Result]]]
    ) -> list[_Result]:
        """The results of all items, in order.

        Raises:
            UaStatusCodeError: the server refuses even single items, or for another reason.
        """
        results: list[_Result] = []
        while len(results) < len(items):
            part = items[len(results) : len(results) + self.size]
            try:
                results += await call(part)
            except UaStatusCodeError as error:
                if error.code not in _TOO_MANY or len(part) == 1:
                    raise
                self.size = len(part) // 2
        return results
