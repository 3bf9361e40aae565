"""Two plants with data behind a real API, and a token for everyone who might ask."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pydantic import SecretStr
from waitress import wasyncore
from waitress.server import create_server

from tundish_platform.alarms import RuleSpec, create_rule, take_reports
from tundish_platform.alarms.maintenance import WindowSpec, plan_maintenance
from tundish_platform.alarms.notify import SPEC, PolicySpec, Vault, create_channel, create_policy
from tundish_platform.alerts import FeedbackSpec, give_feedback, take_alert
from tundish_platform.annotations import AnnotationSpec, annotate
from tundish_platform.api.app import ApiSettings, create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.api.rates import Rate, RateLimits
from tundish_platform.assets import (
    ContractSpec,
    Heartbeat,
    declare_contract,
    list_signals,
    save_heartbeat,
    upsert_signals,
)
from tundish_platform.handover import HandoverFacts, NoteSpec, ShiftPlanSpec, say, set_plan
from tundish_platform.handover.editions import keep_edition
from tundish_platform.jobs import JobSpec, ScheduleSpec, ask_job, make_schedule
from tundish_platform.maintenance import MaintenanceKind, RecordSpec, note_record
from tundish_platform.marketplace import Catalogue
from tundish_platform.marketplace.publishing import PackageFolder
from tundish_platform.marketplace.records import Sealer
from tundish_platform.model_registry import (
    DecisionSpec,
    ReportSpec,
    VersionSpec,
    decide,
    register_version,
    report_on,
)
from tundish_platform.products import CodeSpec, ProductSpec, assign_codes, declare_products, set_prefix
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
from tundish_platform.sdk import Manifest
from tundish_platform.store import Telemetry
from tundish_platform.store.files import LocalFiles
from tundish_platform.tenancy import Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_token, job_principal, revoke_token
from tundish_platform.tenancy.reach import Above
from tundish_platform.trials import start_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask import Flask
    from sqlalchemy.orm import Session

    from tundish_platform.store.files import AppendFile
    from tundish_platform.tenancy import Principal
    from tundish_platform.tenancy.metadata import Metadata

# Stands in every text of the plant "steel"; nobody else may ever get to see it.
CANARY = "canary-7f3a"
NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
VAULT = Vault(SecretStr("k" * 40))
LINE = f"S/{CANARY}/L1"
# All strangers of a test come from one address, thousands of times.
MANY = Rate(1e6, 1_000_000)
SETTINGS = ApiSettings(rates=RateLimits(stranger=MANY, door=MANY))


class Disk(LocalFiles):
    """The real file system, whose writes fail from now on when `fault` is an errno."""

    def __init__(self) -> None:
        self.fault = 0

    def append(self, path: Path) -> AppendFile:
        return FaultyFile(super().append(path), self)


class FaultyFile:
    def __init__(self, file: AppendFile, disk: Disk) -> None:
        self._file, self._disk = file, disk
        self.sync, self.close = file.sync, file.close

    def write(self, data: bytes) -> None:
        if self._disk.fault:
            raise OSError(self._disk.fault, "made up by the test")
        self._file.write(data)


@dataclass
class World:
    context: PlatformContext
    app: Flask
    tokens: dict[str, str]
    scopes: dict[str, TenantScope]
    ids: dict[str, int]
    disk: Disk

    def header(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[who]}"} if who in self.tokens else {}


def spec(path: str, kind: SampleKind = SampleKind.NUMERIC, **more: object) -> SignalSpec:
    names = {"name_zh": CANARY, "name_en": CANARY, "semantic": "pressure.hydraulic"}
    return SignalSpec.model_validate({"path": path, "kind": kind, **names, **more})


SPECS = {
    "pressure": spec(f"{LINE}/M/C/Pressure", unit="bar", period_s=1.0),
    "flow": spec(f"{LINE}/M/C/Flow", unit="L/min", period_s=1.0),
    "count": spec(f"{LINE}/M/C/Count", SampleKind.INTEGER, role=SignalRole.COUNTER),
    "state": spec(f"{LINE}/M/C/State", SampleKind.TEXT, role=SignalRole.STATE, step=True),
    "wave": spec(f"{LINE}/M/C/Wave", SampleKind.ARRAY),
    "value": spec(
        f"{LINE}/Models/m/cooler/Value", role=SignalRole.PREDICTION, semantic="prediction.m.cooler"
    ),
    "evidence": spec(
        f"{LINE}/Models/m/cooler/Evidence",
        SampleKind.TEXT,
        role=SignalRole.PREDICTION,
        semantic="prediction.m.cooler.evidence",
    ),
}
EVIDENCE = {
    "model": "m",
    "version": "1",
    "target": "cooler",
    "label_zh": CANARY,
    "label_en": CANARY,
    "value": 20.0,
    "probability": 0.9,
    "evidence": [{"signal": f"{LINE}/M/C/Pressure", "value": 1.5, "expected": 2.0, "contribution": 0.7}],
    "window_start": (NOW - MINUTE).isoformat(),
    "window_end": NOW.isoformat(),
    "something_new": True,
}


def batch(
    kind: SampleKind, signal: int, values: list[object], start: datetime, status: int = 0
) -> SampleBatch:
    times = [start + timedelta(seconds=n) for n in range(len(values))]
    columns = {
        "signal": [signal] * len(values),
        "ts": times,
        "value": values,
        "status": [status] * len(values),
    }
    return SampleBatch(kind, pa.table(columns, schema=SCHEMAS[kind]), NOW)


def gap(signal: int, start: datetime, end: datetime, reason: str = "silent") -> SampleBatch:
    columns = {"signal": [signal], "ts": [start], "end": [end], "reason": [reason]}
    return SampleBatch(SampleKind.GAP, pa.table(columns, schema=SCHEMAS[SampleKind.GAP]), NOW)


def batches(ids: dict[str, int]) -> list[SampleBatch]:
    start = NOW - 2 * MINUTE
    return [
        batch(SampleKind.NUMERIC, ids["pressure"], [float(n % 7) for n in range(120)], start),
        # The second minute of the flow never came, and the source said why.
        batch(SampleKind.NUMERIC, ids["flow"], [1.0] * 60, start),
        gap(ids["flow"], start + MINUTE, NOW),
        batch(SampleKind.INTEGER, ids["count"], [2**53 + 1, 2**53 + 3], start),
        batch(SampleKind.TEXT, ids["state"], [CANARY], start),
        batch(SampleKind.ARRAY, ids["wave"], [[1.0, 2.0, float("nan")]], start),
        batch(SampleKind.NUMERIC, ids["value"], [20.0], NOW),
        batch(SampleKind.TEXT, ids["evidence"], [json.dumps(EVIDENCE)], NOW),
    ]


def _tokens(metadata: Metadata) -> dict[str, str]:
    roles = [role for role in Role if role not in {Role.BUREAU_OFFICER, Role.PLATFORM_OPERATOR}]
    with metadata.above(Above.OPERATOR).session() as session:
        tokens = {role.value: create_token(session, role.value, {"steel": [role]}) for role in roles}
        tokens["foreign"] = create_token(session, "foreign", {"power": roles})
        tokens["bureau"] = create_token(session, "bureau", {}, [Role.BUREAU_OFFICER])
        tokens["operator"] = create_token(session, "operator", {}, [Role.PLATFORM_OPERATOR])
        tokens["all"] = create_token(
            session, "all", {"steel": roles}, [Role.BUREAU_OFFICER, Role.PLATFORM_OPERATOR]
        )
        tokens["expired"] = create_token(
            session, "expired", {"steel": roles}, [Role.BUREAU_OFFICER], expires_at=NOW - MINUTE
        )
        tokens["revoked"] = create_token(session, "revoked", {"steel": roles}, [Role.BUREAU_OFFICER])
        revoke_token(session, "revoked")
    return tokens | {"garbage": "tnd_garbage", "empty": ""}


def _alarms(session: Session, job: Principal, signal: int) -> None:
    names = {"name_zh": CANARY, "name_en": CANARY}
    report = AlarmReport(key=CANARY, active=True, ts=NOW, **names)
    take_reports(session, access_tenant(job, "steel", Permission.INGEST), "opc", [report], NOW)
    owner = access_tenant(job_principal(session, "test", Role.OWNER), "steel", Permission.CONFIGURE)
    rule = RuleSpec.model_validate({"signal": signal, "kind": "high", "threshold": 1, **names})
    create_rule(session, owner, rule, NOW)
    hook = {"kind": "webhook", "name": CANARY, "url": "https://hook.example/x", "secret": "s" * 16}
    channel = create_channel(session, owner, VAULT, SPEC.validate_python(hook), NOW)
    step = {"after_minutes": 0, "channels": [channel.id]}
    create_policy(session, owner, PolicySpec.model_validate({"name": CANARY, "steps": [step]}), NOW)
    window = WindowSpec(path=CANARY, starts_at=NOW, ends_at=NOW + MINUTE, reason=CANARY)
    plan_maintenance(session, owner, window, NOW)
    handler = access_tenant(job_principal(session, "test", Role.OWNER), "steel", Permission.HANDLE)
    note = AnnotationSpec(path="S", starts_at=NOW, text=CANARY)
    annotate(session, handler, note, NOW)
    work = RecordSpec(path="S", kind=MaintenanceKind.REPAIR, started_at=NOW, text=CANARY)
    note_record(session, handler, work, NOW)


def _handover(session: Session) -> None:
    """The site's shifts, a report of the world's day, and what that shift hands over."""
    owner = access_tenant(job_principal(session, "test", Role.OWNER), "steel", Permission.CONFIGURE)
    names: dict[str, object] = {"name_zh": CANARY, "name_en": CANARY}
    day = names | {"code": "day", "begins": "00:00", "ends": "00:00"}
    plan = ShiftPlanSpec.model_validate({"path": "S", "zone": "UTC", "shifts": [day]})
    set_plan(session, owner, plan, 0, NOW)
    begin = NOW.replace(hour=0, minute=0, second=0)
    shift = names | {"code": "day", "production_date": begin.date()}
    shift |= {"starts_at": begin, "ends_at": begin + timedelta(days=1)}
    line = names | {"path": LINE}
    facts = HandoverFacts.model_validate(
        line | {"path": "S", "zone": "UTC", "until": NOW, "shift": shift, "lines": [line]}
    )
    keep_edition(session, owner, facts, 1, None, NOW)
    say(session, owner, NoteSpec(path="S", shift_start=begin, text=CANARY, point=True), NOW)


def _alert(session: Session, scope: TenantScope) -> None:
    """An alert of the line's model, and what the shift found."""
    report = {"model": "m", "version": CANARY, "line": LINE, "target": "cooler", "target_zh": CANARY,
              "target_en": CANARY, "priority": 2, "label_zh": CANARY, "label_en": CANARY, "confidence": 0.9,
              "sureness": "probability", "check_zh": CANARY, "check_en": CANARY,
              "completeness": 1.0}  # fmt: skip
    times = {"since": NOW - MINUTE, "opened_at": NOW, "judged_to": NOW, "window_start": NOW - MINUTE}
    shown = AlertReport.model_validate({**report, **times, "window_end": NOW})
    number = take_alert(session, scope, shown, NOW).id
    shift = access_tenant(job_principal(session, "test", Role.SHIFT_OPERATOR), "steel", Permission.HANDLE)
    give_feedback(session, shift, number, FeedbackSpec.model_validate({"verdict": "unclear"}), NOW)


