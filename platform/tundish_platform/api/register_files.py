"""Routes of the register's files: template, export, and the import that a person confirms."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import register_shapes as shapes
from tundish_platform.api.billing_shapes import told
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded_above
from tundish_platform.api.parameters import text, word
from tundish_platform.api.register_routes import CHANGE, KNOWN, NARROWED, ON, asked, narrowed, refused
from tundish_platform.api.table_routes import CSV, FORMAT, MEDIA, XLSX
from tundish_platform.programme.register.changes import RegisterRefused
from tundish_platform.programme.register.files import export, template
from tundish_platform.programme.register.imports import confirm_import, drop_import, preview_file, preview_of
from tundish_platform.samples.sheets import SheetError
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.programme.register.imports import Preview
    from tundish_platform.tenancy import Principal

HEADS: Final = word("heads", ("zh", "en"), "zh", "Chinese heads, or the fields' names.")
NAME: Final = text("name", 200, "Of the file, to find it again.")
_NAMED: Final = 1_000
_MAX_ID: Final = 2**31 - 1

routes = Blueprint("registerfiles", __name__)


class Confirming(BaseModel):
    """That the preview with this digest was looked at."""

    model_config = ConfigDict(extra="forbid")

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    skip_wrong: bool = False


@routes.get("/programme/register/template")
@guarded_above(Permission.PROGRAMME)
@described(FORMAT, HEADS, gives=MEDIA)
def empty(_principal: Principal) -> Response:
    """An empty file to fill in."""
    excel = FORMAT.read() == "xlsx"
    return sent(template(excel=excel, chinese=HEADS.read() == "zh"), "企业登记模板", excel=excel)


@routes.get("/programme/register/export")
@guarded_above(Permission.PROGRAMME)
@described(*NARROWED, KNOWN, ON, FORMAT, HEADS, gives=MEDIA, headers=(CHANGE,))
def exported(principal: Principal) -> Response:
    """The register as a file without contacts; the import takes it back without a change."""
    return _exported(principal, contacts=False)


@routes.get("/programme/register/export-with-contacts")
@guarded_above(Permission.PROGRAMME, person=True)
@described(*NARROWED, KNOWN, ON, FORMAT, HEADS, gives=MEDIA, headers=(CHANGE,))
def exported_with_contacts(principal: Principal) -> Response:
    """The same with the first person of each; the audit trail tells who took them along."""
    return _exported(principal, contacts=True)


@routes.post("/programme/register/imports")
@guarded_above(Permission.PROGRAMME)
@described(NAME, media=MEDIA, answer=shapes.Preview, status=201)
def import_make(principal: Principal) -> ResponseReturnValue:
    """Read a file and say row by row what it would do; nothing is written before somebody confirms it."""
    if request.mimetype not in MEDIA:
        raise Problem(415, f"Send {CSV} or {XLSX}.", f"请使用内容类型 {CSV} 或 {XLSX}。")
    data, excel = request.get_data(), request.mimetype == XLSX
    with platform().metadata.session() as session:
        found = preview_file(session, principal.name, NAME.read(), data, utc_now(), excel=excel)
    return jsonify(shown(found)), 201


@routes.get("/programme/register/imports/<int:number>")
@guarded_above(Permission.PROGRAMME)
@described(answer=shapes.Preview)
def import_one(_principal: Principal, number: int) -> ResponseReturnValue:
    """What a file that waits would do as the register stands now."""
    with platform().metadata.session() as session:
        return jsonify(shown(preview_of(session, min(number, _MAX_ID), utc_now())))


@routes.post("/programme/register/imports/<int:number>/confirm")
@guarded_above(Permission.PROGRAMME, person=True)
@described(body=Confirming, answer=shapes.Preview)
def import_confirm(principal: Principal, number: int, body: Confirming) -> ResponseReturnValue:
    """Do what the preview showed, all in one change; 409 where it would do something else by now."""
    with platform().metadata.session() as session:
        done = confirm_import(session, principal.name, min(number, _MAX_ID), body.digest, utc_now(),
                              skip_wrong=body.skip_wrong)  # fmt: skip
    return jsonify(shown(done))


@routes.delete("/programme/register/imports/<int:number>")
@guarded_above(Permission.PROGRAMME)
@described(answer=None, status=204)
def import_drop(_principal: Principal, number: int) -> ResponseReturnValue:
    """Forget a file that waits, and what it said."""
    with platform().metadata.session() as session:
        drop_import(session, min(number, _MAX_ID), utc_now())
    return "", 204


def shown(found: Preview) -> dict[str, Any]:
    """A preview as JSON: of a new contact only that there is one, which the file's own reader knows."""
    rows = [
        asdict(one)
        | {
            "does": one.does.value, "contact": one.contact is not None,
            "fields": [part._asdict() for part in one.fields],
        }
        for one in found.rows if one.does != "kept" or one.remarks
    ][:_NAMED]  # fmt: skip
    kept = shapes.PlannedRow.model_fields
    values = {name: getattr(found, name) for name in shapes.Preview.model_fields}
    answer: dict[str, Any] = told(
        shapes.Preview,
        values | {"rows": [{name: row[name] for name in kept} for row in rows], "state": found.state.value},
    )
    return answer


def sent(content: bytes, name: str, *, excel: bool) -> Response:
    """A file to be kept, under its Chinese name."""
    answer = Response(content, content_type=XLSX if excel else f"{CSV}; charset=utf-8")
    ending = "xlsx" if excel else "csv"
    answer.headers["Content-Disposition"] = (
        f"attachment; filename=register.{ending}; filename*=UTF-8''{quote(name)}.{ending}"
    )
    return answer


def _exported(principal: Principal, *, contacts: bool) -> Response:
    excel, chinese = FORMAT.read() == "xlsx", HEADS.read() == "zh"
    with platform().metadata.session() as session:
        known, wanted = asked(session), narrowed()
        content = export(session, known, wanted, excel=excel, chinese=chinese,
                         taken=(principal.name, utc_now()) if contacts else None)  # fmt: skip
    answer = sent(content, f"企业登记册-{known.on}-{known.change}", excel=excel)
    answer.headers[CHANGE[0]] = str(known.change)
    return answer


@routes.errorhandler(SheetError)
def _no_sheet(error: SheetError) -> ResponseReturnValue:
    return Problem(
        400, f"The file cannot be read ({error!s:.300}).", f"文件无法读取 ({error!s:.300})。", "bad_sheet"
    ).response()


routes.register_error_handler(RegisterRefused, refused)
