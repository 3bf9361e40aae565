"""Connecting to addresses that tenants enter, without letting them reach into the platform's own network."""

from __future__ import annotations

import ipaddress
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tundish_platform.alarms.notify.faults import Fault, NotSent

if TYPE_CHECKING:
    from collections.abc import Iterator

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IPv4 addresses travel inside these, so what counts is the address within (RFC 6052, RFC 3056).
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = ipaddress.IPv6Network("2002::/16")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Where messages may go besides the public internet.

    Attributes:
        networks: private ones that the operator opened, such as the plant's mail server's.
    """

    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, networks: tuple[str, ...]) -> Allowed:
        """From texts such as ``10.1.2.3/32``.

        Raises:
            ValueError: one is no network.
        """
        return cls(tuple(ipaddress.ip_network(text) for text in networks))

    def permits(self, address: str) -> bool:
        """Whether a message may go to an IP address."""
        ip = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
        if any(ip in network for network in self.networks):
            return True
        return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _unwrapped(ip: Address) -> Address:
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in _SIX_TO_FOUR:
        return ipaddress.IPv4Address((int(ip) >> 80) & 0xFFFFFFFF)
    return ip


class Deadline:
    """Ends whatever goes on over a socket when its time is up, however slowly the other side drips."""

    def __init__(self) -> None:
        self.over = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def watch(self, connected: socket.socket) -> None:
        """The socket to cut; a later one, as after TLS began, takes its place."""
        with self._lock:
            self._socket = connected
            if self.over:
                _cut(connected)

    def cut(self) -> None:
        """Time is up."""
        with self._lock:
            self.over = True
            if self._socket is not None:
                _cut(self._socket)


def _cut(connected: socket.socket) -> None:
    try:
        # Of the plain socket: TLS would wait for the other side to say good-bye.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
    except OSError:
        return  # closed by itself


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Everything within ends after so many seconds, as `NotSent` with a timeout."""
    mine = Deadline()
    timer = threading.Timer(seconds, mine.cut)
    timer.daemon = True
    timer.start()
    try:
        yield mine
    except NotSent:
        raise
    except TimeoutError as error:
        raise NotSent(Fault.TIMEOUT, again=True) from error
    except OSError as error:
        if mine.over:
            raise NotSent(Fault.TIMEOUT, again=True) from error
        raise
    finally:
        timer.cancel()


def connect(host: str, port: int, allowed: Allowed, timeout: float) -> socket.socket:
    """A connection to the very address that was checked; a name cannot change its meaning in between.

    Raises:
        NotSent: the name is unknown, an address is not permitted, or nobody answers.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise NotSent(Fault.UNREACHABLE, "unknown host", again=True) from error
    addresses = [str(entry[4][0]) for entry in found]
    # One forbidden address among several is enough: which one is taken must not depend on luck.
    if not all(allowed.permits(address) for address in addresses):
        raise NotSent(Fault.FORBIDDEN_ADDRESS, again=False)
    refused: OSError | None = None
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=timeout)
        except TimeoutError as error:
            raise NotSent(Fault.TIMEOUT, again=True) from error
        except OSError as error:
            refused = error
    raise NotSent(Fault.UNREACHABLE, again=True) from refused
