"""asyncua's number, text and time types for plain Python ones: it takes those, its annotations do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from asyncua import ua

if TYPE_CHECKING:
    from datetime import datetime


def numeric_id(identifier: int) -> ua.NodeId:
    """A node of the standard namespace by its number."""
    return ua.NodeId(ua.Int32(identifier))


def text_id(identifier: str, namespace: int) -> ua.NodeId:
    """A node by its string identifier."""
    return ua.NodeId(ua.String(identifier), ua.Int16(namespace))


def status_code(code: int) -> ua.StatusCode:
    """A status by its 32 bits."""
    return ua.StatusCode(ua.UInt32(code))


def data_value(
    value: ua.Variant | None, status: ua.StatusCode, source: datetime | None, server: datetime
) -> ua.DataValue:
    """A value with its status and both times."""
    stamp = cast("ua.DateTime | None", source)
    return ua.DataValue(value, status, stamp, cast("ua.DateTime", server))
