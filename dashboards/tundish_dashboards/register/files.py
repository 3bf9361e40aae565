"""Files of the register out, and the one that a browser sends in; for people of the bureau."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, jsonify, request

from tundish_dashboards.i18n import Language
from tundish_dashboards.routes import Page, Route
from tundish_platform.api.register_files import sent
from tundish_platform.programme.register.changes import RegisterRefused
from tundish_platform.programme.register.files import MAX_BYTES, export, template
from tundish_platform.programme.register.imports import preview_file
from tundish_platform.programme.register.reading import Wanted, known_of
from tundish_platform.samples.sheets import SheetError
from tundish_platform.tenancy import AccessDenied, access_programme
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_dashboards.callbacks import Pages, Person

_FILES = ("register.xlsx", "register.csv", "template.xlsx", "template.csv")
_FILTERS = ("search", "industry", "region", "size", "park")


def register_files(pages: Pages) -> Blueprint:
    """The template, the register, and the door for a file."""
    routes = Blueprint("bureauregister", __name__)

    @routes.get("/bureau/register/files/<name>")
    def file(name: str) -> Response:
        person = officer_of(pages)
        if name not in _FILES:
            abort(404)
        excel, chinese = name.endswith(".xlsx"), person.language is not Language.EN
        if name.startswith("template"):
            return sent(
                template(excel=excel, chinese=chinese), person.t("register.template_name"), excel=excel
            )
        wanted = Wanted(*(request.args.get(part, "")[:100] for part in _FILTERS))
        now = utc_now()
        taken = (person.principal.name, now) if request.args.get("contacts") == "1" else None
        with pages.context.metadata.session() as session:
            known = known_of(session, now)
            content = export(session, known, wanted, excel=excel, chinese=chinese, taken=taken)
        return sent(content, f"{person.t('register.title')}-{known.on}-{known.change}", excel=excel)

    @routes.post("/bureau/register/upload")
    def upload() -> ResponseReturnValue:
        person = officer_of(pages)
        # Before anybody is known forms are small; an officer's file may be large.
        request.max_content_length = MAX_BYTES
        name = request.args.get("name", "")[:200]
        try:
            with pages.context.metadata.session() as session:
                found = preview_file(
                    session, person.principal.name, name, request.get_data(), utc_now(),
                    excel=name.lower().endswith(".xlsx"),
                )  # fmt: skip
        except SheetError as error:
            return jsonify(message=person.t("register.bad_file", why=str(error)[:300]))
        except RegisterRefused as error:
            return jsonify(message=person.t.of(error.message_zh, error.message_en))
        return jsonify(path=Route(Page.REGISTER_IMPORT, of=str(found.id)).path)

    return routes


def officer_of(pages: Pages) -> Person:
    """The officer who asks; everybody else gets 404."""
    person = pages.person()
    try:
        access_programme(person.principal)
    except AccessDenied:
        abort(404)
    return person
