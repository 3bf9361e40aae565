"""Log-in with an identity provider: to it, and back from it."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from flask import Blueprint, abort, make_response, redirect, request, session

from tundish_dashboards.i18n import texts
from tundish_dashboards.sessions import current_language, local_path, login_card
from tundish_platform.people.identities import person_of
from tundish_platform.people.oidc import ProviderFailed, asked_with, begin, claims_of_code
from tundish_platform.tenancy import AccessDenied
from tundish_platform.tenancy.passwords import LoginRefused, utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

    from tundish_dashboards.sessions import Sessions
    from tundish_platform.people.settings import Provider
    from tundish_platform.tenancy.metadata import Metadata

log = logging.getLogger(__name__)


def provider_pages(sessions: Sessions, metadata: Metadata) -> Blueprint:
    """The way to a provider and back; they are there for the providers of the settings only."""
    metadata = metadata.above(Above.IDENTITY)
    pages = Blueprint("providers", __name__)

    @pages.get("/login/with/<name>")
    def go(name: str) -> AnyResponse:
        provider = _known(sessions, name)
        try:
            with metadata.session() as database:
                wish = local_path(request.args.get("next"))
                state, url = begin(database, sessions.people, provider, wish, utc_now())
        except ProviderFailed as error:
            return _failed(sessions, error)
        # Who comes back must be the browser that went, or a stranger's log-in could be slipped to somebody.
        session["oidc"] = state
        return redirect(url)

    @pages.get("/login/back/<name>")
    def back(name: str) -> AnyResponse:
        provider = _known(sessions, name)
        try:
            state = _state(provider)
            with metadata.session() as database:
                asked = asked_with(database, provider, state, utc_now())
            claims = claims_of_code(sessions.people, provider, asked, request.args.get("code", ""), utc_now())
            with metadata.session() as database:
                user_id = person_of(database, provider, claims, utc_now())
            sessions.enter(user_id, f"provider {provider.name}")
        except LoginRefused as error:
            return _refused(sessions, texts(current_language()).of(error.message_zh, error.message_en))
        except (ProviderFailed, AccessDenied) as error:
            return _failed(sessions, error)
        return redirect(local_path(asked["wish"]))

    return pages


def _state(provider: Provider) -> str:
    kept, state = session.pop("oidc", None), request.args.get("state", "")
    if not isinstance(kept, str) or not secrets.compare_digest(kept.encode(), state.encode()):
        raise ProviderFailed("the browser that came back is not the one that went")
    if request.args.get("iss", provider.issuer) != provider.issuer:
        raise ProviderFailed("the answer names another issuer")
    return state


def _known(sessions: Sessions, name: str) -> Provider:
    provider = sessions.people.provider(name)
    if provider is None:
        abort(404)
    return provider


def _failed(sessions: Sessions, error: Exception) -> AnyResponse:
    log.warning("log-in with a provider failed: %.300s", error)
    return _refused(sessions, texts(current_language())("login.provider_failed"))


def _refused(sessions: Sessions, words: str) -> AnyResponse:
    return make_response(login_card(sessions, words), 401)
