from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import grant_role, revoke_role

if TYPE_CHECKING:
    from conftest import Site
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
CANARY = re.compile(rb"CANARY|424,?2\d\d")
FOREIGN = "/plant/canary-plant"
# What a page may send, and everything it should not.
VALUES: tuple[Any, ...] = (
    None,
    1,
    -1,
    1e308,
    "x",
    "x" * 5000,
    [],
    ["1"],
    ["x"],
    [[]],
    {},
    {"app": "x"},
    True,
    "1h",
)


def _call(client: FlaskClient, body: object) -> TestResponse:
    return client.post(UPDATE, json=body, headers=ORIGIN)


def _all_outputs(site: Site) -> list[str]:
    client = site.visitor("insider")
    client.get("/plant/own-plant")
    return [output for output, spec in site.dash.callback_map.items() if "callback" in spec]


def _everything_seen(site: Site, client: FlaskClient, path: str) -> bytes:
    seen = b""
    for output in _all_outputs(site):
        for value in (None, "1h", list(map(str, range(1, 5)))):
            answer = _call(client, site.body(output, path, value))
            assert answer.status_code < 500, (output, value)
            seen += answer.data
    return seen


def test_there_are_callbacks_to_test(site: Site) -> None:
    assert len(_all_outputs(site)) >= 10


def test_the_neighbour_sees_the_canary(site: Site) -> None:
    """Without this the tests below could pass on pages that show nothing at all."""
    seen = _everything_seen(site, site.visitor("neighbour"), FOREIGN)
    assert b"CANARY-STATE" in seen
    assert b"CANARY-Site" in seen
    assert b"424,301" in seen
    # Plotly's writer escapes Chinese, or leaves it as it is where orjson is installed.
    assert b"CANARY\\u62a5\\u8b66" in seen or "CANARY报警".encode() in seen, "the alarm"
    assert b"CANARY-WHY" in seen, "the reason that stands in its timeline"
    assert b"CANARY-2" in seen, "the version of its model"


@pytest.mark.parametrize("login", [None, "insider", "viewer", "bureau"])
@pytest.mark.parametrize(
    "path",
    [
        FOREIGN,
        "/market/canary-plant/app/spc-monitor",
        *(
            f"/{page}/canary-plant"
            for page in [
                "overview",
                "machine",
                "market",
                "quality",
                "energy",
                "explorer",
                "alarms",
                "alerts",
                "handover",
                "models",
                "jobs",
                "people",
                "audit",
                "sharing",
            ]
        ),
    ],
)
def test_nobody_else_gets_a_byte_of_it(site: Site, login: str | None, path: str) -> None:
    assert not CANARY.search(_everything_seen(site, site.visitor(login), path))


def test_a_plants_tick_on_a_page_of_ones_own_is_answered_with_nothing(site: Site) -> None:
    """Whoever leaves a plant's page just as it asks for news gets no error in their browser."""
    client = site.visitor("insider")
    client.get("/plant/own-plant")
    ticks = [output for output in _all_outputs(site) if "plant-strip" in output]
    assert ticks
    for output in ticks:
        answers = [_call(client, site.body(output, path, 1)) for path in ("/account", "/nowhere", FOREIGN)]
        assert [a.status_code for a in answers] == [204, 404, 404]
        assert answers[0].data == b""


def test_answers_kept_for_one_plant_never_reach_another(site: Site) -> None:
    neighbour, insider = site.visitor("neighbour"), site.visitor("insider")
    for output in _all_outputs(site):
        _call(neighbour, site.body(output, FOREIGN))
        answer = _call(insider, site.body(output, "/plant/own-plant"))
        assert b"CANARY" not in answer.data, output


def test_the_bureau_sees_no_plant_at_all(site: Site) -> None:
    seen = _everything_seen(site, site.visitor("bureau"), "/plant/own-plant")
    assert b"OWN-STATE" not in seen


def test_a_plant_sees_nothing_of_the_bureau(site: Site) -> None:
    client = site.visitor("insider")
    for output in _all_outputs(site):
        if "bureau" in output:
            assert _call(client, site.body(output, "/bureau")).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/_dash-layout", "/_dash-dependencies", "/_reload-hash", "/assets/tundish.js", "/_favicon.ico",
     "/_dash-component-suites/dash/deps/x.js"],
)  # fmt: skip
def test_without_a_session_nothing_of_dash_is_served(site: Site, path: str) -> None:
    assert site.visitor().get(path).status_code == 401


