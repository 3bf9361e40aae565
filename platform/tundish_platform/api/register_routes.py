"""Routes of the register: entries in two times, their history, contacts and merges; for the bureau only."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Final

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import register_shapes as shapes
from tundish_platform.api.billing_shapes import told
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded_above
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import Query, page, text, whole, word
from tundish_platform.api.params import wrong
from tundish_platform.api.tags import versioned, wanted_version
from tundish_platform.programme import InvalidUscc
from tundish_platform.programme.register.changes import (
    Edit,
    Outdated,
    RegisterRefused,
    edit_enterprise,
    enter_enterprise,
    find,
)
from tundish_platform.programme.register.contacts import (
    ContactSpec,
    add_contact,
    contacts_of,
    delete_contact,
)
from tundish_platform.programme.register.fields import FieldRefused
from tundish_platform.programme.register.merging import merge_enterprises, merges, undo_merge
from tundish_platform.programme.register.reading import (
    Known,
    Wanted,
    entries,
    entry_of,
    figures,
    history_of,
    known_of,
)
from tundish_platform.programme.register.sizes import Size
from tundish_platform.programme.sharing import Record, disclose, disclosed
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import Principal

_MAX_ID: Final = 2**31 - 1
_DATE: Final = {"type": "string", "format": "date"}
KNOWN: Final = text("known", 40, "As known at a change (its number) or an instant (ISO 8601); now if absent.")
ON: Final = Query("on", "About this day; today if absent.", _DATE)
AFTER: Final = text("after", 18, "Code of the last entry of the page before.")
BEFORE: Final = whole("before", 0, _MAX_ID, 0, "Number of the last one of the page before; 0 for the newest.")
LIMIT: Final = page(1_000, 200)
ENTRIES: Final = page(10_000, 1_000)
NARROWED: Final = (
    text("search", 100, "Part of a name or code."),
    text("industry", 5, "Section, division or finer code of GB/T 4754."),
    text("region", 6, "First digits of the county's code."),
    word("size", ("any", *Size), "any", "Size class, entered or computed."),
    text("park", 100, "Name of the park."),
)
CHANGE: Final = (
    "Register-Change",
    "Number of the last change that counted: ask with known= for the same again.",
)
_STATUS: Final = {
    "unknown_enterprise": 404, "no_merge": 404, "no_import": 404, "registered": 409, "merged": 409,
    "two_tenants": 409,
}  # fmt: skip

routes = Blueprint("register", __name__)


class Entering(Edit):
    """A new enterprise: its code and what is said of it."""

    uscc: Annotated[str, Field(max_length=40)]
    demo: bool = False


class Merging(BaseModel):
    """Two entries that are one enterprise."""

    model_config = ConfigDict(extra="forbid")

    merged: Annotated[str, Field(max_length=18)]
    kept: Annotated[str, Field(max_length=18)]
    note: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]


class Undoing(BaseModel):
    """Why a merge is taken back."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]


@routes.get("/programme/register")
@guarded_above(Permission.PROGRAMME)
@described(*NARROWED, KNOWN, ON, AFTER, ENTRIES, answer=list[shapes.RegisterEntry], headers=(LINK, CHANGE))
def listed(_principal: Principal) -> ResponseReturnValue:
    """The register by code, as known now or then, about today or another day."""
    limit = ENTRIES.read()
    with platform().metadata.session() as session:
        known = asked(session)
        found = entries(session, known, narrowed(), AFTER.read(), limit)
    rows = disclosed(Record.ENTRY, told(list[shapes.RegisterEntry], found))
    answer = paged(rows, "after", last_of(found, limit, "uscc"))
    answer.headers[CHANGE[0]] = str(known.change)
    return answer


@routes.post("/programme/register")
@guarded_above(Permission.PROGRAMME, person=True)
@described(body=Entering, answer=shapes.Numbered, status=201)
def enter(principal: Principal, body: Entering) -> ResponseReturnValue:
    """Put an enterprise on the register."""
    said = Edit(**{name: getattr(body, name) for name in Edit.model_fields})
    with platform().metadata.session() as session:
        row = enter_enterprise(session, principal.name, body.uscc, said, _now(), demo=body.demo)
        return {"id": row.id}, 201


@routes.get("/programme/register/figures")
@guarded_above(Permission.PROGRAMME)
@described(KNOWN, ON, answer=shapes.RegisterFigures)
def counted(_principal: Principal) -> ResponseReturnValue:
    """Enterprises by county, division, size and park; with ``known`` and ``on`` what was counted then."""
    with platform().metadata.session() as session:
        return jsonify(told(shapes.RegisterFigures, figures(session, asked(session))))


