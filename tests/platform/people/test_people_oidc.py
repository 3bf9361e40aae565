"""What of an ID token must be right, and what claims give."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from pydantic import ValidationError

from tundish_platform.audit import all_entries
from tundish_platform.people import oidc
from tundish_platform.people.identities import link, mapped, person_of
from tundish_platform.people.oidc import ProviderFailed, asked_with, begin, checked_claims
from tundish_platform.people.providers import Provider
from tundish_platform.tenancy import AccessDenied, Permission, Role
from tundish_platform.tenancy.accounts import principal_of_user
from tundish_platform.tenancy.passwords import LoginRefused

if TYPE_CHECKING:
    from conftest import Plant

    from tundish_platform.people.settings import PeopleSettings

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
SAID: dict[str, Any] = {
    "iss": "https://id.example", "sub": "s-1", "aud": "tundish", "exp": SECONDS + 300, "iat": SECONDS,
    "nonce": "n-1",
}  # fmt: skip


def provider(**more: object) -> Provider:
    said = {"name": "city", "label_zh": "市", "label_en": "city", "issuer": "https://id.example",
            "client_id": "tundish"}  # fmt: skip
    return Provider.model_validate({**said, **more})


MAPPED = provider(
    roles_claim="groups",
    mapping=[
        {"value": "bureau", "role": "bureau_officer"},
        {"value": "melt", "role": "engineer", "tenant": "steel", "place": "Works/Melt/L1"},
        {"value": "gone", "role": "viewer", "tenant": "no-such-tenant"},
    ],
)


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "k1"})


def token(key: RSAKey | OctKey, changes: dict[str, Any], alg: str = "RS256") -> str:
    claims = {name: value for name, value in {**SAID, **changes}.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": "k1"}, claims, key, algorithms=[alg])


def test_a_token_for_us_now_and_this_question_is_believed(key: RSAKey) -> None:
    claims = checked_claims(token(key, {}), KeySet([key]), provider(), "n-1", NOW)
    assert (claims["iss"], claims["sub"]) == ("https://id.example", "s-1")


@pytest.mark.parametrize(
    "changes",
    [{"iss": "https://id.example.evil.test"}, {"iss": "https://id.example/"}, {"iss": None}, {"aud": "other"},
    {"aud": None}, {"aud": ["tundish", "other"], "azp": "other"}, {"nonce": "n-2"}, {"nonce": None},
    {"exp": SECONDS - 61}, {"exp": None}, {"iat": SECONDS + 61}, {"sub": None}, {"sub": ""}, {"sub": 7}],
    ids=str,
)  # fmt: skip
def test_a_token_of_others_for_others_or_of_another_time_is_refused(
    key: RSAKey, changes: dict[str, Any]
) -> None:
    with pytest.raises(ProviderFailed):
        checked_claims(token(key, changes), KeySet([key]), provider(), "n-1", NOW)


def test_a_token_of_another_key_or_without_a_signature_is_refused(key: RSAKey) -> None:
    other = RSAKey.generate_key(2048, {"kid": "k1"})
    shared = OctKey.import_key("of-tundish-and-32-bytes-long-at-least", {"kid": "k1"})
    unsigned = ".".join([*token(key, {}).split(".")[:2], ""])
    for forged in (token(other, {}), token(shared, {}, "HS256"), unsigned, "", "x.y.z"):
        with pytest.raises(ProviderFailed):
            checked_claims(forged, KeySet([key]), provider(), "n-1", NOW)


DISCOVERED = {
    "issuer": "https://id.example",
    "authorization_endpoint": "https://id.example/go",
    "token_endpoint": "https://id.example/token",
    "jwks_uri": "https://id.example/keys",
}


def test_a_state_is_answered_by_the_provider_that_was_asked(
    plant: Plant, settings: PeopleSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "_fetched", lambda _url: DISCOVERED)
    city, other = provider(), provider(name="other")
    with plant.metadata.session() as session:
        state, url = begin(session, settings, city, "/plant", plant.now)
        mixed_up, _ = begin(session, settings, city, "/plant", plant.now)
        assert url.startswith("https://id.example/go?")
        assert asked_with(session, city, state, plant.now)["wish"] == "/plant"
        with pytest.raises(AccessDenied, match="another provider"):
            asked_with(session, other, mixed_up, plant.now)


def test_a_provider_that_is_not_the_one_meant_or_speaks_without_tls_is_not_asked(
    plant: Plant, settings: PeopleSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong, words in (
        ({"issuer": "https://other.example"}, "calls itself"), ({"issuer": None}, "calls itself"),
        ({"token_endpoint": "http://id.example/token"}, "without TLS"),
        ({"jwks_uri": "ftp://id.example/keys"}, "without TLS"),
    ):  # fmt: skip
        said = {**DISCOVERED, **wrong}
        monkeypatch.setattr(oidc, "_fetched", lambda _url, said=said: said)
        with pytest.raises(ProviderFailed, match=words), plant.metadata.session() as session:
            begin(session, settings, provider(), "/", plant.now)


def test_only_words_of_the_mapping_give_anything() -> None:
    for said, roles in (
        (["bureau", "melt", "owner"], {Role.BUREAU_OFFICER, Role.ENGINEER}), ("melt", {Role.ENGINEER}),
        ("bureau melt", set()), ({"bureau": True}, set()), (None, set()), ([["bureau"]], set()),
    ):  # fmt: skip
        assert {one.role for one in mapped(MAPPED, {"groups": said})} == roles
    assert mapped(provider(), {"groups": ["bureau"], "role": "owner"}) == frozenset()


@pytest.mark.parametrize(
    "more",
    [{"mapping": [{"value": "x", "role": "owner", "tenant": "steel"}], "roles_claim": "g"},
    {"mapping": [{"value": "x", "role": "viewer"}], "roles_claim": "g"}, {"roles_claim": "g"},
    {"issuer": "http://id.example"}, {"scopes": ["profile"]}, {"name": "../x"}],
    ids=str,
)  # fmt: skip
def test_a_provider_that_could_not_be_trusted_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        provider(**more)


def test_roles_follow_the_claim_and_others_stay(plant: Plant) -> None:
    with plant.metadata.session() as session:
        link(session, MAPPED, "s-1", plant.owner, plant.now)
        person_of(session, MAPPED, {"sub": "s-1", "groups": ["melt", "bureau", "gone"]}, plant.now)
        both = principal_of_user(session, plant.owner)
        assert both.placed["steel"] == {(Role.ENGINEER, "Works/Melt/L1")}
        assert both.roles == {Role.BUREAU_OFFICER}
        person_of(session, MAPPED, {"sub": "s-1", "groups": ["melt"]}, plant.now)
        person_of(session, MAPPED, {"sub": "s-1"}, plant.now)
        left = principal_of_user(session, plant.owner)
        assert (left.placed, left.roles) == ({}, frozenset())
        assert Permission.MANAGE in left.permissions("steel")
        trail = [entry.action for entry in all_entries(session)]
    assert trail == ["identity.linked", *["role.given"] * 2, *["role.taken"] * 2]


def test_the_same_subject_of_another_issuer_is_somebody_else(plant: Plant) -> None:
    with plant.metadata.session() as session:
        link(session, provider(), "s-1", plant.owner, plant.now)
        assert person_of(session, provider(), {"sub": "s-1"}, plant.now) == plant.owner
    other = provider(issuer="https://other.example")
    with pytest.raises(LoginRefused, match="no account"), plant.metadata.session() as session:
        person_of(session, other, {"sub": "s-1", "email": "owner@steel"}, plant.now)
    with pytest.raises(ValueError, match="already"), plant.metadata.session() as session:
        link(session, provider(), "s-1", plant.owner + 1, plant.now)
