"""The alerts' page: who sees what, who may say what was found, and what it comes to."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tundish_platform.alerts import AlertView, list_alerts, outcomes_of
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal

if TYPE_CHECKING:
    from conftest import Site
    from werkzeug.test import TestResponse

OWN, FOREIGN = "/alerts/own-plant", "/alerts/canary-plant"
ORIGIN = {"Origin": "http://localhost"}


def output_with(site: Site, part: str) -> str:
    return next(output for output in site.dash.callback_map if part in output)


def open_alert(site: Site, slug: str) -> AlertView:
    with site.context.metadata.session() as session:
        scope = access_tenant(job_principal(session, "test", Role.VIEWER), slug, Permission.READ)
        (found,) = list_alerts(session, scope, open_only=True)
    return found


def judged(site: Site, slug: str) -> tuple[int, int, int]:
    with site.context.metadata.session() as session:
        scope = access_tenant(job_principal(session, "test", Role.VIEWER), slug, Permission.READ)
        total = outcomes_of(session, scope).total
    return total.confirmed, total.false, total.unclear


def send(site: Site, login: str, body: dict[str, Any]) -> TestResponse:
    return site.visitor(login).post("/_dash-update-component", json=body, headers=ORIGIN)


def say(site: Site, login: str, path: str, wish: object, found: str = "", cost: str = "") -> TestResponse:
    body = site.body(output_with(site, "alerts-message.children"), path, 1)
    said = {"alert-wish": wish, "alert-note": "filter clogged", "alert-found": found, "alert-cost": cost}
    body["state"] = [{**part, "value": said.get(part["id"], path)} for part in body["state"]]
    return send(site, login, body)


def press(site: Site, login: str, path: str, verdict: str, alert: int) -> TestResponse:
    output = output_with(site, "alert-dialog-what.children")
    body = site.body(output, path)
    button = {"alert": alert, "role": f"alert-{verdict}"}
    roles = [
        json.loads(part["id"])["role"] if part["id"].startswith("{") else ""
        for part in site.dash.callback_map[output]["inputs"]
    ]
    pressed = {"id": button, "property": "n_clicks", "value": 1}
    body["inputs"] = [
        [pressed] if wanted == button["role"] else given
        for wanted, given in zip(roles, body["inputs"], strict=True)
    ]
    body["changedPropIds"] = [f"{json.dumps(button, separators=(',', ':'), sort_keys=True)}.n_clicks"]
    return send(site, login, body)


@pytest.mark.parametrize(
    ("login", "path"), [("viewer", OWN), ("neighbour", OWN), ("bureau", OWN), ("shift", FOREIGN)]
)
def test_who_may_not_handle_says_nothing(site: Site, login: str, path: str) -> None:
    before = [judged(site, slug) for slug in ("own-plant", "canary-plant")]
    for slug in ("own-plant", "canary-plant"):
        number = open_alert(site, slug).id
        assert say(site, login, path, {"say": "false", "alert": number}).status_code == 404
        assert press(site, login, path, "false", number).status_code == 404
    assert [judged(site, slug) for slug in ("own-plant", "canary-plant")] == before


def test_an_alert_of_another_plant_is_nobodys(site: Site) -> None:
    number, before = open_alert(site, "canary-plant").id, judged(site, "canary-plant")
    answer = say(site, "shift", OWN, {"say": "false", "alert": number})
    assert set(answer.json["response"]) == {"alert-dialog-problem"}
    assert b"CANARY" not in press(site, "shift", OWN, "false", number).data
    assert judged(site, "canary-plant") == before


def test_the_page_tells_what_where_how_sure_until_when_and_what_to_check(site: Site) -> None:
    pages = {}
    for login in ("viewer", "shift"):
        body = site.body(output_with(site, "page.children"), OWN)
        pages[login] = send(site, login, body).text
        words = json.dumps(json.loads(pages[login]), ensure_ascii=False)
        for part in (
            "OWN检查",
            "OWN压力",
            "OWN-Site/Shop/L1",
            "80%",
            "/plant/own-plant",
            "/alarms/own-plant",
        ):
            assert part in words, part
        assert "CANARY" not in pages[login]
    assert '"alert-confirmed"' in pages["shift"]
    assert '"alert-confirmed"' not in pages["viewer"]


def test_the_other_choice_shows_what_is_over(site: Site) -> None:
    body = site.body(output_with(site, "alerts-list.children"), OWN)
    shown = {}
    for choice in ("open", "all"):
        body["inputs"][2]["value"] = choice
        shown[choice] = send(site, "viewer", body).json["response"]["alerts-list"]["children"]
    assert len(shown["all"]["props"]["children"][0]["props"]["children"]) == 2
    assert len(shown["open"]["props"]["children"][0]["props"]["children"]) == 1


def test_what_was_found_is_asked_written_down_and_counted(site: Site) -> None:
    alert = open_alert(site, "own-plant")
    asked = press(site, "shift", OWN, "confirmed", alert.id).json["response"]
    assert asked["alert-dialog"]["opened"] is True
    assert asked["alert-wish"]["data"] == {"say": "confirmed", "alert": alert.id}
    confirmed, false, unclear = judged(site, "own-plant")
    for wrong in (("yesterday", ""), ("", "much"), ("", "-5"), ("2999-01-01 00:00", "")):
        answer = say(site, "shift", OWN, asked["alert-wish"]["data"], *wrong).json["response"]
        assert set(answer) == {"alert-dialog-problem"}, wrong
    assert judged(site, "own-plant") == (confirmed, false, unclear)
    found = (alert.opened_at + timedelta(minutes=60)).replace(second=0, microsecond=0)
    shown = found.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M")
    answer = say(site, "shift", OWN, asked["alert-wish"]["data"], shown, "12,000").json["response"]
    assert answer["alert-dialog"]["opened"] is False
    said = open_alert(site, "own-plant").feedback
    assert said is not None
    assert (said.avoided_cost, said.found_at, said.note) == (12_000.0, found, "filter clogged")
    assert judged(site, "own-plant") == (confirmed + 1, false, unclear)
    # A false alert has neither: what still stands in the hidden fields is not taken.
    say(site, "shift", OWN, {"say": "false", "alert": alert.id}, shown, "12,000")
    assert judged(site, "own-plant") == (confirmed, false + 1, unclear)


def test_a_page_that_has_nothing_new_is_not_sent_again(site: Site) -> None:
    body = site.body(output_with(site, "alerts-list.children"), OWN, None)
    first = send(site, "viewer", body).json["response"]
    body["state"][0]["value"] = first["alerts-shown"]["data"]
    assert set(send(site, "viewer", body).json["response"]) == {"beat"}
