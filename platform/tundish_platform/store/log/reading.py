"""Reading a replicated log in order, across servers that die meanwhile."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import nats.errors
import nats.js.errors
from nats.js import api

from tundish_platform.store.log.interface import StoreFailed

if TYPE_CHECKING:
    from concurrent.futures import Future

    from nats.js import JetStreamContext

    from tundish_platform.store.log.link import NatsLink

_BATCH: Final = 64
_ATTEMPT_S: Final = 1.0
_PAUSE_S: Final = 0.1
# A reader whose process died is forgotten by the servers after this time.
_FORGET_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the stream.

    Attributes:
        number: in the stream, from 1.
        data: its bytes.
        message_id: under which it was sent.
    """

    number: int
    data: bytes
    message_id: str


class Reader:
    """Messages of a stream from a number on, each once, in order, none left out.

    Args:
        link: the connection.
        stream: its name.
        following: number of the first message wanted.
        patience_s: how long the servers may be silent.
    """

    def __init__(self, link: NatsLink, stream: str, following: int, patience_s: float = 30.0) -> None:
        self._link = link
        self._stream = stream
        self._patience_s = patience_s
        self._pull: JetStreamContext.PullSubscription | None = None
        self._waiting: Future[list[Message]] | None = None
        self._stopped = False
        self._more = 0
        self.following = max(1, following)
        self.missing: list[tuple[int, int]] = []

    def next(self, wait_s: float) -> list[Message]:
        """What is there, at least one message if one comes within `wait_s`.

        Raises:
            StoreFailed: the servers do not answer.
            CancelledError: `stop` was called.
        """
        self._waiting = self._link.begin(self._next(wait_s))
        if self._stopped:
            self._waiting.cancel()
        return self._link.result(self._waiting, wait_s + self._patience_s + 30)

    def stop(self) -> None:
        """End a `next` that waits, and all that follow; for another thread."""
        self._stopped = True
        if self._waiting is not None:
            self._waiting.cancel()

    def close(self) -> None:
        """Let the servers forget this reader."""
        self._link.run(self._forget())

    async def _next(self, wait_s: float) -> list[Message]:
        end = time.monotonic() + wait_s
        giving_up = end + self._patience_s
        while True:
            try:
                found = await self._fetch(max(0.05, min(_ATTEMPT_S, end - time.monotonic())))
            except (nats.errors.Error, OSError) as error:
                # Its server died, or forgot it: a new one goes on behind what was read.
                await self._forget()
                if time.monotonic() > giving_up:
                    raise StoreFailed(f"the log cannot be read ({error})") from error
                await asyncio.sleep(_PAUSE_S)
                continue
            if found or time.monotonic() >= end:
                return found

    async def _fetch(self, timeout_s: float) -> list[Message]:
        fresh = self._pull is None
        pull = self._pull = self._pull or await self._begin()
        try:
            # Whoever asks for more than there is waits for the rest although something has come.
            answers = await pull.fetch(max(1, min(_BATCH, self._more)), timeout=timeout_s)
            self._more = answers[-1].metadata.num_pending
        except nats.errors.TimeoutError:
            # Silence may mean that nothing came, or that the servers lost the reader.
            self._more = 0
            await pull.consumer_info()
            return []
        found: list[Message] = []
        for answer in answers:
            number = answer.metadata.sequence.stream
            if number > self.following and not (fresh and not found):
                # Lost on the way, maybe: a new reader begins there, and is believed.
                await self._forget()
                break
            if number > self.following:
                await self._explain(number)
            if number >= self.following:
                self.following = number + 1
                found.append(Message(number, answer.data, (answer.headers or {}).get("Nats-Msg-Id", "")))
        return found

    async def _begin(self) -> JetStreamContext.PullSubscription:
        config = api.ConsumerConfig(
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self.following,
            ack_policy=api.AckPolicy.NONE,
            inactive_threshold=_FORGET_S,
            num_replicas=1,
            mem_storage=True,
        )
        return await self._link.streams.pull_subscribe("", stream=self._stream, config=config)

    async def _explain(self, number: int) -> None:
        """Numbers are left out only where they were released; anything else is a loss, and is named."""
        info = await self._link.streams.stream_info(self._stream)
        first = info.state.first_seq
        if first < number:
            self.missing.append((max(first, self.following), number - 1))

    async def _forget(self) -> None:
        pull, self._pull, self._more = self._pull, None, 0
        if pull is None:
            return
        try:
            info = await pull.consumer_info()
            await pull.unsubscribe()
            await self._link.streams.delete_consumer(self._stream, info.name)
        except (nats.errors.Error, OSError):
            # The servers do so by themselves after a while.
            return
