"""How a publisher's apps are used, by month and industry, where enough tenants are behind a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import html

from tundish_dashboards import components
from tundish_platform.marketplace.categories import industries
from tundish_platform.marketplace.publishing import own_apps
from tundish_platform.ratings import use_of
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.ratings import Use

_COLUMNS: Final = ("month", "industry", "tenants", "runs")
_SHOWN: Final = 40
_ALL: Final = "*"


def use_panel(view: TenantView) -> Component:
    """A table for each app, or that there are not enough tenants yet."""
    t, metadata = view.t, view.context.metadata
    shelf, body = list(view.context.catalogue.apps), []
    with metadata.session() as session, metadata.above(Above.RATINGS).session() as above:
        for app in own_apps(session, view.scope):
            used = use_of(session, above, view.scope, app, shelf, utc_now())[:_SHOWN]
            head = [t(f"developer.use_{column}") for column in _COLUMNS]
            rows = [_row(view, one) for one in used]
            shown = components.table(head, rows, app) if rows else html.P(t("developer.no_use"))
            body += [html.H3(app), shown]
    words = html.P(t("developer.use_words"), className="muted")
    return components.panel(t("developer.use"), [words, *body], id="developer-use")


def _row(view: TenantView, one: Use) -> list[object]:
    t = view.t
    name = industries().get(one.industry)
    known = t.of(name.zh, name.en) if name else one.industry
    return [
        one.month, t("developer.use_all") if one.industry == _ALL else known,
        t("rating.at_least", n=one.at_least), "–" if one.runs is None else view.formats.number(one.runs, 0),
    ]  # fmt: skip
