"""`ModbusConnector`: polls blocks of registers at their periods."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from tundish_connectors.collect.recorder import now_us
from tundish_connectors.connector import Report, RunState
from tundish_connectors.modbus.blocks import Block, plan
from tundish_connectors.modbus.decode import value_of
from tundish_connectors.modbus.errors import reason_of, status_of, unreachable
from tundish_platform.samples import GapReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymodbus.client import AsyncModbusTcpClient

    from tundish_connectors.collect.recorder import Recorder
    from tundish_connectors.modbus.config import ModbusConnection, Register
    from tundish_platform.samples import SignalSpec

# Refusals that may lie at one register of a block; all others concern the device.
_AT_A_REGISTER = (2, 3)
# Refusals that a person has to mend; the others may pass by themselves.
_LASTING = (1, 2, 3)
_PAUSE_TIMEOUTS = 10


class _NoAnswerError(Exception):
    """A request was not answered in time."""


class ModbusConnector:
    """Collects from one device or gateway into a recorder."""

    def __init__(self, connection: ModbusConnection, recorder: Recorder) -> None:
        self._connection = connection
        self._recorder = recorder
        self._blocks = plan(connection)
        self._due: dict[Block, float] = {}
        self._silent: set[Block] = set()
        self._out: set[Block] = set()
        self._pause_s = min(_PAUSE_TIMEOUTS * connection.timeout_s, connection.retry_bad_s)
        self._requests = self._refusals = self._timeouts = 0

    @property
    def name(self) -> str:
        """Name of the source in the tenant."""
        return self._connection.name

    def details(self) -> dict[str, Any]:
        """Requests of a round, and how they went."""
        return {
            "blocks": [
                f"{b.table} {b.unit_id} {b.address}+{b.count} each {b.period_s} s" for b in self._blocks
            ],
            "requests": self._requests,
            "refusals": self._refusals,
            "timeouts": self._timeouts,
        }

    async def run(self, report: Report) -> None:
        """Poll until the task is cancelled or the device stops answering.

        Raises:
            ConnectorError: retry or fatal.
        """
        from pymodbus.client import AsyncModbusTcpClient  # noqa: PLC0415 - only where Modbus is spoken

        connection = self._connection
        await asyncio.to_thread(self._recorder.declare, self._specs())
        client = AsyncModbusTcpClient(
            connection.host,
            port=connection.port,
            timeout=connection.timeout_s,
            retries=connection.retries,
            # Our own runner decides when to try again, and records what was missed.
            reconnect_delay=0,
        )
        try:
            if not await client.connect():
                raise unreachable(connection.host, connection.port, "no connection")
            await self._poll(client, report)
        finally:
            client.close()
            self._recorder.lost(GapReason.DISCONNECTED)
            self._recorder.flush()

    def _specs(self) -> list[SignalSpec]:
        connection = self._connection
        return [
            one.spec(connection, one.kind, one.period_s or connection.period_s)
            for one in connection.registers
        ]

    async def _poll(self, client: AsyncModbusTcpClient, report: Report) -> None:
        self._due = {block: time.monotonic() for block in self._blocks}
        self._silent.clear()
        self._out.clear()
        running = False
        while True:
            now = time.monotonic()
            due = [block for block, moment in self._due.items() if moment <= now]
            for block in due:
                await self._read(client, block)
            # Those that are refused wait long for their next try; the others tell.
            if self._silent and self._silent | self._out == self._due.keys():
                raise unreachable(self._connection.host, self._connection.port, "no request was answered")
            self._recorder.flush()
            if due and not running:
                report(RunState.RUNNING)
                running = True
            wait = min(self._due.values()) - time.monotonic()
            await asyncio.sleep(max(0.0, wait))

    async def _read(self, client: AsyncModbusTcpClient, block: Block) -> None:
        # From the plan, not from now: rounds must not drift; rounds that were missed are not made up for.
        self._due[block] = max(self._due[block] + block.period_s, time.monotonic())
        self._requests += 1
        try:
            code, values = await _request(client, block)
        except _NoAnswerError:
            if not client.connected:
                raise unreachable(
                    self._connection.host, self._connection.port, "the connection was lost"
                ) from None
            self._timeouts += 1
            self._silent.add(block)
            # Each try holds up all others for the timeout, so a silent device is asked seldom.
            self._due[block] = time.monotonic() + max(block.period_s, self._pause_s)
            paths = [self._path(one) for one in block.registers]
            self._recorder.lost(GapReason.DISCONNECTED, paths)
            self._recorder.failed.update(dict.fromkeys(paths, "no answer in time / 未按时应答"))
            return
        self._silent.discard(block)
        self._out.discard(block)
        if code:
            self._refused(block, code)
            return
        moment = now_us()
        for register in block.registers:
            at = register.address - block.address
            words = values[at : at + register.size]
            self._recorder.take(self._path(register), moment, value_of(register, words))
            self._recorder.failed.pop(self._path(register), None)

    def _refused(self, block: Block, code: int) -> None:
        """One bad register must not take its neighbours along: from now on each is asked for alone."""
        self._refusals += 1
        if len(block.registers) > 1 and code in _AT_A_REGISTER:
            due = self._due.pop(block)
            at = self._blocks.index(block)
            self._blocks[at : at + 1] = block.split()
            self._due.update(dict.fromkeys(block.split(), due - block.period_s))
            return
        self._out.add(block)
        lasting = code in _LASTING
        wait = self._connection.retry_bad_s if lasting else self._pause_s
        self._due[block] = time.monotonic() + max(block.period_s, wait)
        self._bad(block, status_of(code), reason_of(code))

    def _bad(self, block: Block, status: int, reason: str) -> None:
        """Say once that a signal is bad, so that its last good value does not go on speaking."""
        moment = now_us()
        for path in (self._path(register) for register in block.registers):
            if path not in self._recorder.failed:
                self._recorder.take(path, moment, None, status)
                self._recorder.failed[path] = reason

    def _path(self, register: Register) -> str:
        return self._connection.path(register.path)


async def _request(client: AsyncModbusTcpClient, block: Block) -> tuple[int, Sequence[int]]:
    """Exception code (0 for none) and values of a block."""
    from pymodbus.exceptions import ModbusException  # noqa: PLC0415 - only where Modbus is spoken

    call = {
        "holding": client.read_holding_registers,
        "input": client.read_input_registers,
        "coil": client.read_coils,
        "discrete": client.read_discrete_inputs,
    }[block.table]
    try:
        answer = await call(block.address, count=block.count, device_id=block.unit_id)
    except (ModbusException, TimeoutError, OSError) as error:
        _end_if_told()
        raise _NoAnswerError from error
    _end_if_told()
    if answer.isError():
        return int(answer.exception_code), []
    values = answer.bits if block.table in ("coil", "discrete") else answer.registers
    if len(values) < block.count:
        raise _NoAnswerError
    return 0, [int(value) for value in values]


def _end_if_told() -> None:
    """Python 3.11 loses a cancellation that comes together with the answer that `wait_for` waits for."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