def _products(session: Session, scope: TenantScope) -> None:
    """A coil made of a heat on the machine, with a code; and what its pressure is promised to be."""
    heat = {"kind": "lot", "series": "heat", "number": CANARY, "material": CANARY}
    stay = {"path": f"{LINE}/M", "starts_at": NOW - MINUTE, "ends_at": NOW}
    coil = {"kind": "piece", "series": "coil", "number": CANARY, "stays": [stay]}
    coil["made_from"] = [{"series": "heat", "number": CANARY}]
    specs = [ProductSpec.model_validate(one) for one in (heat | {"stays": [stay]}, coil)]
    declare_products(session, scope, specs, NOW)
    term = {"path": f"{LINE}/M/C/Pressure", "unit": "bar", "semantic": "pressure.hydraulic"}
    promise = ContractSpec.model_validate({"source": "opc", "signals": [term]})
    declare_contract(session, scope, "opc", promise, NOW)
    owner = access_tenant(job_principal(session, "test", Role.OWNER), "steel", Permission.MANAGE)
    set_prefix(session, owner, "88.123.45678", NOW)
    code = CodeSpec.model_validate({"suffix": CANARY, "product": {"series": "coil", "number": CANARY}})
    assign_codes(session, owner, [code])


def _model(session: Session, job: Principal) -> None:
    """A champion of the line, with a report."""
    worker = access_tenant(job, "steel", Permission.TRAIN)
    card = {
        "trained_from": NOW - MINUTE, "trained_to": NOW, "cases": 3, "features": [f"{LINE}/M/C/Pressure"],
        "code": CANARY, "protocol_zh": CANARY, "protocol_en": CANARY, "metrics": {"f1": 0.9},
        "limits_zh": CANARY, "limits_en": CANARY,
    }  # fmt: skip
    said = {"line": LINE, "model": "m", "version": "1", "digest": "a" * 64, "card": card}
    made, _ = register_version(session, worker, VersionSpec.model_validate(said), NOW)
    report = {"kind": "drift", "level": "ok", "moment": NOW, "evidence": {"text_zh": CANARY}}
    report_on(session, worker, made.id, ReportSpec.model_validate(report), NOW)
    # A person's word stands in the history, too.
    engineer = access_tenant(job_principal(session, "eng", Role.ENGINEER), "steel", Permission.CONFIGURE)
    approval = DecisionSpec.model_validate({"decision": "approve", "reason": CANARY})
    decide(session, engineer, made.id, approval, NOW)


