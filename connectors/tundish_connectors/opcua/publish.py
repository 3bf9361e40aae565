"""Publish answers from bytes: header, number, status changes; data changes stay bytes until `Intake`."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from asyncua import ua
from asyncua.common.utils import Buffer, NotEnoughData
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary

from tundish_connectors.opcua.decode import Column, DecodeError

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_MESSAGE = struct.Struct("<Iqi")
# timestamp, handle, result, no diagnostics, then an empty string table and an empty extension object
_PLAIN_HEADER = struct.Struct("<qIIBi3s")
_HEADER_SIZE = _PLAIN_HEADER.size
_TYPE_ID_SIZE = 4
_DATA_CHANGE, _STATUS_CHANGE = 811, 820
_TORN = (struct.error, IndexError, NotEnoughData)
# The usual start of a notification: four-byte node id, body as bytes.
_PLAIN_DATA_CHANGE = b"\x01\x00" + struct.pack("<H", _DATA_CHANGE) + b"\x01"


@dataclass(slots=True)
class Notification:
    """One notification message.

    Attributes:
        subscription: 0 where the answer came from Republish, which does not repeat it.
        sequence: number of the message; of a keep-alive, the number that the next message will have.
        columns: data changes that are decoded already, in order.
        bodies: data changes as bytes, behind the columns, in order. They are decoded together with those of
            other notifications, for which `decode_bodies` is made.
        status_change: a status that concerns the subscription itself.
    """

    subscription: int
    sequence: int
    columns: list[Column] = field(default_factory=list)
    status_change: int | None = None
    keep_alive: bool = False
    bodies: list[memoryview] = field(default_factory=list)

    def values(self) -> int:
        """How many values it carries, as far as it says so itself."""
        told = sum(int(_I32.unpack_from(body)[0]) for body in self.bodies if len(body) >= _I32.size)
        return told + sum(len(column.handles) for column in self.columns)


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
    except _TORN as error:
        raise DecodeError(f"a publish answer is torn: {error}") from error


def decode_republish(body: bytes) -> Notification:
    """The notification of a RepublishResponse; errors as `decode_publish`."""
    try:
        return _message(body, _skip_header(body), 0)
    except _TORN as error:
        raise DecodeError(f"a republish answer is torn: {error}") from error


def _skip_header(body: bytes) -> int:
    _, _, result, diagnostics, strings, extension = _PLAIN_HEADER.unpack_from(body, _TYPE_ID_SIZE)
    if body[0] == 1 and diagnostics == 0 and strings <= 0 and extension == b"\0\0\0":
        if result:
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
    view = memoryview(body)
    for _ in range(count):
        position = _part(view, position, notification)
    return notification


def _part(body: memoryview, position: int, notification: Notification) -> int:
    identifier: object = _DATA_CHANGE
    if body[position : position + len(_PLAIN_DATA_CHANGE)] == _PLAIN_DATA_CHANGE:
        position += len(_PLAIN_DATA_CHANGE)
    else:
        buffer = Buffer(bytes(body), position)
        identifier = nodeid_from_binary(buffer).Identifier
        position = buffer.cur_pos + 1
        if position > len(body) or body[position - 1] != 1:
            raise DecodeError("a notification without a body")
    (length,) = _I32.unpack_from(body, position)
    start = position + _I32.size
    end = start + length
    if length < 0 or end > len(body):
        raise DecodeError("a notification is torn")
    if identifier == _DATA_CHANGE:
        notification.bodies.append(body[start:end])
    elif identifier == _STATUS_CHANGE:
        (notification.status_change,) = _U32.unpack_from(body, start)
    return int(end)
