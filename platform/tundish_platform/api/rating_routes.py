"""Routes of ratings: what apps were worth, stars, failures that no alert announced, and use by industry."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

from flask import Blueprint, jsonify
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import rating_shapes as shapes
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import authenticated, guarded, guarded_above
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import page, whole
from tundish_platform.marketplace import UnknownApp
from tundish_platform.ratings import (
    FailureRefused,
    FailureSpec,
    StarsRefused,
    StarsSpec,
    UnknownFailure,
    UnknownStars,
    failures,
    give_stars,
    hide_stars,
    own_stars,
    rating_of,
    ratings,
    report_failure,
    said_of,
    take_failure_back,
    take_stars_back,
    use_of,
)
from tundish_platform.tenancy import Permission, Role
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import Principal, TenantScope

BEFORE: Final = whole("before", 0, MAX_ID, 0, "Number of the last one of the page before; 0 for the newest.")
LIMIT: Final = page(200, 50)

routes = Blueprint("ratings", __name__)


class Hiding(BaseModel):
    """Why stars and text are hidden from everybody; empty shows them again."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]


@routes.get("/catalogue/ratings")
@authenticated
@described(answer=list[shapes.Rating])
def every_rating(_principal: Principal) -> Response:
    """What each app of the catalogue was worth, measured and in stars."""
    with platform().metadata.above(Above.RATINGS).session() as above:
        return jsonify([asdict(one) for one in ratings(above, _apps(), datetime.now(UTC))])


@routes.get("/catalogue/<app_id>/rating")
@authenticated
@described(answer=shapes.Rating)
def rating(_principal: Principal, app_id: str) -> Response:
    """What an app was worth, measured and in stars."""
    app = platform().catalogue.app(app_id).manifest.id
    with platform().metadata.above(Above.RATINGS).session() as above:
        return jsonify(asdict(rating_of(above, app, _apps(), datetime.now(UTC))))


@routes.get("/catalogue/<app_id>/stars")
@authenticated
@described(BEFORE, LIMIT, answer=list[shapes.SaidOfApp], headers=(LINK,))
def said(principal: Principal, app_id: str) -> ResponseReturnValue:
    """What people say of an app, newest first; the operator sees what is hidden, too."""
    limit, hidden = LIMIT.read(), Role.PLATFORM_OPERATOR in principal.roles
    with platform().metadata.above(Above.RATINGS).session() as above:
        found = said_of(above, app_id, hidden=hidden, before=BEFORE.read(), limit=limit)
    return paged([asdict(one) for one in found], "before", last_of(found, limit))


@routes.put("/review/stars/<int:number>/hiding")
@guarded_above(Permission.OPERATE, person=True)
@described(body=Hiding, answer=shapes.SaidOfApp)
def hide(principal: Principal, number: int, body: Hiding) -> Response:
    """Hide what somebody says of an app from everybody, or show it again."""
    with platform().metadata.above(Above.RATINGS).session() as above:
        done = hide_stars(above, principal, known_id(number), body.reason.strip(), datetime.now(UTC))
    return jsonify(asdict(done))


@routes.get("/tenants/<tenant>/apps/<app_id>/stars")
@guarded(Permission.READ)
@described(answer=shapes.OwnStars)
def own(scope: TenantScope, app_id: str) -> Response:
    """What the tenant itself said of an app, and whether it may."""
    with platform().metadata.session() as session:
        return jsonify(asdict(own_stars(session, scope, app_id)))


@routes.put("/tenants/<tenant>/apps/<app_id>/stars")
@guarded(Permission.SUBSCRIBE, person=True)
@described(body=StarsSpec, answer=shapes.SaidOfApp)
def give(scope: TenantScope, app_id: str, body: StarsSpec) -> Response:
    """Give stars and a text that everybody may read, or change them."""
    with platform().metadata.session() as session:
        return jsonify(asdict(give_stars(session, scope, app_id, body, datetime.now(UTC))))


@routes.delete("/tenants/<tenant>/apps/<app_id>/stars")
@guarded(Permission.SUBSCRIBE, person=True)
@described(status=204)
def take_back(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """Withdraw the tenant's stars."""
    with platform().metadata.session() as session:
        take_stars_back(session, scope, app_id, datetime.now(UTC))
    return "", 204


@routes.get("/tenants/<tenant>/failures")
@guarded(Permission.READ)
@described(BEFORE, LIMIT, answer=list[shapes.MissedFailure], headers=(LINK,))
def failure_list(scope: TenantScope) -> ResponseReturnValue:
    """Failures that no alert announced, as people report them, newest first."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = failures(session, scope, BEFORE.read(), limit)
    return paged([asdict(one) for one in found], "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/failures")
@guarded(Permission.HANDLE)
@described(body=FailureSpec, answer=shapes.MissedFailure, status=201)
def failure_report(scope: TenantScope, body: FailureSpec) -> ResponseReturnValue:
    """Report a failure that no alert announced; apps that were watching the machine missed it."""
    with platform().metadata.session() as session:
        return jsonify(asdict(report_failure(session, scope, body, datetime.now(UTC)))), 201


@routes.delete("/tenants/<tenant>/failures/<int:number>")
@guarded(Permission.HANDLE)
@described(status=204)
def failure_remove(scope: TenantScope, number: int) -> ResponseReturnValue:
    """Remove a report that was wrong."""
    with platform().metadata.session() as session:
        take_failure_back(session, scope, known_id(number), datetime.now(UTC))
    return "", 204


@routes.get("/tenants/<tenant>/publisher/apps/<app_id>/use")
@guarded(Permission.PUBLISH)
@described(answer=list[shapes.AppUse])
def use(scope: TenantScope, app_id: str) -> Response:
    """Subscribers and runs of one of the tenant's apps, by month and industry, the newest month first."""
    metadata, now = platform().metadata, datetime.now(UTC)
    with metadata.session() as session, metadata.above(Above.RATINGS).session() as above:
        return jsonify([asdict(one) for one in use_of(session, above, scope, app_id, _apps(), now)])


def _apps() -> list[str]:
    return list(platform().catalogue.apps)


@routes.errorhandler(UnknownApp)
def _unknown_app(error: UnknownApp) -> Response:
    return Problem(
        404, f"No app {error.args[0]!s:.60} is in the catalogue. GET /catalogue lists those that are.",
        f"目录中没有应用 {error.args[0]!s:.60}。可通过 GET /catalogue 查询。", "unknown_app",
    ).response()  # fmt: skip


@routes.errorhandler(StarsRefused)
@routes.errorhandler(FailureRefused)
def _refused(error: StarsRefused | FailureRefused) -> Response:
    return Problem(422, error.message_en, error.message_zh, "refused").response()


@routes.errorhandler(UnknownStars)
@routes.errorhandler(UnknownFailure)
def _unknown(error: UnknownStars | UnknownFailure) -> Response:
    return Problem(404, f"There is no entry {error}.", f"没有记录 {error}。", "unknown_entry").response()
