"""Layout of the signal explorer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dash_mantine_components as dmc
from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.explorer.found import ANY, kind_words, quantities
from tundish_dashboards.explorer.notes import note_form
from tundish_dashboards.explorer.reading import MOST_SIGNALS
from tundish_dashboards.explorer.window import COMPARED, FIRST_SPAN, SPANS
from tundish_dashboards.theme import CHART_CONFIG
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

_TYPING_MS: Final = 300
_REFRESH_MS: Final = 10_000
# What moves the window; the browser does the arithmetic, so that a step costs one question only.
STEPS: Final = ("explorer-earlier", "explorer-later", "explorer-out", "explorer-back", "explorer-newest")


def explorer_page(pages: Pages, path: str) -> Component:
    """Search on one side, the chosen signals' chart and figures on the other."""
    view = pages.view(path)
    t = view.t
    zone = html.Div(t("plant.zone", zone=view.formats.zone_text(utc_now())), className="aside")
    return html.Div(
        [
            html.Div([html.H1(t("explorer.title", tenant=view.name)), zone], className="page-head"),
            html.Div(
                [
                    html.Div(
                        [
                            components.panel(
                                t("explorer.chart", n=MOST_SIGNALS),
                                [
                                    _steering(view),
                                    html.Div(id="explorer-said", role="status", **components.announced()),
                                    dcc.Graph(
                                        id="explorer-chart",
                                        figure={"data": [], "layout": {"height": 60}},
                                        config=CHART_CONFIG,
                                        animate=False,
                                    ),
                                    html.P(t("explorer.how"), className="legend"),
                                    html.Div(id="explorer-figures"),
                                ],
                                aside=html.Div(id="explorer-ways", className="entry-buttons"),
                            ),
                            components.panel(t("explorer.notes"), note_form(view)),
                        ]
                    ),
                    html.Div(components.panel(t("explorer.search"), _search(view))),
                ],
                className="columns",
            ),
            dcc.Store(id="explorer-chosen"),
            dcc.Store(id="explorer-window"),
            dcc.Store(id="explorer-shown"),
            dcc.Store(id="explorer-width"),
            dcc.Store(id="explorer-noted"),
            dcc.Interval(id="explorer-tick", interval=_REFRESH_MS),
        ]
    )


def _steering(view: TenantView) -> Component:
    t = view.t
    span = dmc.SegmentedControl(
        id="explorer-span",
        value=FIRST_SPAN,
        size="xs",
        data=[{"value": name, "label": t(f"window.{name}")} for name in SPANS],
        **components.labelled(t("trend.window")),
    )
    steps = [components.quiet(t(name.replace("-", ".")), name) for name in STEPS]
    compared = [{"value": name, "label": t(f"compared.{name}")} for name in COMPARED]
    return html.Div(
        [
            html.Div(span, className="explorer-spans"),
            html.Div(
                steps, className="explorer-steps", role="group", **components.labelled(t("explorer.move"))
            ),
            components.select("explorer-compared", t("explorer.compared"), compared, "none", 190),
        ],
        className="controls explorer-controls",
    )


def _search(view: TenantView) -> list[Component]:
    t = view.t
    kinds = [{"value": ANY, "label": t("explorer.any_kind")}]
    kinds += [{"value": name, "label": kind_words(view, name)} for name in quantities()]
    return [
        html.Div(
            [
                dmc.TextInput(
                    id="explorer-terms",
                    value="",
                    debounce=_TYPING_MS,
                    size="xs",
                    placeholder=t("explorer.terms"),
                    className="grow",
                    **components.labelled(t("explorer.terms")),
                ),
                components.select("explorer-kind", t("explorer.kind"), kinds, ANY, 150),
                dmc.TextInput(
                    id="explorer-unit",
                    value="",
                    debounce=_TYPING_MS,
                    size="xs",
                    w=90,
                    placeholder=t("explorer.unit"),
                    **components.labelled(t("explorer.unit")),
                ),
            ],
            className="controls",
            role="search",
            **components.labelled(t("explorer.search")),
        ),
        html.Div(
            id="explorer-found",
            className="explorer-found",
            tabIndex=0,
            role="region",
            **components.labelled(t("explorer.search")),
        ),
    ]
