"""The writer's Unix-domain socket: one thread a connection, bounded in number, memory and time."""

from __future__ import annotations

import os
import secrets
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from tundish_platform.store.remote.errors import error_told, fault_told
from tundish_platform.store.remote.protocol import (
    ANSWER,
    BUSY,
    MARK,
    MAX_REQUEST,
    NONCE_BYTES,
    Broken,
    Channel,
    Forged,
    Message,
)
from tundish_platform.store.remote.seals import new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Answer = Callable[[Message], tuple[dict[str, Any], Sequence[Any]]]

SOCKET_FILE: Final = "writer.sock"
_CREDENTIALS: Final = struct.Struct("3i")
_BACKLOG: Final = 128
_GOODBYE_S: Final = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may take of the writer.

    Attributes:
        connections: at once; more are told that the writer is busy.
        request_bytes: longest body of one request.
        held_bytes: bodies of all requests together.
        idle_s: a connection without a request for so long is closed.
        message_s: a request must have come, and an answer been taken, within that.
    """

    connections: int = 128
    request_bytes: int = MAX_REQUEST
    held_bytes: int = 4 * MAX_REQUEST
    idle_s: float = 300.0
    message_s: float = 30.0


class WriterSocket:
    """Listens below the store's folder and answers.

    Args:
        root: the store's folder; whoever calls holds its lock.
        answer: makes an answer's head and body of a request whose seal is valid.
        limits: see `Limits`.
    """

    def __init__(self, root: Path, answer: Answer, limits: Limits | None = None) -> None:
        self._answer = answer
        self._limits = limits or Limits()
        self._key = new_key(root)
        self._held = 0
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._stopped = False
        self._listener = _listen(root)
        self._thread = threading.Thread(target=self._accept, name="writer-socket", daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        """How many are open."""
        with self._lock:
            return len(self._open)

    def close(self) -> None:
        """Take no more requests, finish those under way, and hang up."""
        self._stopped = True
        _shut(self._listener, socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        with self._lock:
            left = dict(self._open)
        for connection in left:
            _shut(connection, socket.SHUT_RD)
        until = time.monotonic() + _GOODBYE_S
        for connection, thread in left.items():
            thread.join(max(0.0, until - time.monotonic()))
            _shut(connection, socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopped:
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if not self._stopped:
                    log.warning("a connection could not be taken", error=str(error))
                    time.sleep(0.1)
                continue
            self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        thread = threading.Thread(target=self._serve, args=(connection,), name="writer-client", daemon=True)
        with self._lock:
            full = len(self._open) >= self._limits.connections
            if not full:
                self._open[connection] = thread
        if full:
            connection.settimeout(0)
            _greet(connection, BUSY, bytes(NONCE_BYTES))
            connection.close()
        else:
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            uid = peer_uid(connection)
            if uid != os.geteuid():
                log.warning("refused a process of another user", uid=uid)
                return
            nonce = secrets.token_bytes(NONCE_BYTES)
            connection.settimeout(self._limits.message_s)
            if _greet(connection, MARK, nonce):
                self._converse(Channel(connection, self._key, nonce, ANSWER))
        except Forged:
            log.warning("refused a request without a valid seal")
        except Broken as error:
            log.debug("a client is gone", reason=str(error))
        except Exception:
            log.exception("a connection ended by a fault of ours")
        finally:
            with self._lock:
                self._open.pop(connection)
            connection.close()

    def _converse(self, channel: Channel) -> None:
        limits = self._limits
        while not self._stopped and self._one(channel, limits):
            pass

    def _one(self, channel: Channel, limits: Limits) -> bool:
        """Answer one request; false where the client has ended."""
        held = _Held(self)
        try:
            message = channel.receive(
                limit=limits.request_bytes, idle_s=limits.idle_s, seconds=limits.message_s, take=held.take
            )
            if message is None:
                return False
            head, parts = self._answered(message)
            del message
        finally:
            held.give_back()
        channel.send(head, parts, seconds=limits.message_s)
        return True

    def _answered(self, message: Message) -> tuple[dict[str, Any], Sequence[Any]]:
        try:
            return self._answer(message)
        except Exception as error:
            told = error_told(error)
            if told is None:
                log.exception("a request failed", does=message.head.get("do"))
            return told or fault_told(), ()

    def hold(self, size: int) -> bool:
        """Whether so many bytes more may be held for requests; negative ones are given back."""
        with self._lock:
            if size > 0 and self._held + size > self._limits.held_bytes:
                return False
            self._held += size
            return True


class _Held:
    """Bytes of one request's body that count against what all requests may hold."""

    def __init__(self, owner: WriterSocket) -> None:
        self._owner = owner
        self._bytes = 0

    def take(self, size: int) -> None:
        if not self._owner.hold(size):
            raise Broken("the writer holds as many bytes of requests as it may")
        self._bytes += size

    def give_back(self) -> None:
        self._owner.hold(-self._bytes)


def peer_uid(connection: socket.socket) -> int:
    """User of the process at the other end, as the kernel saw it connect."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(told)[1])


def socket_address(folder: int) -> str:
    """Address of the socket in an open folder: a path of any depth would not fit into 107 bytes."""
    return f"/proc/self/fd/{folder}/{SOCKET_FILE}"


def _listen(root: Path) -> socket.socket:
    """Listen under another name first: whoever sees the right name finds a socket that answers."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        new = f"{socket_address(folder)}.new"
        (root / f"{SOCKET_FILE}.new").unlink(missing_ok=True)
        listener.bind(new)
        os.chmod(new, 0o600)  # noqa: PTH101 - the same way to it as for binding
        listener.listen(_BACKLOG)
        (root / f"{SOCKET_FILE}.new").replace(root / SOCKET_FILE)
    except BaseException:
        listener.close()
        raise
    finally:
        os.close(folder)
    return listener


def _greet(connection: socket.socket, mark: bytes, nonce: bytes) -> bool:
    try:
        connection.sendall(mark + nonce)
    except OSError:
        return False
    return True


def _shut(connection: socket.socket, how: int) -> None:
    try:
        connection.shutdown(how)
    except OSError:
        # The other side was quicker.
        return
