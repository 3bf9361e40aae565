"""Signals from types: companion specifications in a real server, structures, enumerations, units, rules."""

from __future__ import annotations

import asyncio
import lzma
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from asyncua import Server, ua
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field

from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.columns import BatchBuilder
from tundish_connectors.opcua.companion import known_types
from tundish_connectors.opcua.connector import leave, open_client
from tundish_connectors.opcua.decode import MIXED, Column
from tundish_connectors.opcua.rule_files import load_rules, save_rules
from tundish_connectors.opcua.rules import rule_of
from tundish_connectors.opcua.slots import SlotTable
from tundish_connectors.opcua.structures import StructureError, unpack
from tundish_connectors.opcua.survey import Survey, survey_server
from tundish_platform.samples import SampleKind, SignalRole

if TYPE_CHECKING:
    from collections.abc import Iterator

NODESETS = Path(__file__).parent / "nodesets"
PACKML = "http://opcfoundation.org/UA/PackML/"
UA_NODESET = "{http://opcfoundation.org/UA/2011/03/UANodeSet.xsd}"


@dataclass
class Plant:
    url: str


async def build(server: Server) -> None:
    for name in ("Opc.Ua.Di", "Opc.Ua.PackML"):
        text = lzma.decompress((NODESETS / f"{name}.NodeSet2.xml.xz").read_bytes()).decode()
        await server.import_xml(xmlstring=text)
    index = await server.register_namespace("urn:tundish:test:vendor")
    packml = await server.get_namespace_index(PACKML)
    base = await server.nodes.base_object_type.get_child(f"{packml}:PackMLBaseObjectType")
    vendor = await base.add_object_type(index, "VendorFillerType")
    line = await server.nodes.objects.add_object(index, "Line1")
    await line.add_object(index, "Filler", objecttype=vendor.nodeid)
    await add_dose(server, index, line)
    speed = await line.add_variable(index, "Speed", 3.5)
    information = ua.EUInformation(UnitId=int.from_bytes(b"MTS", "big"), DisplayName=ua.LocalizedText("m/s"))
    await speed.add_property(0, "EngineeringUnits", information)
    await speed.add_property(0, "EURange", ua.Range(Low=0.0, High=12.0))
    await line.add_variable(index, "=cmd|' /C calc'!A0", 1.0)
    for at in (1, 2):
        cell = await line.add_object(index, f"Cell{at}")
        await cell.add_variable(index, "Temp", 20.0 + at)
        await cell.add_variable(index, "Debug", 0)


async def add_dose(server: Server, index: int, line: Any) -> None:  # noqa: ANN401 - a node
    enum = await new_enum(server, index, "Valve", ["Shut", "Open"])
    inner, _ = await new_struct(server, index, "Weight", [new_struct_field("Gross", ua.VariantType.Double)])
    dose, _ = await new_struct(
        server,
        index,
        "Dose",
        [
            new_struct_field("Amount", ua.VariantType.Double),
            new_struct_field("Note", ua.VariantType.String, optional=True),
            new_struct_field("Valve", enum),
            new_struct_field("Weight", inner),
            new_struct_field("Peaks", ua.VariantType.Float, array=True),
        ],
    )
    await server.load_data_type_definitions()
    value = ua.Dose(Amount=2.5, Note=None, Valve=ua.Valve.Open, Weight=ua.Weight(Gross=7.0), Peaks=[1.0, 4.0])  # type: ignore[attr-defined]  # asyncua made them just now
    await line.add_variable(index, "Dose", value, datatype=dose.nodeid)
    await line.add_variable(index, "Doses", [value, value], datatype=dose.nodeid)
    structure = server.get_node(ua.ObjectIds.Structure)
    opaque = await structure.add_data_type(index, "Opaque")
    await line.add_variable(index, "Opaque", None, ua.VariantType.ExtensionObject, opaque.nodeid)


async def serve(plant: Plant, ready: threading.Event, stop: threading.Event) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(plant.url)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await build(server)
    async with server:
        ready.set()
        await asyncio.to_thread(stop.wait)


