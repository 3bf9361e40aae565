"""Layout of the quality page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dash_mantine_components as dmc
from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.quality.choice import FIRST_SPAN, SIZES, SPANS
from tundish_dashboards.theme import CHART_CONFIG

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

_REFRESH_MS: Final = 5_000
_SLOW_MS: Final = 30_000
LIMITS: Final = ("lower", "target", "upper")


def quality_page(pages: Pages, path: str) -> Component:
    """The frame; callbacks fill it and keep it fresh."""
    view = pages.view(path)
    t = view.t
    rebase = components.quiet(t("spc.rebase"), "quality-rebase")
    ways = [rebase, html.Span(id="quality-link")]
    return html.Div(
        [
            _head(view),
            components.panel(
                t("spc.chart"),
                [
                    _steering(view),
                    dcc.Graph(
                        id="quality-chart", figure={"data": [], "layout": {"height": 440}},
                        config=CHART_CONFIG, animate=False,
                    ),
                    html.P(t("spc.how"), className="legend"),
                    html.Div(id="quality-said", **components.announced()),
                    html.Div(id="quality-broken"),
                ],
                aside=html.Div(ways, className="entry-buttons"),
            ),
            html.Div(
                [
                    components.panel(t("spc.capability"), [_limits(view), html.Div(id="quality-ability")]),
                    components.panel(
                        t("spc.pareto"), html.Div(id="quality-pareto"),
                        aside=components.select("quality-subject", t("spc.pareto_of"), [], None, 240),
                    ),
                ],
                className="columns halves",
            ),
            components.panel(t("piece.title"), _search(view)),
            dcc.Store(id="quality-asked"),
            dcc.Store(id="quality-baseline"),
            dcc.Store(id="quality-shown"),
            dcc.Store(id="quality-width"),
            dcc.Interval(id="quality-tick", interval=_REFRESH_MS),
            dcc.Interval(id="quality-slow", interval=_SLOW_MS),
        ]
    )  # fmt: skip


def _head(view: TenantView) -> Component:
    t = view.t
    return html.Div(
        [
            html.H1(t("spc.title", tenant=view.name)),
            components.select("quality-line", t("plant.line"), [], None, 240),
            html.Div(t("plant.zone", zone=view.formats.zone.key), className="aside"),
        ],
        className="page-head",
    )


def _steering(view: TenantView) -> Component:
    t = view.t
    signal = dmc.Select(
        id="quality-signal", data=[], searchable=True, limit=200, size="xs", w=320, allowDeselect=False,
        nothingFoundMessage=t("trend.nothing_found"), **components.labelled(t("spc.characteristic")),
    )  # fmt: skip
    span = dmc.SegmentedControl(
        id="quality-span", value=FIRST_SPAN, size="xs",
        data=[{"value": name, "label": t(f"window.{name}")} for name in SPANS],
        **components.labelled(t("trend.window")),
    )  # fmt: skip
    sizes = [{"value": n, "label": t("spc.single") if n == "1" else t("spc.groups_of", n=n)} for n in SIZES]
    word = html.Div(components.select("quality-word", t("spc.word"), [], None, 200), id="quality-word-box")
    return html.Div(
        [
            signal,
            html.Div(span, className="explorer-spans"),
            components.select("quality-size", t("spc.size"), sizes, SIZES[0], 140),
            word,
        ],
        className="controls explorer-controls",
    )


def _limits(view: TenantView) -> Component:
    """Specification limits are stated by whoever asks; they stand in the link of the view."""
    t = view.t
    fields = [
        dmc.NumberInput(
            id=f"quality-{name}", size="xs", w=130, debounce=600, placeholder=t(f"spc.{name}"),
            **components.labelled(t(f"spc.{name}")),
        )
        for name in LIMITS
    ]  # fmt: skip
    return html.Div(fields, className="controls")


def _search(view: TenantView) -> list[Component]:
    t = view.t
    field = dmc.TextInput(
        id="quality-piece", value="", debounce=500, size="xs", w=320, placeholder=t("piece.search"),
        **components.labelled(t("piece.search")),
    )  # fmt: skip
    return [
        html.Div(field, className="controls", role="search", **components.labelled(t("piece.title"))),
        html.Div(id="quality-genealogy", **components.announced()),
    ]
