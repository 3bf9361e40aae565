"""Log-in, log-out and language of a person at a browser; the cookie holds a secret, the server the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Blueprint, abort, g, make_response, redirect, render_template, request, session

from tundish_dashboards.i18n import Language, language_of, texts
from tundish_platform.audit import record
from tundish_platform.tenancy import AccessDenied, Principal
from tundish_platform.tenancy.accounts import LoginRefused, check_password
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.sessions import end_session, open_session, principal_of_session

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

    from tundish_dashboards.settings import DashboardSettings
    from tundish_platform.tenancy.metadata import Metadata

LANGUAGE_COOKIE = "tundish_language"
_YEAR_S = 365 * 86400
# Longer passwords only make the hash slow; nobody types them.
_MAX_PASSWORD = 1024


class Sessions:
    """Who sits at the browser of the current request.

    Args:
        metadata: where accounts are.
        settings: length of a session and limits of the log-in form.
    """

    def __init__(self, metadata: Metadata, settings: DashboardSettings) -> None:
        self._metadata = metadata.above(Above.IDENTITY)
        self._settings = settings

    def principal(self) -> Principal | None:
        """The person logged in, with the rights of this moment; ``None`` without a valid session.

        Rights are read from the database once per request, so a revoked role works at once.
        """
        if "principal" not in g:
            g.principal = self._load()
        found: Principal | None = g.principal
        return found

    def _load(self) -> Principal | None:
        secret = session.get("sid")
        if not isinstance(secret, str):
            return None
        try:
            with self._metadata.session() as database:
                return principal_of_session(database, secret, utc_now())
        except AccessDenied:
            return None

    def log_in(self, login: str, password: str) -> Principal:
        """Check a password and open a session.

        Raises:
            LoginRefused: unknown name, wrong password, or too many wrong ones of late; says so in words.
        """
        now = utc_now()
        agent = request.headers.get("User-Agent", "")
        with self._metadata.session() as database:
            principal = check_password(database, login, password)
            secret = open_session(database, principal.id, self._settings.session_length, now, agent)
            record(database, principal.name, "person.logged_in", f"user/{principal.id}", now=now)
        session.clear()
        session.update(sid=secret)
        return principal

    def log_out(self) -> None:
        """End the session on the server too, so that a copied cookie is worthless."""
        if isinstance(secret := session.get("sid"), str):
            with self._metadata.session() as database:
                end_session(database, secret, utc_now())
        session.clear()
        g.pop("principal", None)


def current_language() -> Language:
    """The reader's choice, else what the browser prefers, else Chinese."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in tuple(Language):
        return Language(chosen)
    preferred = request.accept_languages.best_match(["zh-CN", "zh", "en"], default="zh-CN")
    return Language.EN if preferred == "en" else Language.ZH


def local_path(wish: str | None) -> str:
    """A path of this server from untrusted input; ``/`` for anything that could lead elsewhere."""
    if not wish or not wish.startswith("/") or wish.startswith(("//", "/\\")) or not wish.isprintable():
        return "/"
    parts = urlsplit(wish)
    return "/" if parts.scheme or parts.netloc or "\\" in wish else wish


def login_pages(sessions: Sessions) -> Blueprint:
    """The log-in form, log-out and the language switch, as plain Flask pages."""
    pages = Blueprint("people", __name__, template_folder="templates")

    @pages.get("/login")
    def login() -> AnyResponse | str:
        if sessions.principal() is not None:
            return redirect(local_path(request.args.get("next")))
        return _form()

    @pages.post("/login")
    def log_in() -> AnyResponse:
        name, password = request.form.get("login", "").strip(), request.form.get("password", "")
        if not name or not password or len(password) > _MAX_PASSWORD:
            return make_response(_form(texts(current_language())("login.missing")), 400)
        try:
            sessions.log_in(name, password)
        except LoginRefused as error:
            words = texts(current_language()).of(error.message_zh, error.message_en)
            return make_response(_form(words), 401)
        return redirect(local_path(request.form.get("next")), 303)

    @pages.post("/logout")
    def log_out() -> AnyResponse:
        sessions.log_out()
        return redirect("/login", 303)

    @pages.get("/language/<code>")
    def language(code: str) -> AnyResponse:
        if code not in tuple(Language):
            abort(404)
        response = redirect(local_path(request.args.get("next")))
        response.set_cookie(
            LANGUAGE_COOKIE, language_of(code).value, max_age=_YEAR_S, httponly=True, samesite="Lax"
        )
        return response

    return pages


def _form(problem: str = "") -> str:
    language = current_language()
    return render_template(
        "login.html",
        t=texts(language),
        language=language,
        other=texts(language.other),
        problem=problem,
        login=request.form.get("login", ""),
        next=local_path(request.values.get("next")),
    )
