"""Taking a connection out of waitress, so that an answer that goes on for hours holds no thread of its pool.

The request comes in like any other, through guard and limits. The application then names who takes the
connection; once the head of the answer is written, the server's loop lets go of the socket.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

if TYPE_CHECKING:
    import socket

HAND_OVER: Final = "tundish.hand_over"
"""Name in the WSGI environment of the function that takes a `Taker`; absent where a server cannot."""


class Taker(Protocol):
    """Who goes on with a connection."""

    def __call__(self, connection: socket.socket, unsent: bytes, *, chunked: bool) -> None:
        """Take it.

        Args:
            connection: non-blocking, and the taker's to close.
            unsent: bytes of the answer's head that the socket has not taken yet.
            chunked: whether the answer is in chunks (RFC 9112, 7.1); else it ends with the connection.
        """


class HandingTask(WSGITask):  # type: ignore[misc] # waitress has no types
    """A request whose connection may be handed over when its answer has begun."""

    _taker: Taker | None = None
    close_on_finish: bool

    def get_environment(self) -> dict[str, Any]:
        """The request's environment with the function that takes a `Taker`."""
        environ: dict[str, Any] = super().get_environment()
        environ[HAND_OVER] = self._wish
        return environ

    def _wish(self, taker: Taker) -> None:
        self._taker = taker

    def finish(self) -> None:
        """End the answer, or leave it open for the taker."""
        if self._taker is None or not self.close_on_finish:
            super().finish()
        else:
            # The answer is not over; the loop must not close the connection once its head is sent.
            self.close_on_finish = False
            self.channel.hand_over(self._taker, chunked=self.chunked_response)


class HandingChannel(HTTPChannel):  # type: ignore[misc] # waitress has no types
    """A connection that can leave waitress."""

    task_class = HandingTask
    socket: Any

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - waitress'
        self._wish: tuple[Taker, bool] | None = None
        self._served = threading.Event()
        super().__init__(*given, **named)

    def hand_over(self, taker: Taker, *, chunked: bool) -> None:
        """Called by the request's thread; the loop does it when it looks at this connection next."""
        self._wish = (taker, chunked)

    def service(self) -> None:
        """Answer a request; only then may the loop let go. What came behind it is not answered."""
        if self._wish is None:
            super().service()
        if self._wish is not None:
            self._served.set()
            self.server.pull_trigger()

    def received(self, data: bytes) -> bool:
        """Take bytes of requests; behind one whose answer goes on there are none."""
        return self._wish is None and bool(super().received(data))

    def readable(self) -> bool:
        """Whether the loop shall wait for bytes; it asks each time before it waits.

        So the socket leaves in the loop's own thread, and never while the loop reads from it.
        """
        if self._wish is not None:
            if self._served.is_set() and self.connected:
                self._let_go(*self._wish)
            return False
        return bool(super().readable())

    def writable(self) -> bool:
        """Whether the loop shall send; what is left to send goes with the connection."""
        return self._wish is None and bool(super().writable())

    def _let_go(self, taker: Taker, chunked: bool) -> None:
        with self.outbuf_lock:
            unsent = b"".join(buffer.get(len(buffer)) for buffer in self.outbufs)
            for buffer in self.outbufs:
                buffer.close()
            self.total_outbufs_len = 0
            self.connected = False
            self.del_channel()
            connection, self.socket = self.socket, None
        taker(connection, unsent, chunked=chunked)
