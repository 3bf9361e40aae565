"""Routes of external facts: what an officer enters of an enterprise with its document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, jsonify
from sqlalchemy import select

from tundish_platform.api import series_shapes as shapes
from tundish_platform.api.adoption import UnknownEnterprise
from tundish_platform.api.base64s import decoded
from tundish_platform.api.billing_shapes import told
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded_above
from tundish_platform.api.pages import LINK, paged
from tundish_platform.api.parameters import page, whole
from tundish_platform.api.params import MAX_ID
from tundish_platform.api.register_files import sent
from tundish_platform.api.table_routes import FORMAT, MEDIA
from tundish_platform.programme import Enterprise, enterprise_of
from tundish_platform.programme.external import (
    ExternalRefused,
    ExternalSpec,
    counts,
    enter,
    external_sheet,
    facts_of,
    withdraw,
)
from tundish_platform.programme.series.models import ExternalFact
from tundish_platform.programme.sharing import Record, disclose
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any

    from flask.typing import ResponseReturnValue
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import Principal

AFTER: Final = whole("after", 0, MAX_ID, 0, "Number of the last one of the page before.")
LIMIT: Final = page(1_000, 100)
_BODY: Final = 8 * 1024 * 1024 + 65_536

routes = Blueprint("external", __name__)


@routes.get("/programme/external")
@guarded_above(Permission.PROGRAMME)
@described(answer=list[shapes.ExternalCount])
def sums(_principal: Principal) -> Response:
    """Enterprises by kind of external fact: apart from every measured figure."""
    with _session() as session:
        return jsonify(told(list[shapes.ExternalCount], counts(session, utc_now().date())))


@routes.get("/programme/enterprises/<uscc>/external")
@guarded_above(Permission.PROGRAMME)
@described(AFTER, LIMIT, answer=list[shapes.External], headers=(LINK,))
def of_enterprise(_principal: Principal, uscc: str) -> Response:
    """All external facts of an enterprise, those withdrawn among them."""
    after, limit = AFTER.read(), LIMIT.read()
    with _session() as session:
        known = facts_of(session, _enterprise(session, uscc))
        found = [_told(fact) for fact in known if fact.id > after][:limit]
    return paged(found, "after", found[-1]["id"] if len(found) == limit else None)


@routes.post("/programme/enterprises/<uscc>/external/entries")
@guarded_above(Permission.PROGRAMME, body_limit=_BODY, person=True)
@described(body=shapes.ExternalEntry, answer=shapes.External, status=201)
def add(principal: Principal, uscc: str, body: shapes.ExternalEntry) -> ResponseReturnValue:
    """Enter an external fact with its document."""
    document = decoded(body.document, "文件", "document", "bad_document")
    spec = ExternalSpec.model_validate(body.model_dump(exclude={"document"}))
    with _session() as session:
        enterprise = _enterprise(session, uscc)
        made = _told(enter(session, enterprise, spec, document, principal.name, utc_now()))
    return jsonify(made), 201


@routes.post("/programme/external/<int:number>/withdrawal")
@guarded_above(Permission.PROGRAMME, person=True)
@described(body=shapes.Withdrawal, answer=shapes.External)
def take_back(principal: Principal, number: int, body: shapes.Withdrawal) -> Response:
    """Withdraw an external fact; it stays on record with the reason."""
    with _session() as session:
        return jsonify(_told(withdraw(session, number, body.reason, principal.name, utc_now())))


@routes.get("/programme/external/sheet")
@guarded_above(Permission.PROGRAMME)
@described(FORMAT, gives=MEDIA)
def sheet(_principal: Principal) -> Response:
    """All external facts as a table, without the documents."""
    excel = FORMAT.read() == "xlsx"
    with _session() as session:
        return sent(external_sheet(session, excel=excel), "外部事实", excel=excel)


@routes.get("/programme/external/<int:number>/document")
@guarded_above(Permission.PROGRAMME)
@described(gives=("application/pdf", "image/png", "image/jpeg"))
def document(_principal: Principal, number: int) -> Response:
    """The document behind an external fact, as it was uploaded."""
    query = select(ExternalFact.document, ExternalFact.media_type, ExternalFact.file_name)
    with _session() as session:
        found = session.execute(query.where(ExternalFact.id == number)).one_or_none()
    if found is None:
        raise Problem(404, "There is no such document.", "没有该文件。", "unknown_document")
    answer = Response(found.document, content_type=found.media_type)
    answer.headers.set("Content-Disposition", "attachment", filename=found.file_name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@routes.app_errorhandler(ExternalRefused)
def _refused(error: ExternalRefused) -> Response:
    return Problem(422, error.message_en, error.message_zh, "external_refused").response()


def _enterprise(session: Session, uscc: str) -> Enterprise:
    found = enterprise_of(session, uscc)
    if found is None:
        raise UnknownEnterprise(uscc)
    return found


def _told(fact: ExternalFact) -> dict[str, Any]:
    return disclose(Record.EXTERNAL, told(shapes.External, fact))


def _session() -> AbstractContextManager[Session]:
    return platform().metadata.above(Above.ADOPTION).session()
