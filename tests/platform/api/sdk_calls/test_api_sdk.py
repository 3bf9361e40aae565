"""`Client` has a method for each operation of the document, asks as it says, and its types are true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from inspect import getmembers, isfunction, signature
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher
from cryptography.fernet import Fernet
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter
from typing_extensions import is_typeddict

from tundish_platform.api import publishing_shapes, record_shapes
from tundish_platform.api.app import create_app
from tundish_platform.marketplace.records import DocumentInfo, Sheet
from tundish_platform.people.settings import PeopleSettings
from tundish_platform.samples import AlarmReport, AlertReport, SampleKind, SignalSpec
from tundish_platform.sdk import calls
from tundish_platform.sdk.client import ApiError, Client
from tundish_platform.sdk.signing import new_key
from tundish_platform.tenancy import Role, passwords
from tundish_platform.tenancy.accounts import create_user

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import World

    from tundish_platform.samples import SampleBatch

WITHOUT = {
    "document.openapi": "other tools read the document by its address",
    "document.docs": "a page for people",
}
# Each is a list or an iterator of what another one gives.
ALIKE = {"signals", "latest", "runs", "product_samples"}
PASSWORD = "a long password"
SIGNING = new_key()
START = datetime(2026, 1, 1, tzinfo=UTC)
STRETCH = (START, START + timedelta(days=1))
LATER = datetime(2027, 1, 1, tzinfo=UTC)
NAMES = {"name_zh": "泵", "name_en": "Pump"}
VIBRATION = {"name_zh": "振动", "name_en": "Vibration", "semantic": "vibration.velocity.rms", "unit": "mm/s"}
TYPE = NAMES | {"signals": {"Pump/V": VIBRATION}}
WECOM = {"kind": "wecom", "name": "w", "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=s"}
TYPES = {
    name: one
    for found in iter_modules(calls.__path__, f"{calls.__name__}.")
    if found.name.endswith("answers")
    for name, one in vars(import_module(found.name)).items()
    if is_typeddict(one)
}
ALERT = {
    "model": "m", "version": "1", "line": "S", "target": "t", "target_zh": "泵", "target_en": "Pump",
    "since": START, "opened_at": START, "judged_to": START, "priority": 2, "label_zh": "漏",
    "label_en": "Leak", "confidence": 0.9, "sureness": "interval", "check_zh": "查", "check_en": "Look",
    "completeness": 1.0, "window_start": START, "window_end": START,
}  # fmt: skip
# The machine of the world's signals, and its enterprise.
MACHINE, ENTERPRISE = 5, 1


@dataclass
class Asked:
    """Requests that were sent, with the client's own words, and what came back."""

    requests: list[tuple[httpx.Request, httpx.Response]] = field(default_factory=list)

    def client(self, world: World, token: str) -> Client:
        client = Client("http://localhost", token, retries=0)
        before = client._http
        client._http = httpx.Client(
            transport=httpx.WSGITransport(app=world.app),
            base_url=before.base_url,
            headers=before.headers,
            event_hooks={"response": [lambda answer: self.requests.append((answer.request, answer))]},
        )
        before.close()
        return client


