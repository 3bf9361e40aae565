"""Holding a partition: one process at a time turns its records into segments.

A holder writes a beat under the partition's key; whoever wants the partition watches the key, and takes it
by compare-and-set once it has stood still for the lease, measured by the watcher's own clock: no two clocks
are compared. The number of the write that took the key is the hold's token, and rises with every taking.
A process can be stopped for longer than its lease and go on unknowing. Therefore the lease only makes a
second holder unlikely; what makes it harmless is `fence.guard` in the transaction that commits.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import nats.errors
import nats.js.errors
import structlog

from tundish_platform.store.log.interface import StoreFailed

if TYPE_CHECKING:
    from types import TracebackType

    from nats.js.kv import KeyValue

    from tundish_platform.store.log.link import NatsLink

log = structlog.get_logger(__name__)

BUCKET: Final = "TUNDISH_HOLDS"
_UNCLUSTERED: Final = 10074


class HeldElsewhere(Exception):  # noqa: N818 - the state of the partition
    """Another process holds the partition."""


@dataclass(frozen=True, slots=True)
class _Beat:
    holder: str
    token: int
    free: bool

    def encoded(self) -> bytes:
        return json.dumps({"holder": self.holder, "token": self.token, "free": self.free}).encode()


class Hold:
    """A partition held by this process, until it is given back or lost.

    Attributes:
        token: rises with every holder; goes into each commit, see `fence.guard`.
        lost: set once another process may hold the partition.

    Args:
        link: the connection.
        partition: which one.
        holder: name of this process, for people.
        lease_s: a holder that was silent for so long is taken for dead.
        beat_s: how often it says that it lives; None for a fifth of the lease.
        wait_s: how long to wait for the partition.
        stood_still: revision of the key that the caller has seen, and since when (`time.monotonic`).

    Raises:
        HeldElsewhere: it was not free in time.
        StoreFailed: the servers do not answer.
    """

    def __init__(
        self,
        link: NatsLink,
        partition: int,
        holder: str,
        *,
        lease_s: float = 10.0,
        beat_s: float | None = None,
        wait_s: float = 0.0,
        stood_still: tuple[int, float] = (-1, 0.0),
    ) -> None:
        self._link = link
        self._key = f"partition.{partition}"
        self._holder = holder
        self._lease_s = lease_s
        self._beat_s = lease_s / 5 if beat_s is None else beat_s
        self._revision = 0
        self._alive_until = 0.0
        self.token = 0
        self.lost = threading.Event()
        self._table = link.run(holds_table(link))
        link.run(self._take(wait_s, *stood_still), wait_s + 2 * lease_s + 30)
        self._beating = asyncio.run_coroutine_threadsafe(self._beat(), link.loop)

    @property
    def held(self) -> bool:
        """Whether no other process can hold it yet; a commit needs `fence.guard` nevertheless."""
        return not self.lost.is_set() and time.monotonic() < self._alive_until

    def give_back(self) -> None:
        """Let another process take it at once."""
        self._beating.cancel()
        if not self.lost.is_set():
            self.lost.set()
            try:
                self._link.run(self._write(_Beat(self._holder, self.token, free=True)))
            except (nats.errors.Error, OSError, StoreFailed) as problem:
                log.info("a hold runs out instead of being given back", key=self._key, problem=str(problem))

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self.give_back()

    async def _take(self, wait_s: float, seen: int, since: float) -> None:
        end = time.monotonic() + wait_s
        while True:
            try:
                revision, beat = await self._read()
            except (nats.errors.Error, OSError) as error:
                raise StoreFailed(f"it cannot be seen who holds {self._key}: {error}") from error
            if revision != seen:
                seen, since = revision, time.monotonic()
            still = beat is not None and not beat.free and time.monotonic() - since < self._lease_s
            if not still and await self._won(revision):
                return
            if time.monotonic() >= end:
                raise HeldElsewhere(f"{self._key} is held by {beat.holder if beat else 'another process'}")
            await asyncio.sleep(self._lease_s / 20)

    async def _won(self, revision: int) -> bool:
        self._revision = revision
        try:
            await self._write(_Beat(self._holder, 0, free=False))
        except (nats.errors.Error, OSError):
            # Somebody was quicker; or the answer was lost, and the key must stand still like a stranger's.
            return False
        self.token = self._revision
        return True

    async def _beat(self) -> None:
        while self.held:
            await asyncio.sleep(self._beat_s)
            try:
                await self._write(_Beat(self._holder, self.token, free=False))
            except nats.js.errors.KeyWrongLastSequenceError:
                if not await self._still_mine():
                    break
            except (nats.errors.Error, OSError) as problem:
                log.info("a hold's beat is late", key=self._key, problem=str(problem))
        if not self.lost.is_set():
            log.error("lost a partition", key=self._key, token=self.token)
            self.lost.set()

    async def _still_mine(self) -> bool:
        """A beat whose answer was lost moved the key on: then it is our own that stands there."""
        try:
            revision, beat = await self._read()
        except (nats.errors.Error, OSError):
            return self.held
        if beat is None or beat.token != self.token or beat.free:
            return False
        self._revision = revision
        return True

    async def _read(self) -> tuple[int, _Beat | None]:
        table = self._table
        try:
            entry = await table.get(self._key)
        except nats.js.errors.KeyNotFoundError:
            return 0, None
        return entry.revision or 0, _Beat(**json.loads(entry.value or b"{}"))

    async def _write(self, beat: _Beat) -> None:
        # Others count from when they see it; counting from before it is sent, we give up first.
        begun = time.monotonic()
        self._revision = await self._table.update(self._key, beat.encoded(), last=self._revision)
        self._alive_until = begun + self._lease_s


async def holds_table(link: NatsLink) -> KeyValue:
    """The table of holds, made if it is not there."""
    try:
        return await link.streams.key_value(BUCKET)
    except nats.js.errors.NotFoundError:
        pass
    try:
        return await link.streams.create_key_value(bucket=BUCKET, replicas=3)
    except nats.js.errors.APIError as error:
        if error.err_code == _UNCLUSTERED:
            return await link.streams.create_key_value(bucket=BUCKET)
        # Another process made it at the same moment.
        return await link.streams.key_value(BUCKET)
