"""Layout and callbacks of the trials' page: ask for one, see how far it is, read its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update
from flask import Blueprint, Response, abort

from tundish_dashboards import components, wishes
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_dashboards.trials.rows import newest_report, trial_list, trial_report, words_of
from tundish_platform.assets import list_signals
from tundish_platform.documents import FontsMissing, pdf_of
from tundish_platform.marketplace import MissingInputs, UnknownApp, choice_for
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.tenancy import AccessDenied, Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.trials import (
    NoHistory,
    TooManyTrials,
    UnknownTrial,
    cancel_trial,
    find_trial,
    start_trial,
)
from tundish_platform.trials.history import stretch_of
from tundish_platform.trials.telling import document_of

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

_MAX_ID: Final = 2**31 - 1


def trials_page(pages: Pages, path: str) -> Component:
    """The form, the newest trials and the newest report; callbacks keep the list fresh."""
    view = pages.view(path)
    t = view.t
    back = dcc.Link(t("trials.back"), href=Route(Page.MARKET, view.scope.slug).path, className="aside")
    return html.Div(
        [
            html.Div([html.H1(t("trials.title", tenant=view.name)), back], className="page-head"),
            components.panel(
                t("trials.ask_for"),
                [
                    html.P(t("trials.words"), className="muted"),
                    _form(view),
                    html.Div(id="trial-message", role="status", **components.announced()),
                ],
            ),
            components.panel(t("trials.list"), html.Div(trial_list(view), id="trial-list")),
            html.Section(html.Div(newest_report(view), id="trial-report"), className="panel panel-body"),
            dcc.Interval(id="trial-tick", interval=pages.settings.refresh.total_seconds() * 1000),
        ]
    )


def register_trials(pages: Pages) -> None:
    """Keeping the list fresh, the buttons, and the report that is read."""

    @pages.on_tenant(
        Output("trial-list", "children"),
        Output("beat", "data", allow_duplicate=True),
        Input("trial-tick", "n_intervals"),
        initially=False,
    )
    def refresh(view: TenantView, _ticks: object) -> tuple[Any, ...]:
        return trial_list(view), utc_now().timestamp()

    @pages.on_tenant(
        Output("trial-report", "children"),
        Input({"role": "trial-show", "number": ALL}, "n_clicks"),
        initially=False,
    )
    def show(view: TenantView, _clicks: object) -> object:
        asked = wishes.click()
        return trial_report(view, _number(asked)) if asked else no_update

    @pages.on_tenant(
        Output("trial-message", "children"),
        Output("trial-list", "children", allow_duplicate=True),
        Input("trial-ask", "n_clicks"),
        Input({"role": "trial-cancel", "number": ALL}, "n_clicks"),
        State("trial-app", "value"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def act(view: TenantView, clicks: object, _cancel: object, app: object) -> tuple[Any, ...]:
        asked = wishes.click()
        if asked:
            message = _cancelled(view, _number(asked))
        elif clicks and wishes.asker() == "trial-ask":
            message = _asked(view, wishes.word(app, "the app"))
        else:
            return no_update, no_update
        return message, trial_list(view)


def trial_documents(pages: Pages) -> Blueprint:
    """Reports as PDF, in the reader's language."""
    routes = Blueprint("trial_documents", __name__)

    @routes.get("/market/<tenant>/trials/<int:number>.pdf")
    def document(tenant: str, number: int) -> Response:
        try:
            view = pages.view(Route(Page.TRIALS, tenant).path)
            with view.context.metadata.session() as session:
                trial = find_trial(session, view.scope, min(number, _MAX_ID))
        except (AccessDenied, UnknownTrial):
            abort(404)
        if trial.report is None or trial.ended_at is None:
            abort(404)
        try:
            pdf = pdf_of(document_of(trial.report, words_of(view), view.name, trial.ended_at))
        except FontsMissing as error:
            abort(503, description=view.t.of(error.zh, error.en))
        name = f"trial-{view.scope.slug}-{trial.app}-{trial.id}.pdf"
        headers = {"Content-Disposition": f'inline; filename="{name}"'}
        return Response(pdf, mimetype="application/pdf", headers=headers)

    return routes


def _form(view: TenantView) -> Component:
    t = view.t
    if not view.may(Permission.SUBSCRIBE):
        return html.P(t("trials.may_not"), className="muted")
    with view.context.metadata.session() as session:
        stock = stock_of(list_signals(session, view.scope))
        names = {
            app.manifest.id: t.of(app.manifest.name.zh, app.manifest.name.en)
            for app in view.context.catalogue.apps.values()
            if not choice_for(session, view.scope, app.manifest, stock).missing
        }
    if not names:
        return html.P(t("trials.no_apps"), className="muted")
    data = [{"value": app, "label": name} for app, name in names.items()]
    choice = dmc.Select(
        id="trial-app", label=t("trials.app"), data=data, value=next(iter(names)), allowDeselect=False
    )
    return html.Div([choice, dmc.Button(t("trials.ask"), id="trial-ask", size="sm")], className="form")


def _asked(view: TenantView, app: str) -> Component:
    t, context, now = view.t, view.context, utc_now()
    try:
        manifest = context.catalogue.app(app).manifest
        with context.metadata.session() as session:
            signals = list_signals(session, view.scope)
            granted = choice_for(session, view.scope, manifest, stock_of(signals)).signals
        stretch = stretch_of(context.telemetry, view.scope, granted, now) if granted else None
        with context.metadata.session() as session:
            start_trial(session, view.scope, manifest, signals, stretch, {}, now)
    except UnknownApp:
        return components.notice(Tone.BAD, t("market.unknown_app"), t("market.unknown_app_then"))
    except MissingInputs:
        return components.notice(Tone.BAD, t("market.lacks_inputs"), t("market.lacks_inputs_then"))
    except NoHistory:
        return components.notice(Tone.BAD, t("trials.no_history"), t("trials.no_history_then"))
    except TooManyTrials as error:
        return components.notice(Tone.BAD, t("trials.too_many", n=str(error)), "")
    return components.done(t("trials.asked"))


def _cancelled(view: TenantView, number: int) -> Component:
    try:
        with view.context.metadata.session() as session:
            trial = cancel_trial(session, view.scope, number, utc_now())
    except UnknownTrial:
        return components.notice(Tone.BAD, view.t("trials.gone"), "")
    if trial.ending:
        return components.done(view.t("jobs.cancelled_soon"))
    return components.done(view.t("jobs.ended", state=view.t(f"job_state.{trial.state}")))


def _number(asked: dict[str, object]) -> int:
    return wishes.whole(asked.get("number"), "the trial", 0, _MAX_ID, 0)
