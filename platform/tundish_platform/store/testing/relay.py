"""A relay before a server that can cut, damage or refuse what goes through it."""

from __future__ import annotations

import contextlib
import enum
import socket
import threading
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

_NO_ROOM: Final = (
    b"<?xml version='1.0'?><Error><Code>InsufficientStorage</Code><Message>InsufficientStorage: no room"
    b"</Message></Error>"
)
_REFUSAL: Final = (
    b"HTTP/1.1 507 Insufficient Storage\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_NO_ROOM), _NO_ROOM)
)
_BYTES: Final = 64 * 1024


class Way(enum.Enum):
    """What happens to a connection: see each."""

    ON = "passed on"
    CUT = "cut after `Relay.limit` bytes from the client"
    FULL = "told that there is no room"
    DAMAGE = "a bit of each large piece of the answers turned over"


class Relay:
    """Listens on a port of its own and passes on to another one of loopback.

    Attributes:
        way: for connections that begin from now on.
        limit: bytes from the client after which `Way.CUT` closes.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self.way = Way.ON
        self.limit = 0
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, name="relay", daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        self.cut()

    def turn(self, way: Way, limit: int = 0) -> None:
        """Treat connections so from now on; those that are open are cut."""
        self.way, self.limit = way, limit
        self.cut()

    def cut(self) -> None:
        """Cut all connections."""
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        way, limit = self.way, self.limit
        with client, contextlib.suppress(OSError):
            if way is Way.FULL:
                client.recv(_BYTES)
                client.sendall(_REFUSAL)
                client.shutdown(socket.SHUT_WR)
                while client.recv(_BYTES):
                    pass
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                self._open |= {client, server}
                back = threading.Thread(target=_pump, args=(server, client, -1, way), daemon=True)
                back.start()
                _pump(client, server, limit if way is Way.CUT else -1, Way.ON)
                back.join()
                self._open -= {client, server}


def _pump(source: socket.socket, target: socket.socket, limit: int, way: Way) -> None:
    with contextlib.suppress(OSError):
        while limit != 0 and (data := source.recv(_BYTES if limit < 0 else min(_BYTES, limit))):
            if way is Way.DAMAGE and len(data) > _BYTES // 2:
                data = data[:-1] + bytes([data[-1] ^ 1])
            target.sendall(data)
            limit = limit - len(data) if limit > 0 else limit
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