@pytest.fixture(scope="module")
def plant(unused_port: int) -> Iterator[Plant]:
    served = Plant(f"opc.tcp://127.0.0.1:{unused_port}/")
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(served, ready, stop)))
    thread.start()
    assert ready.wait(60)
    yield served
    stop.set()
    thread.join()


def connection(plant: Plant, folder: Path, **more: object) -> OpcUaConnection:
    settings = {"name": "line-1", "url": plant.url, "state_dir": folder, "security_policy": "None"}
    return OpcUaConnection.model_validate({**settings, **more})


def survey(plant: Plant, folder: Path, **more: object) -> tuple[Survey, dict[str, Any]]:
    """What is found, and the present values by path as the pick takes them out."""

    async def look() -> tuple[Survey, dict[str, Any]]:
        chosen = connection(plant, folder, **more)
        client, session = await open_client(chosen)
        try:
            found = await survey_server(session, chosen)
            values = {}
            for one in found.desired:
                (data,) = await session.read_attributes([one.node_id], ua.AttributeIds.Value)
                value = data.Value.Value if data.Value else None
                values[one.spec.path] = one.pick(value) if one.pick else value
            return found, values
        finally:
            await leave(client)

    return asyncio.run(look())


@pytest.mark.integration
def test_variables_of_a_companion_specification_get_their_meaning(plant: Plant, tmp_path: Path) -> None:
    """The object's type is a vendor's, derived from the standard one."""
    found, _ = survey(plant, tmp_path)
    specs = {one.spec.path: one.spec for one in found.desired}
    speed = specs["Line1/Filler/Status/CurMachSpeed"]
    assert (speed.semantic, speed.role) == ("speed.machine", SignalRole.MEASUREMENT)
    state = specs["Line1/Filler/BaseStateMachine/CurrentState"]
    assert (state.semantic, state.role, state.kind) == (
        "state.packml.base",
        SignalRole.STATE,
        SampleKind.TEXT,
    )
    filler = found.typed.objects["Line1/Filler"]
    assert filler.types[0][1] == "VendorFillerType"
    assert filler.machine is not None
    assert filler.machine.specification == "PackML"
    assert specs["Line1/Cell1/Temp"].semantic == "unclassified"


@pytest.mark.integration
def test_structures_become_their_fields(plant: Plant, tmp_path: Path) -> None:
    found, values = survey(plant, tmp_path)
    dose = {path.removeprefix("Line1/Dose/"): one for path, one in values.items() if "Line1/Dose/" in path}
    assert dose == {"Amount": 2.5, "Note": None, "Valve": 1, "Weight/Gross": 7.0, "Peaks": [1.0, 4.0]}
    assert values["Line1/Doses/1/Weight/Gross"] == 7.0
    by_path = {one.spec.path: one for one in found.desired}
    valve = by_path["Line1/Dose/Valve"]
    assert valve.enum == {0: "Shut", 1: "Open"}
    assert (valve.spec.kind, valve.spec.role) == (SampleKind.TEXT, SignalRole.STATE)
    assert by_path["Line1/Dose/Peaks"].spec.kind is SampleKind.ARRAY
    assert found.troubles["Line1/Opaque"] == "a structure whose fields the server does not describe"


@pytest.mark.integration
def test_fields_go_into_batches_like_plain_values(plant: Plant, tmp_path: Path) -> None:
    found, _ = survey(plant, tmp_path)
    by_path = {one.spec.path: one for one in found.desired}
    table = SlotTable()
    for number, name in enumerate(("Amount", "Valve")):
        one = by_path[f"Line1/Dose/{name}"]
        table.add(one.spec, number, one.enum, one.pick)
    body = b"\x00\x00\x00\x00" + np.float64(9.5).tobytes() + b"\x01\x00\x00\x00" + bytes(8) + bytes(4)
    whole = ua.ExtensionObject(Body=body)
    ones = np.ones(3, np.int64)
    column = Column(
        np.array([0, 1, 0], np.uint32), np.zeros(3, np.uint32), ones, ones, [whole, whole, "other"], MIXED
    )
    builder = BatchBuilder(table)
    builder.add([column], 0)
    batches = {one.kind: one.table for one in builder.build(datetime.now(UTC))}
    assert batches[SampleKind.NUMERIC]["value"].to_pylist() == [9.5, None]
    assert batches[SampleKind.NUMERIC]["status"].to_pylist() == [0, 0x80740000]
    assert batches[SampleKind.TEXT]["value"].to_pylist() == ["Open"]
    structure = by_path["Line1/Dose/Amount"].pick.structure  # type: ignore[union-attr]  # a FieldOf
    for cut in range(len(body)):
        with pytest.raises(StructureError):
            unpack(structure, body[:cut])