def _jobs(session: Session) -> None:
    owner = access_tenant(job_principal(session, "test", Role.OWNER), "steel", Permission.CONFIGURE)
    work = {"kind": "train", "arguments": {"line": LINE}}
    ask_job(session, owner, JobSpec.model_validate(work), NOW)
    make_schedule(session, owner, ScheduleSpec.model_validate(work | {"cron": "0 3 1 1 *"}), NOW)


def _trial(session: Session, scope: TenantScope) -> None:
    text, name = {"zh": "应用", "en": "app"}, {"zh": f"应用 {CANARY}", "en": CANARY}
    manifest = Manifest.model_validate(
        {
            "id": "spc", "version": "1.0.0", "entry": "tundish_app_spc:run", "publisher": "t",
            "problems": ["quality"], "schedule_s": 60, "window_s": 600, "name": name, "description": text,
            "data_use": text, "outputs": [{"key": "n", "name": text}],
            "inputs": [{"key": "p", "name": text, "semantic": "pressure.*"}],
        }
    )  # fmt: skip
    owner = access_tenant(job_principal(session, "test", Role.OWNER), "steel", Permission.SUBSCRIBE)
    start_trial(session, owner, manifest, list_signals(session, scope), (NOW - MINUTE, NOW), {}, NOW)


