"""Routes of shadow trials: asked for and read by people, done by workers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Response

from tundish_platform import trials
from tundish_platform.api import trial_shapes as shapes
from tundish_platform.api.answers import ARROW_MIME, arrow_stream
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import KIND, WINDOW, page, text, whole, word
from tundish_platform.api.params import window
from tundish_platform.assets import find_signals, list_signals
from tundish_platform.documents import FontsMissing, pdf_of
from tundish_platform.jobs import LeaseLost
from tundish_platform.marketplace import choice_for
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.samples import SampleKind
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.accounts import tenant_of_scope
from tundish_platform.trials.finishing import finish_trial
from tundish_platform.trials.history import stretch_of
from tundish_platform.trials.telling import document_of
from tundish_platform.trials.words import Words

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.documents.blocks import Language
    from tundish_platform.tenancy import TenantScope

_PDF: Final = "application/pdf"
APP: Final = text("app", 60, "Only trials of this app.")
BEFORE: Final = whole(
    "before", 0, MAX_ID, 0, "Number of the last trial of the page before; 0 for the newest."
)
LIMIT: Final = page(trials.MAX_PAGE, 50)
LANGUAGE: Final = word("language", ("zh", "en"), "zh", "Of the document.")

routes = Blueprint("trials", __name__)


@routes.get("/tenants/<tenant>/trials")
@guarded(Permission.READ)
@described(APP, BEFORE, LIMIT, answer=list[shapes.TrialRow], headers=(LINK,))
def listed(scope: TenantScope) -> ResponseReturnValue:
    """Trials without their reports, the newest first."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = trials.list_trials(session, scope, app=APP.read(), before=BEFORE.read(), limit=limit)
    return paged([_row(one) for one in found], "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/trials")
@guarded(Permission.SUBSCRIBE)
@described(body=shapes.TrialAsked, answer=shapes.TrialTold, status=201)
def start(scope: TenantScope, body: shapes.TrialAsked) -> ResponseReturnValue:
    """Ask for a trial of an app; one that waits or runs already is given back."""
    context, now = platform(), datetime.now(UTC)
    manifest = context.catalogue.app(body.app).manifest
    with context.metadata.session() as session:
        signals = list_signals(session, scope)
        granted = choice_for(session, scope, manifest, stock_of(signals)).signals
    stretch = stretch_of(context.telemetry, scope, granted, now) if granted else None
    with context.metadata.session() as session:
        made = trials.start_trial(session, scope, manifest, signals, stretch, body.parameters, now)
    return _told(made), 201


@routes.get("/tenants/<tenant>/trials/<int:trial>")
@guarded(Permission.READ)
@described(answer=shapes.TrialTold)
def one(scope: TenantScope, trial: int) -> ResponseReturnValue:
    """One trial as it stands, with its report once there is one."""
    with platform().metadata.session() as session:
        return _told(trials.find_trial(session, scope, known_id(trial)))


@routes.get("/tenants/<tenant>/trials/<int:trial>/document")
@guarded(Permission.READ)
@described(LANGUAGE, gives=(_PDF,))
def document(scope: TenantScope, trial: int) -> Response:
    """The report as PDF; the same report gives the same bytes."""
    with platform().metadata.session() as session:
        found = trials.find_trial(session, scope, known_id(trial))
        tenant = tenant_of_scope(session, scope)
        names, zone = {"zh": tenant.name_zh, "en": tenant.name_en}, ZoneInfo(tenant.timezone)
    if found.report is None or found.ended_at is None:
        raise Problem(404, "The trial has no report yet.", "试运行尚无报告。", "no_report")
    language: Language = "en" if LANGUAGE.read() == "en" else "zh"
    pdf = pdf_of(document_of(found.report, Words(language, zone), names[language], found.ended_at))
    answer = Response(pdf, content_type=_PDF)
    answer.headers["Content-Disposition"] = (
        f'inline; filename="trial-{scope.slug}-{found.app}-{found.id}.pdf"'
    )
    return answer


@routes.post("/tenants/<tenant>/trials/<int:trial>/cancel")
@guarded(Permission.SUBSCRIBE)
@described(answer=shapes.TrialTold)
def cancel(scope: TenantScope, trial: int) -> ResponseReturnValue:
    """Not want a trial any more; one that runs ends with its worker's next report."""
    with platform().metadata.session() as session:
        return _told(trials.cancel_trial(session, scope, known_id(trial), datetime.now(UTC)))


