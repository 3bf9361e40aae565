"""Two tenants on one server, each with data that the other must never see."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pydantic import SecretStr

from tundish_dashboards.app import attach_dashboards
from tundish_dashboards.settings import DashboardSettings
from tundish_platform.alarms import Transition, handle, list_alarms, take_reports
from tundish_platform.alerts import take_alert
from tundish_platform.api.app import ApiSettings, create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.api.rates import Rate, RateLimits
from tundish_platform.assets import upsert_signals
from tundish_platform.marketplace import Catalogue
from tundish_platform.migrations import upgrade
from tundish_platform.model_registry import ReportSpec, VersionSpec, register_version, report_on
from tundish_platform.programme.published import HeadSigner
from tundish_platform.samples import (
    SCHEMAS,
    AlarmReport,
    AlertReport,
    SampleBatch,
    SampleKind,
    SignalRole,
    SignalSpec,
)
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import (
    check_token,
    create_tenant,
    create_token,
    create_user,
    job_principal,
)
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dash import Dash
    from flask.testing import FlaskClient

PASSWORD = "tundish-test-2026"
ORIGIN = {"Origin": "http://localhost"}


@dataclass
class Site:
    """The server under test."""

    dash: Dash
    context: PlatformContext
    settings: DashboardSettings
    signals: dict[str, dict[str, int]] = field(default_factory=dict)

    visitors: dict[str, FlaskClient] = field(default_factory=dict)

    def visitor(self, login: str | None = None) -> FlaskClient:
        """A browser, logged in as somebody; the same one each time, because hashing passwords is slow."""
        if login is None:
            return self.new_visitor()
        if login not in self.visitors:
            self.visitors[login] = self.new_visitor(login)
        return self.visitors[login]

    def new_visitor(self, login: str | None = None) -> FlaskClient:
        client = self.dash.server.test_client()
        if login is not None:
            answer = client.post("/login", data={"login": login, "password": PASSWORD}, headers=ORIGIN)
            assert answer.status_code == 303
        return client

    def body(self, output: str, path: str, value: object = None) -> dict[str, Any]:
        """A callback message as the browser sends it, with one value for all inputs but the address."""
        spec = self.dash.callback_map[output]

        def filled(part: dict[str, str]) -> object:
            if part["id"].startswith("{"):
                return []
            given = path if (part["id"], part["property"]) == ("location", "pathname") else value
            return {**part, "value": given}

        return {
            "output": output,
            "outputs": _outputs(output),
            "inputs": [filled(part) for part in spec["inputs"]],
            "state": [filled(part) for part in spec["state"]],
            "changedPropIds": [f"{p['id']}.{p['property']}" for p in spec["inputs"]],
        }


def _outputs(output: str) -> object:
    names = output.strip(".").split("...") if output.startswith("..") else [output]
    parts = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    return parts if output.startswith("..") else parts[0]


def _specs(mark: str) -> list[SignalSpec]:
    line = f"{mark}-Site/Shop/L1"
    text = {"kind": SampleKind.TEXT, "role": SignalRole.STATE, "step": True}
    names = {"name_zh": f"{mark}压力", "name_en": f"{mark} pressure"}
    return [
        SignalSpec(path=f"{line}/M1/C1/V1", semantic="pressure.x", unit="bar", period_s=1.0, **names),
        SignalSpec(path=f"{line}/M1/C1/State", semantic="state.packml", **names, **text),
    ]


def _fill(context: PlatformContext, token: str, slug: str, mark: str) -> dict[str, int]:
    with context.metadata.session() as session:
        scope = access_tenant(check_token(session, token), slug, Permission.INGEST)
        ids = upsert_signals(session, scope, f"{mark}-connector", _specs(mark))
    now = datetime.now(UTC).replace(microsecond=0)
    _raise(context, scope, mark, now)
    _train(context, slug, mark, now)
    _foresee(context, scope, mark, now)
    first, second = ids.values()
    times = [now - timedelta(seconds=60 - n) for n in range(60)]
    numbers = [[first] * 60, times, [424242.0 + n for n in range(60)], [0] * 60]
    words = [[second], times[:1], [f"{mark}-STATE"], [0]]
    context.telemetry.append(
        scope,
        [SampleBatch(kind, _table(kind, columns), now) for kind, columns in
         ((SampleKind.NUMERIC, numbers), (SampleKind.TEXT, words))],
    )  # fmt: skip
    return ids


def _raise(context: PlatformContext, scope: TenantScope, mark: str, now: datetime) -> None:
    """An alarm that stands and one that is shelved."""
    names = {
        "name_zh": f"{mark}报警",
        "name_en": f"{mark}-ALARM",
        "priority": 4,
        "path": f"{mark}-Site/S/L/M",
    }
    keys = (f"{mark}-stands", f"{mark}-shelved")
    reports = [AlarmReport(key=key, active=True, ts=now, **names) for key in keys]
    with context.metadata.session() as session:
        take_reports(session, scope, f"{mark}-connector", reports, now)
        person = job_principal(session, f"{mark}-engineer", Role.ENGINEER)
        engineer = access_tenant(person, scope.slug, Permission.HANDLE)
        shelved = next(a for a in list_alarms(session, engineer, now) if a.key.endswith("shelved"))
        until = now + timedelta(hours=8)
        handle(session, engineer, shelved.id, Transition.SHELVED, comment=f"{mark}-WHY", until=until, now=now)


def _train(context: PlatformContext, slug: str, mark: str, now: datetime) -> None:
    """A champion with a report, and a candidate."""
    card = {
        "trained_from": now, "trained_to": now, "cases": 3, "features": [f"{mark}-Site/Shop/L1/M1/C1/V1"],
        "code": "1", "protocol_zh": f"{mark}方法", "protocol_en": f"{mark}-PROTOCOL", "metrics": {"f1": 0.97},
        "limits_zh": f"{mark}局限", "limits_en": f"{mark}-LIMITS",
    }  # fmt: skip
    version = {"line": f"{mark}-Site/Shop/L1", "model": "hydraulic", "digest": "a" * 64, "card": card}
    evidence = {"summary_zh": f"{mark}漂移", "summary_en": f"{mark}-DRIFT", "hits": {"cooler": {"judged": 7}}}
    report = {"kind": "drift", "level": "watch", "moment": now, "evidence": evidence}
    with context.metadata.session() as session:
        worker = access_tenant(job_principal(session, "worker", Role.ANALYST), slug, Permission.TRAIN)
        specs = [VersionSpec.model_validate(version | {"version": f"{mark}-{n}"}) for n in (1, 2)]
        champion, _ = [register_version(session, worker, spec, now)[0] for spec in specs]
        report_on(session, worker, champion.id, ReportSpec.model_validate(report), now)


def _foresee(context: PlatformContext, scope: TenantScope, mark: str, now: datetime) -> None:
    """An open alert with evidence and a horizon, and one that is over."""
    names = {"name_zh": f"{mark}压力", "name_en": f"{mark} pressure"}
    item = {**names, "signal": "x", "value": 61.0, "expected": 45.0, "unit": "bar", "contribution": 0.6}
    said = {"model": "m", "version": f"{mark}-v1", "line": f"{mark}-Site/Shop/L1", "priority": 3,
            "target_zh": f"{mark}寿命", "target_en": f"{mark} life", "label_zh": "将尽", "label_en": "Short",
            "value": 900.0, "low": 300.0, "high": 2000.0, "unit": "h", "confidence": 0.8,
            "sureness": "interval", "completeness": 0.97, "check_zh": f"{mark}检查",
            "check_en": f"{mark}-LOOK", "evidence": [item]}  # fmt: skip
    begin, end = now - timedelta(hours=3), now - timedelta(hours=2)
    times = {"since": begin, "opened_at": end, "judged_to": now, "window_start": begin, "window_end": end}
    horizon = {"expected_at": now + timedelta(days=9), "earliest": now, "latest": now + timedelta(days=30)}
    with context.metadata.session() as session:
        for more in ({"target": "life", "horizon": horizon}, {"target": "past", "closed_at": now}):
            take_alert(session, scope, AlertReport.model_validate({**said, **times, **more}), now)


def _table(kind: SampleKind, columns: list[list[Any]]) -> pa.Table:
    schema = SCHEMAS[kind]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


# Every browser of the tests comes from one address.
MANY = Rate(1e6, 1_000_000)
SETTINGS = ApiSettings(rates=RateLimits(stranger=MANY, door=MANY))


@pytest.fixture(autouse=True)
def _in_chinese_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """Visitors are shared: whoever switched the language must not leave it to the next test."""
    yield
    if "site" in request.fixturenames:
        for client in request.getfixturevalue("site").visitors.values():
            client.delete_cookie("tundish_language")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place: Path = tmp_path_factory.mktemp("site")
    metadata = Metadata(f"sqlite:///{place / 'metadata.db'}")
    upgrade(metadata)
    with metadata.session() as session:
        for slug, mark in (("own-plant", "OWN"), ("canary-plant", "CANARY")):
            create_tenant(session, slug, f"{mark}企业", f"{mark} enterprise")
        create_user(session, "insider", "In Sider", PASSWORD, {"own-plant": [Role.OWNER]})
        create_user(session, "neighbour", "Nei Ghbour", PASSWORD, {"canary-plant": [Role.OWNER]})
        create_user(session, "viewer", "Vie Wer", PASSWORD, {"own-plant": [Role.VIEWER]})
        create_user(session, "shift", "Shi Ft", PASSWORD, {"own-plant": [Role.SHIFT_OPERATOR]})
        create_user(session, "bureau", "Bu Reau", PASSWORD, roles=[Role.BUREAU_OFFICER])
        create_user(session, "operator", "Oper Ator", PASSWORD, roles=[Role.PLATFORM_OPERATOR])
        grants = {"own-plant": [Role.COLLECTOR], "canary-plant": [Role.COLLECTOR]}
        token = create_token(session, "collector", grants)
    telemetry = Telemetry(place / "store", metadata)
    shelf = Path(__file__).parents[2] / "apps-marketplace"
    figures = HeadSigner(SecretStr("of the pages' tests"))
    context = PlatformContext(metadata, telemetry, Catalogue.find(shelf, installed=False), figures=figures)
    settings = DashboardSettings(secret_key="k" * 40)
    dash = attach_dashboards(create_app(context, SETTINGS), context, settings)
    one = Site(dash, context, settings)
    for slug, mark in (("own-plant", "OWN"), ("canary-plant", "CANARY")):
        one.signals[slug] = _fill(context, token, slug, mark)
    yield one
    telemetry.close()
    metadata.close()
