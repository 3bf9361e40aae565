"""Publish requests kept waiting at the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.opcua.publish import Notification
    from tundish_connectors.opcua.session import RawSession


class Requests:
    """Keeps some publish requests under way and hands out their answers.

    Attributes:
        most: requests under way.
    """

    def __init__(self, session: RawSession, most: int) -> None:
        self.most = most
        self._session = session
        self._acknowledge: list[tuple[int, int]] = []
        self._waiting: set[asyncio.Task[Notification]] = set()

    def acknowledge(self, numbers: Sequence[tuple[int, int]]) -> None:
        """Send (subscription, sequence number) with the next request."""
        self._acknowledge += numbers

    async def answers(self, timeout_s: float) -> list[Notification | BaseException]:
        """The next answers, notifications or errors; none within the time is an empty list."""
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
        """Forget the requests under way."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
