"""Routes of annotations: notes on stretches of time at places of the plant."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from flask import Blueprint, jsonify

from tundish_platform.annotations import (
    MAX_PAGE,
    AnnotationRefused,
    AnnotationSpec,
    UnknownAnnotation,
    annotate,
    list_annotations,
    remove_annotation,
)
from tundish_platform.api import parameters as p
from tundish_platform.api import params
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.shapes import Shape
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

BEFORE: Final = p.whole("before", 0, MAX_ID, 0, "Id of the last note of the page before; 0 for the newest.")
LIMIT: Final = p.page(MAX_PAGE)
SINCE: Final = replace(p.START, required=False)
UNTIL: Final = replace(p.END, required=False)

routes = Blueprint("annotations", __name__)


class Annotation(Shape):
    """A note on a stretch of source time; the end is the start for a moment."""

    id: int
    path: str
    starts_at: datetime
    ends_at: datetime
    text: str
    said_at: datetime
    said_by: str


@routes.get("/tenants/<tenant>/annotations")
@guarded(Permission.READ)
@described(SINCE, UNTIL, BEFORE, LIMIT, answer=list[Annotation], headers=(LINK,))
def listed(scope: TenantScope) -> ResponseReturnValue:
    """Notes where the caller may read, the newest first; with a window those that touch it."""
    limit, (start, end) = LIMIT.read(), params.some_window()
    with platform().metadata.session() as session:
        found = list_annotations(session, scope, start=start, end=end, before=BEFORE.read(), limit=limit)
    return paged([asdict(one) for one in found], "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/annotations")
@guarded(Permission.HANDLE)
@described(body=AnnotationSpec, answer=Annotation, status=201)
def make(scope: TenantScope, body: AnnotationSpec) -> ResponseReturnValue:
    """Put a note on a stretch of time at a signal or at what lies above it."""
    with platform().metadata.session() as session:
        return jsonify(asdict(annotate(session, scope, body, datetime.now(UTC)))), 201


@routes.delete("/tenants/<tenant>/annotations/<int:number>")
@guarded(Permission.HANDLE)
@described(status=204)
def remove(scope: TenantScope, number: int) -> ResponseReturnValue:
    """Take a note away; the audit trail keeps what it said."""
    with platform().metadata.session() as session:
        remove_annotation(session, scope, known_id(number), datetime.now(UTC))
    return "", 204


@routes.errorhandler(UnknownAnnotation)
def _unknown(error: UnknownAnnotation) -> ResponseReturnValue:
    return Problem(404, f"There is no note {error}.", f"没有批注 {error}。", "unknown_annotation").response()


@routes.errorhandler(AnnotationRefused)
def _refused(error: AnnotationRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "refused").response()
