"""The register map of one Modbus TCP device or gateway, checked when built and without network."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from tundish_connectors.collect.config import Connection, SignalNaming
from tundish_platform.samples import SampleKind

Table = Literal["holding", "input", "coil", "discrete"]
ValueType = Literal[
    "bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string"
]
WORDS: Final = {
    "bool": 1, "int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4,
    "float64": 4,
}  # fmt: skip
_LAST_ADDRESS = 65_535
_BITS = frozenset({"coil", "discrete"})


class Register(SignalNaming):
    """One signal and where it lies.

    Attributes:
        table: ``holding`` (function 3), ``input`` (4), ``coil`` (1) or ``discrete`` (2).
        address: of the first register or coil, from 0 as it goes over the wire. A manual's 40001 is 0.
        type: what the registers hold; coils and discrete inputs are ``bool``.
        bit: for ``bool`` in a register, which bit, 0 the lowest.
        length: for ``string``, how many registers.
        words: ``big`` puts the register with the high half first.
        bytes: ``little`` swaps the two bytes of every register, as some devices do.
        scale, offset: value = raw · scale + offset.
        unit_id: of the device behind a gateway; the connection's if absent.
        period_s: how often it is asked for; the connection's if absent.
    """

    table: Table = "holding"
    address: int = Field(ge=0, le=_LAST_ADDRESS)
    type: ValueType = "uint16"
    bit: int | None = Field(default=None, ge=0, le=15)
    length: int = Field(default=0, ge=0, le=120)
    words: Literal["big", "little"] = "big"
    bytes: Literal["big", "little"] = "big"
    scale: float = Field(default=1.0, allow_inf_nan=False)
    offset: float = Field(default=0.0, allow_inf_nan=False)
    unit_id: int | None = Field(default=None, ge=0, le=255)
    period_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.table in _BITS) and (self.type != "bool" or self.bit is not None):
            raise ValueError(f"{self.path}: a {self.table} is a bool without a bit number")
        if self.table not in _BITS and (self.type == "bool") != (self.bit is not None):
            raise ValueError(
                f"{self.path}: a bool in a register needs the number of its bit, others have none"
            )
        if (self.type == "string") != (self.length > 0):
            raise ValueError(f"{self.path}: a string needs a length in registers, others have none")
        if self.type in ("bool", "string") and (self.scale, self.offset) != (1.0, 0.0):
            raise ValueError(f"{self.path}: a {self.type} is not scaled")
        if self.scale == 0:
            raise ValueError(f"{self.path}: a scale of 0 leaves nothing of the value")
        if self.address + self.size - 1 > _LAST_ADDRESS:
            raise ValueError(f"{self.path}: it ends behind the last address, {_LAST_ADDRESS}")
        return self

    @property
    def size(self) -> int:
        """Registers or bits it takes."""
        return self.length or WORDS[self.type]

    @property
    def kind(self) -> SampleKind:
        """Of its samples: scaled values are numeric, whole 64-bit ones keep all their digits."""
        if self.type == "string":
            return SampleKind.TEXT
        scaled = (self.scale, self.offset) != (1.0, 0.0)
        return SampleKind.INTEGER if self.type in ("int64", "uint64") and not scaled else SampleKind.NUMERIC


class ModbusConnection(Connection):
    """One Modbus TCP device or gateway, and how to poll it.

    Attributes:
        host, port: of the device.
        unit_id: of the device behind the address.
        registers: what to read; each path once.
        period_s: how often, where a register says nothing else.
        timeout_s: longest wait for one answer.
        retries: further tries before a request counts as lost.
        largest_read: registers a request may ask for; some devices take fewer than the standard's 125.
        bridge: unused registers that are read along rather than asked for apart.
        retry_bad_s: how often registers that the device refused are tried again.
    """

    host: str = Field(min_length=1)
    port: int = Field(default=502, ge=1, le=65_535)
    unit_id: int = Field(default=1, ge=0, le=255)
    registers: tuple[Register, ...] = Field(min_length=1)
    period_s: float = Field(default=1.0, gt=0)
    timeout_s: float = Field(default=3.0, gt=0)
    retries: int = Field(default=1, ge=0, le=10)
    largest_read: int = Field(default=125, ge=1, le=125)
    bridge: int = Field(default=8, ge=0, le=124)
    retry_bad_s: float = Field(default=60.0, gt=0)

    @model_validator(mode="after")
    def _check_registers(self) -> Self:
        paths = [register.path for register in self.registers]
        twice = sorted({path for path in paths if paths.count(path) > 1})
        if twice:
            raise ValueError(f"each path may be named once, but {', '.join(twice[:5])} is named again")
        too_long = [r.path for r in self.registers if r.table not in _BITS and r.size > self.largest_read]
        if too_long:
            raise ValueError(f"{too_long[0]} takes more registers than largest_read allows")
        return self
