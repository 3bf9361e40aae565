"""The OpenAPI document: valid, whole, and true of what the routes answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tundish_platform.api.described import description_of
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_user

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

STRETCH = {"start": "2020-01-01T00:00:00Z", "end": "2029-01-01T00:00:00Z"}
# What each JSON answer is asked with, so that it has something in it.
ASKED: dict[str, tuple[str | None, dict[str, str]]] = {
    "money.reconciliation": (None, {"tenant": "steel"}),
    "data.samples": ("state", STRETCH | {"kind": "text", "format": "json"}),
    "data.trend": ("pressure", STRETCH),
    "data.summary": ("pressure", STRETCH),
    "data.gaps": ("flow", STRETCH),
    "windows.aggregate": ("pressure", STRETCH | {"by": "month"}),
    "products.on_asset": (None, STRETCH),
    "codes.resolve": (None, {"code": "88.123.45678/C-2"}),
    "windows.states": ("state", STRETCH | {"by": "month"}),
    "handover.notes": (None, {"path": "S", "shift_start": "2026-01-01T00:00:00Z"}),
}
# In this world there is no such thing, so the answer is 404.
ABSENT = {
    *("catalogue.matching", "catalogue.versions"),
    *("marketplace.fit", "marketplace.grants"),
    *("series.target_versions", "external.of_enterprise"),
    *("publishing.version_one", "review.version", "billing.statement_one"),
    *("figures.one", "figures.current", "figures.grown", "figures.upcoming", "reports.one"),
    *("records.wishes", "sealed.own", "sealed.shared"),
    *("ratings.rating", "ratings.use"),
    *("publishing.field_run_list", "publishing.field_halt_list"),
    *("publishing.field_upgrade_list", "upgrades.versions"),
    *("register.one", "register.history", "registerfiles.import_one"),
}
VALUES = {
    "tenant": "steel",
    "name": "opc",
    "app_id": "spc",
    "uscc": "x",
    "rule": "1",
    "alarm": "1",
    "alert": "1",
}
# Only a person with a session is answered there.
OF_PEOPLE = {"sessions.own_sessions", "sessions.factor", "sessions.passkeys", "register.contacts",
             "registerfiles.exported_with_contacts"}  # fmt: skip
PASSWORD = "a long password"
# The machine of the world's signals.
MACHINE = "5"
VALUES |= {"asset": MACHINE, "product": "2", "model": "1", "job": "1", "trial": "1", "upgrade": "1"}
VALUES |= {"kind": "usage", "code": "nobody-has-this"}
VALUES |= {"number": "1", "version": "1.0.0", "digest": "0" * 64}
NAMES = {"name_zh": "泵", "name_en": "Pump"}
SIGNAL = {"name_zh": "振动", "name_en": "Vibration", "semantic": "vibration.velocity.rms", "unit": "mm/s"}
ALERT: dict[str, Any] = {
    "model": "m", "version": "1", "line": "S", "target": "t", "target_zh": "泵", "target_en": "Pump",
    "since": "2026-01-01T00:00:00Z", "opened_at": "2026-01-01T00:01:00Z",
    "judged_to": "2026-01-01T00:02:00Z", "priority": 2, "label_zh": "漏", "label_en": "Leak",
    "confidence": 0.9, "sureness": "interval", "check_zh": "查", "check_en": "Look", "completeness": 1.0,
    "window_start": "2026-01-01T00:00:00Z", "window_end": "2026-01-01T00:02:00Z",
    "horizon": {"expected_at": "2026-01-02T00:00:00Z"},
}  # fmt: skip
SHIFT = {"code": "day", "name_zh": "全天", "name_en": "All day", "begins": "00:00", "ends": "00:00"}
# What is changed first, so that there is something to read, and the answers to it: in this order.
CHANGES: list[tuple[str, str, dict[str, Any], int]] = [
    ("planning.type_save", "asset-types/opc", NAMES | {"signals": {"Pump/V": SIGNAL}}, 200),
    ("planning.instance_make", f"assets/{MACHINE}/type", {"version": 1, "type": "opc"}, 200),
    ("planning.kit_build", "kits/plate-line", {}, 200),
    ("jobs.ask", "jobs", {"kind": "train", "arguments": {"line": "S"}}, 201),
    ("jobs.schedule_make", "job-schedules",
     {"kind": "train-machines", "arguments": {"target": "power.active"}, "cron": "0 3 * * 1"}, 201),
    ("assets.make", "assets", NAMES | {"code": "S9"}, 201),
    ("assets.change", f"assets/{MACHINE}", {"version": 2, "position": 3}, 200),
    ("notices.channel_create", "alarm-channels",
     {"kind": "wecom", "name": "w", "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=s"}, 201),
    ("notices.channel_switch", "alarm-channels/1/enabled", {"version": 1, "enabled": True}, 200),
    ("notices.channel_test", "alarm-channels/1/test", {}, 202),
    ("maintenance.plan", "maintenance", {"path": "S", "starts_at": "2027-01-01T00:00:00Z",
     "ends_at": "2027-01-02T00:00:00Z", "reason": "r"}, 201),
    ("maintenance.end", "maintenance/1/end", {}, 200),
    ("annotations.make", "annotations",
     {"path": "S/canary-7f3a", "starts_at": "2026-01-01T00:00:00Z", "text": "n"}, 201),
    ("maintenance_records.make", "maintenance-records",
     {"path": "S", "kind": "repair", "started_at": "2026-01-01T00:00:00Z", "text": "n"}, 201),
    ("handover.plan_set", "shift-plans",
     {"plan": {"path": "S", "zone": "UTC", "shifts": [SHIFT]}, "version": 1}, 200),
    ("handover.note_make", "handover-notes",
     {"path": "S", "shift_start": "2026-01-01T00:00:00Z", "text": "n"}, 201),
    ("handover.note_change", "handover-notes/2", {"text": "m", "point": True}, 200),
    ("handover.note_take", "handover-notes/1/take", {}, 200),
    ("handover.point_close", "handover-notes/2/close", {}, 200),
    ("alerts.take", "alerts", ALERT, 200),
    ("alerts.judge", "alerts/1/feedback", {"verdict": "confirmed", "avoided_cost": 5.5}, 201),
    ("keys.key_make", "keys", {"name": "k", "roles": [{"role": "viewer"}]}, 201),
    ("keys.key_revoke", "keys/1", {}, 200),
    ("people.invitation_make", "invitations", {"login": "li@steel", "roles": [{"role": "viewer"}]}, 201),
    ("people.invitation_withdraw", "invitations/1", {}, 200),
    ("people.role_give", "members/1/roles", {"role": "engineer", "place": "S"}, 200),
    ("products.declare", "products", {"products": [{"kind": "piece", "series": "coil", "number": "2"}]}, 200),
    ("contracts.declare", "contracts/opc", {"source": "opc", "signals": [
        {"path": "S/canary-7f3a/L1/M/C/Pressure", "unit": "bar", "semantic": "pressure.hydraulic"}]}, 200),
    ("codes.prefix_set", "code-prefix", {"prefix": "88.123.45678"}, 200),
    ("codes.assign", "codes",
     {"codes": [{"suffix": "C-2", "product": {"series": "coil", "number": "2"}}]}, 200),
    ("codes.publish", "codes/publish", {"codes": ["88.123.45678/C-2"], "published": True}, 200),
    ("people.role_take", "members/1/roles/engineer?place=S", {}, 200),
]  # fmt: skip


@pytest.fixture
def document(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.app.test_client().get("/api/v1/openapi.json").get_json()
    return found


def test_the_document_is_valid_and_has_every_route(world: World, document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"] == "3.1.0"
    told = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in world.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert told == routes


def test_every_route_says_what_it_takes_and_gives(world: World) -> None:
    bare = [
        rule.endpoint
        for rule in world.app.url_map.iter_rules()
        if description_of(world.app.view_functions[rule.endpoint]) is None
    ]
    assert not bare, "put @described(...) below the guard of these"


def test_each_operation_names_its_permission_and_only_open_ones_need_no_token(
    document: dict[str, Any],
) -> None:
    operations = {one["operationId"]: one for path in document["paths"].values() for one in path.values()}
    assert {name for name, one in operations.items() if not one["security"]} == {
        "tenant.health",
        "document.openapi",
        "document.docs",
        "sessions.log_in",
        "sessions.passkey_ask",
        "sessions.passkey_log_in",
        "people.invitation_accept",
        "sealed.shared",
        "sealed.key",
        "figures.listed",
        "figures.one",
        "figures.current",
        "figures.every_head",
        "figures.grown",
        "figures.whole_log",
        "sharing.named_in_public",
        "figures.open_data",
    }
    assert operations["alarms.act"]["x-permission"] == "handle"
    assert all(one["summary"] for one in operations.values())


def wrong_in(document: dict[str, Any], operation: dict[str, Any], answer: TestResponse) -> list[str]:
    """What of an answer is not as its operation says."""
    told = operation["responses"][str(answer.status_code)]["content"]["application/json"]
    schema = {"components": document["components"], **told["schema"]}
    return [error.message for error in Draft202012Validator(schema).iter_errors(answer.get_json())]


def person_of(world: World, document: dict[str, Any]) -> dict[str, str]:
    """Header of an owner of the plant, and officer of the bureau, who logged in."""
    with world.context.metadata.session() as session:
        create_user(session, "owner@steel", "王", PASSWORD, {"steel": [Role.OWNER]}, [Role.BUREAU_OFFICER])
    body = {"login": "owner@steel", "password": PASSWORD}
    answer = world.app.test_client().post("/api/v1/sessions", json=body)
    assert wrong_in(document, document["paths"]["/api/v1/sessions"]["post"], answer) == []
    return {"Authorization": f"Bearer {answer.get_json()['session']}"}


def change_all(world: World, document: dict[str, Any], person: dict[str, str]) -> None:
    """Make what the list of changes says; each answer is held against the document."""
    operations = {
        one["operationId"]: (method, one)
        for path in document["paths"].values()
        for method, one in path.items()
    }
    for name, path, body, status in CHANGES:
        method, operation = operations[name]
        header = person if name.startswith(("people.", "keys.")) else world.header("all")
        answer = world.app.test_client().open(
            f"/api/v1/tenants/steel/{path}", method=method, json=body, headers=header
        )
        assert answer.status_code == status, (name, answer.text)
        assert wrong_in(document, operation, answer) == [], name


def test_each_answer_is_as_the_document_says(world: World, document: dict[str, Any]) -> None:
    held = set()
    person = person_of(world, document)
    change_all(world, document, person)
    for path, methods in document["paths"].items():
        operation = methods.get("get")
        if operation is None:
            continue
        name = operation["operationId"]
        content = operation["responses"]["200"]["content"].get("application/json")
        if content is None:
            continue
        address = re.sub(r"\{(\w+)\}", lambda found: VALUES[found[1]], path)
        key, query = ASKED.get(name, (None, {}))
        query = query | ({"signals": str(world.ids[key])} if key else {})
        header = person if name in OF_PEOPLE else world.header("all")
        answer = world.app.test_client().get(address, query_string=query, headers=header)
        if name in ABSENT:
            assert answer.status_code == 404, name
            continue
        assert answer.status_code == 200, (name, answer.text)
        assert wrong_in(document, operation, answer) == [], name
        if answer.get_json():
            held.add(name)
    assert {"data.lines", "data.latest", "data.trend", "windows.states", "tenant.me", "alarms.rules",
            "alarms.alarms", "alarms.events", "data.newest_predictions",
            "alerts.listed", "alerts.one", "alerts.outcomes",
            "planning.type_one", "planning.instance", "assets.tree", "notices.channels", "notices.policies",
            "notices.deliveries", "maintenance.windows", "annotations.listed", "tenant.vocabulary",
            "maintenance_records.listed",
            "programme.rules", "people.members", "people.invitations", "keys.keys", "sessions.own_sessions",
            "products.listed", "products.one", "products.made_from", "products.windows", "products.on_asset",
            "models.listed", "models.roles", "models.one", "models.decisions", "models.reports",
            "codes.resolve", "codes.listed", "codes.prefix", "contracts.listed", "contracts.one",
            "jobs.listed", "jobs.one", "jobs.schedules", "sessions.factor", "trials.listed",
            "trials.one", "handover.plans", "handover.listed", "handover.one",
            "handover.notes"} <= held  # fmt: skip


def test_a_parameter_that_is_not_described_is_refused(world: World, document: dict[str, Any]) -> None:
    person = person_of(world, document)
    for path, methods in document["paths"].items():
        if "get" in methods:
            address = re.sub(r"\{(\w+)\}", lambda found: VALUES[found[1]], path)
            header = person if methods["get"]["operationId"] in OF_PEOPLE else world.header("all")
            answer = world.app.test_client().get(address, query_string={"surprise": "1"}, headers=header)
            assert answer.status_code == 400, path
            assert answer.get_json()["code"] == "bad_parameter"


def test_the_page_needs_nothing_from_elsewhere(world: World, document: dict[str, Any]) -> None:
    answer = world.app.test_client().get("/api/v1/docs")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'; ")
    assert "style-src 'sha256-" in policy
    assert "<script" not in answer.text
    assert not re.search(r"(src|href)=\"(?!#|openapi\.json)", answer.text)
    for path in document["paths"]:
        assert path.replace("&", "&amp;") in answer.text
