"""From registers to values."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.modbus.config import Register

_FORMATS: Final = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
    "float32": ">f", "float64": ">d",
}  # fmt: skip


def value_of(register: Register, words: Sequence[int]) -> float | int | str:
    """The value that a register's words hold, scaled.

    Args:
        register: says how.
        words: ``register.size`` registers as unsigned 16-bit numbers.
    """
    if register.type == "bool":
        return (words[0] >> (register.bit or 0)) & 1
    order = "<" if register.bytes == "little" else ">"
    raw = b"".join(struct.pack(f"{order}H", word) for word in words)
    if register.type == "string":
        return raw.split(b"\0")[0].decode("utf-8", "replace").rstrip()
    if register.words == "little":
        raw = b"".join(raw[at : at + 2] for at in range(len(raw) - 2, -1, -2))
    (value,) = struct.unpack(_FORMATS[register.type], raw)
    number: float | int = value
    if (register.scale, register.offset) == (1.0, 0.0):
        return number
    return number * register.scale + register.offset
