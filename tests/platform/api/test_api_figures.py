"""Published figures over the API: anybody reads and verifies, officers publish, evidence leaves a trace."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.api.publishing_job import publish_if_due
from tundish_platform.audit import all_entries
from tundish_platform.programme import register_enterprise
from tundish_platform.programme.published.package import files_of
from tundish_platform.programme.published.verifying import NotProven, verify_file
from tundish_platform.programme.uscc import check_digit, organisation_digit
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_user
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from conftest import World

RULE = "2026.1"
CANARY = "机密词-canary-9c41"
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def code(number: int) -> str:
    body = f"TDY{number:05d}"
    start = f"91999900{body}{organisation_digit(body)}"
    return start + check_digit(start)


@pytest.fixture
def city(world: World) -> World:
    """A dozen enterprises on the register, the first of which is the plant steel."""
    with world.context.metadata.above(Above.ADOPTION).session() as session:
        for number in range(12):
            register_enterprise(
                session, uscc=code(number), name_zh=f"厂{CANARY}", name_en="P", industry="C3444",
                region="431302", demo=True, tenant_id=None if number else world.scopes["steel"].tenant_id,
            )  # fmt: skip
    return world


def open_get(world: World, path: str) -> Any:  # noqa: ANN401 - JSON
    answer = world.app.test_client().get(f"/api/v1{path}")
    assert answer.status_code == 200, (path, answer.text)
    return answer.get_json()


def officer(world: World) -> dict[str, str]:
    with world.context.metadata.session() as session:
        create_user(session, "lin", "林", "a long password", {}, roles=[Role.BUREAU_OFFICER])
    body = {"login": "lin", "password": "a long password"}
    told = world.app.test_client().post("/api/v1/sessions", json=body).get_json()
    return {"Authorization": f"Bearer {told['session']}"}


def test_a_stranger_reads_and_verifies_what_the_job_published_and_sees_nobody(city: World) -> None:
    assert publish_if_due(city.context, RULE, NOW)
    assert not publish_if_due(city.context, RULE, NOW + timedelta(days=20)), "once a month"
    assert publish_if_due(city.context, RULE, NOW + timedelta(days=31))
    key = city.context.figures
    assert key is not None
    log = city.app.test_client().get("/api/v1/figures/log").data
    proven = verify_file(log, key=key.mark)
    listed = open_get(city, "/figures?limit=1000")
    assert listed == json.loads(log)["figures"]
    assert open_get(city, "/figures?limit=2&after=2")[0]["number"] == 2
    heads = open_get(city, "/figures/heads")
    assert [head["size"] for head in heads] == [len(listed) // 2, len(listed)]
    assert open_get(city, "/figures/head") == heads[-1]
    one = city.app.test_client().get("/api/v1/figures/1").data
    assert verify_file(one, key=key.mark).figures == proven.figures[1:2]
    assert open_get(city, f"/figures/growth?earlier={heads[0]['size']}")["later"] == heads[-1]["size"]
    assert verify_file(log, against=json.dumps(heads[0]).encode())
    with pytest.raises(NotProven):
        verify_file(log.replace(b'"value":10', b'"value":15'), key=key.mark)
    package = city.app.test_client().get("/api/v1/figures/package")
    assert (
        package.headers["Content-Disposition"] == f"attachment; filename=programme-figures-{len(listed)}.zip"
    )
    assert verify_file(package.data, key=key.mark).figures == proven.figures
    assert package.data == city.app.test_client().get("/api/v1/figures/package").data
    told = b"".join(
        city.app.test_client().get(f"/api/v1/figures{path}").data
        for path in ("", "/0", "/head", "/heads", "/log")
    ).decode()
    told += "".join(content.decode() for content in files_of(package.data).values())
    assert CANARY not in told
    assert not any(code(number) in told for number in range(12))


def test_an_officer_publishes_in_person_and_corrects_with_a_reason(city: World) -> None:
    client, header = city.app.test_client(), officer(city)
    shown = client.get("/api/v1/programme/figures/next", headers=header).get_json()
    assert (len(shown["mark"]), shown["stands"]) == (64, False)
    moved = client.post("/api/v1/programme/figures", json={"seen": "0" * 64}, headers=header)
    assert (moved.status_code, moved.get_json()["code"]) == (409, "figures_moved")
    first = client.post("/api/v1/programme/figures", json={"seen": shown["mark"]}, headers=header)
    assert first.status_code == 201, first.text
    assert first.get_json()["size"] == len(shown["figures"])
    again = client.post("/api/v1/programme/figures", json={}, headers=header)
    assert (again.status_code, again.get_json()["code"]) == (409, "nothing_to_publish")
    told = client.post("/api/v1/programme/figures", json={"reason": "counted twice"}, headers=header)
    assert told.status_code == 201
    newest = open_get(city, f"/figures?after={first.get_json()['size']}")
    assert [one["corrects"] for one in newest] == list(range(first.get_json()["size"]))
    service = client.post("/api/v1/programme/figures", json={}, headers=city.header("bureau"))
    assert service.status_code == 403
    unknown = client.get("/api/v1/figures/4711")
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "unknown_figure")


def test_whoever_opens_evidence_is_on_record_with_the_enterprise_concerned(city: World) -> None:
    client = city.app.test_client()
    path = "/api/v1/programme/enterprises/{}/evidence/openings"
    for number in (0, 1):
        body = {"reason": "年度核查"}
        assert (
            client.post(path.format(code(number)), json=body, headers=city.header("bureau")).status_code
            == 200
        )
    for wrong in ({}, {"reason": "   "}, {"reason": "?"}):
        refused = client.post(path.format(code(0)), json=wrong, headers=city.header("bureau"))
        assert refused.status_code in {400, 422}, "an officer says why"
    mine = client.get("/api/v1/tenants/steel/audit", headers=city.header("owner")).get_json()
    opened = [one for one in mine if one["action"] == "evidence.opened"]
    assert [one["subject"] for one in opened] == [code(0)], "its own, and nobody else's"
    assert json.loads(opened[0]["detail"])["reason"] == "年度核查"
    with city.context.metadata.above(Above.OPERATOR).session() as session:
        trail = [(one.subject, one.tenant) for one in all_entries(session) if one.action == "evidence.opened"]
    assert trail == [(code(0), "steel"), (code(1), "")], "who has no tenant here is told by the bureau"
