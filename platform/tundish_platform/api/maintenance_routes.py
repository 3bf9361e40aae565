"""Routes of planned maintenance, during which a machine's alarms are suppressed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from flask import Blueprint

from tundish_platform.alarms import MAX_PAGE
from tundish_platform.alarms.maintenance import (
    TooManyWindows,
    UnknownWindow,
    Window,
    WindowSpec,
    end_maintenance,
    list_maintenance,
    plan_maintenance,
)
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import page, whole
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope


BEFORE: Final = whole("before", 0, MAX_ID, 0, "Id of the last window of the page before; 0 for the newest.")
LIMIT: Final = page(MAX_PAGE)

routes = Blueprint("maintenance", __name__)


@routes.get("/tenants/<tenant>/maintenance")
@guarded(Permission.READ)
@described(BEFORE, LIMIT, answer=list[Window], headers=(LINK,))
def windows(scope: TenantScope) -> ResponseReturnValue:
    """Windows, the newest first; ``before`` a number for the next page."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = list_maintenance(session, scope, before=BEFORE.read() or None, limit=limit)
    rows = [window.model_dump(mode="json") for window in found]
    return paged(rows, "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/maintenance")
@guarded(Permission.CONFIGURE)
@described(body=WindowSpec, answer=Window, status=201)
def plan(scope: TenantScope, body: WindowSpec) -> ResponseReturnValue:
    """Plan a window."""
    with platform().metadata.session() as session:
        return plan_maintenance(session, scope, body, datetime.now(UTC)).model_dump(mode="json"), 201


@routes.post("/tenants/<tenant>/maintenance/<int:window>/end")
@guarded(Permission.CONFIGURE)
@described(answer=Window)
def end(scope: TenantScope, window: int) -> ResponseReturnValue:
    """End a window now; ending twice is no error."""
    with platform().metadata.session() as session:
        return end_maintenance(session, scope, known_id(window), datetime.now(UTC)).model_dump(mode="json")


@routes.errorhandler(UnknownWindow)
def _unknown(error: UnknownWindow) -> ResponseReturnValue:
    return Problem(
        404, f"There is no maintenance window {error}.", f"没有检修计划 {error}。", "unknown_window"
    ).response()


@routes.errorhandler(TooManyWindows)
def _too_many(error: TooManyWindows) -> ResponseReturnValue:
    return Problem(
        422, f"There are {error} maintenance windows already that are not over.",
        f"未结束的检修计划已达上限 {error}。", "refused",
    ).response()  # fmt: skip
