"""From Sparkplug metrics to values: data types, arrays, quality, properties."""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np

from tundish_platform.samples import GOOD, SampleKind

BAD, BAD_NO_DATA, LAST_USABLE = 0x80000000, 0x809B0000, 0x40900000
_QUALITY: Final = {0: BAD, 192: GOOD, 500: LAST_USABLE}
_SIGNED: Final = {1: 8, 2: 16, 3: 32}
_WHOLE: Final = frozenset({4, 8, 13})
_TEXTS: Final = frozenset({12, 14, 15})
_BOOLEAN, _INT64, _FLOAT, _DOUBLE, _BOOLEANS, _STRINGS = 11, 4, 9, 10, 32, 33
_FIELDS: Final = {
    8: "long_value", _FLOAT: "float_value", _DOUBLE: "double_value", _BOOLEAN: "boolean_value",
    12: "string_value", 13: "long_value", 14: "string_value", 15: "string_value",
}  # fmt: skip
_ARRAYS: Final = {
    22: "<i1", 23: "<i2", 24: "<i4", 25: "<i8", 26: "<u1", 27: "<u2", 28: "<u4", 29: "<u8", 30: "<f4",
    31: "<f8", 34: "<u8",
}  # fmt: skip
_NUMBERS: Final = frozenset({1, 2, 3, 5, 6, 7, _FLOAT, _DOUBLE, _BOOLEAN})


def kind_of(datatype: int) -> SampleKind | None:
    """Of which kind a data type's samples are; None for those that are not collected.

    Not collected are data sets, bytes, files, templates and arrays of text.
    """
    if datatype in _NUMBERS:
        return SampleKind.NUMERIC
    if datatype in _WHOLE:
        return SampleKind.INTEGER
    if datatype in _TEXTS:
        return SampleKind.TEXT
    if datatype in _ARRAYS or datatype == _BOOLEANS:
        return SampleKind.ARRAY
    return None


def value_of(metric: Any, datatype: int) -> tuple[Any, int]:  # noqa: ANN401 - a protobuf message
    """Value and OPC UA status of a metric; no value where it is null.

    Raises:
        ValueError: the payload does not hold what its data type says.
    """
    status = _status(metric)
    if metric.is_null:
        return None, BAD_NO_DATA if status == GOOD else status
    try:
        return _value(metric, datatype), status
    except (struct.error, TypeError) as error:
        raise ValueError(f"a metric does not hold its data type {datatype}") from error


def _value(metric: Any, datatype: int) -> Any:  # noqa: ANN401 - a protobuf message
    if datatype in _ARRAYS:
        return np.frombuffer(metric.bytes_value, _ARRAYS[datatype]).astype(np.float64).tolist()
    if datatype == _BOOLEANS:
        (count,) = struct.unpack_from("<I", metric.bytes_value)
        bits = np.unpackbits(np.frombuffer(metric.bytes_value, np.uint8, offset=4))
        return bits[:count].astype(np.float64).tolist()
    if datatype in _SIGNED:
        # Negative numbers come as two's complement, of 32 bits or of the type's own width.
        return _signed(metric.int_value, _SIGNED[datatype])
    if datatype == _INT64:
        return _signed(metric.long_value, 64)
    if datatype in _FIELDS:
        return getattr(metric, _FIELDS[datatype])
    # UInt32 may come in the longer field, as older nodes send it.
    return metric.int_value if metric.HasField("int_value") else metric.long_value


def _signed(raw: int, bits: int) -> int:
    low = raw & ((1 << bits) - 1)
    return low - (1 << bits) if low >> (bits - 1) else low


def properties_of(metric: Any) -> dict[str, Any]:  # noqa: ANN401 - a protobuf message
    """The metric's properties that hold plain values, by name."""
    found = {}
    for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        for field in ("int_value", "long_value", "float_value", "double_value", "string_value"):
            if value.HasField(field) and not value.is_null:
                found[key] = getattr(value, field)
    return found


def _status(metric: Any) -> int:  # noqa: ANN401 - a protobuf message
    if not metric.HasField("properties"):
        return GOOD
    quality = properties_of(metric).get("Quality", 192)
    return _QUALITY.get(quality, BAD) if isinstance(quality, int) else GOOD
