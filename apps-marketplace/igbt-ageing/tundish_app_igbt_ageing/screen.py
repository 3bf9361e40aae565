"""The screen: progress by each rule, the courses, and what is not claimed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.life import MIN_RECORDS, THRESHOLD_OHM
from tundish_analytics.condition.vce import CRITERION_PERCENT
from tundish_platform.sdk import Screen, Texts
from tundish_platform.sdk.blocks import drawn, only, over_time, said, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_app_igbt_ageing.app import Aged
    from tundish_app_igbt_ageing.resistance import Resistance
    from tundish_app_igbt_ageing.voltage import Drift
    from tundish_platform.sdk import Cell, ChartBlock, TableBlock, TextBlock

_RULES: Final = {
    "vce": ("通态压降 +5 %", "on-state voltage +5 %"),
    "rds": ("导通电阻 +0.05 Ω", "on-resistance +0.05 Ohm"),
    "rth": ("热阻 +20 %", "thermal resistance +20 %"),
}
_MOST_POINTS: Final = 1_500


def missing_screen() -> Screen:
    """Said when nothing that ages is measured."""
    return only(
        "没有通态压降、导通电阻变化或热阻信号。请接入其一;应用没有猜测。",
        "There is no on-state voltage, change of on-resistance or thermal resistance. Connect one of them; "
        "nothing was guessed.",
    )


def screen(aged: Aged, progress: Mapping[str, float]) -> Screen:
    """Everything about the chosen channels."""
    courses = [
        *([_voltage(aged.drift)] if aged.drift else []),
        *([_resistance(aged.resistance)] if aged.resistance else []),
    ]
    return Screen(blocks=(*_words(aged, progress), _figures(aged, progress), *courses))


def _words(aged: Aged, progress: Mapping[str, float]) -> list[TextBlock]:
    reached = [_RULES[key] for key, percent in progress.items() if percent >= 100]  # noqa: PLR2004 - of the way
    words = [
        said(f"已达到失效判据:{zh}。", f"End of life reached by {en}.", warning=True) for zh, en in reached
    ]
    if aged.why_no_voltage is not None:
        zh, en = aged.why_no_voltage
        words.append(
            said(
                f"通态压降无法在相同条件下比较:{zh}。未作判断。",
                f"The on-state voltage cannot be compared like with like: {en}. Nothing is said about it.",
                warning=True,
            )
        )
    if aged.falling:
        words.append(
            said(
                "通态压降下降:+5 %判据针对键合线引起的上升,不适用;应检查阈值与芯片粘接。",
                "The on-state voltage falls: the rule of +5 % is for a rise by bond-wire damage and does not "
                "apply. Look at threshold and die attach.",
                warning=True,
            )
        )
    if aged.drift is not None and aged.drift.own:
        drift = aged.drift
        words.append(
            said(
                f"基线取自本窗口最初的热稳定脉冲:{drift.baseline_v:.4f} V({drift.match_c:.1f} °C)。"
                "试验超过12小时时,请把这两个数作为参数给定,否则基线会随窗口移动。",
                f"The baseline is the window's own first settled pulses: {drift.baseline_v:.4f} V at "
                f"{drift.match_c:.1f} degrees Celsius. For a test beyond 12 hours give both as parameters, "
                "or the baseline moves with the window.",
            )
        )
    return [*words, *_life_words(aged)]


def _life_words(aged: Aged) -> list[TextBlock]:
    words = []
    if aged.drift is not None:
        words.append(
            said(
                "不由通态压降推断剩余寿命:在已有的记录上,外推没有做到(见方法说明)。",
                "No remaining life is told from the voltage: on the recorded device extrapolation failed "
                "(see the card).",
            )
        )
    if aged.resistance is not None and aged.resistance.left is None:
        words.append(
            said(
                f"剩余记录数需要同一器件的 {MIN_RECORDS} 条以上记录,现有 {aged.resistance.delta.size} 条。",
                f"Records left need more than {MIN_RECORDS} records of a device; there are "
                f"{aged.resistance.delta.size}.",
            )
        )
    return words


def _figures(aged: Aged, progress: Mapping[str, float]) -> TableBlock:
    rows: list[tuple[Cell, ...]] = []
    now = aged.drift.newest if aged.drift else None
    if now is not None:
        rows.append(
            (_named("通态压降漂移", "drift of the on-state voltage"), now.percent, now.low, now.high, "%")
        )
    if aged.thermal is not None:
        rows.append(
            (_named("热阻漂移", "drift of the thermal resistance"), aged.thermal.newest, None, None, "%")
        )
    found = aged.resistance
    if found is not None:
        name = f" {found.device}" if found.device else ""
        rows.append(
            (_named(f"导通电阻变化{name}", f"change of on-resistance{name}"), found.smooth, None, None, "Ohm")
        )
        rows.append((_named("剩余记录数", "records left"), found.left, found.low, found.high, "1"))
    rows += [
        (_named(f"进度:{_RULES[key][0]}", f"progress: {_RULES[key][1]}"), percent, None, None, "%")
        for key, percent in progress.items()
    ]
    heads = (("量", "quantity"), ("值", "value"), ("P10", "P10"), ("P90", "P90"), ("单位", "unit"))
    return table(("老化指标", "Ageing"), heads, rows)


def _named(zh: str, en: str) -> Texts:
    return Texts(zh=zh, en=en)


def _voltage(drift: Drift) -> ChartBlock:
    """Drift by windows of five minutes; a window with too few matched pulses stays a hole."""
    columns = np.array(
        [(np.nan,) * 3 if a is None else (a.percent, a.low, a.high) for a in drift.read], np.float64
    )
    limit = np.full(drift.at.size, CRITERION_PERCENT)
    return over_time(
        ("通态压降漂移(5分钟窗口)", "Drift of the on-state voltage (windows of five minutes)"),
        (drift.at * 1e6).astype("datetime64[us]"),
        "%",
        (
            drawn(("漂移", "drift"), "line", columns[:, 0]),
            drawn(("P10", "P10"), "points", columns[:, 1]),
            drawn(("P90", "P90"), "points", columns[:, 2]),
            drawn(("+5 %判据", "rule of +5 %"), "limit", limit),
        ),
    )


def _resistance(found: Resistance) -> ChartBlock:
    step = -(-found.delta.size // _MOST_POINTS)
    # From the newest record backwards, so that the newest is on the chart.
    place = np.arange(found.delta.size - 1, -1, -step)[::-1]
    return over_time(
        (f"导通电阻变化(每 {step} 条记录取1条)", f"Change of the on-resistance (1 of every {step} records)"),
        found.times[place],
        "Ohm",
        (
            drawn(("导通电阻变化", "change of on-resistance"), "points", found.delta[place]),
            drawn(("0.05 Ω判据", "rule of 0.05 Ohm"), "limit", np.full(place.size, THRESHOLD_OHM)),
        ),
    )
