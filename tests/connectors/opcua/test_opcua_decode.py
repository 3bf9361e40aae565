"""The byte decoder against asyncua's encoder, over every mask and type, and on torn bytes."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import (
    extensionobject_to_binary,
    struct_from_binary,
    struct_to_binary,
    variant_to_binary,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_connectors.opcua.decode import Column, DecodeError, decode_bodies, decode_data_change
from tundish_connectors.opcua.publish import decode_publish
from tundish_connectors.opcua.sequence import SequenceWatch

SOURCE, SERVER = 133_000_000_000_000_000, 133_000_000_100_000_000
TYPES = ua.VariantType
SCALARS = [
    (True, TYPES.Boolean),
    (-5, TYPES.SByte),
    (200, TYPES.Byte),
    (-30_000, TYPES.Int16),
    (60_000, TYPES.UInt16),
    (-2_000_000_000, TYPES.Int32),
    (4_000_000_000, TYPES.UInt32),
    (-(2**62), TYPES.Int64),
    (2**64 - 1, TYPES.UInt64),
    (1.5, TYPES.Float),
    (-2.25, TYPES.Double),
    ("状态 ok", TYPES.String),
    (None, TYPES.String),
    ([1.0, 2.0, 3.0], TYPES.Double),
    (ua.LocalizedText("运行"), TYPES.LocalizedText),
    (datetime(2024, 5, 1, 12, tzinfo=UTC), TYPES.DateTime),
]


def item(handle: int, mask: int, value: object, variant: ua.VariantType) -> bytes:
    """A MonitoredItemNotification written by hand in the order of the standard."""
    data = struct.pack("<IB", handle, mask)
    if mask & 0x01:
        data += variant_to_binary(ua.Variant(value, variant))
    if mask & 0x02:
        data += struct.pack("<I", 0x40000000 + handle)
    if mask & 0x04:
        data += struct.pack("<q", SOURCE + handle)
    if mask & 0x10:
        data += struct.pack("<H", 1234)
    if mask & 0x08:
        data += struct.pack("<q", SERVER + handle)
    if mask & 0x20:
        data += struct.pack("<H", 4321)
    return data


def flat(body: bytes) -> list[tuple[object, ...]]:
    return in_order(decode_data_change(body))


def in_order(columns: list[Column]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for column in columns:
        assert column.order is not None
        values = column.values.tolist() if isinstance(column.values, np.ndarray) else column.values
        rows += zip(
            column.order.tolist(),
            column.handles.tolist(),
            values,
            column.status.tolist(),
            column.source.tolist(),
            column.server.tolist(),
            strict=True,
        )
    return [row[1:] for row in sorted(rows, key=lambda row: row[0])]


def expected(handle: int, mask: int, value: object) -> tuple[object, ...]:
    return (
        handle,
        value if mask & 0x01 else None,
        0x40000000 + handle if mask & 0x02 else 0,
        SOURCE + handle if mask & 0x04 else 0,
        SERVER + handle if mask & 0x08 else 0,
    )


@pytest.mark.parametrize(("value", "variant"), SCALARS)
@pytest.mark.parametrize("count", [1, 3, 40])
def test_every_mask_of_every_type_comes_out_as_written(
    value: object, variant: ua.VariantType, count: int
) -> None:
    for mask in range(64):
        body = struct.pack("<i", count) + b"".join(item(at, mask, value, variant) for at in range(count))
        rows = flat(body + struct.pack("<i", -1))
        assert rows == [expected(at, mask, value) for at in range(count)]


mixed = st.lists(st.tuples(st.sampled_from(range(len(SCALARS))), st.integers(0, 63), st.integers(1, 30)))


@settings(max_examples=150, deadline=None)
@given(runs=mixed)
def test_mixed_runs_keep_order_and_values(runs: list[tuple[int, int, int]]) -> None:
    body, rows, handle = b"", [], 0
    for which, mask, length in runs:
        for _ in range(length):
            body += item(handle, mask, *SCALARS[which])
            rows.append(expected(handle, mask, SCALARS[which][0]))
            handle += 1
    assert flat(struct.pack("<i", handle) + body + struct.pack("<i", -1)) == rows


NODE = ua.NodeId("Line/Machine", 3)
ALL_TYPES: list[ua.Variant] = [
    ua.Variant(None, TYPES.Null),
    ua.Variant(UUID(int=7), TYPES.Guid),
    ua.Variant(b"\x00\xff", TYPES.ByteString),
    ua.Variant(None, TYPES.ByteString),
    ua.Variant(NODE, TYPES.NodeId),
    ua.Variant(ua.ExpandedNodeId(5, 2), TYPES.ExpandedNodeId),
    ua.Variant(ua.StatusCode(ua.UInt32(0x80310000)), TYPES.StatusCode),
    ua.Variant(ua.QualifiedName("n", 1), TYPES.QualifiedName),
    ua.Variant(ua.LocalizedText("运行", "zh"), TYPES.LocalizedText),
    ua.Variant(ua.Range(1.0, 2.0), TYPES.ExtensionObject),
    ua.Variant(ua.DataValue(ua.Variant(1.5)), TYPES.DataValue),
    *(ua.Variant(value, variant) for value, variant in SCALARS),
    *(ua.Variant([value, value], variant) for value, variant in SCALARS if not isinstance(value, list)),
    *(ua.Variant([], variant, is_array=True) for variant in (TYPES.Double, TYPES.Int16, TYPES.String)),
    ua.Variant([[1.0, 2.0], [3.0, 4.0]], TYPES.Double),
    ua.Variant([UUID(int=1), UUID(int=2)], TYPES.Guid),
    ua.Variant([ua.Variant(1), ua.Variant("x")], TYPES.Variant),
]
MOMENT = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
STATUSES = [0, 0x40000000, 0x80310000, 0x480]


def plain(value: object) -> object:
    """Arrays of asyncua are tuples or lists, ours lists."""
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def data_value(variant: ua.Variant | None, status: int, *, source: bool, server: bool) -> ua.DataValue:
    return ua.DataValue(
        variant,
        ua.StatusCode(ua.UInt32(status)),
        SourceTimestamp=MOMENT if source else None,
        ServerTimestamp=MOMENT + timedelta(seconds=1) if server else None,
    )


data_values = st.builds(
    data_value,
    st.one_of(st.none(), st.sampled_from(ALL_TYPES), st.floats(allow_nan=False).map(ua.Variant)),
    st.sampled_from(STATUSES),
    source=st.booleans(),
    server=st.booleans(),
)
notifications = st.lists(
    st.lists(st.tuples(data_values, st.integers(1, 20)), max_size=8), min_size=1, max_size=4
)


def moment_of(ticks: object) -> object:
    return ua.win_epoch_to_datetime(ticks) if ticks else None


@settings(max_examples=80, deadline=None)
@given(parts=notifications)
def test_any_value_in_any_order_is_what_asyncua_reads(parts: list[list[tuple[ua.DataValue, int]]]) -> None:
    bodies, wanted = [], []
    for part in parts:
        values = [value for value, times in part for _ in range(times)]
        items = [ua.MonitoredItemNotification(at, value) for at, value in enumerate(values)]
        # Behind type id, encoding byte and length.
        body = extensionobject_to_binary(ua.DataChangeNotification(MonitoredItems=items))[9:]
        read = struct_from_binary(ua.DataChangeNotification, Buffer(body)).MonitoredItems
        for item in read:
            value = item.Value
            wanted.append(
                (
                    item.ClientHandle,
                    plain(value.Value.Value) if value.Value is not None else None,
                    value.StatusCode.value if value.StatusCode is not None else 0,
                    value.SourceTimestamp,
                    value.ServerTimestamp,
                )
            )
        bodies.append(body)
    got = [
        (handle, plain(value), status, moment_of(source), moment_of(server))
        for handle, value, status, source, server in in_order(decode_bodies(bodies))
    ]
    assert got == wanted


def test_picoseconds_do_not_shift_the_times_behind_them() -> None:
    # Asyncua writes and reads them in another order than the standard, so these bytes are written by hand.
    body = struct.pack("<i", 60) + b"".join(item(at, 0x3F, 1.5, TYPES.Double) for at in range(60))
    assert flat(body) == [expected(at, 0x3F, 1.5) for at in range(60)]


def test_xml_is_read_although_asyncua_cannot() -> None:
    text = "<a>运行</a>".encode()
    body = struct.pack("<iIBBi", 1, 5, 0x05, 16, len(text)) + text + struct.pack("<q", SOURCE)
    assert flat(body) == [(5, text.decode(), 0, SOURCE, 0)]


def test_one_torn_notification_among_many_is_refused() -> None:
    whole = struct.pack("<i", 3) + b"".join(item(at, 0x05, 1.5, TYPES.Double) for at in range(3))
    torn = whole[:-3]
    assert len(in_order(decode_bodies([whole, whole]))) == 6
    for bodies in ([torn, whole], [whole, torn, whole], [whole, torn]):
        with pytest.raises(DecodeError):
            decode_bodies(bodies)


def test_torn_bytes_are_refused_at_every_length() -> None:
    body = struct.pack("<i", 12) + b"".join(item(at, 0x0F, *SCALARS[at]) for at in range(12))
    for length in range(len(body)):
        with pytest.raises(DecodeError):
            decode_data_change(body[:length])


def test_a_publish_answer_of_asyncua_is_read_like_asyncua_does() -> None:
    now = datetime(2025, 3, 1, tzinfo=UTC)
    items = [
        ua.MonitoredItemNotification(at, ua.DataValue(ua.Variant(at * 1.5), SourceTimestamp=now))
        for at in range(20)
    ]
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = ua.IntegerId(7)
    response.Parameters.AvailableSequenceNumbers = [ua.Counter(3), ua.Counter(4)]
    message = response.Parameters.NotificationMessage
    message.SequenceNumber = ua.Counter(4)
    message.NotificationData = [ua.DataChangeNotification(MonitoredItems=items)]
    notification = decode_publish(struct_to_binary(response))
    assert (notification.subscription, notification.sequence, notification.keep_alive) == (7, 4, False)
    (column,) = decode_bodies(notification.bodies)
    assert column.values.tolist() == [at * 1.5 for at in range(20)]
    assert ua.win_epoch_to_datetime(int(column.source[0])) == now


def test_an_error_in_the_header_is_raised() -> None:
    response = ua.PublishResponse()
    response.ResponseHeader.ServiceResult = ua.StatusCode(ua.UInt32(0x80280000))
    with pytest.raises(ua.uaerrors.UaStatusCodeError):
        decode_publish(struct_to_binary(response))


def test_times_of_the_encoder_are_those_of_the_columns() -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(microseconds=123_456)
    body = struct.pack("<iIBBdq", 1, 5, 0x05, 11, 1.0, ua.datetime_to_win_epoch(moment))
    (column,) = decode_data_change(body)
    assert ua.win_epoch_to_datetime(int(column.source[0])) == moment


LARGEST = 2**32 - 1


def test_sequence_numbers_in_order_are_never_missing() -> None:
    watch = SequenceWatch()
    assert [watch.missing(number, keep_alive=False) for number in (1, 2, 3)] == [[], [], []]
    assert watch.missing(4, keep_alive=True) == []
    assert watch.missing(4, keep_alive=True) == []
    assert watch.missing(4, keep_alive=False) == []


def test_a_hole_is_named_and_an_old_message_is_told_apart() -> None:
    watch = SequenceWatch()
    watch.missing(1, keep_alive=False)
    assert watch.missing(4, keep_alive=False) == [2, 3]
    assert watch.missing(3, keep_alive=False) is None
    assert watch.missing(7, keep_alive=True) == [5, 6]
    assert watch.missing(6, keep_alive=True) == []


def test_numbers_roll_over_to_one() -> None:
    watch = SequenceWatch()
    watch.expected = LARGEST - 1
    assert watch.missing(LARGEST - 1, keep_alive=False) == []
    assert watch.missing(LARGEST, keep_alive=False) == []
    assert watch.missing(1, keep_alive=False) == []
    watch.expected = LARGEST
    assert watch.missing(2, keep_alive=False) == [LARGEST, 1]
