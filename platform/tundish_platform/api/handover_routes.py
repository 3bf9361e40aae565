"""Routes of the shift hand-over: plans, editions of reports with their files, notes, and the log of mails."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

from flask import Blueprint, Response, jsonify
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tundish_platform.api import parameters as p
from tundish_platform.api import params
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.shapes import Shape
from tundish_platform.documents import FontsMissing
from tundish_platform.handover import (
    HandoverFacts,
    HandoverRefused,
    NoteChange,
    NoteSpec,
    PlanChanged,
    ShiftPlanSpec,
    ShiftPlanView,
    UnknownHandover,
    carried_into,
    change_note,
    close_point,
    find_edition,
    list_editions,
    list_mails,
    list_plans,
    moment,
    notes_of,
    planned_at,
    remove_plan,
    say,
    set_plan,
    take_over,
)
from tundish_platform.handover.files import FORMS, MEDIA_TYPES, file_name, report_file, report_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.handover.files import Report
    from tundish_platform.handover.words import Language
    from tundish_platform.tenancy import TenantScope

_MAX_PAGE: Final = 500
_INSTANT: Final = TypeAdapter(AwareDatetime)
PATH: Final = p.text("path", 400, "Path of a site, an area or a line; all if absent.")
PLACE: Final = p.Query("path", "Path of a site, an area or a line.", {"type": "string"}, required=True)
SHIFT: Final = p.Query(
    "shift_start", "When the shift began, in ISO 8601 with a zone.",
    {"type": "string", "format": "date-time"}, required=True,
)  # fmt: skip
BEFORE: Final = p.whole("before", 0, MAX_ID, 0, "Id of the last one of the page before; 0 for the newest.")
LIMIT: Final = p.page(_MAX_PAGE, 100)
FORMAT: Final = p.word("format", FORMS, "pdf", "PDF or Excel.")
LANGUAGE: Final = p.word("language", ("zh", "en"), "zh", "Of the file.")

routes = Blueprint("handover", __name__)


class PlanBody(BaseModel):
    """A plan, and the version that it takes the place of; 0 for a place's first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: ShiftPlanSpec
    version: Annotated[int, Field(ge=0, le=MAX_ID)] = 0


class HandoverIssue(Shape):
    """An edition of a shift's report; number 2 and above correct the one before."""

    id: int
    path: str
    starts_at: datetime
    ends_at: datetime
    number: int
    digest: str
    made_at: datetime


class HandoverWhole(HandoverIssue):
    """An edition with everything that was measured."""

    facts: HandoverFacts


class HandoverSaid(Shape):
    """A note, or an open point."""

    id: int
    path: str
    starts_at: datetime
    text: str
    point: bool
    follows: int | None
    said_by: str
    said_at: datetime
    taken_by: str
    taken_at: datetime | None
    closed_by: str
    closed_at: datetime | None


class HandoverNotes(Shape):
    """Notes of a shift, and the open points that were carried into it."""

    notes: list[HandoverSaid]
    carried: list[HandoverSaid]


class HandoverLetter(Shape):
    """A mail with an edition to one person, and what became of it."""

    id: int
    edition: int
    path: str
    starts_at: datetime
    number: int
    person: int
    state: str
    attempts: int
    made_at: datetime
    due_at: datetime
    sent_at: datetime | None
    fault: str
    fault_zh: str
    fault_en: str
    detail: str


@routes.get("/tenants/<tenant>/shift-plans")
@guarded(Permission.READ)
@described(answer=list[ShiftPlanView])
def plans(scope: TenantScope) -> ResponseReturnValue:
    """Shift plans of the places where the caller may read."""
    with platform().metadata.session() as session:
        return jsonify([one.model_dump(mode="json") for one in list_plans(session, scope)])


@routes.put("/tenants/<tenant>/shift-plans")
@guarded(Permission.CONFIGURE)
@described(body=PlanBody, answer=ShiftPlanView)
def plan_set(scope: TenantScope, body: PlanBody) -> ResponseReturnValue:
    """Say which shifts a place has, what is measured there, and who gets its reports by mail."""
    with platform().metadata.session() as session:
        made = set_plan(session, scope, body.plan, body.version, datetime.now(UTC))
    return jsonify(made.model_dump(mode="json"))


@routes.delete("/tenants/<tenant>/shift-plans")
@guarded(Permission.CONFIGURE)
@described(PLACE, status=204)
def plan_remove(scope: TenantScope) -> ResponseReturnValue:
    """Take a place's plan away; its reports stay."""
    with platform().metadata.session() as session:
        if not remove_plan(session, scope, params.text("path", 400), datetime.now(UTC)):
            raise Problem(404, "The place has no plan of its own.", "该处没有自己的班次方案。", "no_plan")
    return "", 204