@pytest.mark.integration
def test_units_and_ranges_are_read(plant: Plant, tmp_path: Path) -> None:
    found, _ = survey(plant, tmp_path)
    (speed,) = [one.spec for one in found.desired if one.spec.path == "Line1/Speed"]
    assert (speed.unit, speed.low, speed.high) == ("m/s", 0.0, 12.0)


@pytest.mark.integration
def test_rules_move_name_and_leave_out(plant: Plant, tmp_path: Path) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text(
        "match,type,collect,path,name_zh,semantic,period_s,role\n"
        "# 调试变量不采集,,,,,,,\n"
        "**/Debug,,否,,,,,\n"
        "Line1/{cell}/Temp,,,Works/Hall/{cell}/Oven/Temperature,炉温,temperature.oven,1,\n"
        "Status/{rest},PackMLBaseObjectType,,Works/{object}/PackML/{rest},,,,\n"
        "Nowhere/*,,,,,,,\n",
        "utf-8",
    )
    found, _ = survey(plant, tmp_path, rules=rules)
    specs = {one.spec.path: one.spec for one in found.desired}
    oven = specs["Works/Hall/Cell2/Oven/Temperature"]
    assert (oven.name_zh, oven.semantic, oven.period_s) == ("炉温", "temperature.oven", 1.0)
    assert found.left_out == ["Line1/Cell1/Debug", "Line1/Cell2/Debug"]
    # What the rule does not say stays as the specification has it.
    assert specs["Works/Line1/Filler/PackML/CurMachSpeed"].semantic == "speed.machine"
    assert specs["Line1/Speed"].unit == "m/s"
    assert {rule.row for rule in found.used} == {3, 4, 5}


@pytest.mark.integration
@pytest.mark.parametrize("name", ["all.csv", "all.xlsx"])
def test_what_is_written_out_and_read_in_again_changes_nothing(
    plant: Plant, tmp_path: Path, name: str
) -> None:
    before, _ = survey(plant, tmp_path)
    file = tmp_path / name
    save_rules(file, [rule_of(at, one.server_path, one.spec) for at, one in enumerate(before.desired, 2)])
    after, _ = survey(plant, tmp_path, rules=file)
    assert [one.spec for one in after.desired] == [one.spec for one in before.desired]
    assert len(after.used) == len(before.desired)
    again = tmp_path / f"again-{name}"
    save_rules(again, [rule_of(at, one.server_path, one.spec) for at, one in enumerate(after.desired, 2)])
    assert load_rules(again) == load_rules(file)


def test_every_known_type_and_variable_stands_in_its_specification() -> None:
    """A slip in the table would simply never match."""
    offered = {}
    for file in sorted(NODESETS.glob("*.xz")):
        root = ET.fromstring(lzma.decompress(file.read_bytes()))  # noqa: S314 - a file of this repository
        uri = next(iter(root.iter(f"{UA_NODESET}Uri"))).text
        offered[uri] = root
    for (uri, name), known in known_types().items():
        names = {str(node.get("BrowseName")).rpartition(":")[2] for node in offered[uri]}
        assert name in names, (uri, name)
        shared = names | base_names(offered)
        for path in known.variables:
            assert path.split("/")[0] in shared, (name, path)


def base_names(offered: dict[Any, Any]) -> set[str]:
    """Names inherited from the base specification and DI."""
    di = offered["http://opcfoundation.org/UA/DI/"]
    return {"CurrentState", "ParameterSet", "0", "Count"} | {
        str(node.get("BrowseName")).rpartition(":")[2] for node in di
    }
