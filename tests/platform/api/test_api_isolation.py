"""Every route × method × caller, generated from the url map: who may not see a thing gets nothing of it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tundish_platform.api.guard import access_of
from tundish_platform.tenancy import Permission, Role
from tundish_platform.tenancy.scope import ROLE_PERMISSIONS

if TYPE_CHECKING:
    from conftest import World
    from flask import Flask
    from werkzeug.routing import Rule
    from werkzeug.test import TestResponse

# On PostgreSQL row-level security stands behind the filters, and must not stand in anybody's way.
on_both = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)

CANARY = b"canary-7f3a"
NO_ENTRY = ("anonymous", "garbage", "empty", "expired", "revoked")

OPEN, ANY_TOKEN, PERSON = "open", "any token", "a person's session"
ROUTES = {
    f"api.{blueprint}.{name}": words
    for blueprint, routes in tomllib.loads((Path(__file__).parent / "route_access.toml").read_text()).items()
    for name, words in routes.items()
}
IN_PERSON = {endpoint for endpoint, words in ROUTES.items() if words.endswith(", in person")}
EXPECTED: dict[str, str | Permission] = {
    endpoint: words if words in {OPEN, ANY_TOKEN, PERSON} else Permission(words.removesuffix(", in person"))
    for endpoint, words in ROUTES.items()
}
STRETCH = {"start": "2020-01-01T00:00:00Z", "end": "2029-01-01T00:00:00Z"}
# Questions that these routes answer with samples for those who may see them: signal and other parameters.
QUERIES: dict[str, tuple[str, dict[str, str]]] = {
    "api.data.samples": ("state", {"kind": "text", "format": "json"}),
    "api.data.export": ("state", {"kind": "text", "format": "csv"}),
    "api.data.trend": ("pressure", {}),
    "api.data.summary": ("pressure", {}),
    "api.data.wide": ("pressure", {"step_s": "86400"}),
    "api.data.gaps": ("flow", {}),
    "api.windows.aggregate": ("pressure", {"by": "month"}),
    "api.windows.states": ("state", {"by": "month"}),
}
ABOVE = {Permission.PROGRAMME, Permission.OPERATE}


def methods(rule: Rule) -> list[str]:
    return sorted(rule.methods or ())


def ask(world: World, rule: Rule, method: str, who: str, tenant: str = "steel") -> TestResponse:
    values = {"tenant": tenant, "name": "opc", "app_id": "spc", "uscc": "91999900TD0000017U"}
    values |= dict.fromkeys(("alarm", "alert", "rule", "asset", "channel", "policy", "user", "window"), "1")
    values |= {"person": "1", "invitation": "1", "key": "99", "role": "viewer", "number": "1", "passkey": "1"}
    values |= {"product": "1", "origin": "1", "model": "1", "job": "1", "schedule": "1", "trial": "1"}
    values |= {"kind": "usage", "code": "nobody-has-this", "upgrade": "1", "purpose": "evidence"}
    values |= {"version": "1.0.0", "mark": "0" * 64, "digest": "0" * 64}
    path = world.app.url_map.bind("localhost").build(
        rule.endpoint, {name: values[name] for name in rule.arguments}, method=None
    )
    query: dict[str, str] = STRETCH if rule.endpoint == "api.products.on_asset" else {}
    if rule.endpoint in QUERIES:
        key, more = QUERIES[rule.endpoint]
        query = {"signals": str(world.ids[key]), **STRETCH, **more}
    client = world.app.test_client()
    return client.open(path, method=method, headers=world.header(who), json={}, query_string=query)


def canary_free(answer: TestResponse) -> bool:
    return CANARY not in answer.data and CANARY not in str(answer.headers).encode()


def rules(app: Flask) -> list[Rule]:
    return list(app.url_map.iter_rules())


def test_every_route_is_listed_with_what_it_asks_for(world: World) -> None:
    assert {rule.endpoint for rule in rules(world.app)} == set(EXPECTED)
    for rule in rules(world.app):
        access = access_of(world.app.view_functions[rule.endpoint])
        assert access is not None, rule
        wanted = EXPECTED[rule.endpoint]
        assert access.open is (wanted == OPEN), rule
        assert access.person is (wanted == PERSON or rule.endpoint in IN_PERSON), rule
        assert access.tenant is (wanted if wanted in set(Permission) - ABOVE else None), rule
        assert access.above is (wanted if wanted in ABOVE else None), rule
        assert rule.rule.startswith("/api/v1/tenants/<tenant>/") is (access.tenant is not None), rule


@pytest.mark.parametrize("who", NO_ENTRY)
def test_without_a_valid_token_every_method_of_every_route_is_401(world: World, who: str) -> None:
    for rule in rules(world.app):
        for method in methods(rule):
            answer = ask(world, rule, method, who)
            if EXPECTED[rule.endpoint] == OPEN:
                assert canary_free(answer)
                continue
            assert answer.status_code == 401, (rule, method)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert canary_free(answer), (rule, method)


@pytest.mark.parametrize("who", ["foreign", "bureau", "operator"])
def test_who_has_no_role_in_a_tenant_cannot_tell_it_from_one_that_does_not_exist(
    world: World,
    who: str,
) -> None:
    for rule in rules(world.app):
        wanted = EXPECTED[rule.endpoint]
        for method in methods(rule):
            answer = ask(world, rule, method, who)
            assert canary_free(answer), (rule, method)
            if "tenant" in rule.arguments:
                missing = ask(world, rule, method, who, "no-such-tenant")
                assert answer.status_code == missing.status_code == 404, (rule, method)
                assert answer.data == missing.data
                assert dict(answer.headers) == dict(missing.headers)
            elif wanted in ABOVE:
                allowed = who == ("bureau" if wanted is Permission.PROGRAMME else "operator")
                allowed = allowed and rule.endpoint not in IN_PERSON
                if method == "OPTIONS":
                    # It only names the methods of the address, which two routes may share.
                    assert answer.status_code in {200, 403}
                    continue
                assert (answer.status_code == 403) is not allowed, (rule, method)


@pytest.mark.parametrize(
    "role", [role for role in Role if role.value not in ("bureau_officer", "platform_operator")]
)
def test_a_role_without_the_permission_gets_403_and_one_with_it_does_not(world: World, role: Role) -> None:
    for rule in rules(world.app):
        wanted = EXPECTED[rule.endpoint]
        if not isinstance(wanted, Permission):
            continue
        for method in methods(rule):
            answer = ask(world, rule, method, role.value)
            if method == "OPTIONS":
                # It only names the methods of the address, which two routes may share.
                assert answer.status_code in {200, 403}
                assert canary_free(answer)
            elif wanted in ROLE_PERMISSIONS[role] and rule.endpoint in IN_PERSON:
                assert (answer.status_code, answer.get_json()["code"]) == (403, "people_only"), rule
            elif wanted in ROLE_PERMISSIONS[role]:
                if rule.endpoint in QUERIES:
                    assert answer.status_code == 200, (rule, answer.text)
                assert answer.status_code not in {401, 403, 405, 500}, (rule, method)
                assert b"not_found" not in answer.data, (rule, method)
            else:
                assert answer.status_code == 403, (rule, method)
                assert canary_free(answer), (rule, method)


@on_both
def test_the_canary_is_there_to_be_found(world: World) -> None:
    seen = {
        rule.endpoint
        for rule in rules(world.app)
        if "GET" in methods(rule) and not canary_free(ask(world, rule, "GET", "all"))
    }
    assert {"api.tenant.me", "api.tenant.list_of_signals", "api.tenant.list_of_sources", "api.data.latest",
    "api.notices.channels", "api.notices.policies", "api.maintenance.windows", "api.annotations.listed",
    "api.maintenance_records.listed",
    "api.handover.plans", "api.handover.one",
    "api.data.newest_predictions", "api.alarms.alarms", "api.alarms.rules", "api.assets.tree",
    "api.alerts.listed", "api.alerts.one", "api.alerts.outcomes",
    "api.products.listed", "api.products.one", "api.products.made_into", "api.products.windows",
    "api.products.on_asset", "api.models.listed", "api.models.roles", "api.models.one",
    "api.models.decisions", "api.models.reports", "api.codes.listed", "api.contracts.one",
    "api.jobs.listed", "api.jobs.one", "api.jobs.schedules", "api.trials.listed", "api.trials.one",
    "api.tables.assets", "api.tables.signals",
    "api.data.samples", "api.data.export", "api.data.trend",
    "api.windows.states"} <= seen  # fmt: skip


def test_a_route_nobody_marked_answers_nobody(world: World) -> None:
    world.app.add_url_rule("/api/v1/leak", "leak", CANARY.decode)
    world.app.add_url_rule("/api/v1/tenants/<tenant>/leak", "leak2", lambda tenant: CANARY.decode() + tenant)
    for who in (*world.tokens, "anonymous"):
        for path in ("/api/v1/leak", "/api/v1/tenants/steel/leak"):
            answer = world.app.test_client().get(path, headers=world.header(who))
            assert answer.status_code == 404
            assert canary_free(answer)


@on_both
def test_samples_for_a_neighbour_are_refused_and_change_nothing(world: World) -> None:
    client = world.app.test_client()
    body = {"source": "x", "signals": []}
    assert (
        client.put("/api/v1/tenants/steel/signals", json=body, headers=world.header("foreign")).status_code
        == 404
    )
    assert (
        client.put("/api/v1/tenants/power/signals", json=body, headers=world.header("foreign")).status_code
        == 200
    )
    # Number 1 exists in "steel" only; "power" must not reach it by naming it.
    for endpoint, (_, more) in QUERIES.items():
        answer = client.get(
            f"/api/v1/tenants/power/{endpoint.rsplit('.', maxsplit=1)[1]}",
            query_string={"signals": "1", **STRETCH, **more},
            headers=world.header("foreign"),
        )
        assert answer.status_code == 422, endpoint
        assert b"unknown_signals" in answer.data
        assert canary_free(answer)