@routes.get("/programme/register/merges")
@guarded_above(Permission.PROGRAMME)
@described(BEFORE, LIMIT, answer=list[shapes.Merge], headers=(LINK,))
def merge_list(_principal: Principal) -> ResponseReturnValue:
    """Merges, the newest first, with those that were taken back."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = merges(session, BEFORE.read(), limit)
    return paged(told(list[shapes.Merge], found), "before", last_of(found, limit))


@routes.post("/programme/register/merges")
@guarded_above(Permission.PROGRAMME, person=True)
@described(body=Merging, answer=shapes.Numbered, status=201)
def merge(principal: Principal, body: Merging) -> ResponseReturnValue:
    """Let one entry stand for another, too: evidence and tenant go along, both histories stay."""
    with platform().metadata.session() as session:
        made = merge_enterprises(session, principal.name, body.merged, body.kept, body.note, _now())
    return {"id": made}, 201


@routes.post("/programme/register/merges/<int:number>/undo")
@guarded_above(Permission.PROGRAMME, person=True)
@described(body=Undoing, answer=None, status=204)
def merge_undo(principal: Principal, number: int, body: Undoing) -> ResponseReturnValue:
    """Let both entries stand for themselves again."""
    with platform().metadata.session() as session:
        undo_merge(session, principal.name, min(number, _MAX_ID), body.note, _now())
    return "", 204


@routes.get("/programme/register/enterprises/<uscc>")
@guarded_above(Permission.PROGRAMME)
@described(KNOWN, ON, answer=shapes.RegisterEntry, tagged=True)
def one(_principal: Principal, uscc: str) -> ResponseReturnValue:
    """One entry, also one that was merged away; its ETag is what a change is sent with."""
    with platform().metadata.session() as session:
        found = entry_of(session, uscc, asked(session))
    if found is None:
        raise _unknown(uscc)
    return versioned(jsonify(disclose(Record.ENTRY, told(shapes.RegisterEntry, found))), found.version)


@routes.patch("/programme/register/enterprises/<uscc>")
@guarded_above(Permission.PROGRAMME, person=True)
@described(body=Edit, answer=shapes.Changed, matched=True)
def edit(principal: Principal, uscc: str, body: Edit) -> ResponseReturnValue:
    """Say something else of an enterprise from a day on, or withdraw it; nothing is overwritten."""
    with platform().metadata.session() as session:
        change = edit_enterprise(session, principal.name, uscc, body, _now(), version=wanted_version())
    return {"change": change}


@routes.get("/programme/register/enterprises/<uscc>/history")
@guarded_above(Permission.PROGRAMME)
@described(BEFORE, LIMIT, answer=list[shapes.Said], headers=(LINK,))
def history(_principal: Principal, uscc: str) -> ResponseReturnValue:
    """Everything that was ever said of an enterprise and of those merged into it, the newest first."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        if find(session, uscc) is None:
            raise _unknown(uscc)
        found = history_of(session, uscc, BEFORE.read(), limit)
    rows = disclosed(Record.STATEMENT, told(list[shapes.Said], found))
    return paged(rows, "before", last_of(found, limit))


@routes.get("/programme/register/enterprises/<uscc>/contacts")
@guarded_above(Permission.PROGRAMME, person=True)
@described(answer=list[shapes.Contact])
def contacts(_principal: Principal, uscc: str) -> ResponseReturnValue:
    """The persons to talk to in an enterprise."""
    with platform().metadata.session() as session:
        found = told(list[shapes.Contact], contacts_of(session, uscc))
    return jsonify(disclosed(Record.CONTACT, found))


@routes.post("/programme/register/enterprises/<uscc>/contacts")
@guarded_above(Permission.PROGRAMME, person=True)
@described(body=ContactSpec, answer=shapes.Numbered, status=201)
def contact_add(principal: Principal, uscc: str, body: ContactSpec) -> ResponseReturnValue:
    """Enter a person."""
    with platform().metadata.session() as session:
        return {"id": add_contact(session, principal.name, uscc, body, _now())}, 201


@routes.delete("/programme/register/enterprises/<uscc>/contacts/<int:number>")
@guarded_above(Permission.PROGRAMME, person=True)
@described(answer=None, status=204)
def contact_delete(principal: Principal, uscc: str, number: int) -> ResponseReturnValue:
    """Delete a person for good."""
    with platform().metadata.session() as session:
        if not delete_contact(session, principal.name, uscc, min(number, _MAX_ID), _now()):
            raise Problem(404, "There is no such contact.", "没有这位联系人。", "unknown_contact")
    return "", 204


def asked(session: Session) -> Known:
    """As known when and about which day the request asks."""
    typed, day = KNOWN.read(), request.args.get("on")
    number = min(int(typed), _MAX_ID) if typed.isascii() and typed.isdigit() else None
    at = _instant(typed) if typed and number is None else None
    try:
        on = None if day is None else date.fromisoformat(day)
    except ValueError:
        raise wrong("on", "must be a day such as 2026-01-31", "须为日期, 例如 2026-01-31") from None
    return known_of(session, _now(), number, at, on)


def narrowed() -> Wanted:
    """What the request narrows the list to."""
    search, industry, region, size, park = (one.read() for one in NARROWED)
    return Wanted(search.strip(), industry, region, "" if size == "any" else size, park)


def _instant(typed: str) -> datetime:
    try:
        # A plus sign that was not escaped arrives as a blank.
        at = datetime.fromisoformat(typed.replace(" ", "+"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise wrong("known", "must be a number or an instant with a zone", "须为编号或带时区的时刻")
    return at


def _now() -> datetime:
    return datetime.now(UTC)


def _unknown(uscc: str) -> RegisterRefused:
    return RegisterRefused(f"未登记企业 {uscc:.20}。", f"No enterprise {uscc:.20} is registered.",
                           "unknown_enterprise")  # fmt: skip


def refused(error: RegisterRefused) -> Response:
    """The refusal as an answer; 412 where the request named the version that it meant."""
    if isinstance(error, Outdated):
        status = 412 if request.if_match else 409
    else:
        status = _STATUS.get(error.code, 422)
    return Problem(status, error.message_en, error.message_zh, error.code).response()


def wrong_field(error: FieldRefused) -> Response:
    """The refusal of a field's value."""
    return Problem(422, f"{error.field}: {error.en}", f"{error.field}: {error.zh}", "bad_field",
                   field=error.field).response()  # fmt: skip


def wrong_code(error: InvalidUscc) -> Response:
    """The refusal of what is no code of an enterprise."""
    return Problem(422, str(error), error.message_zh, "bad_uscc").response()


for _kind, _answer in ((RegisterRefused, refused), (FieldRefused, wrong_field), (InvalidUscc, wrong_code)):
    routes.register_error_handler(_kind, _answer)
