"""The screen: change since the beginning, stage, course, and what the time to a limit is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.bearing import BEGINNING, CHANGED_DB, RECENT, SEVERE_DB
from tundish_platform.sdk import Screen, Texts
from tundish_platform.sdk.blocks import drawn, only, over_time, said, table

if TYPE_CHECKING:
    from tundish_analytics.life.degradation import Passage
    from tundish_app_bearing_health.blocks import Blocks
    from tundish_app_bearing_health.health import Health
    from tundish_platform.sdk import Cell, ChartBlock, SignalInfo, TableBlock, TextBlock

_STAGES: Final = {
    "steady": ("平稳", "steady"),
    "changed": ("已变化(翻倍以上),安排检查", "changed (more than doubled): have it looked at"),
    "severe": ("严重(十倍以上),尽快停机检查", "severe (more than tenfold): stop and look soon"),
}
_MOST_POINTS: Final = 1_500
_SILENCE: Final = 5


def missing_screen() -> Screen:
    """Said when there is no vibration."""
    return only(
        "没有振动信号(vibration.velocity.rms、vibration.acceleration.rms 或波形 vibration.acceleration)。"
        "请接入其一;应用没有猜测。",
        "There is no vibration (vibration.velocity.rms, vibration.acceleration.rms, or waveforms of "
        "vibration.acceleration). Connect one; nothing was guessed.",
    )


def rate_screen(signal: SignalInfo) -> Screen:
    """Said when a waveform has no sampling rate."""
    return only(
        f"{signal.path} 旁边没有采样率(frequency.sampling),未作判断。",
        f"Beside {signal.path} there is no sampling rate (frequency.sampling); nothing was judged.",
    )


def few_screen(signal: SignalInfo, blocks: Blocks) -> Screen:
    """Said when there is too little."""
    count, needed = len(blocks.rows), BEGINNING + RECENT
    return only(
        f"{signal.path}:运行中的可用数据段 {count} 个(停机 {blocks.standing} 个),需要 {needed} 个,未作判断。",
        f"{signal.path}: {count} usable blocks while running ({blocks.standing} while standing); {needed} "
        "are needed, so nothing was judged.",
    )


def screen(signal: SignalInfo, blocks: Blocks, health: Health, *, given: bool) -> Screen:
    """Everything about one bearing."""
    return Screen(
        blocks=(
            *_words(signal, blocks, health, given=given),
            _figures(blocks, health),
            _course(blocks, health),
        )
    )


def _words(signal: SignalInfo, blocks: Blocks, health: Health, *, given: bool) -> list[TextBlock]:
    (zh, en), count = _STAGES[health.stage], len(blocks.rows)
    words = [
        said(f"{signal.path}:{zh}。", f"{signal.path}: {en}.", warning=health.stage != "steady"),
        said(
            f"数据段 {count} 个,完整率 {blocks.completeness:.0%};停机 {blocks.standing} 个未计入。",
            f"{count} blocks, {blocks.completeness:.0%} of what was expected; {blocks.standing} while the "
            "machine stood are left out.",
        ),
    ]
    if not given:
        words.append(
            said(
                "以窗口最初60段为正常状态;比7天更慢的劣化看不出来,请把正常值作为参数给定。",
                "The window's first 60 blocks are taken for healthy: what degrades more slowly than the "
                "window of 7 days is not seen. Give the healthy value as a parameter.",
            )
        )
    return [*words, *_time_words(health)]


def _time_words(health: Health) -> list[TextBlock]:
    if health.stage == "steady":
        return [said("劣化尚未开始,不给出时间。", "No degradation has begun, so no time is told.")]
    if health.limit_db is None:
        return [said("没有给定限值,不给出时间。", "No limit was given, so no time is told.")]
    if health.passage is None:
        unsure = "There is no sure drift towards the limit, so no time is told."
        return [said("没有可靠的上升趋势,不给出时间。", unsure)]
    return [
        said(
            "到达限值的时间按目前速度推算,不是寿命。在已有的失效轴承上,真实时间只有0–40 %落在此区间内:"
            "仅作粗略参考。",
            "The time to the limit goes by the present pace and is no life. On recorded bearings the true "
            "time lay within this interval in 0 to 40 % of the cases: a rough hint only.",
            warning=True,
        )
    ]


def _figures(blocks: Blocks, health: Health) -> TableBlock:
    change = health.change
    zh, en = blocks.names[health.leading]
    rows: list[tuple[Cell, ...]] = [
        (
            Texts(zh=f"变化最大的量:{zh}", en=f"{en} (changed most)"),
            change.value,
            change.low,
            change.high,
            "dB",
        )
    ]
    rows += [
        (Texts(zh=name[0], en=name[1]), float(value), None, None, "dB")
        for number, (name, value) in enumerate(zip(blocks.names, change.decibels, strict=True))
        if number != health.leading
    ]
    if health.passage is not None:
        rows.append(_time(health.passage))
    heads = (("量", "quantity"), ("值", "value"), ("下界", "low"), ("上界", "high"), ("单位", "unit"))
    return table(("相对最初的变化", "Change since the beginning"), heads, rows)


def _time(passed: Passage) -> tuple[Cell, ...]:
    ends = (hours if np.isfinite(hours) else None for hours in (passed.median, passed.low, passed.high))
    return (Texts(zh="到达限值(P10–P90)", en="time to the limit (P10 to P90)"), *ends, "h")


def _course(blocks: Blocks, health: Health) -> ChartBlock:
    """The smoothed change; where blocks are missing or the machine stood the line is broken."""
    step = -(-len(health.course) // _MOST_POINTS)
    place = np.arange(len(health.course) - 1, -1, -step)[::-1]
    hours, course = blocks.hours[place], health.course[place]
    gaps = np.diff(hours)
    holes = np.flatnonzero(gaps > _SILENCE * np.median(gaps)) + 1 if gaps.size else np.zeros(0, np.int64)
    hours, course = np.insert(hours, holes, hours[holes - 1]), np.insert(course, holes, np.nan)
    lines = [("翻倍(6 dB)", "doubled (6 dB)", CHANGED_DB), ("十倍(20 dB)", "tenfold (20 dB)", SEVERE_DB)]
    if health.limit_db is not None:
        lines.append(("给定限值", "limit given", health.limit_db))
    return over_time(
        ("振动变化(9段中位数)", "Change of vibration (median of nine blocks)"),
        (hours * 3.6e9).astype("datetime64[us]"),
        "dB",
        (
            drawn(("变化", "change"), "line", course),
            *(drawn((zh, en), "limit", np.full(course.size, level)) for zh, en, level in lines),
        ),
    )
