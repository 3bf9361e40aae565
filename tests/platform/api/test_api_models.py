"""The model registry over HTTP: who may do what, and what is refused in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_user

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

ROOT = "/api/v1/tenants/steel/models"
PASSWORD = "a long password"
CARD = {
    "trained_from": "2026-01-01T00:00:00Z", "trained_to": "2026-01-02T00:00:00Z", "cases": 3,
    "features": ["S/A/L1/M/C/P"], "code": "1.0", "protocol_zh": "p", "protocol_en": "p", "metrics": {"f1": 1},
    "limits_zh": "l", "limits_en": "l",
}  # fmt: skip


def version(number: str, digest: str = "c" * 64) -> dict[str, Any]:
    return {"line": "S/A/L1", "model": "cooler", "version": number, "digest": digest, "card": CARD}


def ask(world: World, who: str, method: str, path: str = "", body: object = None) -> TestResponse:
    return world.app.test_client().open(ROOT + path, method=method, json=body, headers=world.header(who))


@pytest.fixture
def person(world: World) -> str:
    """An engineer with a session, as one who asks."""
    with world.context.metadata.session() as session:
        create_user(session, "wang@steel", "王", PASSWORD, {"steel": [Role.ENGINEER]})
    body = {"login": "wang@steel", "password": PASSWORD}
    answer = world.app.test_client().post("/api/v1/sessions", json=body)
    world.tokens["wang"] = answer.get_json()["session"]
    return "wang"


def test_a_version_goes_from_registration_to_champion_and_back(world: World, person: str) -> None:
    first, second = (ask(world, "analyst", "POST", body=version(n)) for n in "12")
    assert (first.status_code, first.json["state"], first.json["approved_by"]) == (201, "champion", "")
    assert second.json["state"] == "candidate"
    again = ask(world, "analyst", "POST", body=version("1"))
    assert (again.status_code, again.json) == (200, first.json)
    number = second.json["id"]
    for what, state in (("shadow", "shadow"), ("promote", "champion"), ("roll-back", "retired")):
        body = {"decision": what, "reason": f"because {what}"}
        decided = ask(world, person, "POST", f"/{number}/decision", body)
        assert (decided.status_code, decided.json["state"]) == (200, state), decided.text
    assert decided.json["approved_by"] == "王"
    steps = [one["what"] for one in ask(world, "viewer", "GET", f"/{number}/decisions").json]
    assert steps == ["roll-back", "promote", "shadow", "registered"]
    (roles,) = ask(world, "viewer", "GET", "/roles?model=cooler").json
    assert (roles["champion"], roles["shadow"]) == ("1", [])


def test_refusals_say_why_in_both_languages(world: World, person: str) -> None:
    number = ask(world, "analyst", "POST", body=version("1")).json["id"]
    other = ask(world, "analyst", "POST", body=version("1", "d" * 64))
    assert (other.status_code, other.json["code"]) == (409, "other_digest")
    assert other.mimetype == "application/problem+json"
    refused = ask(world, person, "POST", f"/{number}/decision", {"decision": "reject", "reason": "no"})
    assert (refused.status_code, refused.json["code"]) == (409, "decision_refused")
    assert refused.json["message"] == (
        "This version is the champion; you cannot reject it. Possible now: approve, retire."
    )
    assert refused.json["message_zh"] == "该版本主用, 不能否决。当前可执行: 批准、退役。"
    for reason in ("", "   "):
        body = {"decision": "approve", "reason": reason}
        assert ask(world, person, "POST", f"/{number}/decision", body).status_code == 422
    assert ask(world, "viewer", "GET", "/9999").json["code"] == "unknown_model"


def test_services_register_and_report_and_people_decide(world: World, person: str) -> None:
    number = ask(world, "analyst", "POST", body=version("1")).json["id"]
    body = {"decision": "approve", "reason": "said a script"}
    for who in ("owner", "engineer", "all"):
        answer = ask(world, who, "POST", f"/{number}/decision", body)
        assert (answer.status_code, answer.json["code"]) == (403, "people_only"), who
    assert ask(world, person, "POST", body=version("2")).status_code == 403
    for who in ("collector", "app_developer", "owner"):
        assert ask(world, who, "POST", body=version("2")).status_code == 403, who
    report = {"kind": "drift", "level": "act", "moment": "2026-01-03T00:00:00Z", "evidence": {"psi": 0.4}}
    made = ask(world, "analyst", "POST", f"/{number}/reports", report)
    assert made.status_code == 201
    assert ask(world, "analyst", "POST", f"/{number}/reports", report).status_code == 200
    assert ask(world, "viewer", "GET", f"/{number}/reports").json == [made.json]
    assert ask(world, "viewer", "GET", f"/{number}").json["levels"] == {"drift": "act"}
