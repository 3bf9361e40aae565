"""Routes of predictive alerts: what models foresee, what people found, and how good the alerts were."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from flask import Blueprint, request

from tundish_platform.alarms import AlarmQuotaReached
from tundish_platform.alerts import (
    MAX_PAGE,
    AlertQuotaReached,
    AlertView,
    FeedbackRefused,
    FeedbackSpec,
    FeedbackView,
    Outcomes,
    UnknownAlert,
    feedback_of,
    find_alert,
    give_feedback,
    list_alerts,
    outcomes_of,
    take_alert,
    view_of,
)
from tundish_platform.api import params
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import END, START, Query, page, whole, word
from tundish_platform.samples import AlertReport
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from pydantic import BaseModel

    from tundish_platform.tenancy import TenantScope

_TEXT: Final = {"type": "string"}
BEFORE: Final = whole("before", 0, MAX_ID, 0, "Id of the last alert of the page before; 0 for the newest.")
LIMIT: Final = page(MAX_PAGE)
OPEN: Final = word("open", ("any", "yes"), "any", "Those that are open now, or any.")
MODEL: Final = Query("model", "Of this model only; all if absent.", _TEXT)
LINE: Final = Query("line", "Of the line with this path only; all if absent.", _TEXT)
TARGET: Final = Query("target", "Of this target only; all if absent.", _TEXT)
SINCE: Final = replace(START, required=False)
UNTIL: Final = replace(END, required=False)

routes = Blueprint("alerts", __name__)


class AlertDetail(AlertView):
    """An alert with all that was said of it, oldest first."""

    history: list[FeedbackView]


@routes.post("/tenants/<tenant>/alerts")
@guarded(Permission.INGEST)
@described(body=AlertReport, answer=AlertView)
def take(scope: TenantScope, body: AlertReport) -> ResponseReturnValue:
    """Take how an alert stands; model, line, target and opening name it, so sending it again does no harm.

    The answer leaves out what people said of it.
    """
    with platform().metadata.session() as session:
        return _shown(view_of(take_alert(session, scope, body, datetime.now(UTC)), None))


@routes.get("/tenants/<tenant>/alerts")
@guarded(Permission.READ)
@described(OPEN, MODEL, LINE, TARGET, SINCE, UNTIL, BEFORE, LIMIT, answer=list[AlertView], headers=(LINK,))
def listed(scope: TenantScope) -> ResponseReturnValue:
    """Alerts that were open at some time of the window, newest first; ``before`` an id for the next page."""
    limit, (start, end) = LIMIT.read(), params.some_window()
    with platform().metadata.session() as session:
        found = list_alerts(
            session, scope, open_only=OPEN.read() == "yes", model=request.args.get("model", ""),
            line=request.args.get("line", ""), target=request.args.get("target", ""),
            start=start, end=end, before=BEFORE.read(), limit=limit,
        )  # fmt: skip
    return paged([_shown(alert) for alert in found], "before", last_of(found, limit))


@routes.get("/tenants/<tenant>/alerts/<int:alert>")
@guarded(Permission.READ)
@described(answer=AlertDetail)
def one(scope: TenantScope, alert: int) -> ResponseReturnValue:
    """An alert with all that was said of it."""
    number = known_id(alert)
    with platform().metadata.session() as session:
        found = find_alert(session, scope, number)
        history = feedback_of(session, scope, number)
    return _shown(found) | {"history": [_shown(said) for said in history]}


@routes.post("/tenants/<tenant>/alerts/<int:alert>/feedback")
@guarded(Permission.HANDLE)
@described(body=FeedbackSpec, answer=FeedbackView, status=201)
def judge(scope: TenantScope, alert: int, body: FeedbackSpec) -> ResponseReturnValue:
    """Say what was found; what was said before stays on record, and the newest counts."""
    with platform().metadata.session() as session:
        return _shown(give_feedback(session, scope, known_id(alert), body, datetime.now(UTC))), 201


@routes.get("/tenants/<tenant>/alerts/outcomes")
@guarded(Permission.READ)
@described(MODEL, LINE, SINCE, UNTIL, answer=Outcomes)
def outcomes(scope: TenantScope) -> ResponseReturnValue:
    """How the alerts that opened in the window turned out, by model and version."""
    start, end = params.some_window()
    with platform().metadata.session() as session:
        found = outcomes_of(
            session, scope, model=request.args.get("model", ""), line=request.args.get("line", ""),
            start=start, end=end,
        )  # fmt: skip
    return asdict(found)


@routes.errorhandler(UnknownAlert)
def _unknown(error: UnknownAlert) -> ResponseReturnValue:
    return Problem(404, f"There is no alert {error}.", f"没有预警 {error}。", "unknown_alert").response()


@routes.errorhandler(FeedbackRefused)
def _refused(error: FeedbackRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "refused").response()


@routes.errorhandler(AlertQuotaReached)
@routes.errorhandler(AlarmQuotaReached)
def _quota(error: AlertQuotaReached | AlarmQuotaReached) -> ResponseReturnValue:
    return Problem(
        422, f"Nothing was stored: {error}.", f"未保存任何内容: {error}。", "quota_reached"
    ).response()


def _shown(row: BaseModel) -> dict[str, object]:
    return row.model_dump(mode="json")
