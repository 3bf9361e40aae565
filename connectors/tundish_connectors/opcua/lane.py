"""The hook into asyncua: publish requests and answers as bytes on its secure channel, without its objects.

A `Lane` takes the place of one method of asyncua's protocol object, `data_received`. Messages of a single
chunk under the present security token are opened here with asyncua's own cryptography; anything else
(handshakes, renewals, chunked messages, errors) goes on to asyncua as it came. So all other services work as
before, and where asyncua's inside is not what this module was written for, nothing is hooked.
"""

from __future__ import annotations

import inspect
import struct
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import structlog
from asyncua import ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.common.utils import Buffer
from asyncua.crypto import uacrypto
from asyncua.crypto.security_policies import Cryptography, CryptographyNone
from asyncua.ua.ua_binary import nodeid_to_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncua.common.connection import SecureConnection

_log = structlog.get_logger(__name__)
# A class of asyncua's own, which it does not name as exported.
_FORGED: type[Exception] = uacrypto.InvalidSignature  # type: ignore[attr-defined]
_VERSION = "2.1."
_PUBLISH_REQUEST = b"\x01\x00" + struct.pack("<H", 826)
_FRAME = struct.Struct("<4sIII")
_SEQUENCE = struct.Struct("<II")
_SEQUENCE_END = _FRAME.size + _SEQUENCE.size
_HEADER_SIZE = 8
_SIZE = struct.Struct("<I")
_SINGLE = b"MSGF"
# time, handle, no diagnostics, no audit entry, no time-out, no additional header, acknowledgements
_REQUEST = struct.Struct("<qIIiI3si")
_NO_EXTENSION = b"\0\0\0"
_LARGEST_SEQUENCE = 2**32 - 1
_SIGNATURES: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (UASocketProtocol, "data_received", ("self", "data")),
    (UASocketProtocol, "_call_callback", ("self", "request_id", "body")),
    (UASocketProtocol, "_fail_all_pending", ("self", "exc")),
    (UASocketProtocol, "revolve_security_token", ("self",)),
    (UASocketProtocol, "disconnect_socket", ("self",)),
    *(
        (cryptography, name, ("self", *arguments))
        for cryptography in (CryptographyNone, Cryptography)
        for name, arguments in {
            "decrypt": ("data",),
            "encrypt": ("data",),
            "verify": ("data", "signature" if cryptography is CryptographyNone else "sig"),
            "signature": ("data",),
            "padding": ("size",),
            "remove_padding": ("data",),
            "vsignature_size": (),
            "signature_size": (),
            "plain_block_size": (),
            "encrypted_block_size": (),
        }.items()
        if name != "verify" or cryptography is not CryptographyNone
    ),
)
_PROTOCOL_FIELDS = (
    "_connection",
    "_callbackmap",
    "_request_id",
    "_request_handle",
    "authentication_token",
    "receive_buffer",
)
_CONNECTION_FIELDS = (
    "_sequence_number",
    "_peer_sequence_number",
    "_incoming_parts",
    "_limits",
    "security_policy",
    "security_token",
)


class Waiting:
    """Stands where asyncua keeps the future of a request, and takes the answer as bytes."""

    __slots__ = ("_answered",)

    def __init__(self, answered: Callable[[bytes | BaseException], None]) -> None:
        self._answered = answered

    def done(self) -> bool:
        """Asyncua asks before it passes an error on; an answered request is no longer there to be asked."""
        return False

    def set_result(self, body: Buffer) -> None:
        """An answer that asyncua put together."""
        self._answered(bytes(body))

    def set_bytes(self, body: bytes) -> None:
        """An answer that came through the lane."""
        self._answered(body)

    def set_exception(self, error: BaseException) -> None:
        """The connection was lost."""
        self._answered(error)


