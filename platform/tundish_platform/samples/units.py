"""Units: UCUM codes as the platform keeps them, UNECE codes as OPC UA's `EUInformation` carries them.

The vocabulary is closed (units.toml): a code that nobody knows could not be compared or converted. The
packing of a code into `unitId` is OPC 10000-8, 5.6.3.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

UNECE_NAMESPACE: Final = "http://www.opcfoundation.org/UA/units/un/cefact"

_LONGEST_CODE = 4


@dataclass(frozen=True, slots=True)
class EngineeringUnit:
    """A unit in the spellings that a server, a screen and arithmetic need.

    Attributes:
        ucum: the platform's code.
        unece: UNECE Recommendation 20 common code.
        unit_id: the code packed as OPC UA's `EUInformation.unitId`.
        symbol: the `EUInformation.displayName`.
        name_zh, name_en: for people.
        quantity: only units of one quantity convert into each other.
        pint: in the words of the library that converts.
        difference: the same for a difference: 20 °C are 293.15 K, but 20 °C more are 20 K more.
    """

    ucum: str
    unece: str
    unit_id: int
    symbol: str
    name_zh: str
    name_en: str
    quantity: str
    pint: str
    difference: str


def pack_unit_id(unece: str) -> int:
    """A UNECE code as `unitId`: its ASCII bytes, big endian; ``CEL`` is 0x43454C = 4408652.

    Raises:
        ValueError: the code is empty, longer than four characters or not ASCII.
    """
    if not unece or len(unece) > _LONGEST_CODE or not unece.isascii():
        raise ValueError(f"{unece!r} is no UNECE code: one to four ASCII characters are needed")
    return int.from_bytes(unece.encode("ascii"), "big")


@cache
def units() -> Mapping[str, EngineeringUnit]:
    """All units by UCUM code."""
    rows = tomllib.loads(files("tundish_platform.samples").joinpath("units.toml").read_text("utf-8"))
    return MappingProxyType(
        {
            ucum: EngineeringUnit(
                ucum, row["unece"], pack_unit_id(row["unece"]), row["symbol"], row["zh"], row["en"],
                row["quantity"], row["pint"], row.get("difference", row["pint"]),
            )
            for ucum, row in rows.items()
        }
    )  # fmt: skip


def engineering_unit(ucum: str) -> EngineeringUnit | None:
    """The unit of a UCUM code, or ``None`` for no unit (``""``).

    Raises:
        KeyError: the code is not known; a server would otherwise state no unit without anyone noticing.
    """
    return units()[ucum] if ucum else None


def ucum_of_unit_id(unit_id: int) -> str:
    """The UCUM code of a server's `unitId`, ``""`` for a unit that is not known."""
    return _by_unit_id().get(unit_id, "")


@cache
def _by_unit_id() -> Mapping[int, str]:
    return MappingProxyType({unit.unit_id: ucum for ucum, unit in units().items()})
