from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tundish_platform.alarms import AlarmWatcher
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World
    from werkzeug.test import TestResponse

    from tundish_platform.samples import SampleBatch

ROOT = "/api/v1/tenants/steel"


def call(world: World, who: str, method: str, path: str, body: object = None, **query: str) -> TestResponse:
    client = world.app.test_client()
    return client.open(
        f"{ROOT}{path}", method=method, headers=world.header(who), json=body, query_string=query
    )


def told(answer: TestResponse) -> Any:  # noqa: ANN401 - JSON
    assert answer.status_code < 300, answer.text
    return answer.json


def report(*, active: bool, second: int, **more: object) -> dict[str, object]:
    ts = (datetime.now(UTC) + timedelta(seconds=second)).isoformat()
    names = {"name_zh": "泵停", "name_en": "Pump stopped"}
    return {"key": "pump", "active": active, "ts": ts, "priority": 3, **names, **more}


def test_an_alarm_from_its_source_to_the_shift_and_back(world: World) -> None:
    body = {"alarms": [report(active=True, second=0)]}
    assert told(call(world, "collector", "PUT", "/sources/opc/alarms", body))["changed"] == 1
    assert told(call(world, "collector", "PUT", "/sources/opc/alarms", body))["repeated"] == 1
    pump = next(a for a in told(call(world, "viewer", "GET", "/alarms")) if a["key"] == "pump")
    assert (pump["state"], pump["priority"]) == ("unacknowledged", 3)
    path = f"/alarms/{pump['id']}"
    assert (
        told(call(world, "shift_operator", "POST", path, {"transition": "acknowledged"}))["state"]
        == "acknowledged"
    )
    again = call(world, "shift_operator", "POST", path, {"transition": "acknowledged"})
    assert (again.status_code, (again.json or {})["code"]) == (409, "transition_refused")
    owed = told(call(world, "collector", "GET", "/sources/opc/acknowledgements"))
    assert owed == [{"alarm": pump["id"], "key": "pump"}]
    settle = f"/sources/opc/acknowledgements/{pump['id']}"
    assert told(call(world, "collector", "DELETE", settle)) == {"settled": True}
    told(call(world, "collector", "PUT", "/sources/opc/alarms", {"alarms": [report(active=False, second=5)]}))
    assert all(a["key"] != "pump" for a in told(call(world, "viewer", "GET", "/alarms")))
    shown = told(call(world, "viewer", "GET", "/alarms", states="normal"))
    assert [a["key"] for a in shown] == ["pump"]
    history = told(call(world, "viewer", "GET", "/alarms/events", alarm=str(pump["id"])))
    assert [e["transition"] for e in history] == ["cleared", "acknowledged", "raised"]
    assert told(call(world, "viewer", "GET", "/alarms/floods")) == []


def test_requests_that_cannot_be_are_refused_with_words(world: World) -> None:
    cases = [
        ("GET", "/alarms", None, {"states": "loud"}, 400),
        ("GET", "/alarms", None, {"limit": "0"}, 400),
        ("GET", "/alarms/events", None, {"alarm": "77"}, 404),
        ("POST", "/alarms/77", {"transition": "acknowledged"}, {}, 404),
        ("POST", f"/alarms/{2**40}", {"transition": "acknowledged"}, {}, 404),
        ("POST", "/alarms/1", {"transition": "shelved", "comment": "x"}, {}, 422),
        ("POST", "/alarms/1", {"transition": "raised"}, {}, 422),
        ("PUT", "/sources/alarm-rules/alarms", {"alarms": []}, {}, 422),
        ("PUT", "/sources/opc/alarms", {"alarms": [{"key": ""}]}, {}, 422),
        ("PUT", "/alarm-rules/77", {"version": 1, "rule": rule(world)}, {}, 404),
        ("PUT", "/alarm-rules/1", {"version": 9, "rule": rule(world)}, {}, 409),
        ("POST", "/alarm-rules", rule(world) | {"signal": world.ids["state"]}, {}, 422),
    ]
    for method, path, body, query, status in cases:
        answer = call(world, "all", method, path, body, **query)
        assert answer.status_code == status, (path, body, answer.text)
        error = answer.json or {}
        assert error["message"]
        assert error["message_zh"]


def rule(world: World) -> dict[str, object]:
    names = {"name_zh": "压力高", "name_en": "Pressure high"}
    return {"signal": world.ids["pressure"], "kind": "high", "threshold": 100.0, **names}


def test_an_engineers_rule_raises_an_alarm_from_samples_that_come(
    world: World, make_batch: Callable[..., SampleBatch]
) -> None:
    made = call(world, "engineer", "POST", "/alarm-rules", rule(world))
    assert made.status_code == 201
    number = told(made)["id"]
    changed = {"version": 1, "rule": rule(world) | {"threshold": 200.0}}
    assert told(call(world, "engineer", "PUT", f"/alarm-rules/{number}", changed))["version"] == 2
    start = datetime.now(UTC) + timedelta(seconds=1)
    world.context.telemetry.append(
        world.scopes["steel"], [make_batch(SampleKind.NUMERIC, world.ids["pressure"], [150.0, 250.0], start)]
    )
    watcher = AlarmWatcher(world.context.metadata, world.context.telemetry)
    assert watcher.round() == 0
    found = [a for a in told(call(world, "viewer", "GET", "/alarms")) if a["key"] == f"rule/{number}"]
    assert [(a["value"], a["name_zh"]) for a in found] == [(250.0, "压力高")]
    assert told(call(world, "engineer", "DELETE", f"/alarm-rules/{number}")) == {"removed": True}
    assert number not in [r["id"] for r in told(call(world, "viewer", "GET", "/alarm-rules"))]


def test_the_watcher_runs_until_closed_and_one_tenants_trouble_is_only_its_own(world: World) -> None:
    class Broken:
        def read(self, *_: object) -> object:
            raise OSError("made up by the test")

    watcher = AlarmWatcher(world.context.metadata, Broken(), every_s=0.01)  # type: ignore[arg-type] # on purpose
    assert watcher.round() == 1
    watcher.start()
    watcher.close()
