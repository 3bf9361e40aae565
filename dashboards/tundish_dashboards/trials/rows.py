"""Trials as entries of a list, and the report of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import html

from tundish_dashboards import components
from tundish_dashboards.documents import blocks_shown
from tundish_dashboards.i18n import Language
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_platform.jobs import JobState
from tundish_platform.tenancy import AccessDenied, Permission
from tundish_platform.trials import UnknownTrial, find_trial, list_trials
from tundish_platform.trials.telling import told
from tundish_platform.trials.words import Words

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.trials import TrialView

SHOWN: Final = 20
_TONES: Final = {
    JobState.QUEUED: Tone.QUIET,
    JobState.RUNNING: Tone.NOTICE,
    JobState.DONE: Tone.GOOD,
    JobState.FAILED: Tone.BAD,
    JobState.CANCELLED: Tone.QUIET,
}


def words_of(view: TenantView) -> Words:
    """The words of a report for the reader."""
    return Words("en" if view.person.language is Language.EN else "zh", view.formats.zone)


def trial_list(view: TenantView) -> Component:
    """The newest trials."""
    with view.context.metadata.session() as session:
        found = list_trials(session, view.scope, limit=SHOWN)
    if not found:
        return components.nothing(view.t("trials.none"), view.t("trials.none_then"))
    return components.entries([_trial(view, one) for one in found])


def newest_report(view: TenantView) -> list[Component]:
    """The report of the newest trial that has one."""
    with view.context.metadata.session() as session:
        found = list_trials(session, view.scope, limit=SHOWN)
    number = next((one.id for one in found if one.state is JobState.DONE), None)
    if number is None:
        return [components.nothing(view.t("trials.no_report"), view.t("trials.no_report_then"))]
    return trial_report(view, number)


def trial_report(view: TenantView, number: int) -> list[Component]:
    """The report of one trial, and where its PDF is."""
    t = view.t
    try:
        with view.context.metadata.session() as session:
            trial = find_trial(session, view.scope, number)
    except (UnknownTrial, AccessDenied):
        return [components.notice(Tone.BAD, t("trials.gone"), "")]
    if trial.report is None:
        return [components.nothing(t("trials.not_yet"), t("trials.not_yet_then"))]
    pdf = html.A(
        t("trials.pdf"),
        href=f"{Route(Page.TRIALS, view.scope.slug).path}/{number}.pdf",
        className="button",
        target="_blank",
    )
    name = t.of(trial.manifest.name.zh, trial.manifest.name.en)
    head = html.Div([html.H2(f"{name} {trial.version} · #{trial.id}"), pdf], className="page-head")
    return [head, *blocks_shown(told(trial.report, words_of(view)), f"trial-{number}")]


def _trial(view: TenantView, one: TrialView) -> Component:
    t, moment = view.t, view.formats.moment
    name = t.of(one.manifest.name.zh, one.manifest.name.en)
    state = t("jobs.ending") if one.ending else t(f"job_state.{one.state}")
    stretch = f"{moment(one.start, seconds=False)} – {moment(one.end, seconds=False)}"
    facts = [
        f"#{one.id}",
        t("trials.stretch", stretch=stretch),
        t("jobs.asked_by", by=one.asked_by, at=moment(one.asked_at, seconds=False)),
        t("jobs.ended_at", at=moment(one.ended_at, seconds=False)) if one.ended_at else "",
    ]
    head = [html.Strong(f"{name} {one.version}"), components.status(_TONES[one.state], state)]
    return components.entry(head, facts, _buttons(view, one, name), more=_more(view, one))


def _buttons(view: TenantView, one: TrialView, name: str) -> list[Component]:
    t = view.t
    if one.state is JobState.DONE:
        label = f"{t('trials.show')}: {name} #{one.id}"
        return [components.quiet(t("trials.show"), {"role": "trial-show", "number": one.id}, label)]
    if one.over or one.ending or not view.may(Permission.SUBSCRIBE):
        return []
    label = f"{t('jobs.cancel')}: {name} #{one.id}"
    return [components.quiet(t("jobs.cancel"), {"role": "trial-cancel", "number": one.id}, label)]


def _more(view: TenantView, one: TrialView) -> Component | None:
    if one.state is JobState.RUNNING:
        share = view.formats.number(100 * one.share, 0)
        words = view.t.of(one.words_zh, one.words_en) or view.t("jobs.begun")
        meter = components.meter(one.share, view.t("jobs.share", n=share))
        return html.Div([meter, html.Span(f"{share} % · {words}", className="muted number")])
    failed = view.t.of(one.failure_zh, one.failure_en)
    return html.Div(failed) if failed and one.state is not JobState.DONE else None