@routes.get("/tenants/<tenant>/trials/<int:trial>/samples")
@guarded(Permission.ANALYSE)
@described(*WINDOW, KIND, gives=(ARROW_MIME,))
def samples(scope: TenantScope, trial: int) -> Response:
    """Samples of one kind of the signals that a running trial reads, as Arrow; nothing once it is over."""
    first, last = window()
    kind = SampleKind(KIND.read())
    with platform().metadata.session() as session:
        found = trials.running_trial(session, scope, known_id(trial))
        narrowed = trials.trial_scope(scope, found)
        known = find_signals(session, narrowed, found.signals)
    longest = timedelta(seconds=found.manifest.window_s)
    if last - first > longest or first < found.start - longest or last > found.end:
        raise Problem(
            422, "A trial reads windows of its app's length, within its stretch of history.",
            "试运行只能读取应用窗口长度以内、且处于所选历史时段内的数据。", "window_too_long",
        )  # fmt: skip
    wanted = [signal.id for signal in known if signal.kind is kind]
    return arrow_stream(platform().telemetry.read(narrowed, wanted, first, last, kind))


@routes.post("/tenants/<tenant>/trials/<int:trial>/result")
@guarded(Permission.ANALYSE)
@described(body=shapes.TrialDone, answer=shapes.TrialTold)
def result(scope: TenantScope, trial: int, body: shapes.TrialDone) -> ResponseReturnValue:
    """Hand back what came of a trial's runs; the platform judges them."""
    context, now = platform(), datetime.now(UTC)
    number = known_id(trial)
    return _told(
        finish_trial(context.metadata, context.telemetry, scope, number, body.lease, body.result, now)
    )


def _row(one: trials.TrialView) -> dict[str, Any]:
    given = {name: getattr(one, name, None) for name in shapes.TrialRow.model_fields}
    more = {
        "name": one.manifest.name,
        "schedule_s": one.manifest.schedule_s,
        "window_s": one.manifest.window_s,
    }
    return shapes.TrialRow.model_validate(given | more | {"signals": list(one.signals)}).model_dump(
        mode="json"
    )


def _told(one: trials.TrialView) -> dict[str, Any]:
    report = one.report.model_dump(mode="json") if one.report else None
    return _row(one) | {"report": report}


@routes.errorhandler(trials.UnknownTrial)
def _unknown(error: trials.UnknownTrial) -> ResponseReturnValue:
    return Problem(404, f"There is no trial {error}.", f"没有试运行 {error}。", "unknown_trial").response()


@routes.errorhandler(trials.TrialOver)
def _over(error: trials.TrialOver) -> ResponseReturnValue:
    return Problem(
        409, f"Trial {error} does not run, so nothing of it may be read or said.",
        f"试运行 {error} 未在运行, 不能读取或上报。", "trial_over",
    ).response()  # fmt: skip


@routes.errorhandler(trials.NoHistory)
def _no_history(error: trials.NoHistory) -> ResponseReturnValue:
    return Problem(
        409, f"There is no sample yet of what {error} would read. Come back once there is some history.",
        f"{error} 所需的信号尚无历史数据。请在积累数据后再试。", "no_history",
    ).response()  # fmt: skip


@routes.errorhandler(trials.TooManyTrials)
def _too_many(error: trials.TooManyTrials) -> ResponseReturnValue:
    return Problem(
        409, f"{error} trials wait or run already. Wait until one is over, or cancel one.",
        f"已有 {error} 个试运行在等待或执行。请等待其中一个结束, 或取消一个。", "too_many_trials",
    ).response()  # fmt: skip


@routes.errorhandler(LeaseLost)
def _lease_lost(error: LeaseLost) -> ResponseReturnValue:
    return Problem(
        409, f"Job {error} is no longer this worker's. Drop what was done.",
        f"任务 {error} 已不属于该执行进程。请放弃已完成的部分。", "lease_lost",
    ).response()  # fmt: skip


@routes.errorhandler(FontsMissing)
def _fonts(error: FontsMissing) -> ResponseReturnValue:
    return Problem(503, error.en, error.zh, "fonts_missing").response()
