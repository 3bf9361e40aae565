"""The screen: how unusual each window was, which signals made it so, and what nothing is said about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.sdk import Screen, Texts
from tundish_platform.sdk.blocks import drawn, only, over_time, said, table

if TYPE_CHECKING:
    from tundish_app_anomaly_watch.watched import Watched
    from tundish_platform.sdk import ChartBlock, TableBlock, TextBlock

_MOST_PARTS: Final = 10
_FLOOR: Final = 1e-4


def missing_screen() -> Screen:
    """Said when no signal fits."""
    return only(
        "没有周期不超过300秒的模拟量信号。请接入同一设备的至少5个信号;应用没有猜测。",
        "There is no analogue signal with at most 300 s between samples. Connect at least five of one "
        "machine; nothing was guessed.",
    )


def few_screen(machine: str, count: int) -> Screen:
    """Said when the machine has too few signals."""
    return only(
        f"设备 {machine} 只有 {count} 个周期已知的模拟量信号,至少需要5个,未作判断。",
        f"{machine or 'The machine'} has {count} analogue signals of known period; five are needed, so "
        "nothing was judged.",
    )


def short_screen(machine: str, why: str) -> Screen:
    """Said when there is too little to learn from."""
    return only(
        f"{machine}:可学习的数据不足,未作判断。所需:{why}。",
        f"{machine}: too little to learn from, so nothing was judged. Needed: {why}.",
    )


def screen(machine: str, found: Watched) -> Screen:
    """Everything about one machine."""
    return Screen(blocks=(*_words(machine, found), _course(found), *_parts(found), _signals(found)))


def _words(machine: str, found: Watched) -> list[TextBlock]:
    told, alarms = int(np.isfinite(found.unusual).sum()), int(found.alarms.sum())
    words = [
        said(
            f"{machine}:判断 {told} 个窗口,其中 {alarms} 个异常(设定误报率 {found.alpha:.1%},"
            f"学习了 {found.learnt} 个窗口)。",
            f"{machine}: {told} windows judged, {alarms} of them unusual (rate of false alarms set to "
            f"{found.alpha:.1%}; learnt from {found.learnt} windows).",
            warning=alarms > 0,
        ),
        said(
            "“异常”指与本机此前一天不同,不说明原因;贡献不等于原因。持续超过一天的异常会被当作常态。",
            "Unusual means unlike this machine's own day before and tells no cause; a contribution is no "
            "cause. What lasts longer than a day is taken for normal.",
        ),
    ]
    silent, moving = int((~np.isfinite(found.unusual) & ~found.moving).sum()), int(found.moving.sum())
    if silent or moving:
        words.append(
            said(
                f"未作判断的窗口:数据不足 {silent} 个,工况切换中 {moving} 个。",
                f"Nothing is said about {silent} windows with too few samples and {moving} in which the "
                "operating mode changed.",
            )
        )
    return words


def _course(found: Watched) -> ChartBlock:
    p = np.maximum(1 - found.unusual, _FLOOR)
    told = -np.log10(p)
    limit = np.full(told.size, -np.log10(found.alpha))
    return over_time(
        ("异常程度(−lg p;虚线以上为异常)", "How unusual (−lg p; unusual above the line)"),
        found.ends,
        "1",
        (
            drawn(("异常程度", "how unusual"), "line", told),
            drawn(("界限", "limit"), "limit", limit),
            drawn(("异常", "unusual"), "alarm", np.where(found.alarms, told, np.nan)),
        ),
    )


def _parts(found: Watched) -> list[TableBlock]:
    if found.told_at is None or not found.alarms.any():
        return []
    rows = [
        (
            Texts(zh=f"{part.signal.name_zh}({part.zh})", en=f"{part.signal.name_en} ({part.en})"),
            part.signal.path,
            part.share,
            _number(part.value),
            part.expected,
            part.signal.unit,
        )
        for part in found.parts[:_MOST_PARTS]
    ]
    heads = (
        ("信号", "signal"), ("路径", "path"), ("贡献", "contribution"), ("值", "value"), ("预期", "expected"),
        ("单位", "unit"),
    )  # fmt: skip
    at = np.datetime_as_string(found.told_at, unit="s")
    return [table((f"贡献最大的信号({at} UTC)", f"Signals that contribute most ({at} UTC)"), heads, rows)]


def _signals(found: Watched) -> TableBlock:
    rows = [(Texts(zh=s.name_zh, en=s.name_en), s.path, s.unit) for s in found.signals]
    heads = (("信号", "signal"), ("路径", "path"), ("单位", "unit"))
    return table(("看护的信号", "Signals watched"), heads, rows)


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
