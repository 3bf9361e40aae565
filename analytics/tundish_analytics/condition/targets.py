"""The four components whose condition a hydraulic cycle tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tundish_analytics import checks

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Target:
    """One component.

    Attributes:
        name: last part of the prediction's path and semantic.
        label: semantic kind of the inspection signal that tells the truth later.
        name_zh, name_en: for people.
        unit: of the label.
        healthy: label of the healthy state.
        meanings: each label in words.
    """

    name: str
    label: str
    name_zh: str
    name_en: str
    unit: str
    healthy: int
    meanings: Mapping[int, checks.Meaning]


TARGETS: Final = (
    Target("cooler", "label.hydraulic.cooler", "冷却器状况", "Cooler condition", "%", 100, checks.COOLER),
    Target("valve", "label.hydraulic.valve", "阀状况", "Valve condition", "%", 100, checks.VALVE),
    Target(
        "pump_leakage",
        "label.hydraulic.pump_leakage",
        "泵内泄漏",
        "Pump leakage",
        "",
        0,
        checks.PUMP_LEAKAGE,
    ),
    Target(
        "accumulator",
        "label.hydraulic.accumulator",
        "蓄能器状况",
        "Accumulator condition",
        "bar",
        130,
        checks.ACCUMULATOR,
    ),
)
PRESSURE_TARGET: Final = "accumulator_pressure"
