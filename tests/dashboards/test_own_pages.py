"""What the pages about people may not do: reach another person's things, another tenant's trail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tundish_dashboards.account.agents import agent_name
from tundish_dashboards.routes import find_route
from tundish_platform.audit import record
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.sessions import open_sessions

if TYPE_CHECKING:
    from conftest import Site
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
INSIDER, NEIGHBOUR, VIEWER = 1, 2, 3


def output_of(site: Site, first: str) -> str:
    site.visitor("insider").get("/account")
    outputs = {one.lstrip(".").partition("...")[0]: one for one in site.dash.callback_map}
    return next(whole for own, whole in outputs.items() if own.startswith(first) and "@" not in own)


def click(site: Site, client: FlaskClient, first: str, path: str, button: dict[str, Any]) -> TestResponse:
    """Press a button of a list."""
    return client.post(UPDATE, json=body_of_click(site, first, path, button), headers=ORIGIN)


def body_of_click(site: Site, first: str, path: str, button: dict[str, Any]) -> dict[str, Any]:
    """What a browser sends when a button of a list is pressed."""
    body = site.body(output_of(site, first), path, None)
    wanted = json.dumps(button, sort_keys=True, separators=(",", ":"))
    body["inputs"] = [
        [{"id": button, "property": "n_clicks", "value": 1}] if part == [] else part
        for part in body["inputs"]
    ]
    body["changedPropIds"] = [f"{wanted}.n_clicks"]
    return body


def sessions_of(site: Site, person: int) -> set[int]:
    with site.context.metadata.above(Above.IDENTITY).session() as session:
        return {one.number for one in open_sessions(session, person, utc_now())}


def test_people_end_their_own_sessions_and_nobody_elses(site: Site) -> None:
    client, _other = site.new_visitor("insider"), site.new_visitor("insider")
    site.visitor("neighbour")
    output_of(site, "account-sessions")
    foreign = sessions_of(site, NEIGHBOUR)
    for number in foreign:
        button = {"role": "session-end", "number": number}
        assert click(site, client, "account-sessions", "/account", button).status_code == 200
    assert sessions_of(site, NEIGHBOUR) == foreign
    before = sessions_of(site, INSIDER)
    ended = max(before)
    click(site, client, "account-sessions", "/account", {"role": "session-end", "number": ended})
    assert sessions_of(site, INSIDER) == before - {ended}
    click(site, client, "account-sessions", "/account", {"role": "session-end", "number": 0})
    assert len(sessions_of(site, INSIDER)) == 1
    assert client.get("/account").status_code == 200
    site.visitors.pop("insider", None)


def test_an_owner_asks_about_their_own_people_only(site: Site) -> None:
    button = {"role": "people-ask", "do": "remove", "number": NEIGHBOUR, "held": ""}
    answer = click(site, site.visitor("insider"), "people-dialog", "/people/own-plant", button)
    assert answer.status_code == 200
    assert "Nei Ghbour" not in answer.get_data(as_text=True)
    assert answer.json["response"]["people-wish"]["data"] is None
    own = click(
        site, site.visitor("insider"), "people-dialog", "/people/own-plant", {**button, "number": INSIDER}
    )
    assert own.json["response"]["people-wish"]["data"]["number"] == INSIDER


def test_people_are_turned_page_by_page_and_found_by_name(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tundish_dashboards.people.rows.SHOWN", 1)
    client, path = site.visitor("insider"), "/people/own-plant"

    def turned(number: int, search: str) -> str:
        body = body_of_click(site, "members-after", path, {"role": "members-after", "number": number})
        body["inputs"][0]["value"] = search
        return str(client.post(UPDATE, json=body, headers=ORIGIN).get_data(as_text=True))

    first, second, third = (turned(number, "") for number in (0, INSIDER, VIEWER))
    assert ["In Sider" in one for one in (first, second, third)] == [True, False, False]
    assert ["Vie Wer" in one for one in (first, second, third)] == [False, True, False]
    assert ["Shi Ft" in one for one in (first, second, third)] == [False, False, True]
    # Other files' people may follow.
    last = turned(10**6, "")
    assert ["下一页" in one for one in (first, second, last)] == [True, True, False]
    assert ["回到第一页" in one for one in (first, second, third)] == [False, True, True]
    assert "Shi Ft" in turned(0, "FT")
    assert "没有找到人员。" in turned(0, "Nei Ghbour"), "who is in another enterprise is not found here"


def test_the_export_holds_the_tenants_own_entries(site: Site) -> None:
    with site.context.metadata.above(Above.OPERATOR).session() as session:
        for tenant, what in (("own-plant", "OWN-WHAT"), ("canary-plant", "CANARY-WHAT")):
            record(session, "somebody", "role.given", what, tenant=tenant, now=utc_now())
    lines = site.visitor("neighbour").get("/audit/canary-plant/export")
    assert {json.loads(line)["tenant"] for line in lines.data.splitlines()} == {"canary-plant"}
    assert b"CANARY-WHAT" in lines.data
    own = site.visitor("insider").get("/audit/own-plant/export").data
    assert b"OWN-WHAT" in own
    assert b"CANARY" not in own
    for login in ("insider", "viewer", "bureau"):
        assert site.visitor(login).get("/audit/canary-plant/export").status_code == 404
    assert site.visitor("viewer").get("/audit/own-plant/export").status_code == 404
    assert site.visitor().get("/audit/own-plant/export").status_code == 401


@pytest.mark.parametrize("path", ["/people/own-plant", "/audit/own-plant", "/alarms/own-plant/settings"])
def test_who_may_not_manage_finds_no_such_page(site: Site, path: str) -> None:
    assert find_route(path) is not None
    assert site.visitor("insider").get(path).status_code == 200
    assert site.visitor("viewer").get(path).status_code == 404
    assert site.visitor("shift").get(path).status_code == 404


def test_a_passkey_nobody_has_opens_nothing(site: Site) -> None:
    answer = {"token": "t", "answer": {"id": "x"}, "next": "/"}
    for said in (None, [], {}, {"token": 5, "answer": {}}, {**answer, "token": "x" * 300}, answer):
        assert site.visitor().post("/login/passkey", json=said, headers=ORIGIN).status_code == 401
    assert site.visitor().post("/login/passkey", json=answer).status_code == 403


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
         "Edge · Windows"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome · Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Version/17.5 Safari/605.1", "Safari · macOS"),
        ("curl/8.9", "curl/8.9"),
        ("", ""),
    ],
)  # fmt: skip
def test_browsers_are_called_as_people_call_them(agent: str, name: str) -> None:
    assert agent_name(agent) == name
