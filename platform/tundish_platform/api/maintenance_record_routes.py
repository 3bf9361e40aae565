"""Routes of maintenance records: what was done on machines."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from flask import Blueprint, jsonify

from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import page, text, whole
from tundish_platform.api.shapes import Shape
from tundish_platform.maintenance import (
    MAX_PAGE,
    MaintenanceKind,
    RecordRefused,
    RecordSpec,
    UnknownRecord,
    list_records,
    note_record,
    remove_record,
)
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

BELOW: Final = text("path", 400, "Of this node of the equipment tree and what lies below it only.")
BEFORE: Final = whole("before", 0, MAX_ID, 0, "Id of the last record of the page before; 0 for the newest.")
LIMIT: Final = page(MAX_PAGE)

routes = Blueprint("maintenance_records", __name__)


class MaintenanceRecord(Shape):
    """Work that was done; the end is the start where nobody said how long it took."""

    id: int
    path: str
    kind: MaintenanceKind
    started_at: datetime
    ended_at: datetime
    text: str
    done_by: str
    said_at: datetime
    said_by: str


@routes.get("/tenants/<tenant>/maintenance-records")
@guarded(Permission.READ)
@described(BELOW, BEFORE, LIMIT, answer=list[MaintenanceRecord], headers=(LINK,))
def listed(scope: TenantScope) -> ResponseReturnValue:
    """What was done where the caller may read, the record noted last first."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = list_records(session, scope, below=BELOW.read(), before=BEFORE.read(), limit=limit)
    return paged([asdict(one) for one in found], "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/maintenance-records")
@guarded(Permission.HANDLE)
@described(body=RecordSpec, answer=MaintenanceRecord, status=201)
def make(scope: TenantScope, body: RecordSpec) -> ResponseReturnValue:
    """Note what was done on a machine, when and by whom."""
    with platform().metadata.session() as session:
        return jsonify(asdict(note_record(session, scope, body, datetime.now(UTC)))), 201


@routes.delete("/tenants/<tenant>/maintenance-records/<int:number>")
@guarded(Permission.HANDLE)
@described(status=204)
def remove(scope: TenantScope, number: int) -> ResponseReturnValue:
    """Take a wrong record away; the audit trail keeps what it said."""
    with platform().metadata.session() as session:
        remove_record(session, scope, known_id(number), datetime.now(UTC))
    return "", 204


@routes.errorhandler(UnknownRecord)
def _unknown(error: UnknownRecord) -> ResponseReturnValue:
    return Problem(
        404, f"There is no maintenance record {error}.", f"没有检修记录 {error}。", "unknown_record"
    ).response()


@routes.errorhandler(RecordRefused)
def _refused(error: RecordRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "refused").response()
