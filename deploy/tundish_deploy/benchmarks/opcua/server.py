"""A server that is never the bottleneck: asyncua's own, but notifications are bytes that were encoded before.

Handshake, secure channel, session and every other service are asyncua's, cryptography included. Subscriptions
and monitored items are only noted (nothing samples anything), and each publish request is answered at once
with the next body. Run as a module by the benchmark, in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from asyncua import ua
from asyncua.common.connection import TransportLimits
from asyncua.server.binary_server_asyncio import OPCUAProtocol
from asyncua.server.server import Server
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import struct_from_binary

from tundish_deploy.benchmarks.opcua.workload import Plan, frame, pack, ring
from tundish_deploy.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import Callable

_PUBLISH: Final = 826
_SINGLE: Final = b"MSGF"
_FRAME = struct.Struct("<4sIII")
_PAIR = struct.Struct("<II")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
# Type id, then time, handle, result, no diagnostics, no strings, no additional header.
_RESPONSE = struct.Struct("<4sqIIBi3s")
_RESPONSE_ID: Final = b"\x01\x00" + struct.pack("<H", 829)
# Subscription, no available numbers, no more, number, time, one notification: type id, bytes, length.
_ANSWER = struct.Struct("<IiBIqi4sBi")
_DATA_CHANGE: Final = b"\x01\x00" + struct.pack("<H", 811)
_SUBSCRIPTION: Final = 7
_HEADER_SIZE: Final = 8
# Fixed bytes of a request header between the token and the acknowledgements, with an empty audit entry.
_AFTER_TOKEN: Final = 8 + 4 + 4
_TOKEN_SIZES: Final = {0: 2, 1: 4, 2: 7, 4: 19}
_TICKS_1970: Final = 116_444_736_000_000_000
_LARGEST_CHUNK: Final = 65_000
_IDS = ObjectIds


def now_ticks() -> int:
    """The wall clock as OPC UA counts it."""
    return time.time_ns() // 100 + _TICKS_1970


class Stream:
    """What one connection is sent."""

    def __init__(self, plan: Plan, send: Callable[[list[tuple[int, bytes]]], None]) -> None:
        self.plan = plan
        self.handles: list[int] = []
        self._send = send
        self._waiting: deque[tuple[int, int, int]] = deque()
        self._bodies: list[bytes] = []
        self._sent = 0
        self._items: Any = None
        self._due: deque[bytes] = deque()
        self._pace: asyncio.Task[None] | None = None
        self._newest = 0
        self._generator = np.random.default_rng(1)

    def add(self, handles: list[int]) -> None:
        """Note monitored items; with the last of them the stream begins."""
        self.handles += handles
        if len(self.handles) < self.plan.items:
            return
        if self.plan.fresh:
            self._items = frame(self.handles)
            self._items["value"] = self._generator.normal(50.0, 10.0, len(self.handles)).round(2)
        else:
            self._bodies = ring(self.plan, self.handles)
        if self.plan.period_s:
            self._pace = asyncio.get_running_loop().create_task(self._run())
        self.pump()

    def ask(self, number: int, handle: int, acknowledged: int) -> None:
        """A publish request came."""
        self._waiting.append((number, handle, acknowledged))

    def pump(self) -> None:
        """Answer what can be answered."""
        if len(self.handles) < self.plan.items:
            return
        answers = []
        limit = self.plan.limit or sys.maxsize
        while self._waiting and self._sent < limit and (self._due or not self.plan.period_s):
            body = self._due.popleft() if self.plan.period_s else self._next()
            number, handle, acknowledged = self._waiting.popleft()
            self._sent += 1
            answers.append((number, _answer(handle, acknowledged, self._sent, body)))
        if answers:
            self._send(answers)

    def _next(self) -> bytes:
        if self.plan.fresh:
            return self._changed(max(now_ticks(), self._newest + 10))
        return self._bodies[self._sent % len(self._bodies)]

    def _changed(self, ticks: int) -> bytes:
        items = self._items
        self._newest = ticks
        items["source"] = items["server"] = ticks
        # A few hundredths up or down, as a sensor's last digits move.
        items["value"] += np.float64((self._sent % 5) - 2) * 0.01
        return pack(items)

    async def _run(self) -> None:
        """Change items at their period, and hand out what has changed at the publishing interval."""
        period, publishing = self.plan.period_s, self.plan.publishing_s
        begun = time.monotonic()
        changes = 0
        while True:
            await asyncio.sleep(publishing)
            due = int((time.monotonic() - begun) / period)
            present = now_ticks()
            bodies = [
                self._changed(present - round(back * period * 1e7))[4:-4]
                for back in range(due - changes - 1, -1, -1)
            ]
            if bodies:
                count = len(bodies) * len(self.handles)
                self._due.append(_I32.pack(count) + b"".join(bodies) + _I32.pack(-1))
            changes = due
            self.pump()

    def close(self) -> None:
        """The connection is gone."""
        if self._pace is not None:
            self._pace.cancel()


def _answer(handle: int, acknowledged: int, sequence: int, body: bytes) -> bytes:
    moment = _TICKS_1970
    head = _RESPONSE.pack(_RESPONSE_ID, moment, handle, 0, 0, 0, b"\0\0\0")
    message = _ANSWER.pack(_SUBSCRIPTION, 0, 0, sequence, moment, 1, _DATA_CHANGE, 1, len(body))
    results = _I32.pack(acknowledged) + bytes(4 * acknowledged)
    return b"".join((head, message, body, results, _I32.pack(0)))


class _Processor(UaProcessor):
    """Takes the services of subscriptions out of asyncua's hands."""

    stream: Stream
    answer: Any = UaProcessor.send_response

    async def _process_message(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> Any:  # noqa: ANN401 - asyncua's untyped interface
        response = self._subscription_service(typeid.Identifier, body)
        if response is None:
            asyncua: Any = super()
            return await asyncua._process_message(typeid, requesthdr, seqhdr, body)  # noqa: SLF001 - its own name
        self.answer(requesthdr.RequestHandle, seqhdr, response)
        return True

    def _subscription_service(self, service: int, body: Any) -> Any:  # noqa: ANN401 - asyncua's untyped interface
        if service == _IDS.CreateSubscriptionRequest_Encoding_DefaultBinary:
            return self._create_subscription(struct_from_binary(ua.CreateSubscriptionParameters, body))
        if service == _IDS.CreateMonitoredItemsRequest_Encoding_DefaultBinary:
            return self._create_items(struct_from_binary(ua.CreateMonitoredItemsParameters, body))
        if service == _IDS.RepublishRequest_Encoding_DefaultBinary:
            raise ua.uaerrors.BadMessageNotAvailable
        kind = _ALL_GOOD.get(service)
        if kind is None:
            return None
        response: Any = kind()
        response.Results = [ua.StatusCode()]
        return response

    def _create_subscription(self, wanted: ua.CreateSubscriptionParameters) -> ua.CreateSubscriptionResponse:
        response = ua.CreateSubscriptionResponse()
        result = response.Parameters
        result.SubscriptionId = ua.IntegerId(_SUBSCRIPTION)
        result.RevisedPublishingInterval = wanted.RequestedPublishingInterval
        result.RevisedLifetimeCount = wanted.RequestedLifetimeCount
        result.RevisedMaxKeepAliveCount = wanted.RequestedMaxKeepAliveCount
        return response

    def _create_items(self, wanted: ua.CreateMonitoredItemsParameters) -> ua.CreateMonitoredItemsResponse:
        handles = [int(one.RequestedParameters.ClientHandle) for one in wanted.ItemsToCreate]
        first = len(self.stream.handles) + 1
        response = ua.CreateMonitoredItemsResponse()
        response.Results = [
            ua.MonitoredItemCreateResult(
                MonitoredItemId=ua.IntegerId(first + at), RevisedQueueSize=ua.Counter(10)
            )
            for at in range(len(handles))
        ]
        asyncio.get_running_loop().call_soon(self.stream.add, handles)
        return response


_ALL_GOOD: Final[dict[int, Any]] = {
    _IDS.DeleteSubscriptionsRequest_Encoding_DefaultBinary: ua.DeleteSubscriptionsResponse,
    _IDS.DeleteMonitoredItemsRequest_Encoding_DefaultBinary: ua.DeleteMonitoredItemsResponse,
}


class _Connection(OPCUAProtocol):
    """Publish requests are read from bytes; every other message goes to asyncua."""

    plan: Plan

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None  # noqa: S101 - asyncua has just set it
        processor: Any = _Processor(self.iserver, self.transport, self.limits)
        processor.set_policies(self.policies)
        self.processor = processor
        self.stream = processor.stream = Stream(self.plan, self._send)
        # Publish requests overtake the messages in asyncua's queue, so their numbers are not in order here.
        processor._connection._check_incoming_chunk = lambda _: None  # noqa: SLF001 - checked by the client
        self._held = b""

    def connection_lost(self, ex: BaseException | None) -> None:
        self.stream.close()
        super().connection_lost(ex)

    def data_received(self, data: bytes) -> None:
        data = self._held + data
        position = 0
        while len(data) - position >= _HEADER_SIZE:
            (size,) = _U32.unpack_from(data, position + 4)
            if size > len(data) - position:
                break
            message = data[position : position + size]
            if message[:4] != _SINGLE or not self._asked(message):
                super().data_received(message)
            position += size
        self._held = data[position:]
        self.stream.pump()

    def _asked(self, message: bytes) -> bool:
        assert self.processor is not None  # noqa: S101 - made with the connection
        connection = self.processor._connection  # noqa: SLF001 - the server's side of the secure channel
        *_, token = _FRAME.unpack_from(message)
        if token != connection.security_token.TokenId:
            return False
        crypto: Any = connection.security_policy.symmetric_cryptography
        crypto.use_prev_key = False
        plain = crypto.decrypt(message[_FRAME.size :])
        number, kind = struct.unpack_from("<4xI2xH", plain)
        if kind != _PUBLISH:
            return False
        position = _PAIR.size + 4
        position += _TOKEN_SIZES.get(plain[position]) or 7 + _I32.unpack_from(plain, position + 3)[0]
        (handle,) = _U32.unpack_from(plain, position + 8)
        position += _AFTER_TOKEN
        position += 4 + max(0, _I32.unpack_from(plain, position)[0]) + 4 + 3
        (acknowledged,) = _I32.unpack_from(plain, position)
        self.stream.ask(number, handle, max(0, acknowledged))
        return True

    def _send(self, answers: list[tuple[int, bytes]]) -> None:
        assert self.transport is not None  # noqa: S101 - made with the connection
        assert self.processor is not None  # noqa: S101 - made with the connection
        connection = self.processor._connection  # noqa: SLF001 - the server's side of the secure channel
        crypto: Any = connection.security_policy.symmetric_cryptography
        token = connection.security_token
        messages = []
        for number, body in answers:
            if len(body) > _LARGEST_CHUNK:
                messages.append(connection.message_to_binary(body, request_id=number))
                continue
            connection._sequence_number += 1  # noqa: SLF001 - as asyncua counts it
            plain = _PAIR.pack(connection._sequence_number, number) + body  # noqa: SLF001 - as asyncua counts it
            plain += crypto.padding(len(plain))
            size = _FRAME.size + len(plain) + crypto.signature_size()
            head = _FRAME.pack(_SINGLE, size, token.ChannelId, token.TokenId)
            messages.append(head + crypto.encrypt(plain + crypto.signature(head + plain)))
        self.transport.write(b"".join(messages))


async def serve(folder: Path, plans: dict[int, Plan], nodes: int) -> None:
    """Serve each plan on its port until the process is ended; with as many variables for those who browse."""
    server = Server()
    await server.init()
    space = await server.register_namespace("urn:tundish:bench")
    parent = await server.nodes.objects.add_object(space, "Bench")
    for at in range(nodes):
        await parent.add_variable(space, f"V{at}", 0.0)
    await server.set_application_uri("urn:tundish:bench:server")
    # A port of asyncua's own that nobody uses: ours speak for the same server, with other connections.
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy(
        [ua.SecurityPolicyType.NoSecurity, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    )
    await server.load_certificate(folder / "server.der")
    await server.load_private_key(folder / "server.pem")
    server.iserver.max_connections = 1000
    loop = asyncio.get_running_loop()
    async with server:
        binary: Any = server.bserver
        for port, plan in plans.items():
            factory = type("Connection", (_Connection,), {"plan": plan})

            def make(factory: type[_Connection] = factory) -> _Connection:
                limits = TransportLimits()
                return factory(server.iserver, binary._policies, binary.clients, binary.closing_tasks, limits)  # noqa: SLF001

            await loop.create_server(make, "127.0.0.1", port)
        print("ready", flush=True)  # noqa: T201 - the parent waits for it
        await asyncio.Event().wait()


def main() -> None:
    """Serve what the argument says: a folder with certificates, and plans by port, as JSON."""
    configure_logs("CRITICAL")
    settings = json.loads(sys.argv[1])
    plans = {int(port): Plan(**plan) for port, plan in settings["plans"].items()}
    asyncio.run(serve(Path(settings["folder"]), plans, settings["nodes"]))


if __name__ == "__main__":
    main()
