"""Log-in, log-out and language of a person at a browser; the cookie holds a secret, the server the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from flask import (
    Blueprint,
    abort,
    current_app,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    session,
)

from tundish_dashboards.i18n import Language, language_of, texts
from tundish_platform.people.login import CodeNeeded, check_first, check_second, enter
from tundish_platform.people.passkeys import check_passkey
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import AccessDenied, Principal
from tundish_platform.tenancy.accounts import LoginRefused
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.sessions import end_session, open_sessions, principal_of_session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from werkzeug.wrappers import Response as AnyResponse

    from tundish_dashboards.settings import DashboardSettings
    from tundish_platform.people.settings import PeopleSettings
    from tundish_platform.tenancy.metadata import Metadata

LANGUAGE_COOKIE = "tundish_language"
_YEAR_S = 365 * 86400
# Longer passwords only make the hash slow; nobody types them.
_MAX_PASSWORD = 1024
_CODE_WITHIN_S = 600
_MAX_TOKEN = 200


class Sessions:
    """Who sits at the browser of the current request.

    Args:
        metadata: where accounts are.
        settings: length of a session and limits of the log-in form.
        people: second factors and identity providers.
    """

    def __init__(self, metadata: Metadata, settings: DashboardSettings, people: PeopleSettings) -> None:
        self._metadata = metadata.above(Above.IDENTITY)
        self._settings = settings
        self.people = people

    def principal(self) -> Principal | None:
        """The person logged in, with the rights of this moment; ``None`` without a valid session.

        Rights are read from the database once per request, so a revoked role works at once.
        """
        if "principal" not in g:
            g.principal = self._load()
        found: Principal | None = g.principal
        return found

    def _load(self) -> Principal | None:
        if not (secret := self.secret()):
            return None
        try:
            with self._metadata.session() as database:
                return principal_of_session(database, secret, utc_now())
        except AccessDenied:
            return None

    def log_in(self, login: str, password: str) -> None:
        """Check a password and open a session.

        Raises:
            LoginRefused: unknown name, wrong password, or too many wrong ones of late; says so in words.
            CodeNeeded: the password was right, and `give_code` has to follow.
        """
        try:
            with self._metadata.session() as database:
                user_id = check_first(database, login, password)
        except CodeNeeded as needed:
            session.clear()
            session["code_of"] = [needed.user_id, utc_now().timestamp()]
            raise
        self.enter(user_id, "password")

    def waiting_for_code(self) -> int | None:
        """The person whose password was right a moment ago and whose code has not come yet."""
        match session.get("code_of"):
            case [int(user_id), float(since)] if utc_now().timestamp() - since < _CODE_WITHIN_S:
                return user_id
        return None

    def give_code(self, user_id: int, code: str) -> None:
        """Check the code of a second factor and open a session.

        Raises:
            LoginRefused: the code is wrong or was used before, or there were too many wrong ones of late.
        """
        with self._metadata.session() as database:
            check_second(database, self.people, user_id, code, utc_now())
        self.enter(user_id, "code")

    def enter(self, user_id: int, way: str) -> None:
        """Open a session for a person who has proved who they are; any other of this browser is left."""
        agent = request.headers.get("User-Agent", "")
        with self._metadata.session() as database:
            opened = enter(database, user_id, self._settings.session_length, utc_now(), agent, way)
        session.clear()
        session.update(sid=opened.secret)
        g.pop("principal", None)

    def take_passkey(self, token: str, answer: Mapping[str, object]) -> None:
        """Check what a browser's passkey signed and open a session.

        Raises:
            AccessDenied: it opens nothing here.
        """
        with self._metadata.session() as database:
            user_id = check_passkey(database, self.people, token, answer, utc_now())
        self.enter(user_id, "passkey")

    def secret(self) -> str:
        """The secret of this browser's session; empty without one."""
        kept = session.get("sid")
        return kept if isinstance(kept, str) else ""

    def ends_at(self, principal: Principal) -> datetime | None:
        """When this browser has to log in again."""
        with self._metadata.session() as database:
            found = open_sessions(database, principal.id, utc_now(), self.secret())
        return next((one.expires_at for one in found if one.current), None)

    def log_out(self) -> None:
        """End the session on the server too, so that a copied cookie is worthless."""
        if secret := self.secret():
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

    def form(problem: str = "") -> str:
        return login_card(sessions, problem, login=request.form.get("login", ""))

    @pages.get("/login")
    def login() -> AnyResponse | str:
        if sessions.principal() is not None:
            return redirect(local_path(request.args.get("next")))
        return form()

    @pages.post("/login")
    def log_in() -> AnyResponse:
        name, password = request.form.get("login", "").strip(), request.form.get("password", "")
        if not name or not password or len(password) > _MAX_PASSWORD:
            return make_response(form(texts(current_language())("login.missing")), 400)
        try:
            sessions.log_in(name, password)
        except CodeNeeded:
            return redirect(f"/login/code?next={quote(local_path(request.form.get('next')), safe='/')}", 303)
        except LoginRefused as error:
            words = texts(current_language()).of(error.message_zh, error.message_en)
            return make_response(form(words), 401)
        return redirect(local_path(request.form.get("next")), 303)

    _code_page(pages, sessions)
    _passkey_door(pages, sessions)

    @pages.post("/logout")
    def log_out() -> AnyResponse:
        sessions.log_out()
        return redirect("/login", 303)

    _language_switch(pages)
    return pages


