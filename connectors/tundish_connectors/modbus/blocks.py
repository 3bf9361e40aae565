"""Which registers are read together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tundish_connectors.modbus.config import ModbusConnection, Register, Table

_LARGEST_BITS: Final = 2000


@dataclass(frozen=True)
class Block:
    """One request: neighbours of one table, device and period.

    Attributes:
        address, count: what is asked for.
        registers: which lie in it, in order.
    """

    table: Table
    unit_id: int
    period_s: float
    address: int
    count: int
    registers: tuple[Register, ...] = field(repr=False)

    def split(self) -> tuple[Block, ...]:
        """A request for each register, for a block that was refused because of one of them."""
        return tuple(
            Block(self.table, self.unit_id, self.period_s, one.address, one.size, (one,))
            for one in self.registers
        )


def plan(connection: ModbusConnection) -> list[Block]:
    """The requests of one round, those of short period first."""
    groups: dict[tuple[float, int, Table], list[Register]] = {}
    for register in connection.registers:
        unit = connection.unit_id if register.unit_id is None else register.unit_id
        period = register.period_s or connection.period_s
        groups.setdefault((period, unit, register.table), []).append(register)
    blocks: list[Block] = []
    for (period, unit, table), registers in sorted(groups.items(), key=lambda group: group[0]):
        bits = table in ("coil", "discrete")
        # A hole of coils costs an eighth of a byte each, so bridging is worth more there.
        largest, bridge = (
            (_LARGEST_BITS, 16 * connection.bridge) if bits else (connection.largest_read, connection.bridge)
        )
        blocks += [
            Block(table, unit, period, run[0].address, _end(run) - run[0].address, tuple(run))
            for run in _runs(registers, largest, bridge)
        ]
    return blocks


def _runs(registers: Iterable[Register], largest: int, bridge: int) -> Iterable[list[Register]]:
    run: list[Register] = []
    for register in sorted(registers, key=lambda one: (one.address, one.size)):
        end = register.address + register.size
        if run and (register.address - _end(run) > bridge or end - run[0].address > largest):
            yield run
            run = []
        run.append(register)
    if run:
        yield run


def _end(run: list[Register]) -> int:
    return max(one.address + one.size for one in run)
