"""The screen: the cases with their evidence, both powers around the surest, and what was left out."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.sdk import ChartBlock, Column, Screen, Series, TableBlock, TextBlock, Texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_app_pollution_check.cases import Case, Judgement
    from tundish_app_pollution_check.minutes import Minutes
    from tundish_app_pollution_check.thresholds import Threshold

    Bounds = tuple[Threshold, Threshold]

_ROWS: Final = 100
_AROUND: Final = 60
_MOST_POINTS: Final = 2_000
_HEADS: Final = (
    ("开始", "from", ""), ("结束", "to", ""), ("时长", "duration", "min"),
    ("生产功率", "production power", "kW"), ("治污功率", "treatment power", "kW"),
    ("通常治污功率", "usual treatment power", "kW"), ("可信度", "confidence", "1"),
)  # fmt: skip


def cannot_tell(production: bool, treatment: bool) -> Screen:
    """What is shown where no state can be told from a power."""
    which = [("生产", "production")] * production + [("治污设施", "treatment")] * treatment
    zh, en = "、".join(z for z, _ in which), " and ".join(e for _, e in which)
    return Screen(
        blocks=(
            _said(
                f"{zh}功率分不出开与停两种状态(点数不足240分钟,或一直开、一直停),无法判断,没有猜测。",
                f"The power of {en} does not show two states, on and off (less than 240 minutes of it, or "
                "always the same), so nothing is judged and nothing guessed.",
                warning=True,
            ),
        )
    )


def screen(grid: Minutes, bounds: Bounds, found: Judgement, excluded: NDArray[np.bool_]) -> Screen:
    """Words, cases and evidence."""
    blocks: list[TextBlock | TableBlock | ChartBlock] = [_verdict(found), _reckoning(bounds, found, excluded)]
    if found.cases:
        blocks += [_cases(found), _chart(grid, bounds, max(found.cases, key=lambda case: case.confidence))]
    return Screen(blocks=tuple(blocks))


def _verdict(found: Judgement) -> TextBlock:
    minutes = sum(case.minutes for case in found.cases)
    if not found.cases:
        return _said(
            "没有发现生产运行而治污设施停运的时段。",
            "No stretch was found in which production ran untreated.",
        )
    return _said(
        f"发现 {len(found.cases)} 个可疑时段,共 {minutes} 分钟;须经现场核实,本结果不是违法认定。",
        f"{len(found.cases)} suspicious stretches, {minutes} minutes together. To be verified on site; "
        "this is no finding of a breach.",
        warning=True,
    )


def _reckoning(bounds: Bounds, found: Judgement, excluded: NDArray[np.bool_]) -> TextBlock:
    made, treated = (f"{bound.level:.3g} kW" for bound in bounds)
    share, left_out = f"{found.judged.mean():.0%}", int(excluded.sum())
    return _said(
        f"生产开机阈值 {made},治污开机阈值 {treated};可判断时间 {share},扣除检修 {left_out} 分钟。",
        f"Production counts as on from {made}, treatment from {treated}; {share} of the time could be "
        f"judged, {left_out} minutes of planned maintenance were left out.",
    )


def _cases(found: Judgement) -> TableBlock:
    rows = tuple(
        (
            case.starts_at.isoformat(), case.ends_at.isoformat(), float(case.minutes), case.production,
            case.treatment, case.expected, round(case.confidence, 2),
        )
        for case in found.cases[-_ROWS:]
    )  # fmt: skip
    columns = tuple(Column(name=Texts(zh=zh, en=en), unit=unit) for zh, en, unit in _HEADS)
    return TableBlock(title=Texts(zh="可疑时段", en="Suspicious stretches"), columns=columns, rows=rows)


def _chart(grid: Minutes, bounds: Bounds, case: Case) -> ChartBlock:
    part = slice(max(0, case.first - _AROUND), min(grid.times.size, case.last + _AROUND))
    step = max(1, (part.stop - part.start) // _MOST_POINTS)
    picked = slice(part.start, part.stop, step)
    moments = tuple(at.replace(tzinfo=UTC) for at in grid.times[picked].astype("datetime64[us]").tolist())
    lines = (
        (("生产功率", "production"), "line", _numbers(grid.production[picked])),
        (("治污功率", "treatment"), "line", _numbers(grid.treatment[picked])),
        (("生产开机阈值", "production on from"), "limit", (bounds[0].level,) * len(moments)),
        (("治污开机阈值", "treatment on from"), "limit", (bounds[1].level,) * len(moments)),
    )
    return ChartBlock(
        title=Texts(zh="最可信时段前后一小时", en="The surest stretch, an hour around it"),
        x=moments, x_name=Texts(zh="源时间", en="source time"), unit="kW",
        series=tuple(
            Series(name=Texts(zh=zh, en=en), style="limit" if style == "limit" else "line", y=y)
            for (zh, en), style, y in lines
        ),
    )  # fmt: skip


def _numbers(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else value for value in values.tolist())


def _said(zh: str, en: str, *, warning: bool = False) -> TextBlock:
    return TextBlock(text=Texts(zh=zh, en=en), level="warning" if warning else "info")
