"""One open page at the other end of a socket."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_dashboards.callbacks import TenantView

# What the kernel keeps for a reader that does not read; beyond it only the newest of each signal waits.
_SENT_AHEAD: Final = 64 * 1024
# A peer that acknowledges nothing for so long is gone, whatever its network says.
_SILENT_PEER_MS: Final = 20_000
_READ: Final = 4096


@dataclass(frozen=True, slots=True)
class Wish:
    """What a page asked for, and how it is asked again whether it may.

    Attributes:
        line: path of a line, all of whose measured signals it shows; empty where it names signals.
        signals: numbers of the signals, where it shows no whole line.
        renew: the person's granted look at the tenant at this moment; raises `AccessDenied` without one.
    """

    line: str
    signals: frozenset[int]
    renew: Callable[[], TenantView]


class Viewer:
    """A page that is being told news.

    Args:
        connection: non-blocking; closed with the viewer.
        unsent: what has to go first.
        chunked: whether messages are chunks of an HTTP answer.
        wish: what it shows.
        view: the person's look at the tenant as it was granted.
        now: seconds, never going back.
    """

    def __init__(
        self,
        connection: socket.socket,
        unsent: bytes,
        *,
        chunked: bool,
        wish: Wish,
        view: TenantView,
        now: float,
    ) -> None:
        self.connection, self.wish, self.view = connection, wish, view
        self.checked = self.spoke = self.drained = now
        self.upto = 0
        """Look up to which it was told of signals."""
        self.facts = b""
        """What it was told last of its line."""
        self._chunked, self._unsent = chunked, bytearray(unsent)
        _bound(connection)

    @property
    def person(self) -> tuple[int, str]:
        """What tells its person from all others."""
        principal = self.view.person.principal
        return principal.id, principal.name

    @property
    def tenant(self) -> int:
        """Number of its tenant."""
        return self.view.scope.tenant_id

    @property
    def waiting(self) -> bool:
        """Whether something is left to send."""
        return bool(self._unsent)

    def say(self, event: bytes, now: float) -> bool:
        """Send an event, as much of it as goes; whether the reader is still there."""
        framed = b"%X\r\n%b\r\n" % (len(event), event) if self._chunked else event
        self._unsent += framed
        self.spoke = now
        return self.flush(now)

    def flush(self, now: float) -> bool:
        """Send what is left, as much as goes; whether the reader is still there."""
        try:
            while self._unsent:
                del self._unsent[: self.connection.send(self._unsent)]
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.drained = now
        return True

    def hears(self) -> bool:
        """Read what came, which a page never sends; whether the reader is still there."""
        try:
            return bool(self.connection.recv(_READ))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def end(self) -> None:
        """Close, with an end of the answer where one still goes."""
        if self._chunked and not self._unsent:
            with suppress(OSError):
                self.connection.send(b"0\r\n\r\n")
        self.connection.close()


def _bound(connection: socket.socket) -> None:
    connection.setblocking(False)  # noqa: FBT003 - Python's own
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT_AHEAD)
    if connection.family in {socket.AF_INET, socket.AF_INET6}:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_PEER_MS)
