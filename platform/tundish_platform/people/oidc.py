"""Log-in with an identity provider (OpenID Connect): authorization code flow with PKCE, state and nonce."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tundish_platform.people.secrets import answered, ask
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.people.providers import Provider
    from tundish_platform.people.settings import PeopleSettings

_PURPOSE: Final = "oidc"
_TIMEOUT_S: Final = 10
_CLOCKS_APART_S: Final = 60
# Signatures of a key pair only: with a shared secret as the key, whoever knows it could be anybody.
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")


class ProviderFailed(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The identity provider cannot be reached, or what it says cannot be believed. Told to nobody outside."""


def begin(
    session: Session, settings: PeopleSettings, provider: Provider, wish: str, now: datetime
) -> tuple[str, str]:
    """Send a browser to the provider.

    Args:
        session: of the metadata database.
        settings: whose address the provider sends the browser back to.
        provider: which.
        wish: path that the person wanted to see.
        now: the platform's clock, UTC.

    Returns:
        The state, which the browser has to keep in a cookie, and the address to go to.

    Raises:
        ProviderFailed: the provider does not say where that is.
    """
    said = _discovered(provider)
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    asked = {"provider": provider.name, "nonce": nonce, "verifier": verifier, "wish": wish}
    state = ask(session, _PURPOSE, asked, now)
    with _client(settings, provider) as client:
        url, _ = client.create_authorization_url(
            said["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
        )
    return state, str(url)


def asked_with(session: Session, provider: Provider, state: str, now: datetime) -> dict[str, Any]:
    """What `begin` asked the provider with that state; good once.

    Raises:
        AccessDenied: nothing was asked of that provider with it.
    """
    asked, _ = answered(session, _PURPOSE, state, now)
    if asked["provider"] != provider.name:
        raise AccessDenied("another provider was asked with that state")
    return asked


def claims_of_code(
    settings: PeopleSettings, provider: Provider, asked: Mapping[str, Any], code: str, now: datetime
) -> dict[str, Any]:
    """What the provider says of the person who came back with a code.

    Args:
        settings: where the browser came back to.
        provider: which.
        asked: of `asked_with`.
        code: from the address.
        now: the platform's clock, UTC.

    Raises:
        ProviderFailed: the code is worth nothing, or the token is not for us, now and this question.
    """
    said = _discovered(provider)
    try:
        with _client(settings, provider) as client:
            token = client.fetch_token(
                said["token_endpoint"], code=code, code_verifier=asked["verifier"], timeout=_TIMEOUT_S
            )
            keys = KeySet.import_key_set(_fetched(said["jwks_uri"]))
    except (AuthlibBaseError, JoseError, requests.RequestException, ValueError) as error:
        raise ProviderFailed(f"{provider.name} gave no token: {type(error).__name__}") from error
    return checked_claims(str(token.get("id_token", "")), keys, provider, str(asked["nonce"]), now)


def checked_claims(token: str, keys: KeySet, provider: Provider, nonce: str, now: datetime) -> dict[str, Any]:
    """The claims of an ID token (OpenID Connect Core 3.1.3.7): signature, issuer, audience, time, nonce.

    Raises:
        ProviderFailed: one of them is wrong.
    """
    options = {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
    }
    try:
        found = jwt.decode(token, keys, algorithms=list(_ALGORITHMS))
        params = {"nonce": nonce, "client_id": provider.client_id}
        claims = CodeIDToken(found.claims, found.header, options, params)
        claims.validate(now=int(now.timestamp()), leeway=_CLOCKS_APART_S)
    except (JoseError, AuthlibBaseError, ValueError, TypeError) as error:
        raise ProviderFailed(f"{provider.name} sent an ID token that is refused: {error}") from error
    if not isinstance(found.claims.get("sub"), str) or not found.claims["sub"]:
        raise ProviderFailed(f"{provider.name} sent an ID token without a subject")
    return dict(found.claims)


def redirect_uri(settings: PeopleSettings, provider: Provider) -> str:
    """Where the provider sends browsers back to; it has to be registered there."""
    return f"{settings.origin}/login/back/{provider.name}"


def _client(settings: PeopleSettings, provider: Provider) -> OAuth2Session:
    secret = provider.client_secret
    client = OAuth2Session(
        provider.client_id,
        None if secret is None else secret.get_secret_value(),
        scope=" ".join(provider.scopes),
        redirect_uri=redirect_uri(settings, provider),
        code_challenge_method="S256",
    )
    # A proxy named in the environment must not get the client's secret.
    client.trust_env = False
    return client


def _discovered(provider: Provider) -> dict[str, str]:
    """Where the provider's endpoints are, as it says itself (OpenID Connect Discovery 4)."""
    try:
        said = _fetched(f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
        found = {name: str(said[name]) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise ProviderFailed(
            f"{provider.name} does not tell its endpoints: {type(error).__name__}"
        ) from error
    if said.get("issuer") != provider.issuer:
        raise ProviderFailed(f"{provider.name} calls itself {said.get('issuer')!r:.200}")
    if provider.issuer.startswith("https:") and any(not url.startswith("https:") for url in found.values()):
        raise ProviderFailed(f"{provider.name} names an endpoint without TLS")
    return found


def _fetched(url: str) -> Any:  # noqa: ANN401 - JSON
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, timeout=_TIMEOUT_S, allow_redirects=False)
        answer.raise_for_status()
        return answer.json()
