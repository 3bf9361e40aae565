"""What the catalogue is looked through by: words, industry, problem, order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dash_mantine_components as dmc
from dash import html

from tundish_dashboards import components, wishes
from tundish_platform.marketplace.categories import PROBLEMS, counts, industries
from tundish_platform.marketplace.search import Order, Wish

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView

ALL: Final = "all"
FIELDS: Final = ("market-words", "market-industry", "market-problem", "market-order")
_TYPING_MS: Final = 300
_LONGEST: Final = 200


def filters(view: TenantView) -> Component:
    """The fields, with how many apps each choice leaves."""
    t = view.t
    by_industry, by_problem = counts(app.manifest for app in view.context.catalogue.apps.values())
    shelves = [_choice(ALL, t("market.all_industries"))]
    for code, number in by_industry.items():
        name = industries().get(code)
        said = f"{code} {t.of(name.zh, name.en)}" if name else code
        shelves.append(_choice(code, t("market.shelf", name=said, n=number)))
    problems = [_choice(ALL, t("market.all_problems"))]
    problems += [
        _choice(name, t("market.shelf", name=t(f"problem.{name}"), n=number))
        for name, number in by_problem.items()
    ]
    orders = [_choice(one.value, t(f"market_order.{one}")) for one in (Order.FIT, Order.NAME, Order.NEWEST)]
    words, industry, problem, order = FIELDS
    return html.Div(
        [
            dmc.TextInput(
                id=words, value="", debounce=_TYPING_MS, size="xs",
                placeholder=t("market.words"), className="market-words",
                **components.labelled(t("market.words")),
            ),
            components.select(industry, t("market.industry"), shelves, ALL),
            components.select(problem, t("market.problem"), problems, ALL),
            components.select(order, t("market.order"), orders, Order.FIT.value),
            html.Div(id="market-count", className="muted", role="status", **components.announced()),
        ],
        className="market-filters",
        role="search",
        **components.labelled(t("market.search")),
    )  # fmt: skip


def wish_of(words: object, industry: object, problem: object, order: object) -> Wish:
    """What the fields say."""
    named = wishes.one_of(industry, "the industry", (ALL, *industries()), ALL)
    helped = wishes.one_of(problem, "the problem", (ALL, *PROBLEMS), ALL)
    return Wish(
        wishes.word(words, "the words", _LONGEST),
        "" if named == ALL else named,
        "" if helped == ALL else helped,
        Order(wishes.one_of(order, "the order", [one.value for one in Order], Order.FIT.value)),
    )


def _choice(value: str, label: str) -> dict[str, str]:
    return {"value": value, "label": label}
