"""Layout and callbacks of the jobs' page: ask for work, see how far it is, cancel it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.jobs.asking import ask, ask_form
from tundish_dashboards.jobs.rows import job_list, schedule_list
from tundish_dashboards.theme import Tone
from tundish_platform.jobs import UnknownJob, UnknownSchedule, cancel_job, remove_schedule
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

_MAX_ID: Final = 2**31 - 1


def jobs_page(pages: Pages, path: str) -> Component:
    """The newest jobs, what is asked for again and again, and the form; callbacks keep the list fresh."""
    view = pages.view(path, Permission.CONFIGURE)
    t = view.t
    zone = html.Div(t("plant.zone", zone=view.formats.zone_text(utc_now())), className="aside")
    return html.Div(
        [
            html.Div([html.H1(t("jobs.title", tenant=view.name)), zone], className="page-head"),
            components.panel(
                t("jobs.ask_for"),
                [
                    html.P(t("jobs.words"), className="muted"),
                    ask_form(view),
                    html.Div(id="jobs-message", role="status", **components.announced()),
                ],
            ),
            components.panel(t("jobs.list"), html.Div(job_list(view), id="jobs-list")),
            components.panel(t("jobs.schedules"), html.Div(schedule_list(view), id="jobs-schedules")),
            dcc.Interval(id="jobs-tick", interval=pages.settings.refresh.total_seconds() * 1000),
        ]
    )


def register_jobs(pages: Pages) -> None:
    """Keeping the list fresh, and the buttons."""

    @pages.on_tenant(
        Output("jobs-list", "children"),
        Output("beat", "data", allow_duplicate=True),
        Input("jobs-tick", "n_intervals"),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def refresh(view: TenantView, _ticks: object) -> tuple[Any, ...]:
        return job_list(view), utc_now().timestamp()

    @pages.on_tenant(
        Output("jobs-message", "children"),
        Output("jobs-list", "children", allow_duplicate=True),
        Output("jobs-schedules", "children"),
        Input("job-ask", "n_clicks"),
        Input({"role": "job-cancel", "number": ALL}, "n_clicks"),
        Input({"role": "schedule-remove", "number": ALL}, "n_clicks"),
        State("job-kind", "value"),
        State("job-line", "value"),
        State("job-target", "value"),
        State("job-cron", "value"),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def act(view: TenantView, clicks: object, _cancel: object, _remove: object, *said: object) -> object:
        asked = wishes.click()
        if asked:
            message = _end(view, asked)
        elif clicks and wishes.asker() == "job-ask":
            message = ask(view, *said)
        else:
            return no_update, no_update, no_update
        return message, job_list(view), schedule_list(view)


def _end(view: TenantView, asked: dict[str, object]) -> Component:
    number = wishes.whole(asked.get("number"), "the entry", 0, _MAX_ID, 0)
    try:
        with view.context.metadata.session() as session:
            if asked.get("role") == "schedule-remove":
                remove_schedule(session, view.scope, number, utc_now())
                return components.done(view.t("jobs.schedule_removed"))
            job = cancel_job(session, view.scope, number, utc_now())
    except (UnknownJob, UnknownSchedule):
        return components.notice(Tone.BAD, view.t("jobs.gone"), "")
    if job.state == "running":
        return components.done(view.t("jobs.cancelled_soon"))
    return components.done(view.t("jobs.ended", state=view.t(f"job_state.{job.state}")))
