"""Layout and callbacks of the page on which alarms are set up: channels, policies, contacts, maintenance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.notices import channels, contacts, policies, windows
from tundish_dashboards.notices.editor import after_saving, number_of, register_editor
from tundish_platform.alarms.notify import ChannelKind
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView


def alarm_settings_page(pages: Pages, path: str) -> Component:
    """What is told to whom, and when nothing is."""
    view = pages.view(path, Permission.CONFIGURE)
    t = view.t
    zone = html.Span(t("plant.zone", zone=view.formats.zone_text(utc_now())))
    back = dcc.Link(t("notices.back"), href=f"/alarms/{view.scope.slug}")
    return html.Div(
        [
            html.Div(
                [html.H1(t("notices.title", tenant=view.name)), html.Div([back, zone], className="aside")],
                className="page-head",
            ),
            html.Div([_channels(view), _log(view)], className="columns"),
            _policies(view),
            contacts.contacts_panel(view),
            _windows(view),
            dcc.Store(id="channel-wish"),
            dcc.Store(id="policy-wish"),
        ]
    )


def _channels(view: TenantView) -> Component:
    new = [
        components.quiet(
            view.t(f"channel_kind.{kind}"),
            {"role": "channel-open", "kind": kind.value, "number": 0},
            view.t("notices.new", kind=view.t(f"channel_kind.{kind}")),
        )
        for kind in ChannelKind
    ]
    parts = [
        html.Div(id="channel-message", **components.announced()),
        html.Div(id="channel-form"),
        html.Div(channels.channel_list(view), id="alarm-channels"),
        html.Div([html.Span(view.t("notices.add"), className="muted"), *new], className="entry-buttons left"),
    ]
    return components.panel(view.t("notices.channels"), parts)


def _log(view: TenantView) -> Component:
    refresh = components.quiet(view.t("notices.refresh"), "notice-refresh")
    return components.panel(
        view.t("notices.log"), html.Div(channels.log(view), id="notice-log"), aside=[refresh]
    )


def _policies(view: TenantView) -> Component:
    new = components.quiet(view.t("notices.new_policy"), {"role": "policy-open", "number": 0})
    parts = [
        html.P(view.t("notices.policies_words"), className="muted"),
        html.Div(id="policy-message", **components.announced()),
        html.Div(id="policy-form"),
        html.Div(policies.policy_list(view), id="alarm-policies"),
    ]
    return components.panel(view.t("notices.policies"), parts, aside=[new])


def _windows(view: TenantView) -> Component:
    parts = [
        html.P(view.t("notices.windows_words"), className="muted"),
        windows.window_form(view),
        html.Div(id="window-message", **components.announced()),
        html.Div(windows.window_list(view), id="maintenance-windows"),
    ]
    return components.panel(view.t("notices.windows"), parts)


def register_alarm_settings(pages: Pages) -> None:
    """Opening and saving the forms, testing and switching channels, planning maintenance."""
    _register_channels(pages)
    register_editor(pages, policies.POLICIES)
    contacts.register_contacts(pages)

    @pages.on_tenant(
        Output("notice-log", "children"),
        Input("notice-refresh", "n_clicks"),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def refresh(view: TenantView, _clicks: object) -> object:
        return channels.log(view)

    @pages.on_tenant(
        Output("maintenance-windows", "children"),
        Output("window-message", "children"),
        Output("window-reason", "value"),
        Input("window-plan", "n_clicks"),
        Input({"role": "window-end", "number": ALL}, "n_clicks"),
        State("window-path", "value"),
        State("window-start", "value"),
        State("window-hours", "value"),
        State("window-reason", "value"),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def maintain(view: TenantView, clicks: object, _ends: object, *said: object) -> tuple[Any, ...]:
        if asked := wishes.click():
            message = windows.end_window(view, number_of(asked))
            return windows.window_list(view), message, no_update
        if wishes.asker() != "window-plan" or not clicks:
            return (no_update,) * 3
        path, start, hours, reason = said
        length = wishes.one_of(hours, "the hours", windows.HOURS, "4")
        words = [wishes.word(one, "the field", 400) for one in (path, start, reason)]
        done, message = windows.plan_window(view, words[0], words[1], length, words[2])
        return (windows.window_list(view), message, "") if done else (no_update, message, no_update)


def _register_channels(pages: Pages) -> None:
    @pages.on_tenant(
        Output("channel-form", "children"),
        Output("channel-wish", "data"),
        Input({"role": "channel-open", "kind": ALL, "number": ALL}, "n_clicks"),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def open_form(view: TenantView, _clicks: object) -> tuple[Any, ...]:
        if not (asked := wishes.click()):
            return no_update, no_update
        channel = channels.channel_of(view, number_of(asked))
        kind = channel.kind if channel else _kind(asked.get("kind"))
        wish = {
            "kind": kind.value,
            "number": channel.id if channel else 0,
            "version": channel.version if channel else 0,
        }
        return channels.channel_form(view, kind, channel), wish

    @pages.on_tenant(
        Output("alarm-channels", "children"),
        Output("channel-message", "children"),
        Output("channel-form", "children", allow_duplicate=True),
        Output("notice-log", "children", allow_duplicate=True),
        Input({"role": "channel-do", "do": ALL, "number": ALL}, "n_clicks"),
        State("channel-wish", "data"),
        State({"role": "channel-field", "field": ALL}, "value"),
        State({"role": "channel-field", "field": ALL}, "id"),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def act(view: TenantView, _clicks: object, wish: object, values: object, ids: object) -> tuple[Any, ...]:
        if not (asked := wishes.click()):
            return (no_update,) * 4
        do = wishes.one_of(
            asked.get("do"), "the wish", ("save", "cancel", "test", "enable", "disable"), "cancel"
        )
        if do == "cancel" or (do == "save" and not isinstance(wish, dict)):
            return no_update, None, None, no_update
        if do != "save":
            message = channels.act_on_channel(view, do, number_of(asked))
            return channels.channel_list(view), message, no_update, channels.log(view)
        said = wishes.filled(values, ids, "field")
        kept = wish if isinstance(wish, dict) else {}
        number, version, kind = number_of(kept), number_of(kept, "version"), _kind(kept.get("kind"))
        done, message = channels.save_channel(view, kind, number, version, said)
        return *after_saving(done, message, lambda: channels.channel_list(view)), no_update


def _kind(said: object) -> ChannelKind:
    return ChannelKind(wishes.one_of(said, "the kind", tuple(ChannelKind), ChannelKind.MAIL))
