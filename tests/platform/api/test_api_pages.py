"""Pages, and tags by which a reader skips what it has and a writer changes only what it read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tundish_platform.alarms import AlarmState
from tundish_platform.marketplace.models import AppRun, Subscription
from tundish_platform.samples import SignalSpec

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

ROOT = "/api/v1/tenants/steel"


def call(world: World, method: str, path: str, **more: Any) -> TestResponse:  # noqa: ANN401 - of the test client
    headers = world.header("all") | more.pop("headers", {})
    return world.app.test_client().open(path, method=method, headers=headers, **more)


def walk(world: World, path: str) -> list[list[dict[str, Any]]]:
    """Every page from here to the end, as the Link headers lead."""
    pages: list[list[dict[str, Any]]] = []
    following: str | None = path
    while following:
        answer = call(world, "GET", following)
        assert answer.status_code == 200, answer.text
        pages.append(answer.get_json())
        found = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        following = found[1] if found else None
        assert len(pages) < 50
    return pages


@pytest.mark.parametrize("path", ["signals", "latest", "alarm-rules", "alarms", "alarms/events", "audit"])
def test_pages_are_the_whole_list_without_repeats(world: World, path: str) -> None:
    for _ in range(2):
        call(world, "POST", f"{ROOT}/alarm-rules", json=_rule(world))
    (whole,) = walk(world, f"{ROOT}/{path}")
    assert len(whole) > 1 or path in {"alarms", "alarms/events"}, "a list of one shows nothing of pages"
    pages = walk(world, f"{ROOT}/{path}?limit=1")
    assert [row for page in pages for row in page] == sorted(whole, key=whole.index) or path == "latest"
    assert sorted(map(str, (row for page in pages for row in page))) == sorted(map(str, whole))
    assert all(len(page) <= 1 for page in pages)


def test_runs_and_the_register_are_paged(world: World) -> None:
    with world.context.metadata.session() as session:
        tenant = world.scopes["steel"].tenant_id
        one = _subscription(tenant)
        session.add(one)
        session.flush()
        session.add_all([_run(tenant, one.id, n) for n in range(5)])
    pages = walk(world, f"{ROOT}/runs?limit=2")
    numbers = [run["id"] for page in pages for run in page]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert numbers == sorted(numbers, reverse=True)
    assert walk(world, f"{ROOT}/runs?app=other&limit=2") == [[]]
    assert walk(world, "/api/v1/programme/enterprises?limit=2") == [[]]


def test_other_parameters_stay_in_the_address_of_the_next_page(world: World) -> None:
    states = ",".join(AlarmState)
    answer = call(world, "GET", f"{ROOT}/alarms", query_string={"states": states, "limit": 1})
    assert f"states={quote(states, safe='')}&" in answer.headers["Link"]


def test_who_has_the_answer_gets_304_until_it_changes(world: World) -> None:
    first = call(world, "GET", f"{ROOT}/signals")
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = call(world, "GET", f"{ROOT}/signals", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    spec = SignalSpec(path="a/b/c", name_zh="n", name_en="n", semantic="s").model_dump(mode="json")
    call(world, "PUT", f"{ROOT}/signals", json={"source": "x", "signals": [spec]})
    changed = call(world, "GET", f"{ROOT}/signals", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    # The tag opens nothing: who may not read is told so, whatever was known before.
    stranger = world.app.test_client().get(
        f"{ROOT}/signals", headers=world.header("foreign") | {"If-None-Match": tag}
    )
    assert stranger.status_code == 404


def test_a_rule_is_changed_only_in_the_version_that_was_read(world: World) -> None:
    made = call(world, "POST", f"{ROOT}/alarm-rules", json=_rule(world))
    address = f"{ROOT}/alarm-rules/{made.get_json()['id']}"
    tag = call(world, "GET", address).headers["ETag"]
    body = {"rule": _rule(world) | {"threshold": 7.0}}
    assert call(world, "PUT", address, json=body).status_code == 428
    changed = call(world, "PUT", address, json=body, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] == '"2"'
    for stale in (tag, '"x"', '"1", "2"', '""', 'W/""'):
        refused = call(world, "PUT", address, json=body, headers={"If-Match": stale})
        assert (refused.status_code, refused.get_json()["code"]) == (412, "changed_meanwhile"), stale
        assert call(world, "DELETE", address, headers={"If-Match": stale}).status_code == 412
    assert call(world, "GET", address).get_json()["version"] == 2
    gone = call(world, "DELETE", address, headers={"If-Match": '"2"'})
    assert gone.get_json() == {"removed": True}
    assert call(world, "GET", address).status_code == 404


def _subscription(tenant: int) -> Subscription:
    return Subscription(
        tenant_id=tenant, app_id="spc", app_version="1", plan="p", plan_kind="free", fen=0, schedule_s=60.0,
        window_s=60.0, parameters={}, started_at=datetime.now(UTC), started_by="x",
    )  # fmt: skip


def _run(tenant: int, subscription: int, number: int) -> AppRun:
    at = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(hours=number)
    return AppRun(
        tenant_id=tenant, subscription_id=subscription, app_id="spc", app_version="1", started_at=at,
        window_start=at, window_end=at, seconds=1.0, rows_in=1, values_out=1, isolation="process",
        filtered=True, outcome="ok", message_zh="", message_en="",
    )  # fmt: skip


def _rule(world: World) -> dict[str, object]:
    names = {"name_zh": "高", "name_en": "High"}
    return {"signal": world.ids["pressure"], "kind": "high", "threshold": 5.0, **names}
