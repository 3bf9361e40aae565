"""An app's own page: a list of panels, each from a module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, dcc, html

from tundish_dashboards import components
from tundish_dashboards.market.about import about_panel
from tundish_dashboards.market.asking import asking, changed_on
from tundish_dashboards.market.halted import halted_panel
from tundish_dashboards.market.inputs import inputs_panel, register_inputs
from tundish_dashboards.market.look import AppLook, look_at
from tundish_dashboards.market.rating import rating_panel, register_rating
from tundish_dashboards.market.records import questions_panel, records_panel, register_records
from tundish_dashboards.market.result import register_result, result_panel
from tundish_dashboards.market.terms import terms_panel
from tundish_dashboards.market.upgrades import register_upgrades, upgrades_panel
from tundish_dashboards.market.versions import versions_panel
from tundish_dashboards.money.life import register_life, subscription_panel
from tundish_dashboards.routes import Page, Route
from tundish_platform.marketplace import UnknownApp

if TYPE_CHECKING:
    from collections.abc import Callable

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

    Panel = Callable[[AppLook], Component | None]

# From top to bottom. A panel that has nothing to say for this app gives None.
PANELS: Final[tuple[Panel, ...]] = (
    about_panel,
    halted_panel,
    inputs_panel,
    records_panel,
    questions_panel,
    result_panel,
    rating_panel,
    subscription_panel,
    upgrades_panel,
    terms_panel,
    versions_panel,
)
# What else registers callbacks for its panel.
REGISTRIES: Final[tuple[Callable[[Pages], None], ...]] = (
    register_inputs,
    register_records,
    register_result,
    register_rating,
    register_life,
    register_upgrades,
)


def app_page(pages: Pages, path: str) -> Component:
    """The app's name and its panels; they are made again when the subscription changed."""
    view = pages.view(path)
    return html.Div(
        [
            html.Div(_head(view), className="page-head"),
            *asking(view, Page.APP),
            html.Div(_panels(view), id="app-panels"),
        ]
    )


def register_app(pages: Pages) -> None:
    """Refreshing the panels. The dialog's callbacks belong to the market's page, which has it, too."""
    for register in REGISTRIES:
        register(pages)

    @pages.on_tenant(Output("app-panels", "children"), Input(changed_on(Page.APP), "data"), initially=False)
    def refresh(view: TenantView, _changed: object) -> Any:  # noqa: ANN401 - a list of components
        return _panels(view)


def _head(view: TenantView) -> list[Component]:
    app = view.context.catalogue.apps.get(view.app)
    name = view.t.of(app.manifest.name.zh, app.manifest.name.en) if app else view.app
    back = dcc.Link(view.t("app.back"), href=Route(Page.MARKET, view.scope.slug).path, id="app-back")
    return [html.H1(name), html.Div(back, className="aside")]


def _panels(view: TenantView) -> list[Component]:
    try:
        look = look_at(view)
    except UnknownApp:
        return [components.nothing(view.t("market.unknown_app"), view.t("app.gone"))]
    shown = (panel(look) for panel in PANELS)
    return [one for one in shown if one is not None]
