"""Limits of requests for each key and each tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.api import rates
from tundish_platform.api.rates import Buckets, Rate, RateLimits, Rates

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

NEVER = 1e-9


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


def test_full_buckets_are_not_kept() -> None:
    now = 0.0
    buckets = Buckets(Rate(per_s=1.0, burst=1), lambda: now)
    for number in range(25_000):
        now += 1.0
        assert buckets.take(number).taken
    assert len(buckets) <= 20_000


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
