from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.alarms import AlarmState, list_alarms, list_events
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal

if TYPE_CHECKING:
    from conftest import Site
    from werkzeug.test import TestResponse

OWN, FOREIGN = "/alarms/own-plant", "/alarms/canary-plant"
ORIGIN = {"Origin": "http://localhost"}


def output_with(site: Site, part: str) -> str:
    return next(output for output in site.dash.callback_map if part in output)


def standing(site: Site, slug: str) -> tuple[int, AlarmState, int]:
    """Number and state of the plant's alarm that is not shelved, and how many events there are."""
    with site.context.metadata.session() as session:
        scope = access_tenant(job_principal(session, "test", Role.VIEWER), slug, Permission.READ)
        alarms = list_alarms(session, scope, datetime.now(UTC), states=frozenset(AlarmState))
        one = next(a for a in alarms if a.key.endswith("stands"))
        return one.id, one.state, len(list_events(session, scope))


def act(site: Site, login: str, path: str, wish: object, comment: object = "seen") -> TestResponse:
    body = site.body(output_with(site, "alarms-message.children"), path, 1)
    said = {"alarm-wish": wish, "alarm-comment": comment, "alarm-hours": "8"}
    body["state"] = [{**part, "value": said.get(part["id"], path)} for part in body["state"]]
    return site.visitor(login).post("/_dash-update-component", json=body, headers=ORIGIN)


def press(site: Site, login: str, path: str, role: str, alarm: int) -> Any:  # noqa: ANN401 - JSON
    """A press of one of an alarm's buttons."""
    output = output_with(site, "alarm-events.opened" if role == "events" else "alarm-dialog-what.children")
    body = site.body(output, path)
    button = {"alarm": alarm, "role": f"alarm-{role}"}
    named = json.dumps(button, separators=(",", ":"), sort_keys=True)
    pressed = {"id": button, "property": "n_clicks", "value": 1}
    roles = [
        json.loads(p["id"])["role"] if p["id"].startswith("{") else ""
        for p in site.dash.callback_map[output]["inputs"]
    ]
    body["inputs"] = [
        [pressed] if wanted == button["role"] else given
        for wanted, given in zip(roles, body["inputs"], strict=True)
    ]
    body["changedPropIds"] = [f"{named}.n_clicks"]
    return site.visitor(login).post("/_dash-update-component", json=body, headers=ORIGIN)


@pytest.mark.parametrize(
    ("login", "path"), [("viewer", OWN), ("neighbour", OWN), ("bureau", OWN), ("shift", FOREIGN)]
)
def test_who_may_not_handle_changes_nothing(site: Site, login: str, path: str) -> None:
    before = [standing(site, slug) for slug in ("own-plant", "canary-plant")]
    for number, _, _ in before:
        for what in ("acknowledge", "shelve", "unshelve"):
            answer = act(site, login, path, {"do": what, "alarm": number})
            # In another's plant the number is nobody's; where the permission lacks there is no page at all.
            assert answer.status_code == 404
    assert [standing(site, slug) for slug in ("own-plant", "canary-plant")] == before


def test_an_alarm_of_another_plant_is_nobodys(site: Site) -> None:
    number, state, events = standing(site, "canary-plant")
    answer = act(site, "shift", OWN, {"do": "acknowledge", "alarm": number})
    assert set(answer.json["response"]) == {"alarm-dialog-problem"}
    assert standing(site, "canary-plant") == (number, state, events)
    for role in ("events", "acknowledge", "shelve"):
        assert b"CANARY" not in press(site, "shift", OWN, role, number).data


def test_the_timeline_tells_what_happened_and_the_dialog_what_will(site: Site) -> None:
    number, _, _ = standing(site, "own-plant")
    shown = press(site, "viewer", OWN, "events", number)
    assert shown.json["response"]["alarm-events"]["opened"] is True
    assert "OWN-connector" in shown.text
    asked = press(site, "shift", OWN, "shelve", number).json["response"]
    assert asked["alarm-dialog"]["opened"] is True
    assert asked["alarm-wish"]["data"] == {"do": "shelve", "alarm": number}
    assert press(site, "viewer", OWN, "shelve", number).status_code == 404


def test_shelving_without_a_reason_says_so_and_keeps_the_dialog_open(site: Site) -> None:
    number, _, events = standing(site, "own-plant")
    answer = act(site, "shift", OWN, {"do": "shelve", "alarm": number}, "  ").json["response"]
    assert set(answer) == {"alarm-dialog-problem"}
    assert standing(site, "own-plant")[2] == events


def test_viewers_get_no_buttons_to_handle_with(site: Site) -> None:
    output = output_with(site, "page.children")
    pages = {}
    for login in ("viewer", "shift"):
        body = site.body(output, OWN)
        pages[login] = site.visitor(login).post("/_dash-update-component", json=body, headers=ORIGIN).text
        assert "alarm-events" in pages[login]
    assert '"alarm-acknowledge"' in pages["shift"]
    assert '"alarm-acknowledge"' not in pages["viewer"]


def test_the_shift_acknowledges_once_and_who_comes_late_is_told(site: Site) -> None:
    number, state, _ = standing(site, "own-plant")
    assert state is AlarmState.UNACKNOWLEDGED
    answer = act(site, "shift", OWN, {"do": "acknowledge", "alarm": number}, "往现场去了").json["response"]
    assert answer["alarm-dialog"]["opened"] is False
    assert standing(site, "own-plant")[1] is AlarmState.ACKNOWLEDGED
    again = act(site, "insider", OWN, {"do": "acknowledge", "alarm": number}).json["response"]
    assert set(again) == {"alarm-dialog-problem"}


def test_a_page_that_has_nothing_new_is_not_sent_again(site: Site) -> None:
    output = output_with(site, "alarms-list.children")
    client = site.visitor("viewer")
    body = site.body(output, OWN, None)
    first = client.post("/_dash-update-component", json=body, headers=ORIGIN).json["response"]
    body["state"][0]["value"] = first["alarms-shown"]["data"]
    second = client.post("/_dash-update-component", json=body, headers=ORIGIN).json["response"]
    assert "alarms-list" in first
    assert set(second) <= {"beat", *first}
    # The digest has a clock of ten seconds in it: at its turn the page is sent once more.
    if "alarms-list" in second:
        assert second["alarms-shown"]["data"] != first["alarms-shown"]["data"]
