"""Malformed frames from a hostile server to our client: none may hang it or fill its memory.

The frames are recorded answers of the servers of asyncua, node-opcua and open62541, twisted from a seed.
Most are fed to the very protocol and decoders that a connection uses, without a socket; a thousandth goes
through real sockets to a whole connector.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import random
import resource
import struct
import time
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary
from asyncua.ua.uaerrors import UaError

from tundish_connectors.connector import ConnectorError
from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.decode import DecodeError
from tundish_connectors.opcua.errors import MALFORMED
from tundish_connectors.opcua.line import open_client
from tundish_connectors.opcua.publish import decode_publish, decode_republish
from tundish_connectors.opcua.session import build_client

if TYPE_CHECKING:
    from collections.abc import Callable

_WORST: Final = (0, 1, 0x7F, 0x80, 0xFF)
_LENGTHS: Final = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 65536, 16_777_216)
_HEADER, _SECURITY = 8, 16
_PUBLISH, _REPUBLISH = 829, 835
_SLOW_S: Final = 1.0
# What the connector takes for trouble of the line.
_FORESEEN = (UaError, OSError, ConnectorError, TimeoutError, *MALFORMED)


@dataclass
class Storm:
    """What a part of the frames brought.

    Attributes:
        seed: replays it.
        frames: malformed ones given.
        refused: of them answered with an error that the connector expects.
        unforeseen: of them with any other error.
        longest_s: longest time for one.
        memory_mb: growth of the process.
        words: the first findings.
    """

    seed: str
    frames: int = 0
    refused: int = 0
    unforeseen: int = 0
    longest_s: float = 0.0
    memory_mb: float = 0.0
    words: list[str] = field(default_factory=list)

    def say(self, words: str) -> None:
        """Keep the first few."""
        if len(self.words) < 5:  # noqa: PLR2004 - enough to begin a search with
            self.words.append(words)


def recorded() -> list[bytes]:
    """Frames of servers, whole."""
    data = gzip.decompress((files(__package__) / "recordings" / "opcua_frames.gz").read_bytes())
    frames: list[bytes] = []
    while data:
        (length,) = struct.unpack_from("<I", data, 4)
        frames.append(data[:length])
        data = data[length:]
    return frames


def mutate(frame: bytes, chance: random.Random, start: int = 0) -> bytes:
    """A frame with a few of its bytes, lengths or ends made wrong, from ``start`` on."""
    data = bytearray(frame)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        at = chance.randrange(start, max(start + 1, len(data)))
        kind = chance.randrange(7)
        if kind == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            data[at : at + 1] = bytes([chance.choice(_WORST)])
        elif kind == 2:  # noqa: PLR2004 - the kinds are a plain list
            data[at : at + 4] = struct.pack("<I", chance.choice(_LENGTHS))
        elif kind == 3:  # noqa: PLR2004 - as above
            del data[at : at + chance.randrange(1, 64)]
        elif kind == 4:  # noqa: PLR2004 - as above
            data[at:at] = chance.randbytes(chance.randrange(1, 64))
        elif kind == 5:  # noqa: PLR2004 - as above
            data[at:at] = data[at : at + chance.randrange(1, 256)] * chance.randrange(1, 16)
        else:
            del data[at:]
    return bytes(data)


class _Sink(asyncio.Transport):
    """Where the protocol's answers would go; it only notes that the line was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        del data


def storm(seed: str, count: int) -> Storm:
    """Feed so many malformed frames to protocol and decoders."""
    logging.disable()
    try:
        return asyncio.run(_storm(seed, count))
    finally:
        logging.disable(logging.NOTSET)


async def _storm(seed: str, count: int) -> Storm:
    chance = random.Random(seed)  # noqa: S311 - repeatable faults, no secrets
    frames = recorded()
    messages = [frame for frame in frames if frame[:3] == b"MSG"]
    result = Storm(seed)
    memory = 0.0
    for number in range(count):
        if number == count // 20:
            # The first twentieth fills caches and pools, which is no growth.
            memory = _memory_mb()
        if number % 4:
            body = mutate(chance.choice(messages)[_HEADER + _SECURITY :], chance)
            act: Callable[[], object] = _decoding(body)
            given = body
        else:
            given = mutate(chance.choice(frames), chance)
            act = _receiving(given, chance)
        _try(result, act, given)
    result.memory_mb = max(0.0, _memory_mb() - memory)
    return result


