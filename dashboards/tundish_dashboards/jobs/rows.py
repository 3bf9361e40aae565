"""Jobs and schedules as entries of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import html

from tundish_dashboards import components
from tundish_dashboards.jobs.asking import kind_name
from tundish_dashboards.people.places import place_name, place_names
from tundish_dashboards.theme import Tone
from tundish_platform.jobs import ENDED, JobState, list_jobs, list_schedules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.people.places import Names
    from tundish_platform.jobs import JobInfo, Schedule

SHOWN: Final = 30
_TONES: Final = {
    JobState.QUEUED: Tone.QUIET,
    JobState.RUNNING: Tone.NOTICE,
    JobState.DONE: Tone.GOOD,
    JobState.FAILED: Tone.BAD,
    JobState.CANCELLED: Tone.QUIET,
}


def job_list(view: TenantView) -> Component:
    """The newest jobs."""
    names = place_names(view)
    with view.context.metadata.session() as session:
        found = list_jobs(session, view.scope, limit=SHOWN)
    if not found:
        return components.nothing(view.t("jobs.none"), view.t("jobs.none_then"))
    return components.entries([_job(view, names, one) for one in found])


def schedule_list(view: TenantView) -> Component:
    """What is asked for again and again."""
    names = place_names(view)
    with view.context.metadata.session() as session:
        found = list_schedules(session, view.scope)
    if not found:
        return html.P(view.t("jobs.no_schedules"), className="muted")
    return components.entries([_schedule(view, names, one) for one in found])


def _job(view: TenantView, names: Names, one: JobInfo) -> Component:
    t, moment = view.t, view.formats.moment
    title, about = t(f"job_kind.{one.kind.name.lower()}"), _about(view, names, one.arguments)
    words = t(f"job_state.{one.state}")
    if one.cancelled_by and one.state not in ENDED:
        words = t("jobs.ending")
    head = [html.Strong(title), html.Span(about), components.status(_TONES[one.state], words)]
    facts = [
        f"#{one.id}",
        t("jobs.asked_by", by=one.asked_by, at=moment(one.asked_at, seconds=False)),
        t("jobs.ended_at", at=moment(one.ended_at, seconds=False)) if one.ended_at else "",
        t("jobs.attempt", n=one.attempts, of=one.max_attempts) if one.attempts > 1 else "",
        t("jobs.cancelled_by", by=one.cancelled_by) if one.cancelled_by else "",
        t("jobs.again_at", at=moment(one.not_before)) if _waits_again(one) else "",
    ]
    cancel = components.quiet(
        t("jobs.cancel"), {"role": "job-cancel", "number": one.id}, f"{t('jobs.cancel')}: {title} #{one.id}"
    )
    ends = one.state in ENDED or one.cancelled_by
    return components.entry(head, facts, [] if ends else [cancel], more=_more(view, one))


def _waits_again(one: JobInfo) -> bool:
    return one.state is JobState.QUEUED and one.attempts > 0


def _more(view: TenantView, one: JobInfo) -> Component | None:
    """How far it is, why it failed, or what came of it."""
    t = view.t
    if one.state is JobState.RUNNING:
        share = view.formats.number(100 * one.share, 0)
        words = t.of(one.words_zh, one.words_en) or t("jobs.begun")
        return html.Div(
            [
                components.meter(one.share, t("jobs.share", n=share)),
                html.Span(f"{share} % · {words}", className="muted number"),
            ]
        )
    if one.failure_en and one.state is not JobState.DONE:
        return html.Div(t.of(one.failure_zh, one.failure_en))
    return html.Div(_result(view, one.result), className="muted") if one.result else None


def _result(view: TenantView, result: Mapping[str, Any]) -> str:
    """The models and their figures, or how many machines have one; anything else is left out."""
    t, models = view.t, result.get("models")
    if isinstance(models, int):
        return t("jobs.machines_done", n=models, failed=result.get("failed", 0))
    parts = []
    for model in models if isinstance(models, list) else []:
        metrics = model.get("metrics") if isinstance(model, dict) else None
        if isinstance(metrics, dict):
            figures = [f"{name} {view.formats.number(value, 3)}" for name, value in metrics.items()
                       if isinstance(value, int | float)]  # fmt: skip
            parts.append(f"{model.get('model', '')}: " + ", ".join(figures))
    return " · ".join(parts)


def _schedule(view: TenantView, names: Names, one: Schedule) -> Component:
    t = view.t
    title = t(f"job_kind.{one.kind.name.lower()}")
    head = [html.Strong(title), html.Span(_about(view, names, one.arguments))]
    facts: list[Any] = [
        html.Code(one.cron, className="code"),
        t("jobs.next_at", at=view.formats.moment(one.next_at, seconds=False)),
        t("jobs.made_by", by=one.made_by),
    ]
    remove = components.quiet(
        t("jobs.remove"), {"role": "schedule-remove", "number": one.id}, f"{t('jobs.remove')}: {title}"
    )
    return components.entry(head, facts, [remove])


def _about(view: TenantView, names: Names, arguments: Mapping[str, Any]) -> str:
    line, app = arguments.get("line"), arguments.get("app")
    if app:
        known = view.context.catalogue.apps.get(str(app))
        return view.t.of(known.manifest.name.zh, known.manifest.name.en) if known else str(app)
    return place_name(view, names, line) if line else kind_name(view, str(arguments.get("target", "")))
