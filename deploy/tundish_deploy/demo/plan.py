"""Who and what the demonstration consists of. All names and codes are fictional and say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class DemoPlant:
    """One tenant of the demonstration with its line.

    Attributes:
        slug: tenant.
        name_zh, name_en: display names.
        uscc: unified social credit code, from the unused region 999900.
        industry: GB/T 4754 code.
        region: GB/T 2260 code of the county.
        kit: line kit whose recording is played.
        port: OPC UA port of its replay server.
        manager, owner: log-in names.
        pace: ideal cycle and pieces that a shift is to make, where the recording has a fixed cycle.
    """

    slug: str
    name_zh: str
    name_en: str
    uscc: str
    industry: str
    region: str
    kit: str
    port: int
    manager: str
    owner: str
    pace: Mapping[str, float] = field(default_factory=dict)


SHIFTS: Final = {
    "shifts": [
        {"code": "day", "name_zh": "白班", "name_en": "Day shift", "begins": "08:00", "ends": "20:00"},
        {"code": "night", "name_zh": "夜班", "name_en": "Night shift", "begins": "20:00", "ends": "08:00"},
    ]
}
# Ports below those that systems give to outgoing connections (Linux: from 32768), which could take one first.
PLANTS = (
    DemoPlant(
        "xianghe-cylinder",
        "湘合油缸(演示)",
        "Xianghe Cylinder (demo)",
        "91999900TD0000017U",
        "C3444",
        "431302",
        "hydraulic-bench",
        14840,
        "cylinder",
        "cylinder-owner",
        {"ideal_s": 60.0, "target": 720.0},
    ),
    DemoPlant(
        "lingdong-power",
        "菱动功率(演示)",
        "Lingdong Power Devices (demo)",
        "91999900TD0000025N",
        "C3972",
        "430211",
        "igbt-ageing",
        14841,
        "power",
        "power-owner",
    ),
    DemoPlant(
        "lianfeng-plate",
        "涟丰钢板(演示)",
        "Lianfeng Plate (demo)",
        "91999900TD0000033H",
        "C3130",
        "431382",
        "plate-line",
        14842,
        "plate",
        "plate-owner",
    ),
)


@dataclass(frozen=True, slots=True)
class DemoEnterprise:
    """An enterprise that registered and never connected; it must never be counted as on the cloud."""

    name_zh: str
    name_en: str
    uscc: str
    industry: str
    region: str


UNCONNECTED = DemoEnterprise("安和铸造(演示)", "Anhe Casting (demo)", "91999900TD00001210", "C3393", "431321")

BUREAU_LOGIN = "bureau"
OPERATOR_LOGIN = "operator"
SPAN_HOURS = 12.0
