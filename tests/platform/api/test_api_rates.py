"""Limits of requests for each key and each tenant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tundish_platform.api import rates
from tundish_platform.api.addresses import address_of
from tundish_platform.api.guard import access_of
from tundish_platform.api.rates import Buckets, Rate, RateLimits, Rates
from tundish_platform.tenancy import Principal

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

NEVER = 1e-9
# What the programme publishes is for everybody.
FIGURES = (
    "/figures", "/figures/<int:number>", "/figures/head", "/figures/heads", "/figures/growth", "/figures/log",
    "/figures/enterprises", "/figures/package",
)  # fmt: skip


def get(world: World, who: str, path: str = "/api/v1/tenants/steel/alarm-rules") -> TestResponse:
    return world.app.test_client().get(path, headers=world.header(who))


def limit(world: World, key: Rate, tenant: Rate) -> None:
    world.app.extensions[rates.EXTENSION] = Rates(RateLimits(key, tenant))


def test_a_bucket_lets_its_burst_through_and_then_its_rate() -> None:
    now = 0.0
    buckets = Buckets(Rate(per_s=2.0, burst=4), lambda: now)
    assert [buckets.take("a").taken for _ in range(6)] == [True] * 4 + [False] * 2
    assert buckets.take("a").wait_s == 0.5
    assert buckets.take("b").taken, "another caller's bucket is its own"
    now = 0.5
    assert [buckets.take("a").taken for _ in range(2)] == [True, False]
    now = 1_000.0
    assert [buckets.take("a").taken for _ in range(5)] == [True] * 4 + [False]
    through = 0
    for _ in range(800):
        now += 0.125
        through += buckets.take("a").taken
    assert through == 200


def test_memory_is_bounded_and_who_was_silent_for_longest_is_forgotten() -> None:
    """Nobody's bucket is full again within this test: time stands still."""
    buckets = Buckets(Rate(per_s=1.0, burst=1), lambda: 0.0)
    for number in range(rates.MOST_BUCKETS):
        assert buckets.take(number).taken
    assert not buckets.take(0).taken, "speaks again, and is remembered for it"
    for number in range(rates.MOST_BUCKETS, rates.MOST_BUCKETS + 5_000):
        assert buckets.take(number).taken
        assert len(buckets) == rates.MOST_BUCKETS
    assert not buckets.take(0).taken
    assert buckets.take(1).taken


def test_a_key_beyond_its_limit_is_told_when_to_come_again(world: World) -> None:
    limit(world, Rate(0.1, 2), Rate(100, 100))
    first = get(world, "viewer")
    assert first.headers["RateLimit-Policy"] == '"key";q=2;w=20, "tenant";q=100;w=1'
    assert first.headers["RateLimit"] == '"key";r=1;t=0, "tenant";r=99;t=0'
    assert get(world, "viewer").status_code == 200
    refused = get(world, "viewer")
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    assert refused.headers["RateLimit"].startswith('"key";r=0;t=')
    assert refused.get_json()["message_zh"]
    assert get(world, "engineer").status_code == 200, "another key of the tenant has its own"


def test_keys_of_a_tenant_share_its_limit_and_leave_others_theirs(world: World) -> None:
    limit(world, Rate(100, 100), Rate(NEVER, 2))
    assert [get(world, who).status_code for who in ("viewer", "engineer", "owner")] == [200, 200, 429]
    assert get(world, "foreign", "/api/v1/tenants/power/alarm-rules").status_code == 200
    assert get(world, "owner", "/api/v1/me").status_code == 200, "what is above tenants is not theirs"


def test_a_stranger_to_a_tenant_neither_uses_its_limit_nor_learns_of_it(world: World) -> None:
    limit(world, Rate(100, 100), Rate(NEVER, 1))
    for _ in range(3):
        strange = get(world, "foreign")
        assert strange.status_code == 404
        assert "RateLimit" not in strange.headers
    assert get(world, "viewer").status_code == 200


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(world: World) -> Clock:
    """Strangers may ask 3 times at once and then every second, and knock at doors twice and every 10 s."""
    clock = Clock()
    limits = RateLimits(stranger=Rate(1.0, 3), door=Rate(0.1, 2))
    world.app.extensions[rates.EXTENSION] = Rates(limits, clock)
    return clock


