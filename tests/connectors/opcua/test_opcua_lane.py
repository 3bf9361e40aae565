"""The hook into asyncua: bytes on the secure channel, the slow path beside it, requests kept waiting."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any

import pytest
from asyncua import ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.common.connection import MessageChunk
from asyncua.common.utils import Buffer
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256, SecurityPolicyNone
from asyncua.ua.ua_binary import header_from_binary, nodeid_from_binary, struct_from_binary, struct_to_binary

from tundish_connectors.opcua import lane as lane_module
from tundish_connectors.opcua.lane import open_lane, unfit
from tundish_connectors.opcua.publish import Notification
from tundish_connectors.opcua.publisher import LanePublisher, TaskPublisher, open_publisher

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANNEL, TOKEN = 5, 9


class Transport:
    """Where the client's bytes go."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


class Line:
    """A client's protocol with a lane, and the server's side of its secure channel."""

    def __init__(self, *, encrypted: bool) -> None:
        self.protocol = UASocketProtocol()
        self.transport = Transport()
        self.protocol.connection_made(self.transport)  # type: ignore[arg-type]
        connection = self.protocol._connection
        connection.security_token.ChannelId = ua.UInt32(CHANNEL)
        connection.security_token.TokenId = ua.UInt32(TOKEN)
        connection._open = True
        self.server_policy: Any = SecurityPolicyNone()
        if encrypted:
            self.server_policy, connection.security_policy = _policy(), _policy()
            for policy, mine, other in (
                (connection.security_policy, b"c" * 32, b"s" * 32),
                (self.server_policy, b"s" * 32, b"c" * 32),
            ):
                policy.make_local_symmetric_key(other, mine)
                policy.make_remote_symmetric_key(mine, other, 3_600_000)
        lane = open_lane(self.protocol)
        assert lane is not None
        self.lane = lane
        self.sequence = 0

    def requests(self) -> list[tuple[int, ua.PublishRequest]]:
        """What the client has sent, as asyncua reads it: request id and request."""
        found = []
        data, self.transport.written = b"".join(self.transport.written), []
        buffer = Buffer(data)
        while len(buffer):
            header = header_from_binary(buffer)
            chunk = MessageChunk.from_header_and_body(self.server_policy, header, buffer)
            body = Buffer(chunk.Body)
            assert nodeid_from_binary(body).Identifier == ua.ObjectIds.PublishRequest_Encoding_DefaultBinary
            found.append(
                (
                    int(chunk.SequenceHeader.RequestId),
                    struct_from_binary(ua.PublishRequest, Buffer(chunk.Body)),
                )
            )
        return found

    def answer(self, number: int, body: bytes, most: int = 60_000) -> bytes:
        """A message of the server, in chunks of a size."""
        chunks = MessageChunk.message_to_chunks(
            self.server_policy, body, most, channel_id=CHANNEL, request_id=number, token_id=TOKEN
        )
        for chunk in chunks:
            self.sequence += 1
            chunk.SequenceHeader.SequenceNumber = self.sequence
        return b"".join(chunk.to_binary() for chunk in chunks)


def _policy() -> SecurityPolicyBasic256Sha256:
    policy = SecurityPolicyBasic256Sha256.__new__(SecurityPolicyBasic256Sha256)
    from asyncua.crypto.security_policies import Cryptography  # noqa: PLC0415 - used here only

    policy.symmetric_cryptography = Cryptography(ua.MessageSecurityMode.SignAndEncrypt)
    policy.Mode = ua.MessageSecurityMode.SignAndEncrypt
    return policy


def publish_answer(sequence: int, values: Sequence[float] = (1.5,)) -> bytes:
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = ua.IntegerId(7)
    message = response.Parameters.NotificationMessage
    message.SequenceNumber = ua.Counter(sequence)
    items = [ua.MonitoredItemNotification(at, ua.DataValue(ua.Variant(one))) for at, one in enumerate(values)]
    message.NotificationData = [ua.DataChangeNotification(MonitoredItems=items)]
    return struct_to_binary(response)


