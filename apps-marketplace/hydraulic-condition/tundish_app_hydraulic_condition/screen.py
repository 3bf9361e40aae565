"""The screen: the newest cycle's conditions, their course, and the cycles nothing is said about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_app_hydraulic_condition.model import PRESENT, TARGETS, bench
from tundish_platform.sdk import Screen, Texts
from tundish_platform.sdk.blocks import drawn, only, over_time, said, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_app_hydraulic_condition.app import Read
    from tundish_platform.sdk import Cell, ChartBlock, SignalInfo, TableBlock, TextBlock

_NAMES: Final = {
    "cooler": ("冷却器效率等级", "cooler efficiency", "%"),
    "valve": ("阀开关状况", "valve condition", "%"),
    "pump_leakage": ("泵内泄漏等级", "grade of pump leakage", "1"),
    "accumulator": ("蓄能器预充压力等级", "accumulator pressure", "bar"),
}
_SURE: Final = 0.8
_KEYS: Final = {
    "cooler_efficiency": ("冷却效率", "cooler efficiency"),
    "cooling": ("冷却功率", "cooling power"),
    "flow": ("液压流量", "hydraulic flow"),
    "power": ("泵电机功率", "pump motor power"),
    "pressure": ("液压压力", "hydraulic pressure"),
    "efficiency": ("液压效率系数", "hydraulic efficiency factor"),
    "temperature": ("液压油温度", "oil temperature"),
    "vibration": ("泵振动", "pump vibration"),
}


def missing_screen() -> Screen:
    """Said when a kind of signal is missing."""
    return only(
        "所需的试验台信号不全(循环计数、压力、流量、油温、泵功率、振动、冷却效率与功率、效率系数,每秒一次)。"
        "请接入;应用没有猜测。",
        "Not all kinds of signals of the bench are there (cycle count, pressures, flows, oil temperatures, "
        "pump power, vibration, cooler efficiency and power, efficiency factor; each second). Connect them; "
        "nothing was guessed.",
    )


def other_screen(machine: str, key: str, number: int) -> Screen:
    """Said when the bench has other signals than the one the model was trained on."""
    zh, en = _KEYS[key]
    return only(
        f"{machine} 的“{zh}”信号数不是 {number} 个,与训练模型的试验台不同,未作判断。",
        f"{machine} does not have {number} signals of {en}, as the bench has that the model was trained on; "
        "nothing was judged.",
    )


def empty_screen() -> Screen:
    """Said when the window holds no whole cycle."""
    return only("窗口内没有完整的60秒循环。", "There is no whole cycle of 60 s in the window.")


def screen(machine: str, signals: Sequence[SignalInfo], found: Read) -> Screen:
    """Everything about the window's cycles."""
    courses = [_course(name, found) for name in TARGETS]
    return Screen(blocks=(*_words(machine, signals, found), _newest(found), *courses))


def _words(machine: str, signals: Sequence[SignalInfo], found: Read) -> list[TextBlock]:
    count, holed, unlike = found.holed.size, int(found.holed.sum()), int(found.unlike.sum())
    words = [
        said(
            f"{machine}:{count} 个循环;{holed} 个缺信号、{unlike} 个不像训练数据,未作判断。",
            f"{machine}: {count} cycles; nothing is said about {holed} that lack a signal and {unlike} "
            "unlike any the model was trained on.",
            warning=bool(found.holed[-1] or found.unlike[-1]),
        )
    ]
    if found.holed.any():
        row = int(np.flatnonzero(found.holed)[-1])
        lacking = [
            s for s, share in zip(signals, found.cycles.share[row].tolist(), strict=True) if share < PRESENT
        ]
        words.append(
            said(
                "最近缺少的信号:" + "、".join(s.name_zh for s in lacking) + "。",
                "Signals that lacked most recently: " + ", ".join(s.name_en for s in lacking) + ".",
            )
        )
    words.append(
        said(
            "模型只在一台试验台上训练(ZeMA),用于其他试验台前须重新训练和检验。",
            "The model was trained on one bench (ZeMA). For any other it must be trained and verified anew.",
        )
    )
    return words


def _newest(found: Read) -> TableBlock:
    rows: list[tuple[Cell, ...]] = []
    for name in TARGETS:
        zh, en, unit = _NAMES[name]
        value, sure = (float(part[name][-1]) for part in (found.classes, found.probability))
        told = np.isfinite(value)
        note = Texts(zh="把握不足", en="unsure") if told and sure < _SURE else None
        classes = ", ".join(f"{label:g}" for label in bench().targets[name].classes)
        rows.append(
            (Texts(zh=zh, en=en), value if told else None, unit, sure if told else None, note, classes)
        )
    heads = (
        ("部件", "component"), ("等级", "class"), ("单位", "unit"), ("概率", "probability"), ("说明", "note"),
        ("可能的等级", "classes there are"),
    )  # fmt: skip
    return table(("最近一个循环", "The newest cycle"), heads, rows)


def _course(name: str, found: Read) -> ChartBlock:
    zh, en, unit = _NAMES[name]
    return over_time(
        (f"{zh}(每循环)", f"{en[0].upper()}{en[1:]} by cycle"),
        found.cycles.ends,
        unit,
        (drawn((zh, en), "points", found.classes[name]),),
    )