def test_every_route_is_closed_without_a_session(site: Site) -> None:
    open_to_all = {"people.login", "people.language"}
    # The code page leads back to the log-in, an invitation's to 404 for a token that nobody made.
    client = site.visitor()
    for rule in site.dash.server.url_map.iter_rules():
        if rule.endpoint in open_to_all or rule.rule.startswith("/api/") or "GET" not in rule.methods:
            continue
        path = re.sub(r"<[^>]+>", "x", rule.rule)
        answer = client.get(path)
        assert answer.status_code in {302, 401, 404}, path
        assert answer.status_code != 302 or answer.location.startswith("/login"), path


def test_pages_lead_to_the_log_in_and_back(site: Site) -> None:
    client = site.visitor()
    answer = client.get("/plant/own-plant")
    assert (answer.status_code, answer.location) == (302, "/login?next=/plant/own-plant")
    form = {"login": "insider", "password": "tundish-test-2026", "next": "/plant/own-plant"}
    assert client.post("/login", data=form, headers=ORIGIN).location == "/plant/own-plant"


@pytest.mark.parametrize(("login", "home"), [("insider", "/overview/own-plant"), ("bureau", "/bureau")])
def test_the_start_page_depends_on_the_role(site: Site, login: str, home: str) -> None:
    assert site.visitor(login).get("/").location == home


@pytest.mark.parametrize("path", ["/account", "/bureau", "/market/own-plant/app/x", "/nowhere", ""])
def test_a_wish_for_another_plant_leads_to_a_page_of_it_or_nowhere(site: Site, path: str) -> None:
    for login in ("insider", "neighbour"):
        body = site.body("location.pathname", path, "own-plant")
        body["changedPropIds"] = ["tenant-switch.value"]
        answer = _call(site.visitor(login), body)
        assert answer.status_code == 200, (path, answer.data)
        assert answer.json["response"] == {}, "stays where they are"


@pytest.mark.parametrize("path", [FOREIGN, "/plant/no-such-plant", "/bureau", "/x/y"])
def test_a_foreign_page_and_none_look_alike(site: Site, path: str) -> None:
    client = site.visitor("insider")
    assert client.get(path).status_code == 404
    output = next(o for o in _all_outputs(site) if o.startswith("..page.children"))
    answer = _call(client, site.body(output, path))
    assert answer.status_code == 200
    content = answer.json["response"]["page"]["children"]
    unknown = _call(client, site.body(output, "/plant/never-there")).json["response"]["page"]["children"]
    assert content == unknown


@pytest.mark.parametrize("value", VALUES, ids=lambda v: str(v)[:12])
def test_no_value_makes_a_callback_fail(site: Site, value: object) -> None:
    for login, path in (
        ("insider", "/plant/own-plant"),
        ("insider", "/overview/own-plant"),
        ("insider", "/machine/own-plant"),
        ("insider", "/quality/own-plant"),
        ("insider", "/energy/own-plant"),
        ("insider", "/explorer/own-plant"),
        ("insider", "/market/own-plant"),
        ("insider", "/market/own-plant/trials"),
        ("insider", "/alarms/own-plant"),
        ("insider", "/alerts/own-plant"),
        ("insider", "/people/own-plant"),
        ("insider", "/alarms/own-plant/settings"),
        ("insider", "/account"),
        ("bureau", "/bureau"),
    ):
        client = site.visitor(login)
        for output in _all_outputs(site):
            for where in (path, value):
                answer = _call(client, site.body(output, where, value))
                assert answer.status_code < 500, (output, answer.status_code)


@pytest.mark.parametrize(
    "body",
    [
        None, [], 5, "x", {}, {"output": "no.such"}, {"output": 5}, {"output": []},
        {"output": "page.children", "inputs": 5},
        {"output": "..page.children...x.y..", "inputs": [], "outputs": []},
    ],
)  # fmt: skip
def test_a_malformed_message_is_the_senders_fault(site: Site, body: object) -> None:
    assert 400 <= _call(site.visitor("insider"), body).status_code < 500


def test_known_outputs_with_torn_parts_are_refused(site: Site) -> None:
    client = site.visitor("insider")
    for output in _all_outputs(site):
        whole = site.body(output, "/plant/own-plant")
        for torn in (
            {"inputs": []}, {"inputs": [None]}, {"inputs": [{"id": 1}]}, {"inputs": {"a": 1}}, {"state": "x"},
            {"outputs": 5}, {"changedPropIds": 5}, {"changedPropIds": ["{x.y"]},
        ):  # fmt: skip
            answer = _call(client, {**whole, **torn})
            assert answer.status_code < 500, (output, torn)


