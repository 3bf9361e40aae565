"""Layout and callbacks of the alarms' page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.alarms.data import CHOICES, TIMELINE_SHOWN, Alarms, read_alarms
from tundish_dashboards.alarms.rows import alarm_list, counts, flood_banner, name_of, timeline
from tundish_dashboards.dialogs import comment, dialog
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_platform.alarms import (
    HandlingRefused,
    Transition,
    TransitionRefused,
    UnknownAlarm,
    alarms_of,
    handle,
    list_events,
)
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

_MAX_ID: Final = 2**31 - 1
_SHELVES: Final = ("1", "4", "8", "24")
_DONE: Final = {
    "acknowledge": Transition.ACKNOWLEDGED,
    "shelve": Transition.SHELVED,
    "unshelve": Transition.UNSHELVED,
}


def alarms_page(pages: Pages, path: str) -> Component:
    """The page with the alarms of this moment; callbacks keep it fresh."""
    view = pages.view(path)
    t = view.t
    alarms = read_alarms(view, CHOICES[0])
    choice = dmc.SegmentedControl(
        id="alarms-choice",
        value=CHOICES[0],
        size="xs",
        data=[{"value": name, "label": t(f"alarms.choice_{name}")} for name in CHOICES],
        **components.labelled(t("alarms.choice")),
    )
    now = datetime.now(UTC)
    return html.Div(
        [
            html.Div(
                [
                    html.H1(t("alarms.title", tenant=view.name)),
                    html.Div(
                        [
                            _alerts_link(view),
                            _settings_link(view),
                            html.Span(t("plant.zone", zone=view.formats.zone_text(now))),
                        ],
                        className="aside",
                    ),
                ],
                className="page-head",
            ),
            html.Div(flood_banner(view, alarms), id="alarms-flood", role="status", **components.announced()),
            html.Div(id="alarms-message", role="status", **components.announced()),
            html.Div(counts(view, alarms), id="alarms-counts"),
            components.panel(
                t("alarms.list"),
                html.Div(alarm_list(view, alarms, CHOICES[0]), id="alarms-list"),
                aside=choice,
            ),
            components.panel(t("alarms.recent"), html.Div(_recent(view, alarms), id="alarms-recent")),
            _dialog(view),
            dmc.Modal(
                id="alarm-events",
                opened=False,
                size="lg",
                title=html.Span(id="alarm-events-what"),
                closeButtonProps={"aria-label": t("alarms.close")},
                children=html.Div(id="alarm-events-list"),
            ),
            dcc.Store(id="alarm-wish"),
            dcc.Store(id="alarms-changed"),
            dcc.Store(id="alarms-shown", data=_digest(view, alarms, CHOICES[0])),
            html.Div(id="refreshing", hidden=True),
            dcc.Interval(id="alarms-tick", interval=pages.settings.refresh.total_seconds() * 1000),
        ]
    )


def _alerts_link(view: TenantView) -> Component:
    return dcc.Link(view.t("alarms.to_alerts"), href=Route(Page.ALERTS, view.scope.slug).path, id="to-alerts")


def _settings_link(view: TenantView) -> Component | None:
    if not view.may(Permission.CONFIGURE):
        return None
    href = Route(Page.ALARM_SETTINGS, view.scope.slug).path
    return dcc.Link(view.t("notices.link"), href=href, id="alarm-settings")


def _dialog(view: TenantView) -> Component:
    t = view.t
    hours = [{"value": n, "label": t("alarms.hours", n=n)} for n in _SHELVES]
    shelf = dmc.Select(
        id="alarm-hours",
        data=hours,
        value=_SHELVES[2],
        label=t("alarms.for"),
        allowDeselect=False,
    )
    body = [
        html.P(id="alarm-dialog-words"),
        html.Div(shelf, id="alarm-dialog-hours"),
        *comment("alarm-comment", t("alarms.comment"), 500, rows=2),
    ]
    return dialog("alarm", t("alarms.confirm"), t("alarms.cancel"), body)


def _recent(view: TenantView, alarms: Alarms) -> Component:
    return timeline(view, alarms.events, dict(alarms.names))


def _digest(view: TenantView, alarms: Alarms, choice: str) -> str:
    """What the browser has, in short; a page that shows nothing new is not sent again."""
    newest = alarms.events[0].id if alarms.events else 0
    minute = int(alarms.now.timestamp()) // 10
    flood = alarms.flood.alarms if alarms.flood else 0
    states = "".join(alarm.state[0] for alarm in alarms.shown)
    return f"{view.scope.slug} {choice} {newest} {minute} {flood} {states} {len(alarms.shown)} {alarms.more}"


def register_alarms(pages: Pages) -> None:
    """Refreshing, asking before something is done, doing it, and the timeline of one alarm."""
    _register_refresh(pages)
    _register_acting(pages)

    @pages.on_tenant(
        Output("alarm-events", "opened"),
        Output("alarm-events-what", "children"),
        Output("alarm-events-list", "children"),
        Input({"role": "alarm-events", "alarm": ALL}, "n_clicks"),
        initially=False,
    )
    def show_events(view: TenantView, clicks: object) -> tuple[Any, ...]:
        asked = wishes.asker()
        if not isinstance(asked, dict) or not _clicked(clicks):
            return no_update, no_update, no_update
        number = wishes.whole(asked.get("alarm"), "the alarm", 0, _MAX_ID, 0)
        with view.context.metadata.session() as session:
            found = alarms_of(session, view.scope, {number}, datetime.now(UTC))
            if number not in found:
                return True, "", components.notice(Tone.BAD, view.t("alarms.gone"), "")
            events = tuple(list_events(session, view.scope, alarm_id=number, limit=TIMELINE_SHOWN))
        return True, name_of(view, found[number]), timeline(view, events, {})


def _register_refresh(pages: Pages) -> None:
    @pages.on_tenant(
        Output("alarms-flood", "children"),
        Output("alarms-counts", "children"),
        Output("alarms-list", "children"),
        Output("alarms-recent", "children"),
        Output("alarms-shown", "data"),
        Output("beat", "data", allow_duplicate=True),
        Input("alarms-tick", "n_intervals"),
        Input("alarms-changed", "data"),
        Input("alarms-choice", "value"),
        State("alarms-shown", "data"),
        initially=False,
    )
    def refresh(
        view: TenantView, ticks: object, changed: object, wish: object, shown: object
    ) -> tuple[Any, ...]:
        choice = wishes.one_of(wish, "the choice", CHOICES, CHOICES[0])
        alarms = read_alarms(view, choice)
        beat, now = f"{ticks}/{changed}/{choice}", _digest(view, alarms, choice)
        if now == shown:
            return (*[no_update] * 5, beat)
        return (
            flood_banner(view, alarms),
            counts(view, alarms),
            alarm_list(view, alarms, choice),
            _recent(view, alarms),
            now,
            beat,
        )


def _register_acting(pages: Pages) -> None:
    @pages.on_tenant(
        Output("alarm-dialog", "opened"),
        Output("alarm-dialog-what", "children"),
        Output("alarm-dialog-words", "children"),
        Output("alarm-dialog-hours", "style"),
        Output("alarm-dialog-problem", "children"),
        Output("alarm-comment", "value"),
        Output("alarm-wish", "data"),
        Input({"role": "alarm-acknowledge", "alarm": ALL}, "n_clicks"),
        Input({"role": "alarm-shelve", "alarm": ALL}, "n_clicks"),
        Input({"role": "alarm-unshelve", "alarm": ALL}, "n_clicks"),
        Input("alarm-no", "n_clicks"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def ask(view: TenantView, *_clicks: object) -> tuple[Any, ...]:
        if wishes.asker() == "alarm-no":
            return False, *[no_update] * 5, None
        # An open dialog must stay open while the page is refreshed.
        if not (asked := wishes.click()):
            return (no_update,) * 7
        what = wishes.word(asked.get("role"), "the wish").removeprefix("alarm-")
        number = wishes.whole(asked.get("alarm"), "the alarm", 0, _MAX_ID, 0)
        with view.context.metadata.session() as session:
            found = alarms_of(session, view.scope, {number}, datetime.now(UTC))
        if what not in _DONE or number not in found:
            return (no_update,) * 7
        title = view.t(f"alarms.{what}_of", name=name_of(view, found[number]))
        hours = {} if what == "shelve" else {"display": "none"}
        return True, title, view.t(f"alarms.{what}_words"), hours, None, "", {"do": what, "alarm": number}

    @pages.on_tenant(
        Output("alarm-dialog", "opened", allow_duplicate=True),
        Output("alarm-dialog-problem", "children", allow_duplicate=True),
        Output("alarms-message", "children"),
        Output("alarms-changed", "data"),
        Input("alarm-yes", "n_clicks"),
        State("alarm-wish", "data"),
        State("alarm-comment", "value"),
        State("alarm-hours", "value"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def act(
        view: TenantView, clicks: object, wish: object, comment: object, hours: object
    ) -> tuple[Any, ...]:
        if not clicks or not isinstance(wish, dict):
            return (no_update,) * 4
        what = wishes.one_of(wish.get("do"), "the wish", list(_DONE), "acknowledge")
        number = wishes.whole(wish.get("alarm"), "the alarm", 0, _MAX_ID, 0)
        words = wishes.word(comment, "the comment", 500)
        shelf = wishes.one_of(hours, "the hours", _SHELVES, _SHELVES[2])
        problem = _do(view, number, what, words, timedelta(hours=int(shelf)))
        if problem is not None:
            return no_update, problem, no_update, no_update
        return False, None, components.notice(Tone.GOOD, view.t(f"alarms.{what}_done"), ""), clicks


def _do(view: TenantView, number: int, what: str, comment: str, shelf: timedelta) -> Component | None:
    """Do it, or say why not."""
    now = datetime.now(UTC)
    until = now + shelf if what == "shelve" else None
    try:
        with view.context.metadata.session() as session:
            handle(session, view.scope, number, _DONE[what], comment=comment, until=until, now=now)
    except HandlingRefused as refused:
        return components.notice(Tone.BAD, view.t.of(refused.message_zh, refused.message_en), "")
    except UnknownAlarm:
        return components.notice(Tone.BAD, view.t("alarms.gone"), "")
    except TransitionRefused as refused:
        words = view.t("alarms.refused_words", state=view.t(f"alarm_state.{refused.state}"))
        return components.notice(Tone.BAD, view.t("alarms.refused"), words)
    return None


def _clicked(*lists: object) -> bool:
    return any(bool(click) for clicks in lists if isinstance(clicks, list) for click in clicks)
