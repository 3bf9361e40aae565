"""What goes over the writer's socket: a sealed head in JSON and a body of bytes, the same both ways.

The seal is an HMAC over direction, connection, number and head: without the writer's key nobody can change a
head or send a message twice.
"""

from __future__ import annotations

import hmac
import json
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

MARK: Final = b"TNW1"
BUSY: Final = b"BUSY"
NONCE_BYTES: Final = 16
KEY_BYTES: Final = 32
MAX_HEAD: Final = 4 * 1024 * 1024
MAX_REQUEST: Final = 128 * 1024 * 1024
MAX_ANSWER: Final = 4 * 1024 * 1024 * 1024
REQUEST: Final = b"request"
ANSWER: Final = b"answer"

# Lengths of head and body; then the seal over them and the head.
_LENGTHS: Final = struct.Struct("<4sIQ")
_SEAL_BYTES: Final = 32
_NUMBER: Final = struct.Struct("<Q")
_PIECE: Final = 1024 * 1024


class Broken(Exception):  # noqa: N818 - the connection's state
    """The connection cannot be used any more: cut, too slow, or talking something else."""


class Forged(Broken):
    """A seal that the writer's key did not make."""


@dataclass(frozen=True, slots=True)
class Message:
    """One question or answer.

    Attributes:
        head: what JSON can say.
        body: bytes, most often Arrow IPC.
    """

    head: Mapping[str, Any]
    body: memoryview


class Channel:
    """One side of a connection after its greeting.

    Args:
        connection: a connected stream socket.
        key: the writer's.
        nonce: of this connection, from the greeting.
        sends: `REQUEST` on the client's side, `ANSWER` on the writer's.
    """

    def __init__(self, connection: socket.socket, key: bytes, nonce: bytes, sends: bytes) -> None:
        self._connection = connection
        self._key = key
        self._nonce = nonce
        self._sends = sends
        self._receives = ANSWER if sends == REQUEST else REQUEST
        self._sent = self._received = 0

    def send(self, head: Mapping[str, Any], parts: Sequence[Any] = (), *, seconds: float) -> None:
        """Send a message whose body is all the parts (bytes-like).

        Raises:
            Broken: the other side is gone, or did not take it in time.
            ValueError: the head is too long.
        """
        told = json.dumps(head, separators=(",", ":")).encode()
        if len(told) > MAX_HEAD:
            raise ValueError(f"a message head of {len(told)} bytes is more than {MAX_HEAD}; ask for less")
        views = [memoryview(part) for part in parts]
        lengths = _LENGTHS.pack(MARK, len(told), sum(view.nbytes for view in views))
        seal = self._seal(self._sends, self._sent, lengths, told)
        self._sent += 1
        until = time.monotonic() + seconds
        for view in (memoryview(lengths + seal + told), *views):
            self._send_all(view, until)

    def receive(
        self, *, limit: int, idle_s: float, seconds: float, take: Callable[[int], None] | None = None
    ) -> Message | None:
        """The next message, or None where the other side has ended properly.

        Args:
            limit: longest body that is accepted.
            idle_s: how long to wait for its first byte.
            seconds: how long all of it may take from then on.
            take: told of bytes of the body before they are read; may raise.

        Raises:
            Forged: the seal is wrong.
            Broken: the message is torn, too slow or too long.
        """
        first = self._first_bytes(idle_s)
        if first is None:
            return None
        until = time.monotonic() + seconds
        prefix = first + bytes(self._receive_all(_LENGTHS.size + _SEAL_BYTES - len(first), until))
        lengths, seal = prefix[: _LENGTHS.size], prefix[_LENGTHS.size :]
        mark, head_bytes, body_bytes = _LENGTHS.unpack(lengths)
        if mark != MARK or head_bytes > MAX_HEAD:
            raise Broken("this is no message of the writer's socket")
        told = bytes(self._receive_all(head_bytes, until))
        if not hmac.compare_digest(seal, self._seal(self._receives, self._received, lengths, told)):
            raise Forged("a message without a valid seal")
        self._received += 1
        # Only now: before the seal is checked nobody may make us hold memory.
        if body_bytes > limit:
            raise Broken(f"a message of {body_bytes} bytes is more than {limit}")
        return Message(json.loads(told), self._receive_all(body_bytes, until, take))

    def _seal(self, direction: bytes, number: int, lengths: bytes, told: bytes) -> bytes:
        sealed = b"".join((direction, self._nonce, _NUMBER.pack(number), lengths, told))
        return hmac.digest(self._key, sealed, "sha256")

    def _first_bytes(self, idle_s: float) -> bytes | None:
        try:
            self._connection.settimeout(idle_s)
            return self._connection.recv(_LENGTHS.size) or None
        except TimeoutError as error:
            raise Broken("nothing came for too long") from error
        except OSError as error:
            raise Broken(f"the connection is gone ({error})") from error

    def _receive_all(self, size: int, until: float, take: Callable[[int], None] | None = None) -> memoryview:
        # Arrow's own memory is aligned as its readers like it, and takes no page before it is written.
        view = memoryview(pa.allocate_buffer(size)).cast("B")
        place = 0
        while place < size:
            piece = min(_PIECE, size - place)
            if take is not None:
                take(piece)
            place += self._receive_piece(view[place : place + piece], until)
        return view

    def _receive_piece(self, view: memoryview, until: float) -> int:
        place = 0
        while place < len(view):
            try:
                self._connection.settimeout(_left(until))
                count = self._connection.recv_into(view[place:])
            except OSError as error:
                raise Broken(f"the connection is gone or too slow ({error})") from error
            if count == 0:
                raise Broken("the connection ended within a message")
            place += count
        return place

    def _send_all(self, view: memoryview, until: float) -> None:
        view = view.cast("B") if view.nbytes else view[:0]
        while view:
            try:
                self._connection.settimeout(_left(until))
                view = view[self._connection.send(view) :]
            except OSError as error:
                raise Broken(f"the connection is gone or too slow ({error})") from error


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise Broken("the other side is too slow")
    return left