class Lane:
    """Publishing on the secure channel of one connection.

    Attributes:
        burst: called whenever all complete messages of what the socket gave have been passed on.
        owner: who publishes on it.
    """

    def __init__(self, protocol: UASocketProtocol) -> None:
        self._protocol = protocol
        self._connection: SecureConnection = protocol._connection
        self._slow = protocol.data_received
        self._held: list[bytes] = []
        self._held_size = 0
        self._wanted = 0
        self.burst: Callable[[], None] | None = None
        self.owner: object = None
        begun, protocol.receive_buffer = protocol.receive_buffer, None
        if begun:
            self._hold(begun)
        protocol.data_received = self._received  # type: ignore[method-assign]

    def publish(
        self,
        acknowledge: Sequence[Sequence[tuple[int, int]]],
        answered: Callable[[bytes | BaseException], None],
    ) -> None:
        """Send as many publish requests as there are lists of (subscription, number) to acknowledge.

        Raises:
            ConnectionError: the connection is gone.
        """
        protocol = self._protocol
        if protocol.transport is None:
            raise ConnectionError("Connection is not open")
        protocol.revolve_security_token()
        waiting = Waiting(answered)
        token = nodeid_to_binary(protocol.authentication_token)
        moment = ua.datetime_to_win_epoch(datetime.now(UTC))
        messages = [self._message(self._request(token, moment, part), waiting) for part in acknowledge]
        protocol.transport.write(b"".join(messages))

    def _request(self, token: bytes, moment: int, acknowledge: Sequence[tuple[int, int]]) -> bytes:
        protocol = self._protocol
        protocol._request_handle += 1
        handle = protocol._request_handle
        head = _REQUEST.pack(moment, handle, 0, -1, 0, _NO_EXTENSION, len(acknowledge))
        acknowledgements = b"".join(_SEQUENCE.pack(*one) for one in acknowledge)
        return _PUBLISH_REQUEST + token + head + acknowledgements

    def _message(self, body: bytes, waiting: Waiting) -> bytes:
        protocol, connection = self._protocol, self._connection
        protocol._request_id += 1
        number = protocol._request_id
        sequence = connection._sequence_number % _LARGEST_SEQUENCE + 1
        connection._sequence_number = sequence
        pending: dict[int, Any] = protocol._callbackmap
        pending[number] = waiting
        crypto: Any = connection.security_policy.symmetric_cryptography
        plain = _SEQUENCE.pack(sequence, number) + body
        plain += crypto.padding(len(plain))
        blocks = (len(plain) + crypto.signature_size()) // crypto.plain_block_size()
        size = _FRAME.size + blocks * crypto.encrypted_block_size()
        token = connection.security_token
        frame = _FRAME.pack(_SINGLE, size, token.ChannelId, token.TokenId)
        return frame + bytes(crypto.encrypt(plain + crypto.signature(frame + plain)))

    def _received(self, data: bytes) -> None:
        if self._held:
            self._held.append(data)
            self._held_size += len(data)
            if self._held_size < self._wanted:
                return
            data = b"".join(self._held)
            self._held = []
        position, end = 0, len(data)
        most = self._connection._limits.max_recv_buffer
        while end - position >= _HEADER_SIZE:
            (size,) = _SIZE.unpack_from(data, position + 4)
            if not _HEADER_SIZE <= size <= most:
                _log.warning("the server sent a message of a size that was not agreed", size=size)
                self._protocol.disconnect_socket()
                return
            if size > end - position:
                break
            if not self._one(data[position : position + size]):
                return
            position += size
        if position < end:
            self._hold(data[position:])
        if self.burst is not None:
            self.burst()

    def _hold(self, rest: bytes) -> None:
        self._held = [rest]
        self._held_size = len(rest)
        self._wanted = _SIZE.unpack_from(rest, 4)[0] if len(rest) >= _HEADER_SIZE else _HEADER_SIZE

    def _one(self, message: bytes) -> bool:
        """Pass one message on; False when the connection is no more."""
        opened = self._open(message)
        if opened is None:
            self._slow(message)
        else:
            number, body = opened
            waiting: Any = self._protocol._callbackmap.get(number)
            if isinstance(waiting, Waiting):
                del self._protocol._callbackmap[number]
                waiting.set_bytes(body)
            elif waiting is None:
                _log.warning("an answer that nobody asked for", request=number)
                self._protocol.disconnect_socket()
            else:
                self._protocol._call_callback(number, Buffer(body))
        transport = self._protocol.transport
        return transport is not None and not transport.is_closing()

    def _open(self, message: bytes) -> tuple[int, bytes] | None:
        """Request id and body of a message; None where asyncua has to look at it."""
        connection = self._connection
        if len(message) < _SEQUENCE_END or message[:4] != _SINGLE or connection._incoming_parts:
            return None
        _, _, channel, token = _FRAME.unpack_from(message)
        present, limits = connection.security_token, connection._limits
        if channel != present.ChannelId or token != present.TokenId or len(message) > limits.max_recv_buffer:
            return None
        crypto: Any = connection.security_policy.symmetric_cryptography
        if crypto.vsignature_size():
            try:
                plain = _decipher(crypto, message)
            except _FORGED:
                return None
            sequence, number = _SEQUENCE.unpack_from(plain)
            body = plain[_SEQUENCE.size :]
        else:
            sequence, number = _SEQUENCE.unpack_from(message, _FRAME.size)
            body = message[_SEQUENCE_END:]
        before = connection._peer_sequence_number
        if before is not None and sequence != before + 1:
            return None
        connection._peer_sequence_number = sequence
        return number, body


def _decipher(crypto: Any, message: bytes) -> bytes:  # noqa: ANN401 - asyncua's untyped class
    # Asyncua tries the key before a renewal next; that is left to it.
    crypto.use_prev_key = False
    signed = bytes(crypto.decrypt(message[_FRAME.size :]))
    size = crypto.vsignature_size()
    plain = signed[:-size]
    crypto.verify(message[: _FRAME.size] + plain, signed[-size:])
    return bytes(crypto.remove_padding(plain))


def unfit(protocol: object) -> str | None:
    """Why asyncua as it is installed cannot be hooked; None where it can."""
    installed = version("asyncua")
    if not installed.startswith(_VERSION):
        return f"asyncua {installed} is not {_VERSION}x"
    for owner, name, expected in _SIGNATURES:
        found = tuple(inspect.signature(getattr(owner, name)).parameters) if hasattr(owner, name) else None
        if found != expected:
            return f"{owner.__name__}.{name} takes {found}, not {expected}"
    if not isinstance(protocol, UASocketProtocol):
        return f"{type(protocol).__name__} is not asyncua's protocol"
    lacking = [name for name in _PROTOCOL_FIELDS if not hasattr(protocol, name)]
    lacking += [
        name for name in _CONNECTION_FIELDS if not hasattr(getattr(protocol, "_connection", None), name)
    ]
    return f"asyncua's protocol lacks {', '.join(lacking)}" if lacking else None


def open_lane(protocol: UASocketProtocol) -> Lane | None:
    """A lane on a connected protocol, or None with a warning where asyncua has changed.

    The connection stays usable without a lane, only slower.
    """
    why = unfit(protocol)
    if why is not None:
        _log.warning("publishing takes the slow path", reason=why)
        return None
    return Lane(protocol)
