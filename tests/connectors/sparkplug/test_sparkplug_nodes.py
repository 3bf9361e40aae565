"""Payloads, data types, births, deaths, sequence and aliases, each against the specification's own bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from tundish_connectors.sparkplug.config import SparkplugConnection
from tundish_connectors.sparkplug.metrics import BAD, BAD_NO_DATA, kind_of, value_of
from tundish_connectors.sparkplug.nodes import Node, Topic, announce
from tundish_connectors.sparkplug.payload import payload_class, rebirth_command
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from pathlib import Path

# Written by hand from the field numbers of the specification: timestamp 1, metrics 2 (name 1, alias 2,
# datatype 4, is_historical 5, double_value 13), seq 3.
_METRIC = bytes.fromhex("0a 01 54 10 05 20 0a 28 01 69 0000000000005940".replace(" ", ""))
WIRE = b"\x08\xe8\x07\x12" + bytes([len(_METRIC)]) + _METRIC + b"\x18\x03"


def test_the_wire_format_is_that_of_the_specification() -> None:
    payload = payload_class()()
    payload.ParseFromString(WIRE)
    (metric,) = payload.metrics
    assert (payload.timestamp, payload.seq) == (1000, 3)
    assert (metric.name, metric.alias, metric.datatype, metric.is_historical) == ("T", 5, 10, True)
    assert metric.double_value == 100.0
    assert payload.SerializeToString() == WIRE


def test_a_rebirth_command_is_one_true_boolean() -> None:
    command = rebirth_command(1000)
    name = b"Node Control/Rebirth"
    inner = b"\x0a\x14" + name + b"\x18\xe8\x07\x20\x0b\x70\x01"
    assert command == b"\x08\xe8\x07\x12" + bytes([len(inner)]) + inner


def metric(**fields: Any) -> Any:  # noqa: ANN401 - a protobuf message
    return payload_class()().metrics.add(**fields)


@pytest.mark.parametrize(
    ("datatype", "fields", "kind", "value"),
    [
        (1, {"int_value": 0xFFFFFFFE}, "numeric", -2),
        (1, {"int_value": 0xFE}, "numeric", -2),
        (2, {"int_value": 0x8000}, "numeric", -32768),
        (3, {"int_value": 0xFFFFFFFF}, "numeric", -1),
        (4, {"long_value": 2**64 - 1}, "integer", -1),
        (5, {"int_value": 255}, "numeric", 255),
        (7, {"int_value": 2**32 - 1}, "numeric", 2**32 - 1),
        (7, {"long_value": 2**32 - 1}, "numeric", 2**32 - 1),
        (8, {"long_value": 2**64 - 1}, "integer", 2**64 - 1),
        (9, {"float_value": 0.5}, "numeric", 0.5),
        (10, {"double_value": 0.1}, "numeric", 0.1),
        (11, {"boolean_value": True}, "numeric", 1.0),
        (12, {"string_value": "开"}, "text", "开"),
        (13, {"long_value": 1000}, "integer", 1000),
        (14, {"string_value": "t"}, "text", "t"),
        (23, {"bytes_value": struct.pack("<2h", -2, 5)}, "array", [-2.0, 5.0]),
        (30, {"bytes_value": struct.pack("<2f", 0.5, 5)}, "array", [0.5, 5.0]),
        (32, {"bytes_value": struct.pack("<I", 5) + bytes([0b10110000])}, "array", [1.0, 0.0, 1.0, 1.0, 0.0]),
    ],
)
def test_each_data_type_becomes_its_value(
    datatype: int, fields: dict[str, Any], kind: str, value: object
) -> None:
    assert kind_of(datatype) is SampleKind(kind)
    assert value_of(metric(**fields), datatype) == (value, 0)


@pytest.mark.parametrize("datatype", [0, 16, 17, 18, 19, 33, 99])
def test_types_that_no_column_takes_are_not_collected(datatype: int) -> None:
    assert kind_of(datatype) is None


def test_nulls_and_bad_quality_are_no_good_values() -> None:
    assert value_of(metric(is_null=True), 10) == (None, BAD_NO_DATA)
    poor = metric(double_value=5.0)
    poor.properties.keys.append("Quality")
    poor.properties.values.add(type=3, int_value=0)
    assert value_of(poor, 10) == (5.0, BAD)


def test_a_value_that_is_not_what_its_type_says_is_refused() -> None:
    with pytest.raises(ValueError, match="data type"):
        value_of(metric(bytes_value=b"\x01"), 32)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("spBv1.0/G/NBIRTH/N", Topic("G", "NBIRTH", "N")),
        ("spBv1.0/G/DDATA/N/D", Topic("G", "DDATA", "N", "D")),
        ("spBv1.0/STATE/host", None),
        ("spAv1.0/G/NBIRTH/N", None),
        ("spBv1.0/G//N", None),
    ],
)
def test_topics(text: str, topic: Topic | None) -> None:
    assert Topic.parse(text) == topic


def birth(seq: int = 0, bd_seq: int = 1) -> Any:  # noqa: ANN401 - a protobuf message
    payload = payload_class()(seq=seq)
    payload.metrics.add(name="bdSeq", datatype=4, long_value=bd_seq)
    temperature = payload.metrics.add(name="Oil/T", alias=5, datatype=10, double_value=1.5)
    for key, value in {"engUnit": "Cel", "engLow": 0.0}.items():
        temperature.properties.keys.append(key)
        field = "string_value" if isinstance(value, str) else "float_value"
        temperature.properties.values.add(**{field: value})
    payload.metrics.add(name="Dump", alias=6, datatype=18)
    return payload


def listening(tmp_path: Path) -> SparkplugConnection:
    names = [{"path": "G/N/Oil/T", "name_zh": "油温", "semantic": "temperature.oil"}]
    return SparkplugConnection(
        name="s", state_dir=tmp_path, host="127.0.0.1", tls=False, groups=["G"], prefix="Works", names=names
    )


def test_a_birth_declares_signals_with_unit_range_and_names(tmp_path: Path) -> None:
    node, payload = Node(), birth()
    node.born(payload)
    specs, failed = announce(listening(tmp_path), node, Topic("G", "NBIRTH", "N"), payload)
    (spec,) = specs
    assert (spec.path, spec.unit, spec.low, spec.high) == ("Works/G/N/Oil/T", "Cel", 0.0, None)
    assert (spec.name_zh, spec.name_en, spec.semantic) == ("油温", "T", "temperature.oil")
    assert list(failed) == ["Works/G/N/Dump"]
    assert node.tag("", metric(alias=5)).path == spec.path
    assert node.tag("", metric(name="Oil/T")).path == spec.path
    assert node.tag("", metric(alias=77)) is None


def test_sequence_numbers_wrap_and_holes_are_seen() -> None:
    node = Node()
    node.born(birth())
    follows = [node.follows(payload_class()(seq=number % 256)) for number in range(1, 600)]
    assert all(follows)
    assert not node.follows(payload_class()(seq=(600 + 1) % 256))
    assert node.follows(payload_class()(seq=(600 + 2) % 256))


def test_a_death_of_an_earlier_life_is_ignored() -> None:
    node = Node()
    node.born(birth(bd_seq=4))
    death = payload_class()()
    death.metrics.add(name="bdSeq", datatype=4, long_value=3)
    assert not node.dies_by(death)
    death.metrics[0].long_value = 4
    assert node.dies_by(death)
