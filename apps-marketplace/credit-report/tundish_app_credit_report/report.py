"""The report: rounded indices and shares, what they rest on, what they do not say; nothing else leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tundish_app_credit_report.indices import LEAST_MONTHS, indices, stability, trend

if TYPE_CHECKING:
    from tundish_app_credit_report.operation import Electricity, Operation

_STATEMENT: Final = {
    "zh": "本报告由企业在平台上声明的产品、订单和接入的电量计数得出,指数以最初三个月均值为100;"
    "不含评分、额度或价格建议,不能说明未接入部分的经营情况,也不证明所声明内容真实。",
    "en": "Made from products and orders as the enterprise declared them on the platform, and from its "
    "energy counter. Indices are of the mean of the first three months as 100. No score, limit or price "
    "follows from it; it says nothing of what is not connected, and does not prove that what was declared "
    "is true.",
}


def report(found: Operation, power: Electricity | None) -> dict[str, Any] | None:
    """The content of the document; None for fewer than `LEAST_MONTHS` whole months or a base of nothing."""
    made, orders = indices(found.made), indices(found.orders)
    if len(found.months) < LEAST_MONTHS or made is None:
        return None
    slope, even = trend(found.made), stability(found.made)
    return {
        "months": [
            {"month": month, "output_index": made[n], "order_index": orders[n] if orders else None}
            for n, month in enumerate(found.months)
        ],
        "output_trend_percent_a_month": None if slope is None else round(slope, 1),
        "output_stability": None if even is None else round(even, 2),
        "orders_served": _share(found.served),
        "electricity": {
            "days_measured": _share(power.measured if power else None),
            "days_used": _share(power.used if power else None),
        },
        "coverage": {
            "months": len(found.months),
            "months_with_data": _share(sum(n > 0 for n in found.made) / len(found.months)),
        },
        "statement": _STATEMENT,
    }


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