def test_no_json_is_refused(site: Site) -> None:
    client = site.visitor("insider")
    for kind, data in (("application/json", b"{"), ("text/plain", b"{}"), ("application/json", b"\xff")):
        assert 400 <= client.post(UPDATE, data=data, content_type=kind, headers=ORIGIN).status_code < 500


def test_a_huge_message_is_refused(site: Site) -> None:
    body = b'{"output": "' + b"x" * site.settings.max_callback_bytes + b'"}'
    client = site.visitor("insider")
    assert client.post(UPDATE, data=body, content_type="application/json", headers=ORIGIN).status_code == 413
    form = {"login": "x" * site.settings.max_form_bytes, "password": "y"}
    assert site.visitor().post("/login", data=form, headers=ORIGIN).status_code == 413


@pytest.mark.parametrize("origin", [{}, {"Origin": "null"}, {"Origin": "https://evil.example"},
                                    {"Referer": "https://evil.example/localhost"}])  # fmt: skip
def test_posts_of_other_sites_are_refused(site: Site, origin: dict[str, str]) -> None:
    client = site.visitor("insider")
    output = _all_outputs(site)[0]
    assert client.post(UPDATE, json=site.body(output, "/"), headers=origin).status_code == 403
    assert client.post("/logout", headers=origin).status_code == 403
    form = {"login": "insider", "password": "tundish-test-2026"}
    assert site.visitor().post("/login", data=form, headers=origin).status_code == 403


def test_a_copied_cookie_is_worthless_after_log_out(site: Site) -> None:
    client, thief = site.new_visitor("insider"), site.visitor()
    cookie = client.get_cookie("tundish_session")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    thief.set_cookie("tundish_session", cookie.value)
    assert thief.get("/_dash-layout").status_code == 200
    assert client.post("/logout", headers=ORIGIN).status_code == 303
    assert thief.get("/_dash-layout").status_code == 401


def test_a_session_ends_on_the_server(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = site.new_visitor("insider")
    assert client.get("/_dash-layout").status_code == 200
    later = datetime.now(UTC) + site.settings.session_length
    monkeypatch.setattr("tundish_dashboards.sessions.utc_now", lambda: later)
    assert client.get("/_dash-layout").status_code == 401


def test_a_forged_cookie_opens_nothing(site: Site) -> None:
    client = site.visitor()
    client.set_cookie("tundish_session", "eyJ1c2VyIjoxfQ.aaaa.bbbb")
    assert client.get("/_dash-layout").status_code == 401


def test_a_wrong_password_says_so_in_the_readers_language(site: Site) -> None:
    form = {"login": "insider", "password": "wrong-password"}
    client = site.visitor()
    assert "用户名或密码不正确" in client.post("/login", data=form, headers=ORIGIN).text
    client.get("/language/en")
    answer = client.post("/login", data=form, headers=ORIGIN)
    assert answer.status_code == 401
    assert "The name or the password is wrong" in answer.text
    assert re.findall(r"[\u4e00-\u9fff]+", answer.text) == ["中文"]


def test_the_language_switch_leads_nowhere_else(site: Site) -> None:
    client = site.visitor()
    assert client.get("/language/en?next=//evil.example").location == "/"
    assert client.get("/language/xx").status_code == 404


def test_pages_carry_a_strict_policy(site: Site) -> None:
    headers = site.visitor("insider").get("/plant/own-plant").headers
    policy = headers["Content-Security-Policy"]
    script = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "default-src 'none'" in policy
    assert "unsafe" not in script
    assert "http" not in policy
    assert headers["Cache-Control"] == "no-store"


def test_unknown_api_paths_do_not_become_pages(site: Site) -> None:
    answer = site.visitor("insider").get("/api/v1/no-such-thing")
    assert answer.status_code == 404
    assert answer.json["code"] == "not_found"


def test_pages_name_no_other_host(site: Site) -> None:
    client = site.visitor("insider")
    text = client.get("/plant/own-plant").text + json.dumps(client.get("/_dash-layout").json)
    assert re.findall(r"https?://(?!www\.w3\.org)[^\"' ]+", text) == []


def test_rights_are_read_at_every_request(site: Site) -> None:
    client = site.visitor("viewer")
    user = 3
    with site.context.metadata.session() as session:
        revoke_role(session, user, Role.VIEWER, "own-plant")
    try:
        assert client.get("/plant/own-plant").status_code == 404
    finally:
        with site.context.metadata.session() as session:
            grant_role(session, user, Role.VIEWER, "own-plant")
    assert client.get("/plant/own-plant").status_code == 200
