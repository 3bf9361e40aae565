"""The newest screen of a subscribed app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, dcc, html

from tundish_dashboards import components
from tundish_dashboards.market.runs import screens
from tundish_platform.marketplace import runs

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.market.look import AppLook

_SLOW_MS: Final = 5000
# The newest runs may have ended without a screen.
_LOOKED_AT: Final = 10


def result_panel(look: AppLook) -> Component | None:
    """What its last run showed; nothing without a subscription."""
    if look.subscription is None:
        return None
    body = [
        html.Div(_screen(look.view), id="app-result"),
        html.Div(id="refreshing", hidden=True),
        dcc.Interval(id="app-tick", interval=_SLOW_MS),
    ]
    return components.panel(look.view.t("app.result"), body)


def register_result(pages: Pages) -> None:
    """The screen follows the runs."""

    @pages.on_tenant(
        Output("app-result", "children"),
        Output("beat", "data", allow_duplicate=True),
        Input("app-tick", "n_intervals"),
        initially=False,
    )
    def refresh(view: TenantView, ticks: object) -> tuple[Any, ...]:
        return _screen(view), f"{view.app}/{ticks}"


def _screen(view: TenantView) -> list[Component]:
    with view.context.metadata.session() as session:
        found = runs(session, view.scope, view.app, limit=_LOOKED_AT)
    newest = [run for run in found if run.screen is not None][:1]
    return screens(view, newest, subscribed=True)
