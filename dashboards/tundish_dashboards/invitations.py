"""Coming in with an invitation: as a new person, or as the one who is logged in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, make_response, redirect, request

from tundish_dashboards.i18n import texts
from tundish_dashboards.sessions import current_language, render_card
from tundish_platform.people.invitations import accept_as, accept_as_new, look_at
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from werkzeug.wrappers import Response as AnyResponse

    from tundish_dashboards.sessions import Sessions
    from tundish_platform.tenancy.metadata import Metadata

_MAX_NAME = 200


def invitation_pages(sessions: Sessions, metadata: Metadata) -> Blueprint:
    """The page that an invitation's address leads to; it stands in the same blueprint style as log-in."""
    metadata = metadata.above(Above.IDENTITY)
    pages = Blueprint("invitations", __name__, template_folder="templates")

    @pages.get("/invitation/<token>")
    def invitation(token: str) -> AnyResponse:
        return _page(sessions, metadata, token)

    @pages.post("/invitation/<token>")
    def accept(token: str) -> AnyResponse:
        person = sessions.principal()
        try:
            with metadata.session() as session:
                if person is not None:
                    accept_as(session, token, person.id, utc_now())
                else:
                    user_id = _come_in(session, token)
        except PeopleRefused as error:
            words = texts(current_language()).of(error.message_zh, error.message_en)
            return _page(sessions, metadata, token, words)
        if person is None:
            sessions.enter(user_id, "invitation")
        return redirect("/", 303)

    return pages


def _come_in(session: Session, token: str) -> int:
    name = request.form.get("name", "").strip()
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise PeopleRefused("name_refused", "请填写姓名。", "Enter your name.")
    return accept_as_new(session, token, name, request.form.get("password", ""), utc_now())


def _page(sessions: Sessions, metadata: Metadata, token: str, problem: str = "") -> AnyResponse:
    person = sessions.principal()
    try:
        with metadata.session() as session:
            invited = look_at(session, token, utc_now())
    except PeopleRefused as error:
        words = texts(current_language()).of(error.message_zh, error.message_en)
        return make_response(render_card("invitation.html", words), 404)
    page = render_card(
        "invitation.html", problem, invited=invited, person=person.name if person else "",
        name=request.form.get("name", ""),
    )  # fmt: skip
    return make_response(page, 422 if problem else 200)
