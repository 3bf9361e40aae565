"""The screen: the chart of the chosen signal, what it is worth, and an overview of all signals."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.spc import ENOUGH_VALUES
from tundish_platform.sdk import Cell, ChartBlock, Column, Screen, Series, TableBlock, TextBlock, Texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_analytics.spc import Capability
    from tundish_app_spc_monitor.app import Judged

_VERDICTS: Final = {
    "in_control": Texts(zh="受控:未发现判异点", en="in control: no point was flagged"),
    "signals": Texts(zh="有判异点,请查找特殊原因", en="points were flagged: look for a special cause"),
    "limits_invalid": Texts(zh="控制限无效,不作判断", en="limits are invalid, so nothing is judged"),
}
_OVERVIEW_ROWS: Final = 60


def empty_screen() -> Screen:
    """What is shown when there is nothing to chart."""
    return Screen(
        blocks=(
            _text(
                "窗口内没有可用的数值信号:至少需要20个良好且有变化的点。应用没有猜测。",
                "No usable numeric signal in the window: at least 20 good points that vary are needed. "
                "Nothing was guessed.",
                warning=True,
            ),
        )
    )


def screen(chosen: Judged, judged: list[Judged], ability: Capability | None) -> Screen:
    """Chart, words and overview."""
    words = [_headline(chosen), *_warnings(chosen), _ability(ability)]
    return Screen(blocks=(*words, _chart(chosen), *_flags(chosen), _overview(judged)))


def _headline(chosen: Judged) -> TextBlock:
    signal, verdict = chosen.series.signal, _VERDICTS[chosen.verdict]
    return _text(
        f"{signal.name_zh}({signal.path}):{verdict.zh}。", f"{signal.name_en} ({signal.path}): {verdict.en}."
    )


def _warnings(chosen: Judged) -> list[TextBlock]:
    series = chosen.series
    found = f"{series.correlation:.2f}", f"{series.bound:.2f}"
    said = []
    if not series.independent:
        said.append(
            _text(
                f"一阶自相关 {found[0]} 超过界限 ±{found[1]}(2/√N),抽稀也未能消除,控制限不成立。",
                f"Lag-1 autocorrelation {found[0]} is beyond ±{found[1]} (2/√N) even after thinning: "
                "limits of an individuals chart do not hold.",
                warning=True,
            )
        )
    if series.step > 1:
        said.append(
            _text(
                f"为消除自相关,每 {series.step} 个样本取1个入图。",
                f"To remove autocorrelation, 1 of every {series.step} samples is charted.",
            )
        )
    missing = int(np.isnan(series.points).sum())
    if missing:
        said.append(
            _text(
                f"{missing} 处缺失或状态不良,未补值,判异准则在该处重新开始。",
                f"{missing} places are missing or bad; nothing was filled in, the run rules restart there.",
            )
        )
    return said


def _ability(ability: Capability | None) -> TextBlock:
    if ability is None:
        return _text(
            "未计算 Cpk:没有给定规格限,或控制限无效。",
            "No Cpk: no specification limit was given, or the control limits are invalid.",
        )
    figures = f"Cpk {ability.cpk:.2f} ({ability.low:.2f} – {ability.high:.2f}, 95 %)"
    few = (f";不足{ENOUGH_VALUES}点,仅供参考", f"; preliminary, below {ENOUGH_VALUES} points")
    return _text(*(figures + (words if ability.preliminary else "") for words in few))


def _chart(chosen: Judged) -> ChartBlock:
    series, chart = chosen.series, chosen.chart
    flagged = chosen.flagged
    points = _numbers(series.points)
    lines = [Series(name=Texts(zh="测量值", en="value"), style="line", y=points)]
    limits = (
        (Texts(zh="中心线", en="centre"), chart.centre),
        (Texts(zh="上控制限", en="upper limit"), chart.upper),
        (Texts(zh="下控制限", en="lower limit"), chart.lower),
    )
    for name, level in limits if chosen.valid else limits[:1]:
        lines.append(Series(name=name, style="limit", y=(level,) * len(points)))
    alarms = tuple(y if i in flagged else None for i, y in enumerate(points))
    lines.append(Series(name=Texts(zh="判异点", en="flagged"), style="alarm", y=alarms))
    return ChartBlock(
        title=Texts(
            zh=f"单值控制图:{series.signal.name_zh}", en=f"Individuals chart: {series.signal.name_en}"
        ),
        x=_moments(series.times),
        x_name=Texts(zh="源时间", en="source time"),
        unit=series.signal.unit,
        series=tuple(lines),
    )


def _flags(chosen: Judged) -> list[TableBlock]:
    moments = _moments(chosen.series.times)
    rows = [
        (
            Texts(zh=f"{rule.key} {rule.text_zh}", en=f"{rule.key} {rule.text_en}"),
            moments[i].isoformat(),
            float(chosen.series.points[i]),
        )
        for rule, found in chosen.flags
        for i in found[-10:]
    ]
    heads = (("准则", "rule"), ("时间", "time"), ("值", "value"))
    title = Texts(zh="判异点(每条准则最近10个)", en="Flagged points (latest 10 of each rule)")
    return [_table(title, heads, rows)] if rows else []


def _overview(judged: list[Judged]) -> TableBlock:
    rows = [
        (
            j.series.signal.path,
            float(j.series.count),
            j.chart.centre,
            j.chart.sigma,
            j.series.correlation,
            float(len(j.flagged)) if j.valid else None,
            _VERDICTS[j.verdict],
        )
        for j in judged[:_OVERVIEW_ROWS]
    ]
    heads = (
        ("信号", "signal"), ("点数", "points"), ("均值", "mean"), ("σ(MR̄/1.128)", "sigma (mean MR / 1.128)"),
        ("一阶自相关", "lag-1 autocorrelation"), ("判异点", "flagged"), ("结论", "verdict"),
    )  # fmt: skip
    return _table(Texts(zh="全部信号", en="All signals"), heads, rows)


def _table(title: Texts, heads: tuple[tuple[str, str], ...], rows: Sequence[tuple[Cell, ...]]) -> TableBlock:
    columns = tuple(Column(name=Texts(zh=zh, en=en)) for zh, en in heads)
    return TableBlock(title=title, columns=columns, rows=tuple(rows))


def _text(zh: str, en: str, *, warning: bool = False) -> TextBlock:
    return TextBlock(text=Texts(zh=zh, en=en), level="warning" if warning else "info")


def _numbers(points: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(p) else p for p in points.tolist())


def _moments(times: NDArray[np.datetime64]) -> tuple[datetime, ...]:
    return tuple(t.replace(tzinfo=UTC) for t in times.astype("datetime64[us]").tolist())
