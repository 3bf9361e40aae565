"""The screen: one's own figures beside the quartiles of peers, and the reason where there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_platform.sdk import Cell, Column, Screen, TableBlock, TextBlock, Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_app_peer_benchmark.places import Place

_NAMES: Final = {
    "oee": Texts(zh="OEE 设备综合效率", en="OEE"),
    "fpy": Texts(zh="一次合格率", en="first-pass yield"),
    "kwh_per_piece": Texts(zh="单件能耗(千瓦时,越低越好)", en="energy per piece (kWh, lower is better)"),
    "mtbf_h": Texts(zh="平均无故障运行时间(小时)", en="operating time between failures (h)"),
}
_REASONS: Final = {
    "few": Texts(zh="可比企业不足,不予显示", en="too few enterprises to compare with; not shown"),
    "not_registered": Texts(zh="企业未在名录登记,不参与对标", en="the enterprise is not on the register"),
    "not_given": Texts(
        zh="上月未提供该指标,从提供后的下个月起可比",
        en="nothing was given last month; compared from the next on",
    ),
}
_SIZES: Final = {
    "large": ("大型", "large"), "medium": ("中型", "medium"), "small": ("小型", "small"),
    "micro": ("微型", "micro"),
}  # fmt: skip
_HEADS: Final = (
    ("指标", "figure"), ("本企业", "own"), ("下四分位", "lower quartile"), ("中位数", "median"),
    ("上四分位", "upper quartile"), ("位置(4最好)", "quarter (4 is best)"),
    ("距最好四分之一", "to the best quarter"),
    ("对标范围", "compared with"),
)  # fmt: skip


def screen(places: Sequence[Place], size: str | None) -> Screen:
    """The table, and words on what it rests on."""
    zh, en = _SIZES.get(size or "", ("未填写", "not answered"))
    columns = tuple(Column(name=Texts(zh=one, en=other)) for one, other in _HEADS)
    table = TableBlock(
        title=Texts(zh="本企业与同业", en="Own figures and peers"),
        columns=columns,
        rows=tuple(_row(place) for place in places),
    )
    return Screen(
        blocks=(
            TextBlock(
                text=Texts(
                    zh=f"规模:{zh}。四分位由平台按上一个完整月计算,每格至少另有五家企业,取整到两位有效数字。",
                    en=f"Size: {en}. Quartiles are the platform's, of the last whole month, of five other "
                    "enterprises at least, rounded to two digits.",
                )
            ),
            table,
        )
    )


def _row(place: Place) -> tuple[Cell, ...]:
    cell = place.cell
    if cell is None:
        return (_NAMES[place.figure], place.own, None, None, None, None, None, _REASONS.get(place.reason))
    quartiles = (cell["q1"], cell["median"], cell["q3"])
    quarter = None if place.quartile is None else float(place.quartile)
    return (_NAMES[place.figure], place.own, *quartiles, quarter, place.gap, _compared(place))


def _compared(place: Place) -> Texts:
    cell = place.cell or {}
    industry, size = str(cell.get("industry") or "*"), str(cell.get("size") or "*")
    zh = ("多个行业" if industry == "*" else f"行业 {industry}") + (
        "" if size == "*" else f" {_SIZES.get(size, ('', ''))[0]}"
    )
    en = ("several industries" if industry == "*" else f"industry {industry}") + (
        "" if size == "*" else f", {_SIZES.get(size, ('', ''))[1]}"
    )
    least = cell.get("at_least")
    return Texts(zh=f"{zh}(至少 {least} 家)", en=f"{en} (at least {least})") if least else Texts(zh=zh, en=en)