@pytest.fixture(params=[False, True], ids=["None", "SignAndEncrypt"])
def line(request: pytest.FixtureRequest) -> Line:
    return Line(encrypted=request.param)


def test_requests_are_what_asyncua_would_send(line: Line) -> None:
    line.lane.publish([[(7, 3), (7, 4)], []], lambda _: None)
    (first, with_numbers), (second, without) = line.requests()
    assert second == first + 1
    acknowledged = with_numbers.Parameters.SubscriptionAcknowledgements
    assert [(one.SubscriptionId, one.SequenceNumber) for one in acknowledged] == [(7, 3), (7, 4)]
    assert without.Parameters.SubscriptionAcknowledgements == []
    assert with_numbers.RequestHeader.RequestHandle != without.RequestHeader.RequestHandle


def test_answers_come_back_whatever_parts_the_socket_gives(line: Line) -> None:
    got: list[bytes | BaseException] = []
    line.lane.publish([[], [], []], got.append)
    numbers = [number for number, _ in line.requests()]
    bodies = [publish_answer(at + 1, [float(at)] * 50) for at in range(3)]
    data = b"".join(line.answer(number, body) for number, body in zip(numbers, bodies, strict=True))
    for at in range(0, len(data), 37):
        line.protocol.data_received(data[at : at + 37])
    assert got == bodies
    assert line.protocol._callbackmap == {}


def test_chunked_answers_and_other_services_go_through_asyncua(line: Line) -> None:
    got: list[bytes | BaseException] = []
    body = publish_answer(1, [2.5] * 2000)

    async def run() -> Buffer:
        line.lane.publish([[]], got.append)
        ((number, _),) = line.requests()
        other = line.protocol._send_request(ua.ReadRequest())
        line.transport.written.clear()
        line.protocol.data_received(line.answer(number, body, 8192))
        line.protocol.data_received(line.answer(number + 1, struct_to_binary(ua.ReadResponse())))
        return await other

    answer = asyncio.run(run())
    assert got == [body]
    assert struct_from_binary(ua.ReadResponse, answer).ResponseHeader.ServiceResult.is_good()


def test_a_number_out_of_order_ends_the_connection(line: Line) -> None:
    got: list[bytes | BaseException] = []
    line.lane.publish([[], []], got.append)
    (first, _), (second, _) = line.requests()
    line.protocol.data_received(line.answer(first, publish_answer(1)))
    line.sequence += 5
    line.protocol.data_received(line.answer(second, publish_answer(2)))
    assert len(got) == 1
    assert line.transport.closed


def test_a_forged_message_ends_the_connection() -> None:
    line = Line(encrypted=True)
    got: list[bytes | BaseException] = []
    line.lane.publish([[]], got.append)
    ((number, _),) = line.requests()
    message = bytearray(line.answer(number, publish_answer(1)))
    message[-1] ^= 1
    line.protocol.data_received(bytes(message))
    assert got == []
    assert line.transport.closed


def test_a_size_that_was_not_agreed_ends_the_connection(line: Line) -> None:
    line.protocol.data_received(b"MSGF" + struct.pack("<I", 2**31))
    assert line.transport.closed


def test_a_lost_connection_answers_all_requests(line: Line) -> None:
    got: list[bytes | BaseException] = []
    line.lane.publish([[], []], got.append)
    line.protocol.connection_lost(None)
    assert [type(one) for one in got] == [ConnectionError, ConnectionError]
    with pytest.raises(ConnectionError):
        line.lane.publish([[]], got.append)


