"""Bulk telemetry in, as Arrow or JSON: for scripts, notebooks and other systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, request

from tundish_platform.api import shapes
from tundish_platform.api.answers import ARROW_MIME
from tundish_platform.api.bulk import store_rows
from tundish_platform.api.context import platform
from tundish_platform.api.described import JSON, described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ingest import MAX_BODY
from tundish_platform.api.parameters import word
from tundish_platform.api.rowsjson import TelemetryRows
from tundish_platform.samples import Origin
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

_FORMS: Final = {ARROW_MIME: "arrow", JSON: "json"}
ORIGIN: Final = word("origin", list(Origin), Origin.LIVE, "Live, or history that adoption does not count.")

routes = Blueprint("telemetry", __name__)


@routes.post("/tenants/<tenant>/telemetry")
@guarded(Permission.INGEST, body_limit=MAX_BODY)
@described(ORIGIN, body=TelemetryRows, media=(ARROW_MIME,), raw=True, answer=shapes.Stored)
def take(scope: TenantScope) -> ResponseReturnValue:
    """Take samples; the answer comes when they are on disk, all of them. Wrong rows are named, from 0.

    Arrow streams have the columns signal (number) or path, ts (with a zone), value and, if not all are good,
    status. JSON is a list of rows with the same members, at most 100,000.
    """
    form = _FORMS.get(request.mimetype)
    if form is None:
        known = ", ".join(_FORMS)
        raise Problem(415, f"Send one of {known}.", f"请使用内容类型 {known} 之一。")
    stored = store_rows(platform(), scope, request.get_data(cache=False), form, Origin(ORIGIN.read()))
    return {"rows": int(stored), "expired": stored.expired}