@pytest.fixture
def plant(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world with an owner who is a person, a colleague, and a key for second factors."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    passwords._decoy.cache_clear()
    people = PeopleSettings.model_validate({"key": Fernet.generate_key().decode()})
    world.context = replace(world.context, people=people)
    world.app = create_app(world.context)
    with world.context.metadata.session() as session:
        create_user(session, "owner@steel", "王", PASSWORD, {"steel": [Role.OWNER]})
        create_user(session, "li@steel", "李", PASSWORD, {"steel": [Role.VIEWER]})
    return world


@pytest.fixture
def document(plant: World) -> dict[str, Any]:
    found: dict[str, Any] = plant.app.test_client().get("/api/v1/openapi.json").get_json()
    return found


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """By id: method, address, and what is said of it."""
    return {
        one["operationId"]: (method.upper(), path, one)
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }


Call = tuple[str, str, tuple[Any, ...], dict[str, Any], int]


def call(operation: str, method: str, *values: object, status: int = 200, **named: object) -> Call:
    return operation, method, values, named, status


def of_services(world: World, batch: SampleBatch, folder: Path) -> list[Call]:
    """What the key with all roles asks, in an order in which most of it finds something."""
    signal, state = world.ids["pressure"], world.ids["state"]
    one = ("steel", [signal], *STRETCH)
    report = AlarmReport(key="k", active=True, ts=START, **NAMES)
    rule = {"signal": signal, "kind": "high", "threshold": 5.0, **NAMES}
    return [
        call("tenant.health", "health"),
        call("tenant.me", "me"),
        call("tenant.vocabulary", "vocabulary"),
        call("tenant.list_of_signals", "every_signal", "steel", "P", kind="pressure", unit="bar", line="S"),
        call("tenant.declare_signals", "put_signals", "steel", "x",
             [SignalSpec(path="S/A/L9/M/C/V", semantic="x", **NAMES)]),
        call("tenant.list_of_sources", "sources", "steel"),
        call("tenant.heartbeat", "put_source", "steel", "gate 2", {"state": "running"}),
        call("tenant.take_samples", "ingest", "steel", [batch]),
        call("telemetry.take", "send", "steel", [{"signal": signal, "ts": START.isoformat(), "value": 1}]),
        call("data.latest", "every_latest", "steel", [signal], "kPa"),
        call("data.samples", "samples", *one, SampleKind.NUMERIC, unit="kPa"),
        call("data.export", "export", *one, folder / "x.csv", form="csv", unit="kPa"),
        call("data.trend", "trend", *one, 10, thinning="shape", unit="kPa"),
        call("data.summary", "summary", *one, unit="kPa"),
        call("data.wide", "wide", *one, timedelta(hours=1), interpolation="line", unit="kPa"),
        call("data.gaps", "gaps", *one),
        call("data.lines", "lines", "steel"),
        call("data.newest_predictions", "predictions", "steel"),
        call("windows.aggregate", "aggregate", *one, "shift", unit="kPa", shifts="08:00,20:00", zone="UTC"),
        call("windows.states", "states", "steel", [state], *STRETCH, timedelta(hours=8)),
        call("live.stream", "stream", "steel", [999], again=False, status=422),
        call("alarms.report", "report_alarms", "steel", "opc", [report]),
        call("alarms.alarms", "alarms", "steel", ["unacknowledged", "acknowledged"]),
        call("alarms.act", "handle_alarm", "steel", 1, "acknowledged", "seen"),
        call("alarms.events", "alarm_events", "steel", 1),
        call("alarms.alarm_floods", "alarm_floods", "steel", 48),
        call("alarms.acknowledgements", "owed_acknowledgements", "steel", "opc"),
        call("alarms.settle", "settle_acknowledgement", "steel", "opc", 1),
        call("alarms.rule_create", "make_alarm_rule", "steel", rule, status=201),
        call("alarms.rules", "alarm_rules", "steel"),
        call("alarms.one_rule", "alarm_rule", "steel", 2),
        call("alarms.rule_change", "change_alarm_rule", "steel", 2, 1, rule | {"threshold": 6.0}),
        call("alarms.rule_delete", "remove_alarm_rule", "steel", 2, 2),
    ]  # fmt: skip


def of_alerts() -> list[Call]:
    """The same of predictive alerts, and of how alarms reach people."""
    alert = AlertReport.model_validate(ALERT)
    policy = {"name": "night", "steps": [{"after_minutes": 0, "channels": [1]}]}
    return [
        call("alerts.take", "raise_alert", "steel", alert),
        call("alerts.listed", "alerts", "steel", open_only=True, model="m", line="S", target="t",
             start=START, end=LATER),
        call("alerts.one", "alert", "steel", 1),
        call("alerts.judge", "give_feedback", "steel", 1, "confirmed", "n", found_at=START, avoided_cost=2.5,
             status=201),
        call("alerts.outcomes", "alert_outcomes", "steel", "m", "S", START, LATER),
        call("notices.channel_create", "make_alarm_channel", "steel", WECOM, status=201),
        call("notices.channels", "alarm_channels", "steel"),
        call("notices.channel_change", "change_alarm_channel", "steel", 2, 1, WECOM | {"name": "v"}),
        call("notices.channel_switch", "switch_alarm_channel", "steel", 2, 2, enabled=True),
        call("notices.channel_test", "try_alarm_channel", "steel", 2, status=202),
        call("notices.deliveries", "alarm_deliveries", "steel", ["waiting"]),
        call("notices.policy_create", "make_alarm_policy", "steel", policy, status=201),
        call("notices.policies", "alarm_policies", "steel"),
        call("notices.policy_change", "change_alarm_policy", "steel", 2, 1, policy | {"name": "day"}),
        call("notices.policy_delete", "remove_alarm_policy", "steel", 2),
        call("notices.contact_set", "set_alarm_contact", "steel", 1, {"mail": "w@steel.example"}),
        call("notices.contacts", "alarm_contacts", "steel"),
        call("maintenance.plan", "plan_maintenance", "steel", "S", LATER, LATER + timedelta(hours=1), "r",
             status=201),
        call("maintenance.windows", "maintenance", "steel"),
        call("maintenance.end", "end_maintenance", "steel", 2),
    ]  # fmt: skip


def of_equipment(folder: Path) -> list[Call]:
    """The same of equipment, products, the programme and the trail."""
    return [
        call("assets.tree", "assets", "steel", retired=True),
        call("planning.type_save", "save_asset_type", "steel", "opc", TYPE),
        call("planning.types", "asset_types", "steel"),
        call("planning.type_one", "asset_type", "steel", "opc", 1),
        call("planning.instance_make", "give_type", "steel", MACHINE, 1, "opc", 1, {}),
        call("planning.instance", "instance", "steel", MACHINE),
        call("planning.kit_list", "kits"),
        call("planning.kit_build", "build_kit", "steel", "plate-line"),
        call("products.declare", "put_products", "steel", [{"kind": "lot", "series": "x", "number": "1"}]),
        call("products.listed", "products", "steel", "heat"),
        call("products.one", "product", "steel", 2),
        call("products.made_from", "ancestors", "steel", 2),
        call("products.made_into", "descendants", "steel", 1),
        call("products.windows", "product_windows", "steel", 1),
        call("products.on_asset", "products_on", "steel", 1, *STRETCH),
        call("products.withdraw", "withdraw_origin", "steel", 2, 99, status=404),
        call("models.register", "register_model", "steel", "S/A/L1", "m", "2", "b" * 64, CARD, status=201),
        call("models.listed", "models", "steel", "S", "m", "champion"),
        call("models.roles", "model_roles", "steel", "S", "m"),
        call("models.one", "model", "steel", 1),
        call("models.decisions", "model_decisions", "steel", 1),
        call("models.report", "report_model", "steel", 2, "drift", "watch", START, {"psi": 0.3}, status=201),
        call("models.reports", "model_reports", "steel", 2, "drift"),
        call("codes.prefix", "code_prefix", "steel"),
        call("codes.listed", "codes", "steel"),
        call("codes.resolve", "resolve", "88.123.45678/none", status=404),
        call("contracts.listed", "contracts", "steel"),
        call("contracts.one", "contract", "steel", "opc", 1),
        call("contracts.declare", "put_contract", "steel", "x", PROMISE),
        call("tables.assets", "fetch_table", "steel", "assets", folder / "assets.csv"),
        call("tables.signals", "fetch_table", "steel", "signals", folder / "signals.csv"),
        call("tables.assets_take", "send_table", "steel", "assets", folder / "assets.csv"),
        call("tables.signals_take", "send_table", "steel", "signals", folder / "signals.csv"),
        call("assets.make", "make_asset", "steel", "S9", "九", "Nine", status=201),
        call("assets.change", "change_asset", "steel", MACHINE, 2, position=3),
        call("assets.one", "asset", "steel", MACHINE),
        call("assets.move", "move_asset", "steel", MACHINE, 3, MACHINE, status=422),
        call("assets.remove", "remove_asset", "steel", MACHINE, status=422),
        call("programme.rules", "programme_rules"),
        call("programme.adoption_figures", "adoption", "2026-demo", status=404),
        call("programme.enterprise_register", "enterprises"),
        call("programme.evidence_open", "evidence", "x", "年度核查", status=404),
        call("programme.standing_suspicions", "suspicions"),
        call("audit.of_tenant", "audit", "steel"),
        call("audit.export", "save_audit_trail", folder / "audit.ndjson", 1),
        call("audit.anchor", "audit_anchor"),
        call("audit.verified", "verify_audit"),
    ]  # fmt: skip


CARD = {
    "trained_from": "2026-01-01T00:00:00Z", "trained_to": "2026-01-02T00:00:00Z", "cases": 3,
    "features": ["S/A/L1/M/C/P"], "code": "1.0", "protocol_zh": "p", "protocol_en": "p",
    "metrics": {"f1": 0.9, "recall": None}, "limits_zh": "l", "limits_en": "l", "signature": {"mean": [1.5]},
}  # fmt: skip


PROMISE = {"source": "opc", "signals": [{"path": "S/A/L1/M/C/Flow", "unit": "L/min", "semantic": "x"}]}


def of_people(secret: str) -> list[Call]:
    """What the owner asks, who has just enrolled a second factor with that secret."""
    code = pyotp.TOTP(secret).now()
    return [
        call("sessions.factor_confirm", "confirm_second_factor", code),
        call("sessions.factor", "second_factor"),
        call("sessions.factor_remove", "remove_second_factor", "000000", status=401),
        call("sessions.passkey_offer", "passkey_options"),
        call("sessions.passkey_register", "add_passkey", "x", {}, "mine", status=403),
        call("sessions.passkeys", "passkeys"),
        call("sessions.passkey_remove", "remove_passkey", 1),
        call("people.members", "members", "steel"),
        call("marketplace.subscription_restart", "restart_app", "steel", "spc", status=404),
        call("people.role_give", "give_role", "steel", 2, "engineer", "S"),
        call("people.role_take", "take_role", "steel", 2, "engineer", "S"),
        call("people.member_remove", "remove_member", "steel", 2),
        call("people.invitation_make", "invite", "steel", "new@steel", ["viewer"], status=201),
        call("people.invitations", "invitations", "steel"),
        call("people.invitation_withdraw", "withdraw_invitation", "steel", 1),
        call("people.invitation_accept_as_me", "accept_invitation_as_me", "x", status=404),
        call("people.invitation_accept", "accept_invitation", "x", "n", PASSWORD, status=404),
        call("models.decision", "decide_model", "steel", 2, "approve", "the errors are small"),
        call("codes.prefix_set", "set_code_prefix", "steel", "88.123.45678"),
        call(
            "codes.assign",
            "put_codes",
            "steel",
            [{"suffix": "x1", "product": {"series": "x", "number": "1"}}],
        ),
        call("codes.publish", "publish_codes", "steel", ["88.123.45678/x1"]),
        call("keys.key_make", "make_key", "steel", "k", [{"role": "viewer", "place": "S"}], status=201),
        call("keys.keys", "keys", "steel"),
        call("keys.key_revoke", "revoke_key", "steel", 1),
        call("sessions.passkey_ask", "passkey_log_in_options"),
        call("sessions.passkey_log_in", "passkey_log_in", "x", {}, status=401),
        call("sessions.own_sessions", "my_sessions"),
        call("sessions.session_end", "end_session", 99),
        call("sessions.sessions_end", "end_sessions"),
    ]


class Checked:
    """Calls that were made, each held against the document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._operations = operations(document)
        self.done: set[str] = set()
        self.methods: set[str] = set()
        self.held: set[str] = set()
        self.wrong: list[tuple[str, str]] = []

    def make(self, client: Client, asked: Asked, one: Call) -> Any:  # noqa: ANN401 - what the method answers
        operation, method, values, named, status = one
        asked.requests.clear()
        answer: Any = None
        # The status is asserted below, of whatever came.
        with suppress(ApiError):
            given = getattr(client, method)(*values, **named)
            answer = list(given) if isinstance(given, Iterator) else given
        (request, response), *_ = asked.requests
        if response.status_code != status:
            self.wrong.append((operation, f"{response.status_code} {response.read()[:300]!r}"))
        self._asks_as_said(operation, request)
        self.done.add(operation)
        self.methods.add(method)
        if answer is not None:
            self._answers_as_typed(operation, method, answer)
        return answer

    def _asks_as_said(self, operation: str, request: httpx.Request) -> None:
        verb, path, says = self._operations[operation]
        assert request.method == verb, operation
        assert re.fullmatch(
            re.sub(r"\{\w+\}", "[^/]+", path), request.url.raw_path.decode().partition("?")[0]
        )
        told = {one["name"]: one for one in says["parameters"] if one["in"] == "query"}
        needed = {name for name, one in told.items() if one["required"]}
        if not needed <= set(request.url.params) <= set(told):
            self.wrong.append((operation, str(request.url)))
        bodies = says.get("requestBody", {}).get("content", {})
        media = request.headers.get("Content-Type", "")
        if (media not in bodies) if bodies else media:
            self.wrong.append((operation, f"the body is {media}"))
        if media == "application/json":
            schema = {"components": self._document["components"], **bodies[media]["schema"]}
            body = TypeAdapter(Any).validate_json(request.content)
            self.wrong += [(operation, e.message) for e in Draft202012Validator(schema).iter_errors(body)]

    def _answers_as_typed(self, operation: str, method: str, answer: object) -> None:
        kind = type_of(method)
        rows = answer if isinstance(answer, list) else [answer]
        if kind is None:
            return
        told = self._operations[operation][2]["responses"]
        (content,) = (one["content"] for status, one in told.items() if status.startswith("2"))
        schema = self._resolved(content["application/json"]["schema"])
        schema = self._resolved(schema["items"]) if schema.get("type") == "array" else schema
        if differ := set(schema["properties"]) ^ set(kind.__annotations__):
            self.wrong.append((operation, f"the type differs in {differ}"))
        for row in rows:
            TypeAdapter(kind).validate_python(row, strict=True)
            self.held.add(method)

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        found = schema.get("$ref", "").rpartition("/")[2]
        return self._document["components"]["schemas"][found] if found else schema


def type_of(method: str) -> Any:  # noqa: ANN401 - a type, or nothing
    """The type of what a method answers, or of what is in its list, if it is one of ours."""
    words = re.findall(r"\w+", signature(getattr(Client, method)).return_annotation)
    return TYPES.get(words[-1])


def test_each_operation_has_a_method_that_asks_as_the_document_says(
    plant: World,
    document: dict[str, Any],
    make_batch: Callable[..., SampleBatch],
    tmp_path: Path,
    of_jobs: list[Call],
    of_apps: list[Call],
    unheld: set[str],
) -> None:
    asked, checked = Asked(), Checked(document)
    batch = make_batch(SampleKind.NUMERIC, plant.ids["flow"], [1.0], START)
    with asked.client(plant, plant.tokens["all"]) as service:
        for one in [
            *of_services(plant, batch, tmp_path),
            *of_alerts(),
            *of_equipment(tmp_path),
            *of_jobs,
            *of_apps,
        ]:
            checked.make(service, asked, one)
    with asked.client(plant, "") as nobody:
        log_in = call("sessions.log_in", "log_in", "owner@steel", PASSWORD, status=201)
        token = checked.make(nobody, asked, log_in)["session"]
    with asked.client(plant, token) as owner:
        enrol = call("sessions.factor_enrol", "enrol_second_factor", PASSWORD, status=201)
        secret = checked.make(owner, asked, enrol)["secret"]
        for one in of_people(secret):
            checked.make(owner, asked, one)
    assert checked.wrong == [], "\n".join(map(str, checked.wrong))
    assert checked.done | WITHOUT.keys() == operations(document).keys()
    assert not checked.done & WITHOUT.keys()
    public = {name for name, _ in getmembers(Client, isfunction) if not name.startswith("_")} - {"close"}
    assert checked.methods | ALIKE == public, "a method that no operation asks for"
    typed = {name for name in checked.methods if type_of(name)}
    assert typed - unheld <= checked.held, "answers that were held against their types"


def test_lists_that_grow_are_iterators(document: dict[str, Any]) -> None:
    """Every list whose answer leads to a next page has a method that fetches it as it is read."""
    growing = {
        name
        for name, (_, _, says) in operations(document).items()
        if "Link" in says["responses"].get("200", {}).get("headers", {})
    }
    iterators = {
        name
        for name, method in getmembers(Client, isfunction)
        if not name.startswith("_") and str(signature(method).return_annotation).startswith("Iterator[")
    }
    lists = {"enterprises", "model_roles"}
    # One stream never ends and is no list; samples of a product come window by window.
    assert len(growing) == len(iterators - {"stream", "product_samples"}) + len(lists)


def test_versions_have_the_members_that_the_document_says() -> None:
    """No version is there to be answered above: one needs a sandbox and an operator in person."""
    for name in ("Version", "SigningKey", "Publisher", "Revoked"):
        shape = getattr(publishing_shapes, name)
        assert TYPES[name].__annotations__.keys() == shape.model_fields.keys(), name
    # Of apps that read records none is in the catalogue here.
    for name, told in {
        "Wishes": record_shapes.Wishes,
        "Wish": record_shapes.Wish,
        "Sheet": Sheet,
        "DocumentInfo": DocumentInfo,
    }.items():
        assert TYPES[name].__annotations__.keys() == told.model_fields.keys(), name
