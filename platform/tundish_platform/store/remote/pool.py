"""Connections of one process to the writer: made when needed, few at once, closed when idle."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tundish_platform.store.remote.errors import WriterAway, raise_error
from tundish_platform.store.remote.protocol import (
    BUSY,
    MARK,
    MAX_ANSWER,
    NONCE_BYTES,
    REQUEST,
    Broken,
    Channel,
    Message,
    TooSlow,
)
from tundish_platform.store.remote.seals import read_key
from tundish_platform.store.remote.server import peer_uid, socket_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_AGAIN_S: Final = 0.02


@dataclass(slots=True, eq=False)
class _Line:
    connection: socket.socket
    channel: Channel
    used: float

    def quiet(self) -> bool:
        """Whether nothing has come: an idle connection that can be read from has ended."""
        watched = select.poll()
        watched.register(self.connection, select.POLLIN)
        return not watched.poll(0)


class WriterLines:
    """Asks the writer; safe to use from several threads.

    Args:
        root: the store's folder.
        most: connections at once; who finds none free waits.
        idle_s: a connection unused for so long is closed at the next use of the pool.
        busy_s: how long to try while the writer refuses further connections.
    """

    def __init__(self, root: Path, *, most: int = 8, idle_s: float = 30.0, busy_s: float = 5.0) -> None:
        self._root = root
        self._idle_s = idle_s
        self._busy_s = busy_s
        self._free = threading.BoundedSemaphore(most)
        self._idle: list[_Line] = []
        self._lock = threading.Lock()
        self._closed = False

    def ask(
        self, head: Mapping[str, Any], parts: Sequence[Any] = (), *, seconds: float, again: bool = False
    ) -> Message:
        """Send a request and wait for its answer.

        Args:
            head: what is asked.
            parts: the body.
            seconds: how long connecting, sending and answering may take, each.
            again: ask once more where the connection ends; only for what changes nothing.

        Raises:
            WriterAway: it did not answer; whether it has done what was asked is unknown.
            Exception: what the writer refused with.
        """
        try:
            try:
                return self._ask(head, parts, seconds)
            except TooSlow:
                raise
            except Broken:
                if not again:
                    raise
                return self._ask(head, parts, seconds)
        except Broken as error:
            raise WriterAway(f"the store's writer did not answer: {error}") from error

    def close(self) -> None:
        """Close what is idle; connections in use are closed when they come back."""
        self._closed = True
        self._drop(time.monotonic() + self._idle_s)

    def _ask(self, head: Mapping[str, Any], parts: Sequence[Any], seconds: float) -> Message:
        with self._line(seconds) as line:
            line.channel.send(head, parts, seconds=seconds)
            answer = line.channel.receive(limit=MAX_ANSWER, idle_s=seconds, seconds=seconds)
            if answer is None:
                raise Broken("it hung up")
        raise_error(answer.head)
        return answer

    @contextmanager
    def _line(self, seconds: float) -> Iterator[_Line]:
        with self._free:
            line = self._idle_line() or self._new_line(seconds)
            try:
                yield line
            except BaseException:
                line.connection.close()
                raise
            line.used = time.monotonic()
            with self._lock:
                self._idle.append(line)
            self._drop(line.used)

    def _idle_line(self) -> _Line | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                line = self._idle.pop()
            if line.quiet():
                return line
            line.connection.close()

    def _drop(self, now: float) -> None:
        with self._lock:
            old = [line for line in self._idle if self._closed or now - line.used >= self._idle_s]
            self._idle = [line for line in self._idle if line not in old]
        for line in old:
            line.connection.close()

    def _new_line(self, seconds: float) -> _Line:
        until = time.monotonic() + self._busy_s
        while True:
            line = self._connected(seconds)
            if line is not None:
                return line
            if time.monotonic() >= until:
                raise Broken("it has as many connections as it may")
            time.sleep(_AGAIN_S)

    def _connected(self, seconds: float) -> _Line | None:
        """A new connection; None where the writer is busy."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            channel = self._greeted(connection, seconds)
        except OSError as error:
            connection.close()
            if isinstance(error, BlockingIOError):
                # Its queue of connections is full.
                return None
            if isinstance(error, TimeoutError):
                raise TooSlow("it does not greet") from error
            raise Broken(f"no writer can be reached ({error})") from error
        except BaseException:
            connection.close()
            raise
        if channel is None:
            connection.close()
            return None
        return _Line(connection, channel, time.monotonic())

    def _greeted(self, connection: socket.socket, seconds: float) -> Channel | None:
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            connection.settimeout(seconds)
            connection.connect(socket_address(folder))
        finally:
            os.close(folder)
        if peer_uid(connection) != os.geteuid():
            raise Broken("the socket belongs to another user")
        greeting = _exactly(connection, len(MARK) + NONCE_BYTES)
        mark, nonce = greeting[: len(MARK)], greeting[len(MARK) :]
        if mark == BUSY:
            return None
        if mark != MARK:
            raise Broken("the writer is of another version")
        return Channel(connection, read_key(self._root), nonce, REQUEST)


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = connection.recv(size - len(found))
        if not piece:
            raise Broken("it hung up at once")
        found += piece
    return found
