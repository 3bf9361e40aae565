"""The developer's console: what an enterprise published, how far it has come, and its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Input, Output, State, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.developer.dialog import message, question
from tundish_dashboards.developer.field import field_runs_of
from tundish_dashboards.developer.spread import spread_panel
from tundish_dashboards.developer.use import use_panel
from tundish_dashboards.developer.versions import key_entry, version_entry
from tundish_platform.marketplace.publishing import (
    Act,
    PublishRefused,
    keys_of,
    publisher_name,
    take_back,
    versions_of,
)
from tundish_platform.marketplace.publishing import State as VersionState
from tundish_platform.marketplace.publishing.states import from_states
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

SHOWN: Final = 50
_MAX_ID: Final = 2**31 - 1


def developer_page(pages: Pages, path: str) -> Component:
    """Versions, newest first, and keys."""
    view = pages.view(path, Permission.PUBLISH)
    t = view.t
    return html.Div(
        [
            html.Div(
                [
                    html.H1(t("developer.title", tenant=view.name)),
                    html.Div(t("developer.line"), className="aside"),
                ],
                className="page-head",
            ),
            message("developer"),
            components.panel(t("developer.versions"), html.Div(_versions(view), id="developer-versions")),
            components.panel(
                t("developer.field"),
                [html.P(t("developer.field_words"), className="muted"), *field_runs_of(view)],
            ),
            spread_panel(view),
            use_panel(view),
            components.panel(
                t("developer.keys"),
                [html.P(t("developer.keys_words"), className="muted"), _keys(view)],
            ),
            *question(t, "developer"),
        ]
    )


def register_developer(pages: Pages) -> None:
    """Taking a version back, after a question."""

    @pages.on_tenant(
        Output("developer-dialog", "opened"),
        Output("developer-title", "children"),
        Output("developer-words", "children"),
        Output("developer-wish", "data"),
        Input({"role": "developer-withdraw", "number": ALL}, "n_clicks"),
        Input("developer-no", "n_clicks"),
        initially=False,
        permission=Permission.PUBLISH,
    )
    def ask(view: TenantView, _clicks: object, _no: object) -> tuple[Any, ...]:
        if not (asked := wishes.click()):
            return False, no_update, no_update, None
        number = wishes.whole(asked.get("number"), "the version", 0, _MAX_ID, 0)
        return True, view.t("developer.withdraw_title"), view.t("developer.withdraw_words"), number

    @pages.on_tenant(
        Output("developer-dialog", "opened", allow_duplicate=True),
        Output("developer-message", "children"),
        Output("developer-versions", "children"),
        Input("developer-yes", "n_clicks"),
        State("developer-wish", "data"),
        State("developer-reason", "value"),
        initially=False,
        permission=Permission.PUBLISH,
    )
    def act(view: TenantView, clicks: object, wish: object, reason: object) -> tuple[Any, ...]:
        if not clicks or wish is None:
            return False, no_update, no_update
        number = wishes.whole(wish, "the version", 0, _MAX_ID, 0)
        said = _withdraw(view, number, wishes.word(reason, "the reason", 2_000))
        return False, said, _versions(view)


def _withdraw(view: TenantView, number: int, reason: str) -> Component:
    try:
        with view.context.metadata.above(Above.PACKAGES).session() as session:
            take_back(session, view.scope, number, reason, utc_now())
    except PublishRefused as error:
        return components.refused(view.t, error)
    return components.done(view.t("developer.withdrawn"))


def _versions(view: TenantView) -> Component:
    t = view.t
    with view.context.metadata.session() as session:
        found = versions_of(session, view.scope, limit=SHOWN)
    if not found:
        return components.nothing(t("developer.none"), t("developer.none_then"))
    may = from_states(Act.WITHDRAW)
    return components.entries(
        [
            version_entry(
                t,
                view.formats,
                one,
                [_withdraw_button(view, one.id, f"{one.app} {one.version}")]
                if VersionState(one.state) in may
                else [],
            )
            for one in found
        ]
    )


def _withdraw_button(view: TenantView, number: int, name: str) -> Component:
    words = view.t("developer.withdraw")
    return components.quiet(words, {"role": "developer-withdraw", "number": number}, f"{words} {name}")


def _keys(view: TenantView) -> Component:
    t = view.t
    with view.context.metadata.session() as session:
        name, keys = publisher_name(session, view.scope), keys_of(session, view.scope)
    if name is None:
        return components.nothing(t("developer.no_publisher"), t("developer.no_publisher_then"))
    return html.Div(
        [
            html.P(t("developer.as", name=name)),
            components.entries([key_entry(t, view.formats, key) for key in keys]),
        ]
    )