def ask(world: World, path: str, token: str = "", address: str = "192.0.2.7", **more: object) -> TestResponse:
    header = {"Authorization": f"Bearer {token}"} if token else {}
    method = "POST" if "json" in more else "GET"
    return world.app.test_client().open(
        f"/api/v1{path}", method=method, headers=header, environ_base={"REMOTE_ADDR": address}, **more
    )


@pytest.mark.parametrize("token", ["", "tnd_garbage", "tns_garbage", "expired", "revoked"])
def test_an_address_without_a_good_token_is_told_to_wait(world: World, clock: Clock, token: str) -> None:
    token = world.tokens.get(token, token)
    assert [ask(world, "/me", token).status_code for _ in range(4)] == [401, 401, 401, 429]
    refused = ask(world, "/tenants/steel/latest", token)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.headers["RateLimit-Policy"] == '"address";q=3;w=3'
    assert refused.get_json()["message_zh"]
    assert ask(world, "/openapi.json").status_code == 429, "open routes share the limit"
    assert ask(world, "/health").status_code == 200, "who watches the platform is always answered"
    assert ask(world, "/me", token, "192.0.2.8").status_code == 401, "another address has its own"
    clock.now = 1.0
    assert [ask(world, "/me", token).status_code for _ in range(2)] == [401, 429]


def test_a_good_token_opens_whatever_its_address_has_done(world: World, clock: Clock) -> None:
    del clock
    for _ in range(10):
        ask(world, "/me", "tnd_garbage")
    assert ask(world, "/me", "tnd_garbage").status_code == 429
    good = [ask(world, "/me", world.tokens["viewer"]) for _ in range(20)]
    assert {answer.status_code for answer in good} == {200}
    assert "address" not in good[0].headers["RateLimit-Policy"]


DOORS = {
    "/sessions": {"login": "nobody", "password": "x"},
    "/sessions/passkey": {"token": "x", "answer": {}},
    "/sessions/passkey/options": {},
    "/invitations/accept": {"token": "x", "name": "n", "password": "long enough 1"},
}


@pytest.mark.parametrize("door", DOORS)
def test_doors_have_a_limit_of_their_own_which_a_token_does_not_lift(
    world: World, clock: Clock, door: str
) -> None:
    first = [ask(world, door, world.tokens["viewer"], json=DOORS[door]).status_code for _ in range(2)]
    assert 429 not in first
    for path, body in DOORS.items():
        refused = ask(world, path, world.tokens["viewer"], json=body)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10"), path
    assert ask(world, door, address="2001:db8::1", json=DOORS[door]).status_code != 429
    clock.now = 10.0
    again = [ask(world, door, json=DOORS[door]).status_code for _ in range(2)]
    assert (again[0] != 429, again[1]) == (True, 429)


def test_each_door_is_known_as_one(world: World) -> None:
    """Whoever adds a way in without the mark of a door leaves it open to guesses."""
    open_to_all = {
        rule.rule.removeprefix("/api/v1")
        for rule in world.app.url_map.iter_rules()
        if (access := access_of(world.app.view_functions[rule.endpoint])) and access.open and not access.door
    }
    assert open_to_all == {"/health", "/openapi.json", "/docs", "/document-key", *FIGURES}


def test_an_address_is_what_its_owner_cannot_change_at_will() -> None:
    assert address_of("192.0.2.7") == address_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert (
        address_of("2001:db8:0:1::5") == address_of("2001:db8:0:1:ffff::6") != address_of("2001:db8:0:2::5")
    )
    assert address_of("[fe80::1%eth0]") == address_of("fe80::2")
    assert address_of("unix") == "unix"


def test_a_header_does_not_make_another_address(world: World, clock: Clock) -> None:
    del clock
    for number in range(3):
        ask(world, "/me")
        answer = world.app.test_client().get(
            "/api/v1/me",
            headers={"X-Forwarded-For": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}"},
            environ_base={"REMOTE_ADDR": "192.0.2.7"},
        )
    assert answer.status_code == 429


def test_callers_that_differ_in_one_part_only_are_different_ones() -> None:
    """Keys and people are numbered apart, and two of them may have one name."""
    alike = [Principal(1, "a"), Principal(2, "a"), Principal(1, "b"), replace(Principal(1, "a"), person=True)]
    assert len({rates.caller_of(one) for one in alike}) == len(alike)
    assert rates.caller_of(Principal(1, "a")) == rates.caller_of(Principal(1, "a"))