@pytest.fixture
def database(request: pytest.FixtureRequest, new_sqlite: Callable[[], Metadata]) -> Metadata:
    """SQLite, where a test does not ask for PostgreSQL too, by an indirect parameter."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return new_sqlite()
    new_postgres: Callable[[], Metadata] = request.getfixturevalue("new_postgres")
    return new_postgres()


@pytest.fixture
def world(database: Metadata, tmp_path: Path) -> Iterator[World]:
    metadata = database
    with metadata.above(Above.OPERATOR).session() as session:
        create_tenant(session, "steel", f"钢厂 {CANARY}", f"Steel {CANARY}")
        create_tenant(session, "power", "电厂", "Power")
        job = job_principal(session, "test", Role.ANALYST)
        scopes = {slug: access_tenant(job, slug, Permission.INGEST) for slug in ("steel", "power")}
        numbers = upsert_signals(session, scopes["steel"], "opc", list(SPECS.values()))
        save_heartbeat(session, scopes["steel"], "opc", Heartbeat(state="running", message_en=CANARY))
        _alarms(session, job, numbers[SPECS["pressure"].path])
        _products(session, scopes["steel"])
        _model(session, job)
        _alert(session, scopes["steel"])
        _handover(session)
        _jobs(session)
        _trial(session, access_tenant(job, "steel", Permission.READ))
    ids = {key: numbers[declared.path] for key, declared in SPECS.items()}
    disk = Disk()
    telemetry = Telemetry(tmp_path / "store", metadata.above(Above.STORE), files=disk)
    packages = PackageFolder(tmp_path / "apps")
    sealer = Sealer(SecretStr("for tests only"))
    signer = HeadSigner(SecretStr("for tests only"))
    context = PlatformContext(
        metadata, telemetry, Catalogue(), VAULT, packages=packages, sealer=sealer, figures=signer
    )
    context.telemetry.append(scopes["steel"], batches(ids))
    yield World(context, create_app(context, SETTINGS), _tokens(metadata), scopes, ids, disk)
    disk.fault = 0
    context.telemetry.close()


@pytest.fixture
def make_batches(world: World) -> Callable[[], list[SampleBatch]]:
    """What the plant "steel" sent, to be sent again."""
    return lambda: batches(world.ids)


@pytest.fixture
def make_batch() -> Callable[..., SampleBatch]:
    """`batch` above, for the tests beside this file."""
    return batch


@pytest.fixture
def make_gap() -> Callable[..., SampleBatch]:
    """`gap` above, for the tests beside this file."""
    return gap


@pytest.fixture
def served(world: World) -> Iterator[str]:
    """Address of a real waitress server on loopback that serves the world."""
    sockets: dict[int, object] = {}
    server = create_server(world.app, map=sockets, host="127.0.0.1", port=0, threads=4)
    stopped = threading.Event()

    def serve() -> None:
        # `run` can only be ended by a signal; this is its loop.
        while not stopped.is_set():
            wasyncore.loop(timeout=0.05, map=sockets, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    stopped.set()
    thread.join(timeout=10)
    assert not thread.is_alive()
    server.task_dispatcher.shutdown()
    wasyncore.close_all(map=sockets)