def test_another_asyncua_is_not_hooked(monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = UASocketProtocol()
    assert unfit(protocol) is None
    monkeypatch.setattr(lane_module, "version", lambda _: "2.2.0")
    assert open_lane(protocol) is None
    monkeypatch.undo()

    def renamed(self: UASocketProtocol, chunk: bytes) -> None:
        """Another signature."""

    with monkeypatch.context() as changed:
        changed.setattr(UASocketProtocol, "data_received", renamed)
        assert "data_received" in str(unfit(UASocketProtocol()))
    del protocol._callbackmap
    assert "_callbackmap" in str(unfit(protocol))


class Slow:
    """A session without a lane."""

    lane = None

    def __init__(self) -> None:
        self.acknowledged: list[tuple[int, int]] = []
        self.asked = 0

    async def publish_raw(self, acknowledge: Sequence[tuple[int, int]]) -> Notification:
        self.acknowledged += acknowledge
        self.asked += 1
        return Notification(7, self.asked)


def test_a_session_without_a_lane_publishes_all_the_same() -> None:
    async def run() -> tuple[Slow, list[object]]:
        session = Slow()
        publisher = open_publisher(session, 1, 0.5)
        assert isinstance(publisher, TaskPublisher)
        answers: list[object] = list(await publisher.answers(60))
        publisher.acknowledge([(7, 1)])
        answers += await publisher.answers(60)
        await publisher.close()
        return session, answers

    session, answers = asyncio.run(run())
    assert [one.sequence for one in answers if isinstance(one, Notification)] == [1, 2]
    assert session.acknowledged == [(7, 1)]


def test_requests_are_refilled_while_answers_are_gathered() -> None:
    async def run() -> None:
        line = Line(encrypted=False)
        publisher = LanePublisher(line.lane, 4, 60.0)
        waiting = asyncio.create_task(publisher.answers(60))
        await asyncio.sleep(0)
        asked = [number for number, _ in line.requests()]
        assert len(asked) == 4
        first = line.answer(asked[0], publish_answer(1)) + line.answer(asked[1], publish_answer(2))
        line.protocol.data_received(first)
        assert line.requests() == [], "half of the requests still wait at the server"
        line.protocol.data_received(line.answer(asked[2], publish_answer(3)))
        asked += [number for number, _ in line.requests()]
        assert len(asked) == 5
        line.protocol.data_received(
            line.answer(asked[3], publish_answer(4)) + line.answer(asked[4], publish_answer(5))
        )
        assert len(line.requests()) == 4, "a server that uses all of them up gets all of them back"
        line.protocol.connection_lost(None)
        answers = await waiting
        assert [one.sequence for one in answers if isinstance(one, Notification)] == [1, 2, 3, 4, 5]
        assert [one for one in answers if isinstance(one, ConnectionError)]

    asyncio.run(run())


def test_acknowledgements_wait_for_their_owner_and_go_out_once() -> None:
    async def run() -> None:
        line = Line(encrypted=False)
        publisher = LanePublisher(line.lane, 2, 0.0)
        waiting = asyncio.create_task(publisher.answers(60))
        await asyncio.sleep(0)
        asked = line.requests()
        line.protocol.data_received(line.answer(asked[0][0], publish_answer(1)))
        assert [type(one) for one in await waiting] == [Notification]
        publisher.acknowledge([(7, 1)])
        waiting = asyncio.create_task(publisher.answers(60))
        await asyncio.sleep(0)
        ((_, request),) = line.requests()
        numbers = [int(one.SequenceNumber) for one in request.Parameters.SubscriptionAcknowledgements]
        assert numbers == [1]
        waiting.cancel()
        await publisher.close()

    asyncio.run(run())


def test_an_error_of_the_server_is_told_at_once_and_stops_the_asking() -> None:
    async def run() -> None:
        line = Line(encrypted=False)
        publisher = LanePublisher(line.lane, 2, 60.0)
        waiting = asyncio.create_task(publisher.answers(60))
        await asyncio.sleep(0)
        asked = line.requests()
        fault = ua.ServiceFault()
        fault.ResponseHeader.ServiceResult = ua.StatusCode(ua.StatusCodes.BadNoSubscription)
        for number, _ in asked:
            line.protocol.data_received(line.answer(number, struct_to_binary(fault)))
        assert line.requests() == []
        answers = await asyncio.wait_for(waiting, 30)
        assert {type(one) for one in answers} == {ua.uaerrors.BadNoSubscription}

    asyncio.run(run())
