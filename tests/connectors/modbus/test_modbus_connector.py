"""Register maps: what is read together, how registers become values, what a refusal or a silence means."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tundish_connectors.modbus.blocks import plan
from tundish_connectors.modbus.config import ModbusConnection, Register
from tundish_connectors.modbus.connector import ModbusConnector, _request
from tundish_connectors.modbus.decode import value_of
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FORMATS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q"}


def connection(*registers: dict[str, Any], **settings: Any) -> ModbusConnection:  # noqa: ANN401 - settings
    named = [{"path": f"M/C/{at}", **register} for at, register in enumerate(registers)]
    return ModbusConnection.model_validate(
        {"name": "m", "state_dir": "/x", "host": "127.0.0.1", "registers": named, **settings}
    )


@given(data=st.data(), kind=st.sampled_from(sorted(FORMATS)), words=st.sampled_from(["big", "little"]))
def test_whole_numbers_survive_any_order(data: st.DataObject, kind: str, words: str) -> None:
    code = FORMATS[kind]
    bits = struct.calcsize(f">{code}") * 8
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if code.islower() else (0, 2**bits - 1)
    value = data.draw(st.integers(low, high))
    raw = struct.pack(f">{code}", value)
    registers = list(struct.unpack(f">{len(raw) // 2}H", raw))
    if words == "little":
        registers.reverse()
    register = Register(path="p", address=0, type=kind, words=words)
    assert value_of(register, registers) == value
    swapped = [((word & 0xFF) << 8) | word >> 8 for word in registers]
    assert value_of(register.model_copy(update={"bytes": "little"}), swapped) == value


@pytest.mark.parametrize(
    ("settings", "words", "value"),
    [
        ({"type": "float32"}, [0x42C8, 0x8000], 100.25),
        ({"type": "float32", "words": "little"}, [0x8000, 0x42C8], 100.25),
        ({"type": "float64"}, [0x4059, 0x1000, 0, 0], 100.25),
        ({"type": "int16", "scale": 0.1, "offset": 5}, [0xFFF6], 4.0),
        ({"type": "bool", "bit": 3}, [0b1000], 1),
        ({"type": "bool", "bit": 2}, [0b1000], 0),
        ({"type": "string", "length": 3}, [0x4142, 0x4300, 0x5A5A], "ABC"),
        ({"type": "string", "length": 2, "bytes": "little"}, [0x4241, 0x2043], "ABC"),
    ],
)
def test_registers_become_values(settings: dict[str, Any], words: list[int], value: object) -> None:
    assert value_of(Register(path="p", address=0, **settings), words) == value


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"type": "int64"}, SampleKind.INTEGER),
        ({"type": "int64", "scale": 0.1}, SampleKind.NUMERIC),
        ({"type": "int32"}, SampleKind.NUMERIC),
        ({"type": "string", "length": 1}, SampleKind.TEXT),
        ({"table": "coil", "type": "bool"}, SampleKind.NUMERIC),
    ],
)
def test_a_register_has_the_kind_that_keeps_its_digits(settings: dict[str, Any], kind: SampleKind) -> None:
    assert Register(path="p", address=0, **settings).kind is kind


@pytest.mark.parametrize(
    "wrong",
    [
        {"table": "coil", "type": "uint16"},
        {"type": "bool"},
        {"type": "uint16", "bit": 3},
        {"type": "string"},
        {"type": "string", "length": 2, "scale": 2},
        {"scale": 0},
        {"address": 65_536},
    ],
)
def test_a_register_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Register.model_validate({"path": "p", "address": 0, **wrong})


@given(
    addresses=st.lists(st.integers(0, 400), unique=True, min_size=1, max_size=40),
    largest=st.integers(2, 125),
    bridge=st.integers(0, 20),
)
def test_blocks_hold_every_register_once_within_the_bounds(
    addresses: list[int], largest: int, bridge: int
) -> None:
    kinds = [{"address": at, "type": "uint32" if at % 3 == 0 else "uint16"} for at in addresses]
    blocks = plan(connection(*kinds, largest_read=largest, bridge=bridge))
    assert sorted(one.address for block in blocks for one in block.registers) == sorted(addresses)
    for block in blocks:
        assert block.count <= largest
        assert all(
            block.address <= one.address and one.address + one.size <= block.address + block.count
            for one in block.registers
        )


def test_neighbours_are_read_together_by_table_device_and_period() -> None:
    blocks = plan(
        connection(
            {"address": 0},
            {"address": 9},
            {"address": 30},
            {"address": 1, "table": "input"},
            {"address": 2, "unit_id": 7},
            {"address": 3, "period_s": 0.1},
        )
    )
    found = {(block.period_s, block.unit_id, block.table, block.address, block.count) for block in blocks}
    assert found == {
        (0.1, 1, "holding", 3, 1),
        (1.0, 1, "holding", 0, 10),
        (1.0, 1, "holding", 30, 1),
        (1.0, 1, "input", 1, 1),
        (1.0, 7, "holding", 2, 1),
    }


class Taken:
    """What a connector hands to its recorder."""

    def __init__(self) -> None:
        self.values: dict[str, list[tuple[Any, int]]] = {}
        self.failed: dict[str, str] = {}
        self.lost_paths: list[list[str] | None] = []

    def declare(self, specs: Sequence[Any]) -> None:
        self.values = {spec.path: [] for spec in specs}

    def take(self, path: str, _ts: int, value: object, status: int = 0) -> None:
        self.values[path].append((value, status))

    def lost(self, _reason: object, paths: list[str] | None = None) -> None:
        self.lost_paths.append(paths)

    def flush(self) -> bool:
        return True


async def poll_until(
    devices: list[SimDevice],
    condition: Callable[[Taken], bool],
    *registers: dict[str, Any],
    **settings: Any,  # noqa: ANN401
) -> Taken:
    # Answers of device 9 get lost, as behind most gateways when it is off.
    server = ModbusTcpServer(
        devices,
        address=("127.0.0.1", 0),
        trace_packet=lambda sending, packet: b"" if sending and packet[6] == 9 else packet,
    )
    await server.serve_forever(background=True)
    port = server.transport.sockets[0].getsockname()[1]
    taken = Taken()
    built = connection(*registers, port=port, period_s=0.02, timeout_s=0.3, retries=0, **settings)
    task = asyncio.create_task(ModbusConnector(built, taken).run(lambda *_: None))
    try:
        async with asyncio.timeout(60):
            while not condition(taken):
                assert not task.done(), task.exception()
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.shutdown()
    return taken


@pytest.mark.integration
def test_one_refused_register_neither_spoils_its_block_nor_goes_unsaid() -> None:
    device = SimDevice(1, simdata=[SimData(0, values=[5, 6, 7], datatype=DataType.REGISTERS)])
    registers = [{"address": 0}, {"address": 2}, {"address": 4}]

    def settled(taken: Taken) -> bool:
        return "M/C/2" in taken.failed and len(taken.values["M/C/1"]) > 3

    taken = asyncio.run(poll_until([device], settled, *registers))
    assert set(taken.values["M/C/0"]) == {(5, 0)}
    assert set(taken.values["M/C/1"]) == {(7, 0)}
    # Said once, not at each round.
    assert taken.values["M/C/2"] == [(None, 0x80340000)]
    assert "地址" in taken.failed["M/C/2"]
    assert "address" in taken.failed["M/C/2"]


@pytest.mark.integration
def test_a_silent_device_behind_a_gateway_is_a_gap_and_the_others_go_on() -> None:
    device = SimDevice(1, simdata=[SimData(0, values=[5], datatype=DataType.REGISTERS)])

    def settled(taken: Taken) -> bool:
        return "M/C/1" in taken.failed and len(taken.values["M/C/0"]) > 3

    async def scenario() -> Taken:
        return await poll_until([device], settled, {"address": 0}, {"address": 0, "unit_id": 9})

    taken = asyncio.run(scenario())
    assert taken.values["M/C/1"] == []
    assert ["M/C/1"] in taken.lost_paths
    assert set(taken.values["M/C/0"]) == {(5, 0)}


@pytest.mark.integration
def test_it_ends_when_told_to_in_the_middle_of_a_request() -> None:
    async def scenario() -> None:
        asked, done = asyncio.Event(), asyncio.Event()

        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            asked.set()
            await done.wait()
            writer.close()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        built = connection({"address": 0}, port=port, timeout_s=600)
        task = asyncio.create_task(ModbusConnector(built, Taken()).run(lambda *_: None))
        await asyncio.wait_for(asked.wait(), 60)
        task.cancel()
        await asyncio.wait({task}, timeout=60)
        assert task.cancelled()
        done.set()
        server.close()

    asyncio.run(scenario())


def test_a_cancellation_that_comes_with_the_answer_is_not_lost() -> None:
    class Swallowing:
        """A client whose call gives its answer in spite of the cancellation, as `wait_for` may."""

        async def read_holding_registers(self, *_: object, **__: object) -> object:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(600)
            return ReadHoldingRegistersResponse(registers=[5])

        read_input_registers = read_coils = read_discrete_inputs = read_holding_registers

    async def scenario() -> None:
        (block,) = plan(connection({"address": 0}))
        task = asyncio.create_task(_request(Swallowing(), block))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=60)
        assert task.cancelled()

    asyncio.run(scenario())
