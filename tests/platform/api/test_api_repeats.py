"""Requests that are sent again with their idempotency key."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update

from tundish_platform.alarms.models import AlarmRule
from tundish_platform.api import alarm_routes
from tundish_platform.api.described import described
from tundish_platform.api.guard import guarded
from tundish_platform.api.kept import KeptAnswer
from tundish_platform.api.repeats import KEEP, LOST_AFTER
from tundish_platform.store import StoreFull
from tundish_platform.tenancy import Permission, Role
from tundish_platform.tenancy.accounts import create_token, create_user
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.sessions import SESSION_PREFIX, open_session

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

    from tundish_platform.tenancy import TenantScope

RULES = "/api/v1/tenants/steel/alarm-rules"


def send(world: World, key: str, who: str = "all", threshold: float = 5.0, **more: Any) -> TestResponse:  # noqa: ANN401 - of the test client
    body = {"signal": world.ids["pressure"], "kind": "high", "threshold": threshold}
    return world.app.test_client().post(
        more.pop("path", RULES),
        json=body | {"name_zh": "高", "name_en": "High"},
        headers=world.header(who) | {"Idempotency-Key": key},
    )


def made(world: World) -> int:
    with world.context.metadata.session() as session:
        return session.scalar(select(func.count()).select_from(AlarmRule)) or 0


def age(world: World, by: timedelta) -> None:
    with world.context.metadata.session() as session:
        session.execute(update(KeptAnswer).values(begun_at=datetime.now(UTC) - by))


def test_a_request_sent_again_is_answered_again_and_done_once(world: World) -> None:
    before = made(world)
    first = send(world, "k1")
    again = send(world, "k1")
    assert first.status_code == again.status_code == 201
    assert (first.data, first.mimetype) == (again.data, again.mimetype)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert made(world) == before + 1
    assert send(world, "k2").get_json()["id"] != first.get_json()["id"]
    assert made(world) == before + 2


def test_refusals_are_answered_again_too(world: World) -> None:
    body: dict[str, str] = {"name_zh": "x"}
    header = world.header("all") | {"Idempotency-Key": "bad"}
    first, again = (world.app.test_client().post(RULES, json=body, headers=header) for _ in range(2))
    assert (first.status_code, again.status_code) == (422, 422)
    assert first.data == again.data
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_key_is_bound_to_its_request_and_to_who_sent_it(world: World) -> None:
    first = send(world, "k")
    other = send(world, "k", threshold=6.0)
    assert (other.status_code, other.get_json()["code"]) == (422, "key_reused")
    elsewhere = send(world, "k", path="/api/v1/tenants/steel/subscriptions")
    assert elsewhere.get_json()["code"] == "key_reused"
    engineer = send(world, "k", who="engineer")
    assert engineer.status_code == 201
    assert engineer.get_json()["id"] != first.get_json()["id"]
    # Who may not do it is not told how it went for those who may.
    assert send(world, "k", who="viewer").status_code == 403


def test_a_key_of_one_tenant_says_nothing_in_another(world: World) -> None:
    """Who works for two plants numbers the requests of each from one."""
    roles = {"steel": [Role.ENGINEER], "power": [Role.ENGINEER]}
    with world.context.metadata.above(Above.OPERATOR).session() as session:
        world.tokens["both"] = create_token(session, "both", roles)
    places = {slug: f"/api/v1/tenants/{slug}/alarm-rules" for slug in roles}
    first = {slug: send(world, "1", who="both", path=path) for slug, path in places.items()}
    assert [answer.status_code for answer in first.values()] == [201, 422], "power has no such signal"
    for slug, path in places.items():
        again = send(world, "1", who="both", path=path)
        assert again.headers.get("Idempotency-Replayed") == "true", slug
        assert (again.status_code, again.data) == (first[slug].status_code, first[slug].data)


def test_a_key_where_there_is_no_tenant_is_refused(world: World) -> None:
    with world.context.metadata.above(Above.OPERATOR).session() as session:
        li, now = create_user(session, "li", "Li", "tap hole 42"), datetime.now(UTC)
        secret = open_session(session, li, timedelta(hours=1), now)
    header = {"Authorization": f"Bearer {SESSION_PREFIX}{secret}", "Idempotency-Key": "k"}
    answer = world.app.test_client().post("/api/v1/me/second-factor", headers=header)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_key")


def test_a_request_under_way_is_not_done_beside_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = threading.Event(), threading.Event()
    create = alarm_routes.create_rule

    def slow(*values: Any) -> Any:  # noqa: ANN401 - of the real one
        begun.set()
        assert go.wait(60)
        return create(*values)

    monkeypatch.setattr(alarm_routes, "create_rule", slow)
    answers: list[TestResponse] = []
    thread = threading.Thread(target=lambda: answers.append(send(world, "k")))
    thread.start()
    assert begun.wait(60)
    beside = send(world, "k")
    assert (beside.status_code, beside.get_json()["code"]) == (409, "under_way")
    assert beside.headers["Retry-After"] == "1"
    go.set()
    thread.join(60)
    assert answers[0].status_code == 201
    assert send(world, "k").data == answers[0].data


def test_what_failed_for_the_moment_may_be_sent_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_values: object) -> None:
        raise StoreFull("no space")

    with monkeypatch.context() as patched:
        patched.setattr(alarm_routes, "create_rule", full)
        assert send(world, "k").status_code == 507
    assert send(world, "k").status_code == 201


def test_keys_are_forgotten_after_a_day_and_those_of_the_dead_sooner(world: World) -> None:
    first = send(world, "k")
    age(world, KEEP - timedelta(minutes=1))
    assert send(world, "k").data == first.data
    age(world, KEEP + timedelta(minutes=1))
    assert send(world, "k").data != first.data
    with world.context.metadata.session() as session:
        session.execute(update(KeptAnswer).values(status=None, body=None))
    assert send(world, "k").status_code == 409
    age(world, LOST_AFTER + timedelta(minutes=1))
    assert send(world, "k").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel"])
def test_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    assert send(world, key).get_json()["code"] == "bad_key"


def test_a_secret_is_not_kept(world: World) -> None:
    @guarded(Permission.CONFIGURE)
    @described(answer=dict[str, str], secret=True)
    def show(_scope: TenantScope) -> dict[str, str]:
        return {"token": "tnd_once"}

    world.app.add_url_rule("/api/v1/tenants/<tenant>/once", "once", show, methods=["POST"])
    header = world.header("all") | {"Idempotency-Key": "s"}
    first, again = (
        world.app.test_client().post("/api/v1/tenants/steel/once", headers=header) for _ in range(2)
    )
    assert first.get_json() == {"token": "tnd_once"}
    assert (again.status_code, again.get_json()["code"]) == (409, "shown_once")
    with world.context.metadata.session() as session:
        assert session.scalars(select(KeptAnswer.body)).all() == [None]
