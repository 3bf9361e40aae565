"""Nothing behind the log-in leaves without one: default deny, same-origin posts, size limits, headers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from dash.exceptions import DependencyException, PreventUpdate
from flask import Flask, abort, g, jsonify, make_response, redirect, request
from werkzeug.exceptions import HTTPException

from tundish_dashboards.i18n import texts
from tundish_dashboards.routes import find_route, home_path, may_see
from tundish_dashboards.sessions import current_language, render_card
from tundish_platform.api.addresses import caller_address
from tundish_platform.api.errors import Problem
from tundish_platform.api.rates import rates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flask import Response
    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response as AnyResponse

    from tundish_dashboards.sessions import Sessions
    from tundish_dashboards.settings import DashboardSettings

log = logging.getLogger(__name__)

API_PREFIX = "/api/"
_OPEN_ENDPOINTS = frozenset(
    {
        "people.login", "people.log_in", "people.code", "people.give_code", "people.passkey",
        "people.language",
        "invitations.invitation", "invitations.accept", "providers.go", "providers.back",
    }
)  # fmt: skip
# Where somebody may try to come in with a secret; the API's own doors share the limit.
_DOORS = _OPEN_ENDPOINTS - {"people.login", "people.code", "people.language"}
_OPEN_ASSETS = frozenset(
    {"/assets/tundish.css", "/assets/tundish.svg", "/assets/passkeys.js", "/assets/scheme.js"}
)
_UPDATE_PATH = "/_dash-update-component"
_DASH_CATCH_ALL = "/<path:path>"
_DOCUMENTS = frozenset({"/", _DASH_CATCH_ALL})
# Pages outside the frame that a person may open by their address.
_WALLS = frozenset({"andon.wall"})
_STATIC = ("/_dash-component-suites/", "/assets/")


class CallbackFailedError(RuntimeError):
    """A callback of ours failed on well-formed input: our fault, so the answer is 500."""


def install_guard(server: Flask, sessions: Sessions, settings: DashboardSettings) -> None:
    """Put the checks before every request that is not the API's; call it before Dash is attached."""

    @server.before_request
    def deny_by_default() -> ResponseReturnValue | None:
        if request.path.startswith(API_PREFIX):
            # Dash catches every path; below the API an unknown one must not turn into a page.
            return _unknown_api_path() if request.endpoint == _DASH_CATCH_ALL else None
        if request.method not in {"GET", "HEAD", "OPTIONS"}:
            _check_origin()
            request.max_content_length = (
                settings.max_callback_bytes if request.path == _UPDATE_PATH else settings.max_form_bytes
            )
        if request.endpoint in _DOORS:
            return _wait_at_door(sessions)
        if request.endpoint in _OPEN_ENDPOINTS or request.path in _OPEN_ASSETS:
            return None
        principal = sessions.principal()
        if principal is None:
            return _ask_to_log_in()
        if request.path == "/":
            return redirect(home_path(principal))
        if request.endpoint in _DOCUMENTS:
            route = find_route(request.path)
            g.missing_page = route is None or not may_see(principal, route)
        return None


def _check_origin() -> None:
    origin = request.headers.get("Origin") or request.headers.get("Referer") or ""
    if urlsplit(origin).netloc != request.host:
        log.warning("refused a post from another origin: %r", origin[:200])
        abort(403)


def _wait_at_door(sessions: Sessions) -> AnyResponse | None:
    """The log-in form with words for whose address has tried too often; nothing for everybody else."""
    try:
        rates().take_at_door(caller_address())
    except Problem as problem:
        words = texts(current_language()).of(problem.message_zh, problem.message)
        page = render_card("login.html", words, login="", providers=sessions.people.providers)
        answer = make_response(page, problem.status)
        answer.headers["Retry-After"] = problem.response().headers["Retry-After"]
        return answer
    return None


def _ask_to_log_in() -> AnyResponse:
    wants_page = request.method == "GET" and request.endpoint in _DOCUMENTS | _WALLS
    if not wants_page:
        abort(401)
    wish = "" if request.path == "/" else f"?next={quote(request.full_path.rstrip('?'), safe='/')}"
    return redirect(f"/login{wish}")


def _unknown_api_path() -> ResponseReturnValue:
    error = {"code": "not_found", "message": "There is no such path.", "message_zh": "没有这个地址。"}
    return jsonify(error=error), 404


def install_headers(server: Flask, script_hashes: Sequence[str]) -> None:
    """Security headers on every page; ``script_hashes`` allow the inline scripts that Dash needs."""
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' {' '.join(script_hashes)}",
            # Mantine, Plotly and the grid set styles from scripts; there is no nonce for those.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )

    @server.after_request
    def add_headers(response: Response) -> Response:
        if request.path.startswith(API_PREFIX):
            return response
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if not request.path.startswith(_STATIC):
            response.headers["Cache-Control"] = "no-store"
        if g.get("missing_page") and response.status_code == 200:  # noqa: PLR2004 - the HTTP code
            response.status_code = 404
        return response


def harden_dispatch(server: Flask) -> None:
    """Let malformed messages end in 400, unknown scripts in 404, not in Dash's 500; our failures stay 500."""

    @server.errorhandler(DependencyException)
    def unknown_script(_error: DependencyException) -> ResponseReturnValue:
        return "", 404

    dispatch: Callable[[], Any] = server.view_functions[_UPDATE_PATH]

    def checked() -> Any:  # noqa: ANN401 - whatever Dash answers
        try:
            return dispatch()
        except (HTTPException, PreventUpdate, CallbackFailedError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever Dash trips over here came from the message
            log.warning("refused a malformed callback message: %s: %.200s", type(error).__name__, error)
            abort(400)

    server.view_functions[_UPDATE_PATH] = checked
