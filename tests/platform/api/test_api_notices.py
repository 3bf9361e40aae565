from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_user

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

ROOT = "/api/v1/tenants/steel"
HOOK = {
    "kind": "webhook", "name": "值班", "url": "https://hook.example/x?key=s3cret", "secret": "signing " * 3,
}  # fmt: skip


def call(world: World, who: str, method: str, path: str, body: object = None, **query: str) -> TestResponse:
    client = world.app.test_client()
    return client.open(
        f"{ROOT}{path}", method=method, headers=world.header(who), json=body, query_string=query
    )


def told(answer: TestResponse) -> Any:  # noqa: ANN401 - JSON
    assert answer.status_code < 300, answer.text
    return answer.json


def test_a_channel_from_making_to_switching_off_never_shows_its_secrets(world: World) -> None:
    answers = [made := call(world, "engineer", "POST", "/alarm-channels", HOOK)]
    assert made.status_code == 201
    number, path = told(made)["id"], f"/alarm-channels/{told(made)['id']}"
    answers.append(tested := call(world, "engineer", "POST", f"{path}/test"))
    assert tested.status_code == 202
    log = told(call(world, "engineer", "GET", "/alarm-deliveries", states="waiting", limit="1"))
    assert [(d["id"], d["channel"], d["kind"]) for d in log] == [(told(tested)["delivery"], number, "test")]
    changed = {"version": 1, "channel": HOOK | {"name": "夜班"}}
    answers.append(call(world, "engineer", "PUT", path, changed))
    assert told(answers[-1])["version"] == 2
    assert call(world, "engineer", "PUT", path, changed).status_code == 409
    answers.append(call(world, "engineer", "PUT", f"{path}/enabled", {"version": 2, "enabled": False}))
    assert told(answers[-1])["enabled"] is False
    answers += [call(world, "engineer", "GET", where) for where in ("/alarm-channels", "/alarm-deliveries")]
    answers.append(call(world, "owner", "GET", "/audit"))
    actions = [entry["action"] for entry in told(answers[-1])]
    assert {"notice_channel.made", "notice_channel.tested", "notice_channel.disabled"} <= set(actions)
    for answer in answers:
        assert "s3cret" not in answer.text
        assert "signing" not in answer.text
    assert "hook.example" in answers[0].text


def test_a_policy_is_made_changed_and_removed(world: World) -> None:
    number = told(call(world, "engineer", "POST", "/alarm-channels", HOOK))["id"]
    night = {"days": [1, 2, 3, 4, 5], "begins": "20:00", "ends": "08:00"}
    step = {"after_minutes": 5, "channels": [number], "roles": ["plant_manager"], "hours": [night]}
    policy = {"name": "夜间升级", "steps": [step], "least_priority": 3}
    made = told(call(world, "engineer", "POST", "/alarm-policies", policy))
    change = {"version": 1, "policy": policy | {"stops_when_cleared": False}}
    path = f"/alarm-policies/{made['id']}"
    assert told(call(world, "engineer", "PUT", path, change))["stops_when_cleared"] is False
    assert call(world, "engineer", "PUT", path, change).status_code == 409
    assert made["id"] in [p["id"] for p in told(call(world, "viewer", "GET", "/alarm-policies"))]
    for removed in (True, False):
        assert told(call(world, "engineer", "DELETE", path)) == {"removed": removed}


def test_contacts_are_of_people_of_the_plant(world: World) -> None:
    with world.context.metadata.session() as session:
        ours = create_user(session, "a", "Ours", "a password 2026", {"steel": [Role.ENGINEER]})
        theirs = create_user(session, "b", "Theirs", "a password 2026", {"power": [Role.ENGINEER]})
    spec = {"mail": "a@steel.example", "mobile": "13800001111"}
    assert told(call(world, "engineer", "PUT", f"/alarm-contacts/{ours}", spec))["name"] == "Ours"
    answer = call(world, "engineer", "PUT", f"/alarm-contacts/{theirs}", spec)
    assert (answer.status_code, "Theirs" in answer.text) == (404, False)
    assert [c["user"] for c in told(call(world, "engineer", "GET", "/alarm-contacts"))] == [ours]
    for search, found in (("oUr", [ours]), ("Theirs", []), ("%", [])):
        people = told(call(world, "engineer", "GET", "/alarm-contacts", search=search))
        assert [(one["user"], one["policies"]) for one in people] == [(number, []) for number in found]
    told(call(world, "engineer", "PUT", f"/alarm-contacts/{ours}", {}))
    assert told(call(world, "engineer", "GET", "/alarm-contacts")) == []


def test_maintenance_is_planned_and_ended(world: World) -> None:
    now = datetime.now(UTC)
    times = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=2)).isoformat()}
    made = told(call(world, "engineer", "POST", "/maintenance", {"path": "S/L/M", "reason": "换辊", **times}))
    for _ in range(2):
        ended = told(call(world, "engineer", "POST", f"/maintenance/{made['id']}/end"))
        assert ended["ended_by"] == "engineer"
    assert told(call(world, "viewer", "GET", "/maintenance", limit="1"))[0]["id"] == made["id"]


def test_requests_that_cannot_be_are_refused_with_words(world: World) -> None:
    step = {"after_minutes": 0, "channels": [1]}
    cases: list[tuple[str, str, object, int]] = [
        ("POST", "/alarm-channels", HOOK | {"url": "file:///etc/passwd"}, 422),
        ("POST", "/alarm-channels", HOOK | {"kind": "pigeon"}, 422),
        ("POST", "/alarm-channels/77/test", None, 404),
        ("PUT", "/alarm-channels/77/enabled", {"version": 1, "enabled": True}, 404),
        ("POST", "/alarm-policies", {"name": "x", "steps": []}, 422),
        ("POST", "/alarm-policies", {"name": "x", "steps": [step | {"channels": [77]}]}, 422),
        ("POST", "/alarm-policies", {"name": "x", "steps": [step | {"people": [77]}]}, 422),
        ("POST", "/alarm-policies", {"name": "x", "steps": [step | {"after_minutes": 9}, step]}, 422),
        ("PUT", "/alarm-policies/77", {"version": 1, "policy": {"name": "x", "steps": [step]}}, 404),
        ("GET", "/alarm-deliveries?states=lost", None, 400),
        ("POST", f"/maintenance/{2**40}/end", None, 404),
        ("POST", "/maintenance/77/end", None, 404),
    ]
    for method, path, body, status in cases:
        client = world.app.test_client()
        answer = client.open(f"{ROOT}{path}", method=method, headers=world.header("all"), json=body)
        assert answer.status_code == status, (path, body, answer.text)
        error = answer.json or {}
        assert error["message"]
        assert error["message_zh"]
        assert "s3cret" not in answer.text