def _language_switch(pages: Blueprint) -> None:
    @pages.get("/language/<code>")
    def language(code: str) -> AnyResponse:
        if code not in tuple(Language):
            abort(404)
        response = redirect(local_path(request.args.get("next")))
        secure = current_app.config["SESSION_COOKIE_SECURE"]
        response.set_cookie(
            LANGUAGE_COOKIE,
            language_of(code).value,
            max_age=_YEAR_S,
            httponly=True,
            samesite="Lax",
            secure=secure,
        )
        return response


def _code_page(pages: Blueprint, sessions: Sessions) -> None:
    @pages.get("/login/code")
    def code() -> AnyResponse | str:
        return redirect("/login") if sessions.waiting_for_code() is None else render_card("code.html")

    @pages.post("/login/code")
    def give_code() -> AnyResponse:
        user_id = sessions.waiting_for_code()
        if user_id is None:
            return redirect("/login", 303)
        try:
            sessions.give_code(user_id, request.form.get("code", ""))
        except (LoginRefused, PeopleRefused) as error:
            words = texts(current_language()).of(error.message_zh, error.message_en)
            return make_response(render_card("code.html", words), 401)
        return redirect(local_path(request.form.get("next")), 303)


def _passkey_door(pages: Blueprint, sessions: Sessions) -> None:
    @pages.post("/login/passkey")
    def passkey() -> AnyResponse:
        """What `passkeys.js` sends after the API gave it the question."""
        match request.get_json(silent=True):
            case {"token": str(token), "answer": dict(answer), "next": str(wish)} if len(token) <= _MAX_TOKEN:
                pass
            case _:
                abort(401)
        try:
            sessions.take_passkey(token, answer)
        except AccessDenied:
            abort(401)
        return jsonify(next=local_path(wish))


def login_card(sessions: Sessions, problem: str = "", login: str = "") -> str:
    """The log-in form with all ways in that the settings give."""
    people = sessions.people
    return render_card("login.html", problem, login=login, providers=people.providers, origin=people.origin)


def render_card(template: str, problem: str = "", **more: object) -> str:
    """A page outside the frame, such as the log-in form, in the reader's language."""
    language = current_language()
    return render_template(
        template,
        t=texts(language),
        language=language,
        other=texts(language.other),
        here=request.path,
        problem=problem,
        next=local_path(request.values.get("next")),
        **more,
    )
