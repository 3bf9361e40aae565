"""Routes of the model registry: the worker registers and reports, people decide, everybody reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from flask import Blueprint, request

from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import Query, page, whole, word
from tundish_platform.model_registry import (
    MAX_PAGE,
    MAX_ROLES,
    DecisionInfo,
    DecisionRefused,
    DecisionSpec,
    ModelDetail,
    ModelInfo,
    ModelRoles,
    OtherDigest,
    ReportInfo,
    ReportKind,
    ReportSpec,
    State,
    TooManyVersions,
    UnknownModel,
    VersionSpec,
    decide,
    find_model,
    list_decisions,
    list_models,
    list_reports,
    list_roles,
    register_version,
    report_on,
)
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

_TEXT: Final = {"type": "string"}
_ALL: Final = "all"
BODY_LIMIT: Final = 1024 * 1024
LINE: Final = Query("line", "Only of this line, or of lines below this path.", _TEXT)
MODEL: Final = Query("model", "Only this model, such as hydraulic-condition.", _TEXT)
STATE: Final = word("state", (_ALL, *State), _ALL, "Only versions that stand so.")
KIND: Final = word("kind", (_ALL, *ReportKind), _ALL, "Only reports of this kind.")
BEFORE: Final = whole("before", 0, MAX_ID, 0, "Id of the last row of the page before; 0 for the newest.")
AFTER: Final = whole("after", 0, MAX_ID, 0, "Id of the last row of the page before.")
LIMIT: Final = page(MAX_PAGE)
ROLES_LIMIT: Final = page(MAX_ROLES)

routes = Blueprint("models", __name__)


@routes.post("/tenants/<tenant>/models")
@guarded(Permission.TRAIN, BODY_LIMIT)
@described(body=VersionSpec, answer=ModelInfo, status=201)
def register(scope: TenantScope, body: VersionSpec) -> ResponseReturnValue:
    """Register a version; the first of its line and model is champion at once. 200 if it was there."""
    with platform().metadata.session() as session:
        found, made = register_version(session, scope, body, datetime.now(UTC))
    return found.model_dump(mode="json"), 201 if made else 200


@routes.get("/tenants/<tenant>/models")
@guarded(Permission.READ)
@described(LINE, MODEL, STATE, BEFORE, LIMIT, answer=list[ModelInfo], headers=(LINK,))
def listed(scope: TenantScope) -> ResponseReturnValue:
    """Versions, the newest first; ``before`` an id for the next page."""
    limit, state = LIMIT.read(), STATE.read()
    line, model = request.args.get("line", ""), request.args.get("model", "")
    with platform().metadata.session() as session:
        found = list_models(
            session, scope, line=line, model=model, state=None if state == _ALL else State(state),
            before=BEFORE.read() or None, limit=limit,
        )  # fmt: skip
    return paged([one.model_dump(mode="json") for one in found], "before", last_of(found, limit))


@routes.get("/tenants/<tenant>/models/roles")
@guarded(Permission.READ)
@described(LINE, MODEL, AFTER, ROLES_LIMIT, answer=list[ModelRoles], headers=(LINK,))
def roles(scope: TenantScope) -> ResponseReturnValue:
    """Which version of each line's models speaks, and which compute beside it in shadow."""
    limit, after = ROLES_LIMIT.read(), AFTER.read()
    line, model = request.args.get("line", ""), request.args.get("model", "")
    with platform().metadata.session() as session:
        found = list_roles(session, scope, line=line, model=model, after=after, limit=limit)
    return paged([one.model_dump(mode="json") for one in found], "after", last_of(found, limit))


@routes.get("/tenants/<tenant>/models/<int:model>")
@guarded(Permission.READ)
@described(answer=ModelDetail)
def one(scope: TenantScope, model: int) -> ResponseReturnValue:
    """A version with its card, and what can be decided about it now."""
    with platform().metadata.session() as session:
        return find_model(session, scope, known_id(model)).model_dump(mode="json")


@routes.post("/tenants/<tenant>/models/<int:model>/decision")
@guarded(Permission.CONFIGURE, person=True)
@described(body=DecisionSpec, answer=ModelDetail)
def decision(scope: TenantScope, model: int, body: DecisionSpec) -> ResponseReturnValue:
    """Approve, put in shadow, promote, reject, retire or roll back, with a reason; people only."""
    with platform().metadata.session() as session:
        return decide(session, scope, known_id(model), body, datetime.now(UTC)).model_dump(mode="json")


@routes.get("/tenants/<tenant>/models/<int:model>/decisions")
@guarded(Permission.READ)
@described(BEFORE, LIMIT, answer=list[DecisionInfo], headers=(LINK,))
def decisions(scope: TenantScope, model: int) -> ResponseReturnValue:
    """What was decided about a version, the newest first; ``before`` an id for the next page."""
    limit, before = LIMIT.read(), BEFORE.read() or None
    with platform().metadata.session() as session:
        found = list_decisions(session, scope, known_id(model), before=before, limit=limit)
    return paged([one.model_dump(mode="json") for one in found], "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/models/<int:model>/reports")
@guarded(Permission.TRAIN, BODY_LIMIT)
@described(body=ReportSpec, answer=ReportInfo, status=201)
def report(scope: TenantScope, model: int, body: ReportSpec) -> ResponseReturnValue:
    """Report on a version; of one kind and moment the first stays, and another gets it with 200."""
    with platform().metadata.session() as session:
        found, made = report_on(session, scope, known_id(model), body, datetime.now(UTC))
    return found.model_dump(mode="json"), 201 if made else 200


@routes.get("/tenants/<tenant>/models/<int:model>/reports")
@guarded(Permission.READ)
@described(KIND, BEFORE, LIMIT, answer=list[ReportInfo], headers=(LINK,))
def reports(scope: TenantScope, model: int) -> ResponseReturnValue:
    """Reports on a version, the newest first; ``before`` an id for the next page."""
    limit, before, kind = LIMIT.read(), BEFORE.read() or None, KIND.read()
    with platform().metadata.session() as session:
        found = list_reports(
            session, scope, known_id(model), kind=None if kind == _ALL else ReportKind(kind),
            before=before, limit=limit,
        )  # fmt: skip
    return paged([one.model_dump(mode="json") for one in found], "before", last_of(found, limit))


@routes.errorhandler(UnknownModel)
def _unknown(error: UnknownModel) -> ResponseReturnValue:
    return Problem(
        404, f"There is no model version {error}.", f"没有模型版本 {error}。", "unknown_model"
    ).response()


@routes.errorhandler(OtherDigest)
def _other_digest(error: OtherDigest) -> ResponseReturnValue:
    return Problem(
        409,
        f"Version {error} is registered with another digest. A version never changes; register a new one.",
        f"版本 {error} 已以不同的摘要登记。版本登记后不可更改, 请登记新版本。",
        "other_digest",
    ).response()


@routes.errorhandler(TooManyVersions)
def _too_many(error: TooManyVersions) -> ResponseReturnValue:
    return Problem(
        422, f"There are {error} model versions already.", f"模型版本数量已达上限 {error}。", "refused"
    ).response()


@routes.errorhandler(DecisionRefused)
def _refused(error: DecisionRefused) -> ResponseReturnValue:
    return Problem(409, error.message_en, error.message_zh, "decision_refused").response()
