"""Routes of apps on records: what an app asks for, consent, the records, answers to questionnaires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, jsonify

from tundish_platform.api import record_shapes as shapes
from tundish_platform.api.answers import ARROW_MIME, arrow_stream
from tundish_platform.api.context import app_here, platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import page, whole
from tundish_platform.marketplace import NotSubscribed
from tundish_platform.marketplace.records import (
    Consent,
    Sheet,
    UnknownKind,
    answer,
    consent_to,
    consents,
    records_scope,
    sheets,
)
from tundish_platform.records import Reading, read_records
from tundish_platform.records.peers import give_figures, peers
from tundish_platform.sdk import RecordKind, record_table
from tundish_platform.sdk.questionnaire import AnswerRefused, Questionnaire, read_questionnaire
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from typing import Any

    from flask.typing import ResponseReturnValue

    from tundish_platform.marketplace import App
    from tundish_platform.tenancy import TenantScope

BEFORE: Final = whole("before", 0, MAX_ID, 0, "Number of the last row of the page before; 0 for the newest.")
LIMIT: Final = page(100, 50)

routes = Blueprint("records", __name__)


@routes.get("/tenants/<tenant>/apps/<app_id>/records")
@guarded(Permission.READ)
@described(answer=shapes.Wishes)
def wishes(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """What the app asks for beside signals, with what was agreed to; the same before subscribing."""
    app = app_here(scope, app_id)
    with platform().metadata.session() as session:
        try:
            granted = {one.kind: one for one in consents(session, scope, app_id)}
        except NotSubscribed:
            granted = {}
    questions = questions_of(app)
    asked = questions.model_dump(mode="json") if questions else None
    return jsonify(records=_wishes(app, granted), questionnaire=asked)


@routes.put("/tenants/<tenant>/grants/<app_id>/records")
@guarded(Permission.SUBSCRIBE, person=True)
@described(body=shapes.ConsentBody, answer=shapes.Wishes)
def consent(scope: TenantScope, app_id: str, body: shapes.ConsentBody) -> ResponseReturnValue:
    """Agree to exactly these kinds; what is left out is withdrawn at once."""
    app = app_here(scope, app_id)
    with platform().metadata.session() as session:
        standing = consent_to(session, scope, app.manifest, [kind.value for kind in body.kinds])
    questions = questions_of(app)
    asked = questions.model_dump(mode="json") if questions else None
    return jsonify(records=_wishes(app, {one.kind: one for one in standing}), questionnaire=asked)


@routes.get("/tenants/<tenant>/grants/<app_id>/records/<kind>")
@guarded(Permission.ANALYSE)
@described(gives=(ARROW_MIME,))
def read(scope: TenantScope, app_id: str, kind: str) -> Response:
    """The records of one granted kind, as Arrow; of a field that was not agreed to nothing is given."""
    wish = app_here(scope, app_id).manifest.wish(kind)
    now = utc_now()
    with platform().metadata.session() as session:
        narrowed, agreed = records_scope(session, scope, app_id, kind)
        if wish is None:
            raise UnknownKind(f"{app_id} asks for no records {kind}")
        fields = set(agreed.fields) & set(wish.fields)
        if wish.kind is not RecordKind.PEERS:
            return arrow_stream(read_records(session, narrowed, Reading(app_id, wish, now), fields))
    with platform().metadata.above(Above.PEERS).session() as session:
        return arrow_stream(record_table(wish.kind, peers(session, narrowed, now), fields))


@routes.post("/tenants/<tenant>/grants/<app_id>/peer-figures")
@guarded(Permission.ANALYSE)
@described(body=shapes.FiguresBody, answer=shapes.TakenFigures)
def figures(scope: TenantScope, app_id: str, body: shapes.FiguresBody) -> ResponseReturnValue:
    """Give figures of this month to the comparison, where peers were agreed to; the newest count."""
    with platform().metadata.session() as session:
        narrowed, _ = records_scope(session, scope, app_id, RecordKind.PEERS)
        return {"taken": give_figures(session, narrowed, body.figures, body.size, utc_now())}


@routes.get("/tenants/<tenant>/apps/<app_id>/answers")
@guarded(Permission.READ)
@described(BEFORE, LIMIT, answer=list[Sheet], headers=(LINK,))
def answers(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """Sheets of answers to the app's questions, newest first."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = sheets(session, scope, app_id, BEFORE.read(), limit)
    return paged([one.model_dump(mode="json") for one in found], "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/apps/<app_id>/answers")
@guarded(Permission.SUBSCRIBE, person=True)
@described(body=shapes.AnswersBody, answer=Sheet, status=201)
def answers_give(scope: TenantScope, app_id: str, body: shapes.AnswersBody) -> ResponseReturnValue:
    """Answer the app's questions; the sheet is kept with who and when, and earlier ones stay."""
    questions = questions_of(app_here(scope, app_id))
    if questions is None:
        raise Problem(404, f"{app_id} asks no questions.", f"{app_id} 没有问卷。", "no_questions")
    with platform().metadata.session() as session:
        made = answer(session, scope, app_id, questions, body.answers)
    return made.model_dump(mode="json"), 201


def questions_of(app: App) -> Questionnaire | None:
    """The app's questionnaire, where it asks people anything."""
    return read_questionnaire(app.folder) if app.manifest.wish(RecordKind.ANSWERS) else None


def _wishes(app: App, granted: dict[str, Consent]) -> list[dict[str, Any]]:
    return [
        {
            **wish.model_dump(mode="json"),
            "granted_fields": list(one.fields) if (one := granted.get(wish.kind)) else [],
            "granted_at": one.granted_at if one else None,
            "granted_by": one.granted_by if one else None,
        }
        for wish in app.manifest.records
    ]


@routes.errorhandler(UnknownKind)
def _unknown_kind(error: UnknownKind) -> Response:
    return Problem(
        404, f"{error!s:.200}. GET …/apps/<app>/records says what it asks for and what was agreed to.",
        "应用没有申请或未获准读取这类记录。可通过 GET …/apps/<app>/records 查询。", "records_not_granted",
    ).response()  # fmt: skip


@routes.errorhandler(AnswerRefused)
def _answer_refused(error: AnswerRefused) -> Response:
    return Problem(
        422, f"{error!s:.300}. Compare with the questionnaire.", f"答案无法使用:{error!s:.300}。请对照问卷。",
        "answer_refused",
    ).response()  # fmt: skip
