"""The screen: the report as the bank would see it, and nothing beyond it."""

from __future__ import annotations

from typing import Any

from tundish_app_credit_report.indices import LEAST_MONTHS
from tundish_platform.sdk import Cell, Column, Screen, TableBlock, TextBlock, Texts


def too_little(months: int) -> Screen:
    """What is shown where no report can be made."""
    return Screen(
        blocks=(
            _said(
                f"完整月份只有 {months} 个,至少需要 {LEAST_MONTHS} 个且最初三个月有产出;没有生成报告。",
                f"{months} whole months; {LEAST_MONTHS} are needed, and output in the first three. "
                "No report was made.",
            ),
        )
    )


def screen(made: dict[str, Any]) -> Screen:
    """Figures, months, and the statement."""
    statement = made["statement"]
    return Screen(
        blocks=(
            _said(
                "报告已由平台签名保存。是否共享由本企业决定;撤回授权或停止订阅后,验证码立即失效。",
                "The report is sealed and kept. Sharing it is up to you; withdraw a grant or stop the "
                "subscription, and its code opens nothing.",
            ),
            _figures(made),
            _months(made),
            _said(statement["zh"], statement["en"]),
        )
    )


def _figures(made: dict[str, Any]) -> TableBlock:
    rows: tuple[tuple[Cell, ...], ...] = (
        (
            Texts(zh="产量趋势(每月)", en="trend of output, each month"),
            made["output_trend_percent_a_month"],
            "%",
        ),
        (Texts(zh="产量稳定性", en="stability of output"), made["output_stability"], None),
        (Texts(zh="订单兑现比例", en="share of orders served"), made["orders_served"], None),
        (
            Texts(zh="用电天数比例", en="share of days with consumption"),
            made["electricity"]["days_used"],
            None,
        ),
        (
            Texts(zh="有电量数据的天数比例", en="share of days measured"),
            made["electricity"]["days_measured"],
            None,
        ),
        (
            Texts(zh="有数据的月份比例", en="share of months with data"),
            made["coverage"]["months_with_data"],
            None,
        ),
    )
    return _table("经营概况", "Operation", (("项目", "figure"), ("值", "value"), ("单位", "unit")), rows)


def _months(made: dict[str, Any]) -> TableBlock:
    rows = tuple(
        (
            one["month"],
            float(one["output_index"]),
            None if one["order_index"] is None else float(one["order_index"]),
        )
        for one in made["months"]
    )
    heads = (("月份", "month"), ("产量指数", "output"), ("订单指数", "orders"))
    return _table(
        "逐月指数(最初三个月均值=100)", "Indices (mean of the first three months = 100)", heads, rows
    )


def _table(
    zh: str, en: str, heads: tuple[tuple[str, str], ...], rows: tuple[tuple[Cell, ...], ...]
) -> TableBlock:
    columns = tuple(Column(name=Texts(zh=one, en=other)) for one, other in heads)
    return TableBlock(title=Texts(zh=zh, en=en), columns=columns, rows=rows)


def _said(zh: str, en: str) -> TextBlock:
    return TextBlock(text=Texts(zh=zh, en=en))
