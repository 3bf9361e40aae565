"""The form in which a person asks for a job, once or by a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import html
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.people.places import place_names
from tundish_dashboards.theme import Tone
from tundish_platform.assets import list_signals
from tundish_platform.jobs import (
    ASKABLE,
    CronRefused,
    JobKind,
    JobSpec,
    ScheduleSpec,
    TooManyJobs,
    ask_job,
    make_schedule,
)
from tundish_platform.samples.semantics import semantic_kind
from tundish_platform.tenancy import AccessDenied, Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView

_LINE_LEVELS: Final = 3
_LONGEST: Final = 400


def ask_form(view: TenantView) -> Component:
    """Fields of a new job; a cron expression makes a schedule of it."""
    t = view.t
    kinds = [{"value": kind.value, "label": t(f"job_kind.{kind.name.lower()}")} for kind in ASKABLE]
    lines = _lines(view)
    return html.Div(
        [
            dmc.Select(
                id="job-kind",
                label=t("job_field.kind"),
                data=kinds,
                value=JobKind.TRAIN.value,
                allowDeselect=False,
            ),
            dmc.Select(
                id="job-line", label=t("job_field.line"), data=lines, searchable=True,
                value=lines[0]["value"] if lines else None, nothingFoundMessage=t("people.no_place"),
            ),
            dmc.Select(
                id="job-target", label=t("job_field.target"), data=_targets(view), searchable=True,
                value=None, nothingFoundMessage=t("people.no_place"),
            ),
            dmc.TextInput(
                id="job-cron", label=t("job_field.cron"), value="", placeholder=t("jobs.cron_example"),
                autoComplete="off",
            ),
            dmc.Button(t("jobs.ask"), id="job-ask", size="sm"),
        ],
        className="form",
    )  # fmt: skip


def ask(view: TenantView, kind: object, line: object, target: object, cron: object) -> Component:
    """Ask for what the form says; what to tell of it."""
    t = view.t
    wanted = wishes.one_of(kind, "the kind", ASKABLE, JobKind.TRAIN)
    path = wishes.word(line, "the line", _LONGEST)
    semantic, repeat = wishes.word(target, "the signal"), wishes.word(cron, "the times").strip()
    given = {"target": semantic} if wanted is JobKind.TRAIN_MACHINES else {"line": path}
    said: dict[str, Any] = {"kind": wanted, "arguments": given}
    try:
        with view.context.metadata.session() as session:
            if not repeat:
                ask_job(session, view.scope, JobSpec.model_validate(said), utc_now())
                return components.done(t("jobs.asked"))
            spec = ScheduleSpec.model_validate(said | {"cron": repeat})
            made = make_schedule(session, view.scope, spec, utc_now())
    except ValidationError as error:
        (*_, field) = error.errors()[0]["loc"] or ("kind",)
        return components.notice(Tone.BAD, t("jobs.invalid"), t.maybe(f"job_field.{field}", str(field)))
    except CronRefused:
        return components.notice(Tone.BAD, t("jobs.cron_refused"), t("jobs.cron_words"))
    except TooManyJobs as error:
        return components.notice(Tone.BAD, t("jobs.too_many", n=str(error)), "")
    except AccessDenied:
        return components.notice(Tone.BAD, t("jobs.not_there"), "")
    return components.done(t("jobs.planned", at=view.formats.moment(made.next_at, seconds=False)))


def _lines(view: TenantView) -> list[dict[str, str]]:
    return [
        {"value": path, "label": name}
        for path, name in place_names(view).items()
        if path.count("/") + 1 == _LINE_LEVELS and view.scope.allows(Permission.CONFIGURE, path)
    ]


def _targets(view: TenantView) -> list[dict[str, str]]:
    """Kinds of the numeric signals that there are."""
    with view.context.metadata.session() as session:
        found = {s.semantic for s in list_signals(session, view.scope) if s.role == "measurement"}
    return [{"value": name, "label": kind_name(view, name)} for name in sorted(found)]


def kind_name(view: TenantView, semantic: str) -> str:
    """A semantic kind in words, with its name."""
    kind = semantic_kind(semantic)
    return semantic if kind is None else f"{view.t.of(kind.name_zh, kind.name_en)} · {semantic}"
