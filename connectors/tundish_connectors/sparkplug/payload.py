"""The Sparkplug B payload as protobuf messages, built from its field numbers.

The numbers and types are those of the Sparkplug 3.0 specification, section 6.4 (Eclipse Sparkplug, payload
definition). Data sets and templates are not described here: protobuf keeps their fields as unknown ones.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

_PACKAGE: Final = "tundish.sparkplug"
# name, number, type; a type in capitals is a message.
_MESSAGES: Final[dict[str, str]] = {
    "PropertyValue": (
        "type 1 uint32, is_null 2 bool, int_value 3 uint32, long_value 4 uint64, float_value 5 float, "
        "double_value 6 double, boolean_value 7 bool, string_value 8 string"
    ),
    "PropertySet": "keys 1 *string, values 2 *PropertyValue",
    "Metric": (
        "name 1 string, alias 2 uint64, timestamp 3 uint64, datatype 4 uint32, is_historical 5 bool, "
        "is_transient 6 bool, is_null 7 bool, properties 9 PropertySet, int_value 10 uint32, "
        "long_value 11 uint64, float_value 12 float, double_value 13 double, boolean_value 14 bool, "
        "string_value 15 string, bytes_value 16 bytes"
    ),
    "Payload": "timestamp 1 uint64, metrics 2 *Metric, seq 3 uint64, uuid 4 string, body 5 bytes",
}


@cache
def payload_class() -> Any:  # noqa: ANN401 - protobuf makes the class when it runs
    """The message class ``Payload``; its metrics have the fields of the specification."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: PLC0415 - heavy

    file = descriptor_pb2.FileDescriptorProto(
        name="tundish/sparkplug.proto", package=_PACKAGE, syntax="proto2"
    )
    field_type = descriptor_pb2.FieldDescriptorProto
    for message, text in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for line in text.split(", "):
            name, number, kind = line.split(" ")
            many, kind = kind.startswith("*"), kind.lstrip("*")
            field = described.field.add(name=name, number=int(number))
            field.label = field_type.LABEL_REPEATED if many else field_type.LABEL_OPTIONAL
            if kind in _MESSAGES:
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                field.type = getattr(field_type, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))


def rebirth_command(timestamp_ms: int) -> bytes:
    """The payload that asks an edge node for a new birth."""
    payload = payload_class()(timestamp=timestamp_ms)
    payload.metrics.add(name="Node Control/Rebirth", timestamp=timestamp_ms, datatype=11, boolean_value=True)
    encoded: bytes = payload.SerializeToString()
    return encoded
