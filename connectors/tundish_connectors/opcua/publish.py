"""Publish answers from bytes: header, sequence number, data changes, status changes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary

from tundish_connectors.opcua.decode import Column, DecodeError, decode_data_change

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_MESSAGE = struct.Struct("<Iqi")
# timestamp, handle, result, no diagnostics, then an empty string table and an empty extension object
_PLAIN_HEADER = struct.Struct("<qIIBi3s")
_HEADER_SIZE = _PLAIN_HEADER.size
_TYPE_ID_SIZE = 4
_DATA_CHANGE, _STATUS_CHANGE = 811, 820


@dataclass(slots=True)
class Notification:
    """One notification message.

    Attributes:
        subscription: 0 where the answer came from Republish, which does not repeat it.
        sequence: number of the message; of a keep-alive, the number that the next message will have.
        columns: data changes, in order.
        status_change: a status that concerns the subscription itself.
    """

    subscription: int
    sequence: int
    columns: list[Column] = field(default_factory=list)
    status_change: int | None = None
    keep_alive: bool = False


def decode_publish(body: bytes) -> Notification:
    """The notification of a PublishResponse (bytes from its type id on).

    Raises:
        DecodeError: the bytes are no such answer.
        asyncua.ua.UaStatusCodeError: the server answered with an error.
    """
    try:
        position = _skip_header(body)
        (subscription,) = _U32.unpack_from(body, position)
        (available,) = _I32.unpack_from(body, position + 4)
        position += 8 + 4 * max(0, available) + 1
        return _message(body, position, subscription)
    except struct.error as error:
        raise DecodeError(f"a publish answer is torn: {error}") from error


def decode_republish(body: bytes) -> Notification:
    """The notification of a RepublishResponse; errors as `decode_publish`."""
    try:
        return _message(body, _skip_header(body), 0)
    except struct.error as error:
        raise DecodeError(f"a republish answer is torn: {error}") from error


def _skip_header(body: bytes) -> int:
    _, _, result, diagnostics, strings, extension = _PLAIN_HEADER.unpack_from(body, _TYPE_ID_SIZE)
    if body[0] == 1 and diagnostics == 0 and strings <= 0 and extension == b"\0\0\0":
        ua.StatusCode(ua.UInt32(result)).check()
        return _TYPE_ID_SIZE + _HEADER_SIZE
    buffer = Buffer(body)
    nodeid_from_binary(buffer)
    header = struct_from_binary(ua.ResponseHeader, buffer)
    header.ServiceResult.check()
    return buffer.cur_pos


def _message(body: bytes, position: int, subscription: int) -> Notification:
    sequence, _, count = _MESSAGE.unpack_from(body, position)
    position += _MESSAGE.size
    notification = Notification(subscription, sequence, keep_alive=count <= 0)
    for _ in range(max(0, count)):
        position = _part(body, position, notification)
    return notification


def _part(body: bytes, position: int, notification: Notification) -> int:
    buffer = Buffer(body, position)
    identifier = nodeid_from_binary(buffer).Identifier
    position = buffer.cur_pos
    if body[position] != 1:
        raise DecodeError("a notification without a body")
    (length,) = _I32.unpack_from(body, position + 1)
    start = position + 5
    if length < 0 or start + length > len(body):
        raise DecodeError("a notification is torn")
    if identifier == _DATA_CHANGE:
        notification.columns += decode_data_change(body[start : start + length])
    elif identifier == _STATUS_CHANGE:
        (notification.status_change,) = _U32.unpack_from(body, start)
    return int(start + length)
