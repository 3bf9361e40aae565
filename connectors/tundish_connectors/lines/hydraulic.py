"""Kit `hydraulic-bench`: a hydraulic power unit on a test bench that repeats 60-s load cycles."""

from __future__ import annotations

from typing import Final

from tundish_connectors.lines.kit import LineKit, count, label, measured, text, waveform

# The bench's main circuit is rated higher than its return and cooling circuits.
_PRESSURE_RANGES = ((0.0, 250.0), (0.0, 250.0), (0.0, 16.0), (0.0, 16.0), (0.0, 16.0), (0.0, 16.0))

_PRESSURES = tuple(
    measured(
        f"HPU1/Circuit/Pressure{index}",
        (f"液压压力 {index}", f"Hydraulic pressure {index}"),
        "pressure.hydraulic",
        "bar",
        limits,
    )
    for index, limits in enumerate(_PRESSURE_RANGES, start=1)
)

_FLOWS = tuple(
    measured(
        f"HPU1/Circuit/Flow{index}",
        (f"液压流量 {index}", f"Hydraulic flow {index}"),
        "flow.hydraulic",
        "L/min",
        (0.0, 20.0),
    )
    for index in (1, 2)
)

_TEMPERATURES = tuple(
    measured(
        f"HPU1/Tank/Temperature{index}",
        (f"液压油温度 {index}", f"Oil temperature {index}"),
        "temperature.oil.hydraulic",
        "Cel",
        (0.0, 100.0),
    )
    for index in range(1, 5)
)

_OTHERS = (
    measured(
        "HPU1/Motor/ActivePower",
        ("泵电机有功功率", "Pump motor active power"),
        "power.active.pump",
        "W",
        (0.0, 4000.0),
    ),
    measured(
        "HPU1/Pump/Vibration", ("泵振动速度", "Pump vibration"), "vibration.velocity.rms", "mm/s", (0.0, 10.0)
    ),
    measured(
        "HPU1/Cooler/Efficiency", ("冷却效率", "Cooler efficiency"), "efficiency.cooler", "%", (0.0, 100.0)
    ),
    measured("HPU1/Cooler/Power", ("冷却功率", "Cooling power"), "power.cooling", "kW", (0.0, 5.0)),
    measured(
        "HPU1/Circuit/EfficiencyFactor",
        ("液压效率系数", "Hydraulic efficiency factor"),
        "efficiency.hydraulic",
        "%",
        (0.0, 110.0),
    ),
)

_CYCLE = (
    count("HPU1/Bench/CycleCount", ("循环计数", "Cycle count"), "count.cycle", 60.0),
    text("HPU1/Bench/State", ("试验台状态", "Bench state"), "state.packml", period_s=60.0),
    waveform(
        "HPU1/Bench/PressureProfile",
        ("循环压力曲线", "Pressure profile of the cycle"),
        "waveform.pressure.hydraulic",
        "bar",
        60.0,
    ),
)

_LABELS = (
    label(
        "HPU1/Inspection/Cooler",
        ("冷却器状况(检验)", "Cooler condition (inspected)"),
        "label.hydraulic.cooler",
        "%",
        (0.0, 100.0),
    ),
    label(
        "HPU1/Inspection/Valve",
        ("阀状况(检验)", "Valve condition (inspected)"),
        "label.hydraulic.valve",
        "%",
        (0.0, 100.0),
    ),
    label(
        "HPU1/Inspection/PumpLeakage",
        ("泵内泄漏等级(检验)", "Pump leakage grade (inspected)"),
        "label.hydraulic.pump_leakage",
        "",
        (0.0, 2.0),
    ),
    label(
        "HPU1/Inspection/Accumulator",
        ("蓄能器压力(检验)", "Accumulator pressure (inspected)"),
        "label.hydraulic.accumulator",
        "bar",
        (0.0, 150.0),
    ),
)

HYDRAULIC_BENCH: Final = LineKit(
    id="hydraulic-bench",
    name_zh="液压试验台",
    name_en="Hydraulic test bench",
    line="SY-Site/CylinderShop/CYL1",
    signals=_PRESSURES + _FLOWS + _TEMPERATURES + _OTHERS + _CYCLE + _LABELS,
)
