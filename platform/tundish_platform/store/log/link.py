"""A connection to NATS in a thread of its own, for callers that know no event loop."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as WaitedTooLong
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import nats
import nats.errors
import structlog

from tundish_platform.store.log.interface import StoreFailed

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from nats.aio.client import Client
    from nats.js import JetStreamContext

log = structlog.get_logger(__name__)

_Answer = TypeVar("_Answer")


class NatsLink:
    """Connected to one of several servers, and to another one when that dies.

    Args:
        servers: ``nats://host:port`` of as many as are known; the others are told by them.
        name: of this process, as the servers list it.
        credentials: file of the account's user, if the servers ask for one.
        tls: how to check the servers' certificates; None without encryption.
        connect_s: how long the first connection may take.

    Raises:
        StoreFailed: no server answers.
    """

    def __init__(
        self,
        servers: Sequence[str],
        name: str = "tundish",
        *,
        credentials: Path | None = None,
        tls: ssl.SSLContext | None = None,
        connect_s: float = 20.0,
    ) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._turn, name="nats", daemon=True)
        self._thread.start()
        self._client: Client | None = None
        try:
            self._client = self.run(self._connect(list(servers), name, credentials, tls), connect_s)
        except StoreFailed:
            self.close()
            raise

    @property
    def client(self) -> Client:
        """The connection; to be used in the loop's thread only."""
        if self._client is None:
            raise StoreFailed("the connection to NATS is closed")
        return self._client

    @property
    def streams(self) -> JetStreamContext:
        """The servers' streams; to be used in the loop's thread only."""
        return self.client.jetstream(timeout=5)

    @property
    def max_payload(self) -> int:
        """Bytes that a message may have, as the servers were told."""
        return int(self.client.max_payload)

    def run(self, work: Coroutine[object, object, _Answer], timeout: float = 30.0) -> _Answer:
        """Do something in the loop's thread and wait for it.

        Raises:
            StoreFailed: it takes too long.
        """
        return self.result(self.begin(work), timeout)

    def begin(self, work: Coroutine[object, object, _Answer]) -> Future[_Answer]:
        """Do something in the loop's thread.

        Raises:
            StoreFailed: the connection is closed.
        """
        if self.loop.is_closed():
            work.close()
            raise StoreFailed("the connection to NATS is closed")
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def result(self, waiting: Future[_Answer], timeout: float) -> _Answer:
        """What `begin` has led to.

        Raises:
            StoreFailed: it takes too long.
        """
        try:
            return waiting.result(timeout)
        except WaitedTooLong as error:
            waiting.cancel()
            raise StoreFailed(f"NATS did not answer within {timeout:.0f} s") from error

    def close(self) -> None:
        """Give connection and thread back."""
        if self._client is not None:
            client, self._client = self._client, None
            # Where its servers are dead the client cancels its own farewell.
            with suppress(CancelledError):
                self.run(client.close())
        if self._thread.is_alive():
            self.run(_cancel_others())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()

    def _turn(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    async def _connect(
        self, servers: list[str], name: str, credentials: Path | None, tls: ssl.SSLContext | None
    ) -> Client:
        return await nats.connect(
            servers=servers,
            name=name,
            user_credentials=None if credentials is None else str(credentials),
            tls=tls,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.1,
            connect_timeout=2,
            # A server that neither answers nor closes is left after two of them.
            ping_interval=5,
            max_outstanding_pings=2,
            error_cb=_note,
        )


async def _note(error: Exception) -> None:
    log.info("connection to NATS", problem=str(error) or type(error).__name__)


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
