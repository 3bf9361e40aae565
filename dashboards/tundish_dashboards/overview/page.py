"""Layout and callbacks of the overview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, State, dcc, html, no_update

from tundish_dashboards.overview.data import Overview, read_overview
from tundish_dashboards.overview.rows import sites, strip, time_basis
from tundish_dashboards.recent import Recent

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

_TICK_MS: Final = 5_000
# Many people watch the same lines: what one of them made the platform read serves the others.
_KEPT_S: Final = 4.0


def overview_page(pages: Pages, path: str) -> Component:
    """The frame of the page; its callback fills it and keeps it fresh."""
    view = pages.view(path)
    t = view.t
    return html.Div(
        [
            html.Div(
                [
                    html.H1(t("overview.title", tenant=view.name)),
                    html.Div(id="overview-basis", className="aside"),
                ],
                className="page-head",
            ),
            html.Div(html.P(t("shell.loading"), className="loading"), id="overview-strip"),
            html.Div(id="overview-sites"),
            html.Div(id="refreshing", hidden=True),
            dcc.Store(id="overview-shown"),
            dcc.Interval(id="overview-tick", interval=_TICK_MS),
        ]
    )


def register_overview(pages: Pages) -> None:
    """What keeps the page fresh."""
    recent: Recent[Overview] = Recent(_KEPT_S)

    @pages.on_tenant(
        Output("overview-basis", "children"),
        Output("overview-strip", "children"),
        Output("overview-sites", "children"),
        Output("overview-shown", "data"),
        Output("beat", "data", allow_duplicate=True),
        Input("overview-tick", "n_intervals"),
        State("overview-shown", "data"),
        initially="shared",
    )
    def look(view: TenantView, tick: object, shown: object) -> tuple[Any, ...]:
        key = (view.scope.tenant_id, view.scope.places(), view.formats.zone.key)
        overview = recent.get(key, lambda: read_overview(view))
        beat = f"{tick}/{overview.clock}"
        now = f"{view.person.language} {overview.clock}"
        if now == shown:
            return no_update, no_update, no_update, no_update, beat
        return time_basis(view, overview), strip(view, overview), sites(view, overview), now, beat