@routes.get("/tenants/<tenant>/handovers")
@guarded(Permission.READ)
@described(PATH, BEFORE, LIMIT, answer=list[HandoverIssue], headers=(LINK,))
def listed(scope: TenantScope) -> ResponseReturnValue:
    """Editions of shift reports where the caller may read, the newest first."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = list_editions(session, scope, path=PATH.read(), before=BEFORE.read(), limit=limit)
    return paged([asdict(one) for one in found], "before", last_of(found, limit))


@routes.get("/tenants/<tenant>/handovers/<int:number>")
@guarded(Permission.READ)
@described(answer=HandoverWhole)
def one(scope: TenantScope, number: int) -> ResponseReturnValue:
    """An edition with every figure that its files show."""
    with platform().metadata.session() as session:
        found = find_edition(session, scope, known_id(number))
    return jsonify(asdict(found.view) | {"facts": found.facts.model_dump(mode="json")})


@routes.get("/tenants/<tenant>/handovers/<int:number>/file")
@guarded(Permission.READ)
@described(FORMAT, LANGUAGE, gives=tuple(MEDIA_TYPES.values()))
def file(scope: TenantScope, number: int) -> Response:
    """An edition as a PDF or an Excel workbook, with the notes that people wrote up to now."""
    language: Language = "en" if LANGUAGE.read() == "en" else "zh"
    with platform().metadata.session() as session:
        found = find_edition(session, scope, known_id(number))
        report = report_of(session, scope, found.facts, found.view, datetime.now(UTC))
    return sent_report(report, FORMAT.read(), language)


def sent_report(report: Report, form: str, language: Language) -> Response:
    """A report's file to download.

    Raises:
        Problem: this machine has no letters for the PDF.
    """
    try:
        content = report_file(report, form, language)
    except FontsMissing as error:
        raise Problem(503, error.en, error.zh, "fonts_missing") from error
    answer = Response(content, content_type=MEDIA_TYPES[form])
    name = file_name(report, form, language)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@routes.get("/tenants/<tenant>/handover-notes")
@guarded(Permission.READ)
@described(PLACE, SHIFT, answer=HandoverNotes)
def notes(scope: TenantScope) -> ResponseReturnValue:
    """Notes of a shift, and the open points that were carried into it."""
    path, starts_at = params.text("path", 400), _shift_start()
    with platform().metadata.session() as session:
        shift = planned_at(session, scope, path).at(starts_at)
        if shift is None:
            raise Problem(
                404, "No shift begins there at that time.", "该处在该时间没有班次开始。", "no_shift"
            )  # fmt: skip
        said = notes_of(session, scope, path, starts_at)
        carried = carried_into(session, scope, path, starts_at, moment(shift.end))
    return jsonify({"notes": [asdict(one) for one in said], "carried": [asdict(one) for one in carried]})


@routes.post("/tenants/<tenant>/handover-notes")
@guarded(Permission.HANDLE)
@described(body=NoteSpec, answer=HandoverSaid, status=201)
def note_make(scope: TenantScope, body: NoteSpec) -> ResponseReturnValue:
    """Hand something over to the next shift."""
    with platform().metadata.session() as session:
        return jsonify(asdict(say(session, scope, body, datetime.now(UTC)))), 201


@routes.put("/tenants/<tenant>/handover-notes/<int:number>")
@guarded(Permission.HANDLE)
@described(body=NoteChange, answer=HandoverSaid)
def note_change(scope: TenantScope, number: int, body: NoteChange) -> ResponseReturnValue:
    """Put other words in place, by who said it, until somebody takes it over."""
    with platform().metadata.session() as session:
        return jsonify(asdict(change_note(session, scope, known_id(number), body, datetime.now(UTC))))


@routes.post("/tenants/<tenant>/handover-notes/<int:number>/take")
@guarded(Permission.HANDLE)
@described(answer=HandoverSaid)
def note_take(scope: TenantScope, number: int) -> ResponseReturnValue:
    """Acknowledge a note; from then on its words stay."""
    with platform().metadata.session() as session:
        return jsonify(asdict(take_over(session, scope, known_id(number), datetime.now(UTC))))


@routes.post("/tenants/<tenant>/handover-notes/<int:number>/close")
@guarded(Permission.HANDLE)
@described(answer=HandoverSaid)
def point_close(scope: TenantScope, number: int) -> ResponseReturnValue:
    """Say that an open point is done."""
    with platform().metadata.session() as session:
        return jsonify(asdict(close_point(session, scope, known_id(number), datetime.now(UTC))))


@routes.get("/tenants/<tenant>/handover-mails")
@guarded(Permission.CONFIGURE)
@described(BEFORE, LIMIT, answer=list[HandoverLetter], headers=(LINK,))
def mails(scope: TenantScope) -> ResponseReturnValue:
    """The log of mails with reports, the newest first: what was sent, what waits, what was given up."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = list_mails(session, scope, before=BEFORE.read(), limit=limit)
    return paged([asdict(one) for one in found], "before", last_of(found, limit))


def _shift_start() -> datetime:
    try:
        return _INSTANT.validate_python(params.text("shift_start", 40)).astimezone(UTC)
    except (ValidationError, OverflowError) as error:
        raise params.wrong("shift_start", "must be an instant with a zone", "须为带时区的时间") from error


@routes.errorhandler(UnknownHandover)
def _unknown(error: UnknownHandover) -> ResponseReturnValue:
    return Problem(
        404, f"There is no {error} here.", f"此处没有编号 {error}。", "unknown_handover"
    ).response()


@routes.errorhandler(HandoverRefused)
def _refused(error: HandoverRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "refused").response()


@routes.errorhandler(PlanChanged)
def _changed(error: PlanChanged) -> ResponseReturnValue:
    return Problem(
        409, f"Somebody changed the plan of {error}. Read it again.",
        f"{error} 的班次方案已被他人修改,请重新读取。", "changed",
    ).response()  # fmt: skip
