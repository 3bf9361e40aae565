"""What a person can check in half an hour to confirm or refute a prediction, per target and label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a label reads and what to do about it, in Chinese and English."""

    zh: str
    en: str
    check_zh: str
    check_en: str


_NO_ACTION: Final = ("按点检计划执行即可。", "Keep to the inspection plan.")
_COOLER: Final = (
    "停机后检查冷却器散热片是否积灰、风机或水阀是否工作。",
    "With the machine stopped, look for clogged fins and a stopped fan or water valve on the cooler.",
)
_VALVE: Final = (
    "运行中给定阶跃指令,将阀响应时间与出厂曲线比较。",
    "While running, give a step command and compare the valve's response time with the factory curve.",
)
_PUMP: Final = (
    "在额定压力下测量泵壳体泄油流量 1 分钟,与出厂值比较。",
    "Measure the pump's case-drain flow for one minute at rated pressure against the factory value.",
)
_ACCUMULATOR: Final = (
    "停机、泄压、挂牌上锁后,测量蓄能器氮气预充压力。",
    "Stop, release pressure, lock out; measure the accumulator's nitrogen pre-charge.",
)

COOLER: Final = {
    100: Meaning("冷却器正常", "Cooler at full efficiency", *_NO_ACTION),
    20: Meaning("冷却效率下降", "Cooler at reduced efficiency", *_COOLER),
    3: Meaning("冷却器接近失效", "Cooler close to total failure", *_COOLER),
}
VALVE: Final = {
    100: Meaning("阀切换正常", "Valve switches as it should", *_NO_ACTION),
    90: Meaning("阀轻微滞后", "Valve lags slightly", *_VALVE),
    80: Meaning("阀严重滞后", "Valve lags severely", *_VALVE),
    73: Meaning("阀接近失效", "Valve close to total failure", *_VALVE),
}
PUMP_LEAKAGE: Final = {
    0: Meaning("泵无内泄漏", "No internal pump leakage", *_NO_ACTION),
    1: Meaning("泵轻微内泄漏", "Weak internal pump leakage", *_PUMP),
    2: Meaning("泵严重内泄漏", "Severe internal pump leakage", *_PUMP),
}
ACCUMULATOR: Final = {
    130: Meaning("蓄能器压力正常", "Accumulator pressure as it should be", *_NO_ACTION),
    115: Meaning("蓄能器压力略低", "Accumulator pressure slightly low", *_ACCUMULATOR),
    100: Meaning("蓄能器压力严重偏低", "Accumulator pressure severely low", *_ACCUMULATOR),
    90: Meaning("蓄能器接近失效", "Accumulator close to total failure", *_ACCUMULATOR),
}
ACCUMULATOR_PRESSURE: Final = Meaning(
    "蓄能器预充压力估计", "Estimated accumulator pre-charge pressure", *_ACCUMULATOR
)

_VCE: Final = (
    "冷却到室温后测量 VGE(th) 与瞬态热阻,以区分键合线、焊层与阈值漂移。",
    "After cooling, measure VGE(th) and thermal impedance to tell wires, die attach and threshold apart.",
)
VCE_STEADY: Final = Meaning(
    "通态压降变化不足 2.5 %", "On-state voltage changed by less than 2.5 %", *_NO_ACTION
)
VCE_WARNING: Final = Meaning(
    "通态压降变化达 2.5 %(判据之半)", "On-state voltage changed by 2.5 %, half the criterion", *_VCE
)
VCE_BEYOND: Final = Meaning(
    "通态压降下降达 5 %;AQG 324 判据针对上升,原因须另查",
    "On-state voltage has fallen by 5 %; AQG 324 names a rise, so look for another cause",
    *_VCE,
)
VCE_RISEN: Final = Meaning(
    "通态压降上升达 5 %,达到 AQG 324 失效判据",
    "On-state voltage has risen by 5 %, the end of life by AQG 324",
    *_VCE,
)
LIFE: Final = Meaning(
    "距 ΔRds(on) 达 0.05 Ω 的剩余记录数",
    "Records left until ΔRds(on) reaches 0.05 Ohm",
    "停止加热,冷却后在固定壳温下复测 Rds(on),与起始值比较。",
    "Stop heating, let cool, re-measure Rds(on) at a fixed case temperature against the first value.",
)
NO_LIFE: Final = Meaning(
    "历史不足,不作估计",
    "Too little history, no estimate",
    "继续试验,直至有足够记录。",
    "Go on with the test until enough records exist.",
)

_BEARING: Final = (
    "在相同转速与负载下复测,听诊,检查润滑与温度,并将包络谱谱线与轴承损伤频率比较。",
    "At the same speed and load, measure again and listen; look at lubrication and damage frequencies.",
)
VIBRATION_STEADY: Final = Meaning(
    "振动与初期相近(不足 6 dB)", "Vibration near its beginning, below 6 dB", *_NO_ACTION
)
VIBRATION_CHANGED: Final = Meaning(
    "振动较初期翻倍(6 dB 以上)", "Vibration has doubled since the beginning, 6 dB or more", *_BEARING
)
VIBRATION_SEVERE: Final = Meaning(
    "振动达初期十倍(20 dB 以上)", "Vibration is ten times the beginning's, 20 dB or more", *_BEARING
)
VIBRATION_TREND: Final = Meaning(
    "振动变化速度;不推断剩余寿命",
    "How fast vibration changes; no remaining life is inferred",
    *_BEARING,
)

_SURFACE: Final = (
    "在复检台以侧光目视并拍照该板该坐标处,对照缺陷图谱。",
    "Look at the plate at this position under oblique light, photograph it, compare with the fault atlas.",
)
PLATE_FAULT: Final = {
    "Pastry": Meaning("皱皮", "Pastry", *_SURFACE),
    "Z_Scratch": Meaning(
        "Z 型划痕",
        "Z scratch",
        "检查该坐标对应的导板与辊道是否有毛刺或卡阻辊。",
        "Check side guides and roller table at this width position for burrs or a stuck roll.",
    ),
    "K_Scratch": Meaning(
        "K 型划痕",
        "K scratch",
        "检查该坐标对应的夹送辊与输送机,查找与板速不同步的辊。",
        "Check pinch rolls and conveyer at this width position for a roll that runs out of step.",
    ),
    "Stains": Meaning(
        "污渍",
        "Stains",
        "检查喷淋水质与吹扫,擦拭该处后复拍。",
        "Check spray water and blow-off, wipe the spot, photograph again.",
    ),
    "Dirtiness": Meaning(
        "脏污",
        "Dirtiness",
        "擦拭该处后复拍;清洁表检仪镜头与光源。",
        "Wipe the spot, photograph again; clean the inspection system's lens and lamps.",
    ),
    "Bumps": Meaning(
        "凸包",
        "Bumps",
        "检查工作辊面有无凹坑:凸包间距若等于辊周长即为辊印。",
        "Check the work rolls for dents: bumps spaced by the roll's circumference are roll marks.",
    ),
    "Other_Faults": Meaning("其他缺陷", "Other faults", *_SURFACE),
}
UNSURE: Final = Meaning("不确定,请人工判级", "Unsure, a person must grade it", *_SURFACE)
INCOMPLETE: Final = Meaning(
    "数据不全,不作判断",
    "Too little data, no statement",
    "检查采集:见数据缺口页。",
    "Check the data collection: see the page of gaps.",
)


def plate_fault(name: str) -> Meaning:
    """Meaning of a fault class; a class the table does not know reads as its own name."""
    return PLATE_FAULT.get(name, Meaning(name, name, *_SURFACE))
