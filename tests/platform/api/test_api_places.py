"""Who holds a role at one line gets nothing of another line, whatever route they ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.alarms import RuleSpec, create_rule, take_reports
from tundish_platform.alerts import take_alert
from tundish_platform.api.guard import access_of
from tundish_platform.assets import (
    ContractSpec,
    Heartbeat,
    declare_contract,
    list_signals,
    save_heartbeat,
    upsert_signals,
)
from tundish_platform.marketplace import App, Catalogue, Outcome, Run, record_run, subscribe
from tundish_platform.products import CodeSpec, ProductSpec, assign_codes, declare_products
from tundish_platform.samples import AlarmReport, AlertReport, SampleKind, SignalRole, SignalSpec
from tundish_platform.sdk import Manifest
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_token, job_principal

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from tundish_platform.tenancy import TenantScope

CANARY, OTHER = b"canary-7f3a", "other-9c1d"
OWN_LINE, OTHER_LINE = "S/canary-7f3a/L1", f"S/{OTHER}/L2"
STRETCH = {"start": "2020-01-01T00:00:00Z", "end": "2029-01-01T00:00:00Z"}
QUERIES: dict[str, tuple[str, dict[str, str]]] = {
    "samples": ("state", {"kind": "text", "format": "json"}),
    "export": ("state", {"kind": "text", "format": "csv"}),
    "trend": ("pressure", {}),
    "summary": ("pressure", {}),
    "wide": ("pressure", {"step_s": "86400"}),
    "gaps": ("flow", {}),
    "aggregate": ("pressure", {"by": "month"}),
    "states": ("state", {"by": "month"}),
}


def _spec(name: str, kind: SampleKind = SampleKind.NUMERIC, **more: object) -> SignalSpec:
    names = {"name_zh": OTHER, "name_en": OTHER, "semantic": "pressure.x"}
    return SignalSpec.model_validate({"path": f"{OTHER_LINE}/M/C/{name}", "kind": kind, **names, **more})


def _alert_elsewhere(session: Session, scope: TenantScope, now: datetime) -> None:
    said = {"version": OTHER, "target_zh": OTHER, "target_en": OTHER, "label_zh": OTHER, "label_en": OTHER,
            "check_zh": OTHER, "check_en": OTHER, "confidence": 0.9, "completeness": 1.0}  # fmt: skip
    times = dict.fromkeys(("since", "opened_at", "judged_to", "window_start", "window_end"), now)
    named = {"model": "m", "line": OTHER_LINE, "target": "t", "priority": 2, "sureness": "probability"}
    take_alert(session, scope, AlertReport.model_validate(said | times | named), now)


def _run_at(session: Session, owner: TenantScope, app: str, path: str, said: str) -> None:
    """A run of an app that reads one signal."""
    now = datetime.now(UTC)
    name = {"zh": "应用", "en": "app"}
    manifest = Manifest.model_validate({
        "id": app, "version": "1.0.0", "entry": "tundish_app_x:run", "publisher": "t", "name": name,
        "problems": ["quality"], "schedule_s": 60, "window_s": 600, "description": name, "data_use": name,
        "outputs": [{"key": "n", "name": name}],
        "inputs": [{"key": "p", "name": name, "semantic": "pressure.*"}],
    })  # fmt: skip
    found = [signal for signal in list_signals(session, owner) if signal.path == path]
    subscribe(session, owner, Catalogue({app: App(manifest, Path())}), app, found, now=now)
    run = Run(
        app=app, version="1.0.0", started_at=now, window_start=now, window_end=now, seconds=1.0, rows_in=1,
        values_out=0, isolation="bubblewrap", filtered=True, outcome=Outcome.FAILED, message_en=said,
    )  # fmt: skip
    worker = access_tenant(job_principal(session, "test", Role.ANALYST), "steel", Permission.ANALYSE)
    record_run(session, worker, run)


@pytest.fixture
def two_lines(world: World, make_batch: Callable[..., Any]) -> World:
    """Steel with a second line, whose every text says so, and people of one line only."""
    now = datetime.now(UTC).replace(microsecond=0)
    specs = [
        _spec("Pressure"),
        _spec("Flow"),
        _spec("State", SampleKind.TEXT, role=SignalRole.STATE, step=True),
        _spec("Evidence", SampleKind.TEXT, role=SignalRole.PREDICTION, semantic="prediction.m.x.evidence"),
    ]
    with world.context.metadata.session() as session:
        ids = upsert_signals(session, world.scopes["steel"], "opc2", specs)
        heard = Heartbeat(state="running", message_en=OTHER)
        save_heartbeat(session, world.scopes["steel"], "opc2", heard)
        report = AlarmReport(
            key=OTHER, path=f"{OTHER_LINE}/M", active=True, ts=now, name_zh=OTHER, name_en=OTHER
        )
        own = AlarmReport(
            key="own", path=f"{OWN_LINE}/M", active=True, ts=now, name_zh="own-alarm", name_en="own-alarm"
        )
        take_reports(session, world.scopes["steel"], "opc2", [report, own], now)
        _alert_elsewhere(session, world.scopes["steel"], now)
        owner = access_tenant(job_principal(session, "test", Role.OWNER), "steel", Permission.CONFIGURE)
        names = {"name_zh": OTHER, "name_en": OTHER}
        rule = {"signal": ids[specs[0].path], "kind": "high", "threshold": 1, **names}
        create_rule(session, owner, RuleSpec.model_validate(rule), now)
        stay = {"path": f"{OTHER_LINE}/M", "starts_at": now}
        heat = {"kind": "lot", "series": "heat", "number": OTHER, "material": OTHER, "stays": [stay]}
        # The own line's coil is made of it, so that what is hidden lies on the way.
        coil = {"kind": "piece", "series": "coil", "number": "canary-7f3a", "made_from": [
            {"series": "heat", "number": OTHER}]}  # fmt: skip
        products = [ProductSpec.model_validate(one) for one in (heat, coil)]
        declare_products(session, world.scopes["steel"], products, now)
        term = {"path": specs[0].path, "semantic": "pressure.x"}
        promise = ContractSpec.model_validate({"source": "opc2", "signals": [term]})
        declare_contract(session, world.scopes["steel"], OTHER, promise, now)
        code = {"suffix": OTHER, "product": {"series": "heat", "number": OTHER}}
        assign_codes(session, owner, [CodeSpec.model_validate(code)])
        buyer = access_tenant(job_principal(session, "test", Role.OWNER), "steel", Permission.SUBSCRIBE)
        _run_at(session, buyer, "own-app", f"{OWN_LINE}/M/C/Pressure", "own-run")
        _run_at(session, buyer, "other-app", specs[0].path, OTHER)
        for name, role in (("line-viewer", Role.VIEWER), ("line-engineer", Role.ENGINEER)):
            world.tokens[name] = create_token(session, name, {"steel": [(role, OWN_LINE)]})
        mixed = {"steel": [Role.VIEWER, (Role.ENGINEER, OWN_LINE)]}
        world.tokens["mixed"] = create_token(session, "mixed", mixed)
    keys = dict(zip(("other-pressure", "other-flow", "other-state", "other-evidence"), specs, strict=True))
    world.ids.update({key: ids[spec.path] for key, spec in keys.items()})
    world.context.telemetry.append(
        world.scopes["steel"],
        [
            make_batch(SampleKind.NUMERIC, world.ids["other-pressure"], [4242.0], now),
            make_batch(SampleKind.TEXT, world.ids["other-state"], [OTHER], now),
        ],
    )
    return world


def get(world: World, who: str, path: str, **query: str) -> TestResponse:
    client = world.app.test_client()
    return client.get(f"/api/v1/tenants/steel/{path}", headers=world.header(who), query_string=query)


def send(world: World, who: str, method: str, path: str, body: object) -> TestResponse:
    client = world.app.test_client()
    return client.open(f"/api/v1/tenants/steel/{path}", method=method, headers=world.header(who), json=body)


def alarm_numbers(world: World) -> dict[str, int]:
    found = get(world, "owner", "alarms").json
    assert found is not None
    return {alarm["key"]: alarm["id"] for alarm in found}


def test_every_reading_route_leaves_the_other_line_out(two_lines: World) -> None:
    world = two_lines
    seen: dict[str, set[str]] = {"line-viewer": set(), "line-engineer": set(), "owner": set()}
    values = {"tenant": "steel", "name": "opc2", "app_id": "spc", "alarm": "1", "rule": "1", "product": "2"}
    values["alert"] = "2"
    for rule in world.app.url_map.iter_rules():
        access = access_of(world.app.view_functions[rule.endpoint])
        if access is None or access.tenant is not Permission.READ or "GET" not in (rule.methods or ()):
            continue
        path = world.app.url_map.bind("localhost").build(
            rule.endpoint, {name: values.get(name, "1") for name in rule.arguments}
        )
        for who, found in seen.items():
            query = STRETCH if rule.endpoint == "api.products.on_asset" else {}
            answer = world.app.test_client().get(path, headers=world.header(who), query_string=query)
            assert answer.status_code not in {401, 500}, rule
            if OTHER.encode() in answer.data:
                found.add(rule.endpoint)
    assert seen["line-viewer"] == seen["line-engineer"] == set()
    assert {"api.tenant.list_of_signals", "api.tenant.list_of_sources", "api.data.latest", "api.data.lines",
    "api.alarms.alarms", "api.alarms.rules", "api.products.listed", "api.products.made_from",
    "api.marketplace.run_list", "api.alerts.listed", "api.alerts.one", "api.alerts.outcomes",
    "api.products.on_asset", "api.codes.listed", "api.contracts.listed",
    "api.tables.assets", "api.tables.signals"} <= seen["owner"]  # fmt: skip


def test_signals_of_the_other_line_are_refused_and_own_ones_answered(two_lines: World) -> None:
    for route, (key, more) in QUERIES.items():
        own, other = two_lines.ids[key], two_lines.ids[f"other-{key}"]
        answer = get(two_lines, "line-viewer", route, signals=f"{own}", **STRETCH, **more)
        assert answer.status_code == 200, route
        for asked in (f"{other}", f"{own},{other}"):
            answer = get(two_lines, "line-viewer", route, signals=asked, **STRETCH, **more)
            assert answer.status_code == 422, route
            assert b"unknown_signals" in answer.data
            assert OTHER.encode() not in answer.data
        both = get(two_lines, "owner", route, signals=f"{own},{other}", **STRETCH, **more)
        assert both.status_code == 200, route


def test_latest_values_are_those_of_the_line(two_lines: World) -> None:
    answer = get(two_lines, "line-viewer", "latest")
    assert CANARY in answer.data
    assert OTHER.encode() not in answer.data
    assert b"4242" not in answer.data
    other = get(two_lines, "line-viewer", "latest", signals=str(two_lines.ids["other-state"]))
    assert other.status_code == 422
    assert OTHER.encode() in get(two_lines, "owner", "latest").data


def test_the_store_itself_holds_a_line_s_scope_to_its_signals(two_lines: World) -> None:
    with two_lines.context.metadata.session() as session:
        from_roles = access_tenant(job_principal(session, "t", Role.VIEWER), "steel", Permission.READ)
    limited = from_roles.narrowed(frozenset({two_lines.ids["state"]}), frozenset({Permission.READ}))
    telemetry, stretch = two_lines.context.telemetry, (datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC))
    asked = [two_lines.ids["state"], two_lines.ids["other-state"]]
    end = stretch[1] + timedelta(days=1)
    rows = telemetry.read(limited, asked, stretch[0], end, SampleKind.TEXT)
    assert set(rows["signal"].to_pylist()) == {two_lines.ids["state"]}
    every = telemetry.read(from_roles, asked, stretch[0], end, SampleKind.TEXT)
    assert set(every["signal"].to_pylist()) == set(asked)


def test_sources_tell_a_line_nothing_of_their_other_lines(two_lines: World) -> None:
    found = get(two_lines, "line-viewer", "sources").json
    assert found is not None
    assert [(source["name"], source["message_en"]) for source in found] == [("opc", "")]


def test_alarms_are_listed_and_handled_at_the_own_line_only(two_lines: World) -> None:
    alarms = alarm_numbers(two_lines)
    listed = get(two_lines, "line-engineer", "alarms")
    assert b"own-alarm" in listed.data
    assert OTHER.encode() not in listed.data
    act = {"transition": "acknowledged"}
    assert send(two_lines, "line-viewer", "POST", f"alarms/{alarms['own']}", act).status_code == 403
    assert send(two_lines, "line-engineer", "POST", f"alarms/{alarms[OTHER]}", act).status_code == 404
    assert send(two_lines, "mixed", "POST", f"alarms/{alarms[OTHER]}", act).status_code == 403
    assert send(two_lines, "line-engineer", "POST", f"alarms/{alarms['own']}", act).status_code == 200
    events = get(two_lines, "line-engineer", "alarms/events", alarm=str(alarms[OTHER]))
    assert events.status_code == 404
    mine = get(two_lines, "line-engineer", "alarms/events").json
    assert mine is not None
    assert {event["alarm"] for event in mine} == {alarms["own"]}


def test_rules_are_made_and_changed_for_the_own_line_only(two_lines: World) -> None:
    body = {"kind": "high", "threshold": 1, "name_zh": "n", "name_en": "n"}
    own, other = two_lines.ids["flow"], two_lines.ids["other-pressure"]
    made = send(two_lines, "line-engineer", "POST", "alarm-rules", {**body, "signal": own})
    assert made.status_code == 201
    refused = send(two_lines, "line-engineer", "POST", "alarm-rules", {**body, "signal": other})
    assert refused.status_code == 422
    assert send(two_lines, "mixed", "POST", "alarm-rules", {**body, "signal": other}).status_code == 403
    rules = get(two_lines, "owner", "alarm-rules").json
    assert rules is not None
    foreign = next(rule for rule in rules if rule["signal"] == other)
    change = {"version": foreign["version"], "rule": {**body, "signal": other, "threshold": 9}}
    for who in ("line-engineer", "mixed"):
        number = foreign["id"]
        assert send(two_lines, who, "PUT", f"alarm-rules/{number}", change).status_code == 404
        gone = send(two_lines, who, "DELETE", f"alarm-rules/{number}", None)
        assert gone.json == {"removed": False}
    assert get(two_lines, "owner", "alarm-rules").json == rules


def test_runs_are_those_of_apps_that_read_the_own_line_only(two_lines: World) -> None:
    def told(who: str, **query: str) -> list[str]:
        return [run["message_en"] for run in get(two_lines, who, "runs", **query).get_json()]

    assert told("line-viewer") == told("line-engineer") == ["own-run"]
    assert told("owner") == told("mixed") == [OTHER, "own-run"]
    # Neither by the app's name nor from a later page.
    assert told("line-viewer", app="other-app") == told("line-viewer", before="2", app="other-app") == []
    assert told("owner", app="other-app") == [OTHER]


def test_me_says_where_the_permissions_hold(two_lines: World) -> None:
    client = two_lines.app.test_client()
    tenants = {
        who: client.get("/api/v1/me", headers=two_lines.header(who)).json["tenants"][0]  # type: ignore[index] # JSON
        for who in ("line-viewer", "mixed", "owner")
    }
    assert tenants["line-viewer"]["places"] == {"read": [OWN_LINE]}
    assert tenants["mixed"]["places"] == {"configure": [OWN_LINE], "handle": [OWN_LINE]}
    assert tenants["owner"]["places"] == {}
