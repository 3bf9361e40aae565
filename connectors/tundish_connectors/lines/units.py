"""Units: UCUM codes as the platform keeps them, UNECE codes as OPC UA's `EUInformation` carries them.

The map follows UNECE Recommendation 20; the packing of a code into `unitId` is OPC 10000-8, 5.6.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

UNECE_NAMESPACE: Final = "http://www.opcfoundation.org/UA/units/un/cefact"

_LONGEST_CODE = 4

UNECE_OF_UCUM: Final = MappingProxyType(
    {
        "Cel": "CEL",
        "bar": "BAR",
        "mbar": "MBR",
        "Pa": "PAL",
        "kPa": "KPA",
        "MPa": "MPA",
        "N": "NEW",
        "kN": "B47",
        "MN": "B73",
        "N.m": "NU",
        "kN.m": "B48",
        "mm": "MMT",
        "um": "4H",
        "m": "MTR",
        "m/s": "MTS",
        "mm/s": "C16",
        "m/s2": "MSK",
        "g": "GRM",
        "kg": "KGM",
        "t": "TNE",
        "{rev}/min": "RPM",
        "L/min": "L2",
        "mL/min": "41",
        "m3/h": "MQH",
        "m3": "MTQ",
        "W": "WTT",
        "kW": "KWT",
        "kW.h": "KWH",
        "kvar": "KVR",
        "kvar.h": "K3",
        "V": "VLT",
        "mV": "2Z",
        "A": "AMP",
        "mA": "4K",
        "uA": "B84",
        "nA": "C39",
        "kA": "B22",
        "Ohm": "OHM",
        "mOhm": "E45",
        "K": "KEL",
        "K/W": "B21",
        "%": "P1",
        "[ppm]": "59",
        "1": "C62",
        "s": "SEC",
        "ms": "C26",
        "ns": "C47",
        "min": "MIN",
        "Hz": "HTZ",
        "kHz": "KHZ",
        "mJ": "C15",
        "J": "JOU",
        "deg": "DD",
    }
)

# How a person writes the unit, where that is not the UCUM code itself.
_SYMBOLS = {"Cel": "°C", "um": "µm", "kW.h": "kWh", "kvar.h": "kvarh", "Ohm": "Ω", "mOhm": "mΩ", "uA": "µA"}


@dataclass(frozen=True, slots=True)
class EngineeringUnit:
    """A unit in the three spellings a server and a screen need.

    Attributes:
        ucum: the platform's code.
        unece: UNECE Recommendation 20 common code.
        unit_id: the code packed as OPC UA's `EUInformation.unitId`.
        symbol: the `EUInformation.displayName`.
    """

    ucum: str
    unece: str
    unit_id: int
    symbol: str


def pack_unit_id(unece: str) -> int:
    """A UNECE code as `unitId`: its ASCII bytes, big endian; ``CEL`` is 0x43454C = 4408652.

    Raises:
        ValueError: the code is empty, longer than four characters or not ASCII.
    """
    if not unece or len(unece) > _LONGEST_CODE or not unece.isascii():
        raise ValueError(f"{unece!r} is no UNECE code: one to four ASCII characters are needed")
    return int.from_bytes(unece.encode("ascii"), "big")


def engineering_unit(ucum: str) -> EngineeringUnit | None:
    """The unit of a UCUM code, or ``None`` for no unit (``""``).

    Raises:
        KeyError: the code is not in the map; a server would otherwise state no unit without anyone noticing.
    """
    if not ucum:
        return None
    unece = UNECE_OF_UCUM[ucum]
    return EngineeringUnit(ucum, unece, pack_unit_id(unece), _SYMBOLS.get(ucum, ucum))


_UCUM_OF_UNIT_ID = MappingProxyType({pack_unit_id(unece): ucum for ucum, unece in UNECE_OF_UCUM.items()})


def ucum_of_unit_id(unit_id: int) -> str:
    """The UCUM code of a server's `unitId`, ``""`` for a unit that is not in the map."""
    return _UCUM_OF_UNIT_ID.get(unit_id, "")
