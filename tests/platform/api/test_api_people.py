"""A tenant's people over HTTP: owner, invited colleague, keys, sessions, second factor, passkey."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from argon2 import PasswordHasher
from cryptography.fernet import Fernet

from tundish_platform.api.app import create_app
from tundish_platform.people.settings import PeopleSettings
from tundish_platform.samples import SampleKind, encode_batch, encode_frames
from tundish_platform.tenancy import Role, passwords
from tundish_platform.tenancy.accounts import create_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

PASSWORD = "a long password"


class Caller:
    """Somebody with a bearer token, or without."""

    def __init__(self, world: World, token: str = "") -> None:
        self._client = world.app.test_client()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        answer = self._client.open(f"/api/v1{path}", method=method, headers=self._headers, json=body)
        return answer.status_code, answer.json


@pytest.fixture
def plant(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world with an owner who is a person, and a key for second factors."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    passwords._decoy.cache_clear()
    key = Fernet.generate_key().decode()
    people = PeopleSettings.model_validate({"key": key, "origin": "https://tundish.example"})
    world.context = replace(world.context, people=people)
    world.app = create_app(world.context)
    with world.context.metadata.session() as session:
        create_user(session, "owner@steel", "王", PASSWORD, {"steel": [Role.OWNER]})
        create_user(session, "owner@power", "刘", PASSWORD, {"power": [Role.OWNER]})
    return world


def logged_in(world: World, login: str, code: str = "") -> Caller:
    status, answer = Caller(world)("POST", "/sessions", {"login": login, "password": PASSWORD, "code": code})
    assert status == 201, answer
    return Caller(world, answer["session"])


def test_owner_invites_a_colleague_makes_a_key_and_the_key_sends_and_reads(
    plant: World, make_batch: Callable[..., Any]
) -> None:
    owner = logged_in(plant, "owner@steel")
    wanted = {"login": "li@steel", "roles": [{"role": "viewer"}, {"role": "engineer", "place": "S/x/L1"}]}
    status, invitation = owner("POST", "/tenants/steel/invitations", wanted)
    assert (status, invitation["state"]) == (201, "open")
    assert "token" not in owner("GET", "/tenants/steel/invitations")[1][0]
    come_in = {"token": invitation["token"], "name": "李", "password": PASSWORD}
    assert Caller(plant)("POST", "/invitations/accept", come_in)[0] == 201
    assert Caller(plant)("POST", "/invitations/accept", come_in)[0] == 404
    li = logged_in(plant, "li@steel")
    assert li("GET", "/me")[1]["tenants"][0]["places"] == {"configure": ["S/x/L1"], "handle": ["S/x/L1"]}
    assert li("POST", "/tenants/steel/keys", {"name": "k", "roles": [{"role": "viewer"}]})[0] == 403
    assert li("GET", "/tenants/power/members")[0] == 404
    roles = [{"role": "collector"}, {"role": "viewer"}]
    status, key = owner("POST", "/tenants/steel/keys", {"name": "gateway", "roles": roles, "days": 30})
    assert status == 201
    body = encode_frames([encode_batch(make_batch(SampleKind.NUMERIC, plant.ids["flow"], [7.0] * 10,
                          passwords.utc_now().replace(microsecond=0)))])  # fmt: skip
    header = {"Authorization": f"Bearer {key['key']}", "Content-Type": "application/vnd.tundish.batches"}
    sent = plant.app.test_client().post("/api/v1/tenants/steel/ingest", headers=header, data=body)
    assert sent.json == {"rows": 10, "expired": 0}
    service = Caller(plant, key["key"])
    (newest,) = service("GET", f"/tenants/steel/latest?signals={plant.ids['flow']}")[1]
    assert newest["value"] == 7.0
    (listed,) = [one for one in owner("GET", "/tenants/steel/keys")[1] if one["own"]]
    assert listed["last_used_at"] is not None
    assert "key" not in listed
    assert owner("DELETE", f"/tenants/steel/keys/{key['id']}")[1] == {"revoked": True}
    assert service("GET", "/me")[0] == 401
    done = [entry["action"] for entry in reversed(owner("GET", "/tenants/steel/audit")[1])]
    assert done[-4:] == ["invitation.made", "invitation.accepted", "key.made", "key.revoked"]


def test_roles_are_changed_over_http_and_the_last_owner_stays(plant: World) -> None:
    owner = logged_in(plant, "owner@steel")
    status, invitation = owner("POST", "/tenants/steel/invitations", {
        "login": "x", "roles": [{"role": "viewer"}],
    })  # fmt: skip
    assert status == 201
    neighbour = logged_in(plant, "owner@power")
    assert neighbour("POST", "/me/invitations", {"token": invitation["token"]})[1] == {"tenant": "steel"}
    people = {one["login"]: one["person"] for one in owner("GET", "/tenants/steel/members")[1]}
    theirs = f"/tenants/steel/members/{people['owner@power']}"
    assert owner("POST", f"{theirs}/roles", {"role": "engineer", "place": "S/x"})[1] == {"given": True}
    assert neighbour("GET", "/me")[1]["tenants"][1]["places"] == {"configure": ["S/x"], "handle": ["S/x"]}
    assert owner("DELETE", f"{theirs}/roles/engineer?place=S/x")[1] == {"taken": True}
    assert owner("DELETE", theirs)[1] == {"taken": 1}
    assert neighbour("GET", "/tenants/steel/signals")[0] == 404
    assert owner("POST", f"{theirs}/roles", {"role": "viewer"})[0] == 404
    status, problem = owner("DELETE", f"/tenants/steel/members/{people['owner@steel']}/roles/owner")
    assert status == 422
    assert "last_owner" in str(problem)
    assert owner("POST", f"{theirs}/roles", {"role": "no such role"})[0] == 422


def test_own_sessions_are_listed_and_ended_and_nobody_else_s(plant: World) -> None:
    first, second = logged_in(plant, "owner@steel"), logged_in(plant, "owner@steel")
    other = logged_in(plant, "owner@power")
    listed = first("GET", "/me/sessions")[1]
    assert [one["current"] for one in listed] == [False, True]
    (theirs,) = other("GET", "/me/sessions")[1]
    assert first("DELETE", f"/me/sessions/{theirs['number']}")[1] == {"ended": 0}
    assert first("DELETE", f"/me/sessions/{listed[0]['number']}")[1] == {"ended": 1}
    assert second("GET", "/me")[0] == 401
    assert first("DELETE", "/me/sessions")[1] == {"ended": 1}
    assert first("GET", "/me")[0] == 401
    assert other("GET", "/me")[0] == 200


def test_a_service_has_no_sessions_factors_or_invitations(plant: World) -> None:
    service = Caller(plant, plant.tokens["owner"])
    for method, path in (
        ("GET", "/me/sessions"), ("DELETE", "/me/sessions"), ("GET", "/me/second-factor"),
        ("POST", "/me/second-factor"), ("GET", "/me/passkeys"), ("POST", "/me/passkeys/options"),
        ("POST", "/me/invitations"), ("DELETE", "/me/passkeys/1"),
    ):  # fmt: skip
        assert service(method, path, {})[0] == 403, path


def test_wrong_passwords_are_refused_alike_and_then_with_a_waiting_time(plant: World) -> None:
    nobody = Caller(plant)
    texts = [
        nobody("POST", "/sessions", {"login": login, "password": "not the password"})
        for login in ("owner@steel", "no-such-person")
    ]
    assert texts[0] == texts[1]
    assert texts[0][0] == 401
    for _ in range(passwords.MAX_FAILURES - 1):
        nobody("POST", "/sessions", {"login": "owner@steel", "password": "not the password"})
    client = plant.app.test_client()
    answer = client.post("/api/v1/sessions", json={"login": "owner@steel", "password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= passwords.LOCK_OUT / timedelta(seconds=1)


def test_a_second_factor_is_enrolled_asked_for_and_removed(
    plant: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = logged_in(plant, "owner@steel")
    assert owner("POST", "/me/second-factor", {"password": "not the password"})[0] == 401
    status, made = owner("POST", "/me/second-factor", {"password": PASSWORD})
    assert status == 201
    totp, now = pyotp.TOTP(made["secret"]), passwords.utc_now()
    codes = owner("PUT", "/me/second-factor", {"code": totp.at(now)})[1]["recovery_codes"]
    assert owner("GET", "/me/second-factor")[1] == {"confirmed": True, "codes_left": len(codes)}
    status, problem = Caller(plant)("POST", "/sessions", {"login": "owner@steel", "password": PASSWORD})
    assert status == 401
    assert "code_needed" in str(problem)
    assert "session" not in problem
    later = now + timedelta(minutes=1)
    for module in ("tundish_platform.api.session_routes", "tundish_platform.tenancy.passwords"):
        monkeypatch.setattr(f"{module}.utc_now", lambda: later)
    logged_in(plant, "owner@steel", totp.at(later))
    logged_in(plant, "owner@steel", codes[0])
    assert owner("DELETE", "/me/second-factor", {"code": totp.at(later)})[0] == 401
    assert owner("DELETE", "/me/second-factor", {"code": codes[1]})[1] == {"removed": True}
    logged_in(plant, "owner@steel")


def test_a_passkey_that_nobody_has_opens_nothing_and_its_options_are_asked_openly(plant: World) -> None:
    owner, nobody = logged_in(plant, "owner@steel"), Caller(plant)
    offered = owner("POST", "/me/passkeys/options")[1]["options"]
    assert offered["authenticatorSelection"]["userVerification"] == "required"
    assert offered["rp"]["id"] == "tundish.example"
    asked = nobody("POST", "/sessions/passkey/options")[1]
    body = {"token": asked["token"], "answer": {"id": "x", "type": "public-key"}}
    assert nobody("POST", "/sessions/passkey", body)[0] == 401
    wrong = {"token": asked["token"], "answer": {}, "name": "n"}
    assert owner("POST", "/me/passkeys", wrong)[0] == 403
    assert owner("GET", "/me/passkeys")[1] == []


def test_the_owner_reads_the_people_page_by_page_and_by_name(plant: World) -> None:
    with plant.context.metadata.session() as session:
        for number in range(3):
            create_user(session, f"li-{number}", f"Li {number}", PASSWORD, {"steel": [Role.VIEWER]})
    owner = logged_in(plant, "owner@steel")
    pages, after = [], 0
    while after is not None:
        status, found = owner("GET", f"/tenants/steel/members?search=LI&limit=2&after={after}")
        assert status == 200
        pages.append([one["login"] for one in found])
        after = found[-1]["person"] if len(found) == 2 else None
    assert pages == [["li-0", "li-1"], ["li-2"]]
    for search in ("%00", "x" * 201):
        assert owner("GET", f"/tenants/steel/members?search={search}")[0] == 400
