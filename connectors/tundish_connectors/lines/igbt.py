"""Kit `igbt-ageing`: a power-cycling tester with an IGBT on channel 1 and MOSFETs on channel 2."""

from __future__ import annotations

from typing import Final

from tundish_connectors.lines.kit import LineKit, count, measured, text, waveform
from tundish_platform.samples import SignalRole

# On-state values exist only while the device conducts; the longest pause between two of them is 15 s.
_ON_STATE_PERIOD_S = 15.0

_CHANNEL_1 = (
    measured(
        "PCT1/Channel1/VCEon",
        ("通态压降 VCE(on)", "On-state voltage VCE(on)"),
        "voltage.vce_on",
        "V",
        (0.0, 12.0),
        _ON_STATE_PERIOD_S,
    ),
    measured(
        "PCT1/Channel1/Current",
        ("负载电流", "Load current"),
        "current.load",
        "A",
        (0.0, 20.0),
        _ON_STATE_PERIOD_S,
    ),
    measured(
        "PCT1/Channel1/PackageTemperature",
        ("封装温度", "Package temperature"),
        "temperature.package",
        "Cel",
        (0.0, 350.0),
    ),
    measured(
        "PCT1/Channel1/GateCurrent",
        ("栅极电流", "Gate current"),
        "current.gate",
        "mA",
        (0.0, 20.0),
        _ON_STATE_PERIOD_S,
    ),
    measured("PCT1/Channel1/OnShare", ("导通占比", "Share of on-state"), "ratio.on_state", "1", (0.0, 1.0)),
    waveform(
        "PCT1/Channel1/VCEWaveform",
        ("集电极电压波形", "Collector voltage waveform"),
        "waveform.voltage.vce",
        "V",
        1.0,
    ),
    text("PCT1/Channel1/State", ("通道 1 状态", "Channel 1 state"), "state.packml", period_s=60.0),
)

_CHANNEL_2 = (
    measured(
        "PCT1/Channel2/DeltaRdsOn",
        ("导通电阻变化 ΔRds(on)", "Change of on-resistance ΔRds(on)"),
        "resistance.rds_on.delta",
        "Ohm",
        (-0.05, 0.1),
    ),
    count("PCT1/Channel2/AgeCount", ("老化记录序号", "Ageing record count"), "count.cycle", 1.0),
    text("PCT1/Channel2/DeviceId", ("器件编号", "Device identity"), "identity.piece", SignalRole.IDENTITY),
    text("PCT1/Channel2/State", ("通道 2 状态", "Channel 2 state"), "state.packml", period_s=60.0),
)

IGBT_AGEING: Final = LineKit(
    id="igbt-ageing",
    name_zh="功率器件老化台",
    name_en="Power device ageing tester",
    line="ZZ-Site/ReliabilityLab/PCT",
    signals=_CHANNEL_1 + _CHANNEL_2,
)