def _try(result: Storm, act: Callable[[], object], given: bytes) -> None:
    began = time.monotonic()
    try:
        act()
    except _FORESEEN:
        result.refused += 1
    except Exception as error:  # noqa: BLE001 - what a hostile server must not bring about is counted
        result.unforeseen += 1
        result.say(f"{type(error).__name__}: {error} on {given.hex()[:400]}")
    took = time.monotonic() - began
    result.frames += 1
    result.longest_s = max(result.longest_s, took)
    if took > _SLOW_S:
        result.say(f"{took:.1f} s for {given.hex()[:400]}")


def _decoding(body: bytes) -> Callable[[], object]:
    """As the connector decodes it: publish answers by our own decoder, the rest by asyncua's."""

    def act() -> object:
        kind = nodeid_from_binary(Buffer(body)).Identifier
        if kind == _PUBLISH:
            return decode_publish(body)
        if kind == _REPUBLISH:
            return decode_republish(body)
        return answer(body)

    return act


def answer(body: bytes) -> object:
    """Any other answer, as asyncua's session decodes it.

    Raises:
        DecodeError: nobody waits for an answer of such a type.
    """
    known = ua.extension_objects_by_typeid.get(nodeid_from_binary(Buffer(body)))
    if known is None:
        raise DecodeError("an answer of an unknown type")
    return struct_from_binary(known, Buffer(body))


def _receiving(data: bytes, chance: random.Random) -> Callable[[], object]:
    """Through asyncua's protocol, in one or several pieces, on a channel that is open."""
    client, _ = build_client("opc.tcp://127.0.0.1:1", "urn:tundish:campaign", 1.0)
    protocol = client.uaclient._make_protocol()  # noqa: SLF001 - the one a connection would get
    sink = _Sink()
    protocol.connection_made(sink)
    waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    protocol._callbackmap[chance.randrange(8)] = waiting  # noqa: SLF001 - an answer must find somebody waiting
    cut = chance.randrange(len(data) + 1)

    def act() -> object:
        protocol.data_received(data[:cut])
        protocol.data_received(data[cut:])
        if sink.closed:
            raise ConnectionError("the protocol closed the line")
        return None

    return act


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def through_sockets(seed: str, count: int) -> Storm:
    """A real connector calls a hostile server so many times; each time one more answer is malformed."""
    logging.disable()
    try:
        return asyncio.run(_through_sockets(seed, count))
    finally:
        logging.disable(logging.NOTSET)


async def _through_sockets(seed: str, count: int) -> Storm:
    chance = random.Random(seed)  # noqa: S311 - repeatable faults, no secrets
    frames = recorded()
    result = Storm(seed)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        good = chance.randrange(4)
        with contextlib.suppress(OSError):
            for number, frame in enumerate(frames[:6]):
                await reader.read(65536)
                writer.write(frame if number < good else mutate(frame, chance))
                await writer.drain()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    memory = _memory_mb()
    with TemporaryDirectory() as name:
        connection = OpcUaConnection(
            name="campaign", url=url, state_dir=Path(name), security_policy="None", request_timeout_s=0.3
        )
        for number in range(count):
            if number == count // 5:
                memory = _memory_mb()
            await _call(connection, result)
    server.close()
    result.memory_mb = max(0.0, _memory_mb() - memory)
    return result


async def _call(connection: OpcUaConnection, result: Storm) -> None:
    began = time.monotonic()
    try:
        client, _ = await open_client(connection)
        client.disconnect_socket()
    except _FORESEEN:
        result.refused += 1
    except Exception as error:  # noqa: BLE001 - counted, see above
        result.unforeseen += 1
        result.say(f"{type(error).__name__}: {error}")
    result.frames += 1
    result.longest_s = max(result.longest_s, time.monotonic() - began)


__all__ = ["Storm", "answer", "mutate", "recorded", "storm", "through_sockets"]
