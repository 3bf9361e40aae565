"""Layout and callbacks of the alerts' page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.alerts.data import CHOICES, digest, read_alerts
from tundish_dashboards.alerts.missed import missed_panel, register_missed
from tundish_dashboards.alerts.rows import alert_list, name_of, outcome_strip
from tundish_dashboards.dialogs import comment, dialog
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_platform.alerts import (
    FeedbackRefused,
    FeedbackSpec,
    UnknownAlert,
    Verdict,
    find_alert,
    give_feedback,
)
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

_MAX_ID: Final = 2**31 - 1
_PATTERN: Final = "%Y-%m-%d %H:%M"


def alerts_page(pages: Pages, path: str) -> Component:
    """The page with the alerts of this moment; callbacks keep it fresh."""
    view = pages.view(path)
    t = view.t
    alerts = read_alerts(view, CHOICES[0])
    choice = dmc.SegmentedControl(
        id="alerts-choice",
        value=CHOICES[0],
        size="xs",
        data=[{"value": name, "label": t(f"alerts.choice_{name}")} for name in CHOICES],
        **components.labelled(t("alerts.choice")),
    )
    links = [
        dcc.Link(t("alerts.to_alarms"), href=Route(Page.ALARMS, view.scope.slug).path, id="to-alarms"),
        html.Span(t("plant.zone", zone=view.formats.zone_text(alerts.now))),
    ]
    return html.Div(
        [
            html.Div(
                [html.H1(t("alerts.title", tenant=view.name)), html.Div(links, className="aside")],
                className="page-head",
            ),
            html.P(t("alerts.what"), className="muted"),
            html.Div(id="alerts-message", role="status", **components.announced()),
            html.Div(outcome_strip(view, alerts), id="alerts-outcomes"),
            components.panel(
                t("alerts.list"),
                html.Div(alert_list(view, alerts, CHOICES[0]), id="alerts-list"),
                aside=choice,
            ),
            missed_panel(view),
            _dialog(view),
            dcc.Store(id="alert-wish"),
            dcc.Store(id="alerts-changed"),
            dcc.Store(id="alerts-shown", data=digest(view, alerts, CHOICES[0])),
            html.Div(id="refreshing", hidden=True),
            dcc.Interval(id="alerts-tick", interval=pages.settings.refresh.total_seconds() * 1000),
        ]
    )


def _dialog(view: TenantView) -> Component:
    t = view.t
    found = html.Div(
        [
            dmc.TextInput(
                id="alert-found", label=t("alerts.found_at"), value="", placeholder="2026-01-31 08:00"
            ),
            dmc.TextInput(id="alert-cost", label=t("alerts.cost"), value="", autoComplete="off"),
        ],
        id="alert-confirmed-fields",
        className="form",
    )
    body = [html.P(t("alerts.dialog_words")), found, *comment("alert-note", t("alerts.note"), 1_000)]
    return dialog("alert", t("alerts.confirm"), t("alerts.cancel"), body)


def register_alerts(pages: Pages) -> None:
    """Refreshing, asking what was found, and writing it down."""
    _register_refresh(pages)
    _register_asking(pages)
    register_missed(pages)

    @pages.on_tenant(
        Output("alert-dialog", "opened", allow_duplicate=True),
        Output("alert-dialog-problem", "children", allow_duplicate=True),
        Output("alerts-message", "children"),
        Output("alerts-changed", "data"),
        Input("alert-yes", "n_clicks"),
        State("alert-wish", "data"),
        State("alert-note", "value"),
        State("alert-found", "value"),
        State("alert-cost", "value"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def judge(
        view: TenantView, clicks: object, wish: object, note: object, found: object, cost: object
    ) -> tuple[Any, ...]:
        if not clicks or not isinstance(wish, dict):
            return (no_update,) * 4
        verdict = wishes.one_of(wish.get("say"), "the verdict", list(Verdict), Verdict.UNCLEAR)
        number = wishes.whole(wish.get("alert"), "the alert", 0, _MAX_ID, 0)
        said: dict[str, object] = {"verdict": verdict, "note": wishes.word(note, "the note", 1_000)}
        given = (wishes.word(found, "the time", 40), wishes.word(cost, "the cost", 40))
        problem = _judge(view, number, said, *(given if verdict is Verdict.CONFIRMED else ("", "")))
        if problem is not None:
            return no_update, problem, no_update, no_update
        return False, None, components.done(view.t("alerts.said_done")), clicks


def _register_refresh(pages: Pages) -> None:
    @pages.on_tenant(
        Output("alerts-outcomes", "children"),
        Output("alerts-list", "children"),
        Output("alerts-shown", "data"),
        Output("beat", "data", allow_duplicate=True),
        Input("alerts-tick", "n_intervals"),
        Input("alerts-changed", "data"),
        Input("alerts-choice", "value"),
        State("alerts-shown", "data"),
        initially=False,
    )
    def refresh(
        view: TenantView, ticks: object, changed: object, wish: object, shown: object
    ) -> tuple[Any, ...]:
        choice = wishes.one_of(wish, "the choice", CHOICES, CHOICES[0])
        alerts = read_alerts(view, choice)
        beat, now = f"{ticks}/{changed}/{choice}", digest(view, alerts, choice)
        if now == shown:
            return (*[no_update] * 3, beat)
        return outcome_strip(view, alerts), alert_list(view, alerts, choice), now, beat


def _register_asking(pages: Pages) -> None:
    @pages.on_tenant(
        Output("alert-dialog", "opened"),
        Output("alert-dialog-what", "children"),
        Output("alert-confirmed-fields", "style"),
        Output("alert-dialog-problem", "children"),
        Output("alert-note", "value"),
        Output("alert-found", "value"),
        Output("alert-cost", "value"),
        Output("alert-wish", "data"),
        *(Input({"role": f"alert-{verdict}", "alert": ALL}, "n_clicks") for verdict in Verdict),
        Input("alert-no", "n_clicks"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def ask(view: TenantView, *_clicks: object) -> tuple[Any, ...]:
        if wishes.asker() == "alert-no":
            return False, *[no_update] * 6, None
        # An open dialog must stay open while the page is refreshed.
        if not (asked := wishes.click()):
            return (no_update,) * 8
        role = wishes.word(asked.get("role"), "the verdict").removeprefix("alert-")
        verdict = wishes.one_of(role, "the verdict", list(Verdict), Verdict.UNCLEAR)
        number = wishes.whole(asked.get("alert"), "the alert", 0, _MAX_ID, 0)
        try:
            with view.context.metadata.session() as session:
                alert = find_alert(session, view.scope, number)
        except UnknownAlert:
            return (no_update,) * 8
        title = view.t(f"alerts.{verdict}_of", name=name_of(view, alert))
        fields = {} if verdict is Verdict.CONFIRMED else {"display": "none"}
        now = datetime.now(UTC).astimezone(view.formats.zone).strftime(_PATTERN)
        return True, title, fields, None, "", now, "", {"say": verdict, "alert": number}


def _judge(view: TenantView, number: int, said: dict[str, object], found: str, cost: str) -> Component | None:
    """Write it down, or say why not."""
    t = view.t
    try:
        if found.strip():
            said["found_at"] = datetime.strptime(found.strip(), _PATTERN).replace(tzinfo=view.formats.zone)
        if cost.strip():
            said["avoided_cost"] = float(cost.replace(",", "").replace("，", ""))
        spec = FeedbackSpec.model_validate(said)
    except ValidationError:
        return components.notice(Tone.BAD, t("alerts.invalid"), t("alerts.cost"))
    except ValueError:
        return components.notice(Tone.BAD, t("alerts.invalid"), f"{t('alerts.found_at')}, {t('alerts.cost')}")
    try:
        with view.context.metadata.session() as session:
            give_feedback(session, view.scope, number, spec, datetime.now(UTC))
    except FeedbackRefused as refused:
        return components.refused(t, refused)
    except UnknownAlert:
        return components.notice(Tone.BAD, t("alerts.gone"), "")
    return None
