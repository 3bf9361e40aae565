"""Entering external facts with their document, withdrawing them, and taking all of them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import ALL, Input, Output, State, no_update
from flask import Blueprint, Response, abort, jsonify, request
from pydantic import ValidationError
from sqlalchemy import select

from tundish_dashboards import components, wishes
from tundish_dashboards.callbacks import LOCATION
from tundish_dashboards.register.entry import entry_body, uscc_of
from tundish_dashboards.register.externalform import FIELDS
from tundish_dashboards.register.files import officer_of
from tundish_dashboards.routes import Page, Route
from tundish_platform.api.register_files import sent
from tundish_platform.programme import enterprise_of
from tundish_platform.programme.external import (
    MOST_BYTES,
    ExternalRefused,
    ExternalSpec,
    enter,
    external_sheet,
    withdraw,
)
from tundish_platform.programme.series.models import ExternalFact
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component
    from flask.typing import ResponseReturnValue

    from tundish_dashboards.callbacks import Pages, Person

_MAX_ID: Final = 2**31 - 1
_REASON: Final = 500


def register_external(pages: Pages) -> None:
    """Sending a fact with its document, and withdrawing one."""
    pages.in_browser(
        "sendExternal",
        Output("external-message", "children"),
        Input("external-enter", "n_clicks"),
        State("external-file", "contents"),
        State("external-file", "filename"),
        State(LOCATION, "pathname"),
        *(State(f"external-{name}", "value") for name in FIELDS),
        initially=False,
    )
    pages.in_browser(
        "sayFile",
        Output("external-chosen", "children"),
        Input("external-file", "filename"),
        initially=False,
    )

    @pages.on_programme(
        Output("entry-body", "children", allow_duplicate=True),
        Input({"role": "external-withdraw", "number": ALL}, "n_clicks"),
        State("external-reason", "value"),
        State(LOCATION, "pathname"),
        initially=False,
    )
    def take_back(person: Person, _clicks: object, reason: object, path: object) -> object:
        uscc, asked = uscc_of(path), wishes.click()
        if not asked:
            return no_update
        number = wishes.whole(asked.get("number"), "the fact", 0, _MAX_ID, 0)
        why = wishes.word(reason, "the reason", _REASON)
        said: Component = components.done(person.t("external.done_withdrawn"))
        try:
            with pages.context.metadata.session() as session:
                withdraw(session, number, why, person.principal.name, utc_now())
        except ExternalRefused as refused:
            said = components.refused(person.t, refused)
        return entry_body(pages, person, uscc, said)


def external_files(pages: Pages) -> Blueprint:
    """The door for a document, the documents themselves, and all facts as a file."""
    routes = Blueprint("bureauexternal", __name__)

    @routes.post("/bureau/register/<uscc>/external")
    def upload(uscc: str) -> ResponseReturnValue:
        person = officer_of(pages)
        # Before anybody is known forms are small; an officer's document may be large.
        request.max_content_length = MOST_BYTES
        said = {name: request.args.get(name, "") for name in (*FIELDS, "file_name")}
        try:
            spec = ExternalSpec.model_validate(said | {"valid_until": said["valid_until"] or None})
            with pages.context.metadata.session() as session:
                enterprise = enterprise_of(session, uscc)
                if enterprise is None:
                    abort(404)
                enter(session, enterprise, spec, request.get_data(), person.principal.name, utc_now())
        except ValidationError:
            return jsonify(message=person.t("external.wrong"))
        except ExternalRefused as refused:
            return jsonify(message=person.t.of(refused.message_zh, refused.message_en))
        return jsonify(path=Route(Page.ENTERPRISE, of=uscc).path)

    @routes.get("/bureau/register/external/<int:number>")
    def document(number: int) -> Response:
        officer_of(pages)
        query = select(ExternalFact.document, ExternalFact.media_type, ExternalFact.file_name)
        with pages.context.metadata.session() as session:
            found = session.execute(query.where(ExternalFact.id == min(number, _MAX_ID))).one_or_none()
        if found is None:
            abort(404)
        answer = Response(found.document, content_type=found.media_type)
        answer.headers.set("Content-Disposition", "attachment", filename=found.file_name)
        return answer

    @routes.get("/bureau/register/external.xlsx")
    def everything() -> Response:
        person = officer_of(pages)
        with pages.context.metadata.session() as session:
            content = external_sheet(session, excel=True)
        return sent(content, person.t("external.title"), excel=True)

    return routes
