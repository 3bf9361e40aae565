"""The append log on several machines: a NATS JetStream stream that a majority of servers keeps."""

from __future__ import annotations

import asyncio
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import nats.errors
import nats.js.errors
import structlog
from nats.js import api

from tundish_platform.store.log import envelope
from tundish_platform.store.log.frontier import Frontier
from tundish_platform.store.log.handover import HandOver
from tundish_platform.store.log.interface import StoreFailed, StoreFull
from tundish_platform.store.log.publisher import Publisher
from tundish_platform.store.log.reading import Reader
from tundish_platform.store.log.records import LogRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tundish_platform.store.log.link import NatsLink
    from tundish_platform.store.log.reading import Message

log = structlog.get_logger(__name__)

_UNCLUSTERED: Final = 10074
_EXISTS: Final = 10058


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How a partition's stream is kept.

    Attributes:
        replicas: servers that keep it; None for three in a cluster and one on a single server.
        max_bytes: the log is full beyond this size; -1 for as much as the servers have.
        remember_s: a message that comes again within this time is stored once.
    """

    replicas: int | None = None
    max_bytes: int = -1
    remember_s: float = 120.0


class JetStreamLog:
    """`Log` of one partition that several processes append to and follow.

    The servers must run with ``sync_interval: always``, or an acknowledged record can die in a power cut.

    Args:
        link: the connection; it stays open when the log is closed.
        partition: whose tenants' records; see `partition_of`.
        settings: used when the stream is made.
        first_sequence: lowest number to give if the stream is made; None to wait until a writer makes it,
            which knows what the manifest has seen.
        patience_s: how long an append may wait for the servers, shorter than `remember_s`.

    Raises:
        StoreFailed: the servers do not answer, or are too few.
    """

    def __init__(
        self,
        link: NatsLink,
        partition: int,
        settings: StreamSettings | None = None,
        *,
        first_sequence: int | None = 1,
        patience_s: float = 30.0,
    ) -> None:
        settings = settings or StreamSettings()
        if patience_s >= settings.remember_s:
            raise ValueError("a message must not be sent again after the servers forgot its id")
        self._link = link
        self._patience_s = patience_s
        self.stream = f"TUNDISH_LOG_{partition}"
        self.problems: list[str] = []
        subject = f"tundish.log.{partition}"
        self._publisher = Publisher(link, self.stream, subject, patience_s=patience_s)
        self._closed = False
        self._lock = threading.Lock()
        self._handing: HandOver | None = None
        info = link.run(self._open(subject, settings, first_sequence), patience_s + 10)
        self._frontier = Frontier(info.state.last_seq)
        self._nbytes = info.state.bytes

    @property
    def max_payload(self) -> int:
        """Bytes that the batches of one append may have together."""
        return self._link.max_payload - envelope.HEAD_BYTES - 4096

    @property
    def next_sequence(self) -> int:
        """One above all that this process has been handed without a hole; others may have appended more."""
        last = self._frontier.last if self._handing is None else self._handing.last
        return (last + 1) * envelope.SLOTS

    @property
    def failed(self) -> StoreFailed | None:
        """Why nothing is taken at the moment, or None."""
        if self._closed:
            return StoreFailed("the log is closed")
        stopped = None if self._handing is None else self._handing.failed
        return stopped or self._publisher.failed

    @property
    def nbytes(self) -> int:
        """Size of the stream; while the servers do not answer, what it was."""
        try:
            info = self._link.run(self._link.streams.stream_info(self.stream), 5.0)
        except (StoreFailed, nats.errors.Error, OSError) as problem:
            log.info("the log's size cannot be asked", stream=self.stream, problem=str(problem))
        else:
            self._nbytes = info.state.bytes
        return self._nbytes

    def append(
        self,
        tenant: int,
        payloads: Sequence[bytes],
        taken: Callable[[Sequence[int]], None] | None = None,
        *,
        message_id: str | None = None,
    ) -> Sequence[int]:
        """Make batches durable on a majority of the servers; returns their sequence numbers.

        Args:
            tenant: row number of the tenant.
            payloads: encoded batches; all are stored, or none.
            taken: called with the numbers once they come back from the log, before any later record's.
            message_id: batches that come again under the same id are stored once, and get the same numbers.

        Raises:
            StoreFull: no space is left.
            StoreFailed: it cannot be said that they are durable.
            ValueError: they are too large for one message, or `taken` comes with an id.
        """
        size = envelope.size(payloads)
        if size > self.max_payload or len(payloads) > envelope.SLOTS:
            limit = f"{self.max_payload} bytes and {envelope.SLOTS} batches"
            raise ValueError(f"{len(payloads)} batches of {size} bytes: at most {limit}; send them in parts")
        if taken is not None and message_id is not None:
            raise ValueError("what comes again under its id was taken already")
        if not payloads:
            return []
        handing = self._handing if taken is None else self._started(_ignore)
        sequences = self._publisher.send(tenant, payloads, message_id, taken)
        if handing is None:
            self._frontier.saw(sequences[0] // envelope.SLOTS)
        else:
            handing.wait(sequences[0] // envelope.SLOTS, 2 * self._patience_s)
        return sequences

    def deliver(self, receiver: Callable[[LogRecord], None]) -> None:
        """Hand over what comes from behind what was replayed."""
        self._started(receiver)

    def refresh(self) -> None:
        """Return once all was handed over that anybody was told to be safe before this call."""
        last = self._barrier()
        if self._handing is not None:
            self._handing.wait(last, 2 * self._patience_s)

    def replay(self) -> Iterator[LogRecord]:
        """All records that are kept, up to those that anybody was told to be safe before this call."""
        last = self._barrier()
        reader = Reader(self._link, self.stream, 1, self._patience_s)
        try:
            while reader.following <= last:
                for message in reader.next(1.0):
                    yield from self._records(message)
                if self._emptied(reader.following, last):
                    break
            self._tell(reader)
        finally:
            reader.close()

    def follow(self, from_sequence: int, wait_s: float | None = None) -> Iterator[LogRecord]:
        """Records of all processes from a sequence on, as they come, for as long as the log is open.

        Args:
            from_sequence: the first one wanted.
            wait_s: end when none came for so long; None to wait for ever.
        """
        reader = Reader(self._link, self.stream, from_sequence // envelope.SLOTS, self._patience_s)
        try:
            while not self._closed:
                messages = reader.next(1.0 if wait_s is None else wait_s)
                for message in messages:
                    yield from (one for one in self._records(message) if one.sequence >= from_sequence)
                self._tell(reader)
                if not messages and wait_s is not None:
                    return
        finally:
            reader.close()

    def release(self, before: int) -> None:
        """Records with a lower sequence are not needed any more; tried again with the next release."""
        try:
            self._link.run(self._purge(before // envelope.SLOTS), self._patience_s)
        except (StoreFailed, nats.errors.Error, OSError) as problem:
            log.warning("the log could not be shortened", stream=self.stream, problem=str(problem))

    def close(self) -> None:
        """Take nothing more."""
        self._closed = True
        self._publisher.close()
        if self._handing is not None:
            self._handing.close()

    def _started(self, receiver: Callable[[LogRecord], None]) -> HandOver:
        def take(message: Message) -> None:
            if not self._publisher.claim(message.message_id, message.number):
                for record in self._records(message):
                    receiver(record)
            self._tell(reader)

        with self._lock:
            if self._handing is None:
                reader = Reader(self._link, self.stream, self._frontier.last + 1, self._patience_s)
                self._handing = HandOver(reader, take)
            return self._handing

    def _records(self, message: Message) -> Iterator[LogRecord]:
        first = message.number * envelope.SLOTS
        self._frontier.saw(message.number)
        try:
            for place, (tenant, payload) in enumerate(envelope.unpack(message.data)):
                yield LogRecord(first + place, tenant, payload)
        except envelope.DamagedEnvelope as error:
            self.problems.append(f"message {message.number} of {self.stream} is damaged: {error}")

    def _tell(self, reader: Reader) -> None:
        for first, last in reader.missing:
            self.problems.append(f"messages {first} to {last} of {self.stream} are missing: records are lost")
        reader.missing.clear()

    def _barrier(self) -> int:
        """Number of a message behind all that were acknowledged: a server may lag, a majority does not."""
        try:
            work = self._publisher.publish(envelope.pack([]), f"barrier-{secrets.token_hex(8)}")
            number = self._link.run(work, self._patience_s + 10)
        except StoreFull:
            return self._link.run(self._link.streams.stream_info(self.stream)).state.last_seq
        self._frontier.saw(number)
        return number

    def _emptied(self, following: int, last: int) -> bool:
        """Whether what was to be read was released meanwhile."""
        state = self._link.run(self._link.streams.stream_info(self.stream)).state
        return following <= last < state.first_seq

    async def _purge(self, number: int) -> None:
        await self._link.streams.purge_stream(self.stream, seq=number)

    async def _open(
        self, subject: str, settings: StreamSettings, first_sequence: int | None
    ) -> api.StreamInfo:
        config = api.StreamConfig(
            name=self.stream,
            subjects=[subject],
            storage=api.StorageType.FILE,
            num_replicas=settings.replicas or 3,
            max_bytes=settings.max_bytes,
            # Old records must never make room for new ones.
            discard=api.DiscardPolicy.NEW,
            duplicate_window=settings.remember_s,
            first_seq=(first_sequence or 0) // envelope.SLOTS + 1,
        )
        end = self._link.loop.time() + self._patience_s
        while True:
            try:
                info = await self._ensure(config, settings, make=first_sequence is not None)
            except (nats.errors.Error, OSError) as error:
                if self._link.loop.time() > end:
                    raise StoreFailed(f"{self.stream} cannot be opened: {error}") from error
                await asyncio.sleep(0.2)
            else:
                return self._checked(info, config)

    async def _ensure(
        self, config: api.StreamConfig, settings: StreamSettings, *, make: bool
    ) -> api.StreamInfo:
        streams = self._link.streams
        try:
            return await streams.stream_info(self.stream)
        except nats.js.errors.NotFoundError:
            if not make:
                raise
        try:
            return await streams.add_stream(config)
        except nats.js.errors.APIError as error:
            if error.err_code == _UNCLUSTERED and settings.replicas is None:
                config.num_replicas = 1
                return await streams.add_stream(config)
            if error.err_code == _EXISTS:
                return await streams.stream_info(self.stream)
            raise

    def _checked(self, info: api.StreamInfo, wanted: api.StreamConfig) -> api.StreamInfo:
        kept = info.config.num_replicas or 1
        if kept < (wanted.num_replicas or 1) and info.cluster is not None and info.cluster.name:
            self.problems.append(
                f"{self.stream} is kept by {kept} servers, {wanted.num_replicas} are wanted: "
                "its records are lost with the disk of fewer"
            )
        return info


def _ignore(record: LogRecord) -> None:
    """Nobody asked for what other processes append."""
    del record
