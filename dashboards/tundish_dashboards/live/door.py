"""The address at which an open page gets its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, abort, request

from tundish_dashboards import wishes
from tundish_dashboards.live.handover import HAND_OVER
from tundish_dashboards.live.marks import MOST_SIGNALS
from tundish_dashboards.live.viewer import Wish
from tundish_dashboards.sessions import current_language
from tundish_platform.api import guard
from tundish_platform.tenancy import AccessDenied, Permission
from tundish_platform.tenancy.sessions import SESSION_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from socket import socket

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.live.hub import Hub
    from tundish_platform.tenancy.principals import Principals

EXTENSION: Final = "tundish_live"
_COME_AGAIN_S: Final = 30


def live_door(pages: Pages, hub: Hub) -> Blueprint:
    """Events with what has changed of a line's signals, or of some signals, in the reader's words.

    401 without a session, 404 where the tenant is not the person's, 429 where too many pages are open, 503 on
    a server that cannot let a connection go.
    """
    routes = Blueprint("live", __name__)

    @routes.get("/live/<tenant>")
    def live(tenant: str) -> Response:
        renew = _renewal(pages, tenant)
        try:
            view = renew()
        except AccessDenied:
            abort(404)
        wish = Wish(_line(), _signals(), renew)
        if not wish.line and not wish.signals:
            abort(400)
        hand_over = request.environ.get(HAND_OVER)
        if hand_over is None or request.method != "GET":
            return _come_again(503)
        principal = view.person.principal
        if not hub.room(view.scope.tenant_id, (principal.id, principal.name)):
            return _come_again(429)

        def take(connection: socket, unsent: bytes, *, chunked: bool) -> None:
            hub.take(connection, unsent, chunked=chunked, wish=wish, view=view)

        hand_over(take)
        answer = Response(_first_words(), mimetype="text/event-stream")
        # A proxy that gathers an answer before it hands it on would show nothing for hours.
        answer.headers["X-Accel-Buffering"] = "no"
        return answer

    return routes


def _first_words() -> Iterator[bytes]:
    yield b": tundish\n\n"


def _come_again(status: int) -> Response:
    answer = Response(status=status)
    answer.headers["Retry-After"] = str(_COME_AGAIN_S)
    return answer


def _line() -> str:
    return wishes.word(request.args.get("line"), "the line", 400)


def _signals() -> frozenset[int]:
    asked = [one for one in request.args.get("signals", "").split(",") if one]
    return frozenset(wishes.numbers(asked, "the signals", MOST_SIGNALS))


def _renewal(pages: Pages, tenant: str) -> Callable[[], TenantView]:
    """The person's look at the tenant, to be asked for again and again after the request.

    It raises `AccessDenied` once the session or the right is gone.
    """
    principals: Principals = pages.dash.server.extensions[guard.EXTENSION]
    token, language = f"{SESSION_PREFIX}{pages.sessions.secret()}", current_language()
    kept: list[TenantView] = []

    def renew() -> TenantView:
        principal = principals.of(token)
        # Whose rights have not changed is known by the same object; places are looked up anew all the same.
        if kept and kept[0].person.principal is principal and Permission.READ not in kept[0].scope.limits:
            return kept[0]
        kept[:] = [pages.look(principal, language, tenant)]
        return kept[0]

    return renew
