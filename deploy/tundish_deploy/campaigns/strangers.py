"""Two plants behind the real API and pages, a canary in all that one has, and everyone who may ask."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZipFile

import pyarrow as pa
from cryptography.fernet import Fernet
from pydantic import SecretStr

from tundish_dashboards.app import attach_dashboards
from tundish_dashboards.settings import DashboardSettings
from tundish_platform.alarms import RuleSpec, create_rule, take_reports
from tundish_platform.alarms.notify import Vault
from tundish_platform.alerts import take_alert
from tundish_platform.api.app import ApiSettings, create_app
from tundish_platform.api.billing_routes import XLSX
from tundish_platform.api.context import PlatformContext
from tundish_platform.api.live import StreamLimits
from tundish_platform.api.rates import Rate, RateLimits
from tundish_platform.assets import Heartbeat, list_signals, save_heartbeat, upsert_signals
from tundish_platform.marketplace import Catalogue, subscribe
from tundish_platform.marketplace.billing.statements import issue_due
from tundish_platform.marketplace.publishing import ApprovedPackages, PackageFolder
from tundish_platform.marketplace.records import Sealer
from tundish_platform.migrations import upgrade
from tundish_platform.model_registry import VersionSpec, register_version
from tundish_platform.people.settings import PeopleSettings
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
from tundish_platform.store.lifecycle.policy import operator_scope
from tundish_platform.tenancy import Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import (
    TOKEN_PREFIX,
    check_token,
    create_tenant,
    create_token,
    create_user,
    job_principal,
    principal_of_user,
    revoke_token,
)
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.sessions import SESSION_PREFIX, end_session, open_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dash import Dash
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from tundish_platform.tenancy import TenantScope

CANARY: Final = "canary-7f3a"
NUMBER: Final = 424242.0
NAMES: Final = (CANARY.encode(), b"424242", b"424,242")
"""What nobody but the plant "steel" may ever see, as text and as numbers are written."""
ORIGIN: Final = {"Origin": "http://localhost"}
_ABOVE: Final = frozenset({Role.BUREAU_OFFICER, Role.PLATFORM_OPERATOR})
# Who asks everything at once must not be told to wait, and a stream says at once whatever it has to say.
_MANY: Final = Rate(1e6, 1_000_000)
_SETTINGS: Final = ApiSettings(
    rates=RateLimits(_MANY, _MANY, _MANY, _MANY), streams=StreamLimits(alive_s=0.0)
)
_LINE: Final = f"S/{CANARY}/L1"


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who asks.

    Attributes:
        name: in reports.
        principal: with what rights; ``None`` for whoever must get nothing.
        token: the service's token, if it is one.
        secret: the person's session, if it is one.
    """

    name: str
    principal: Principal | None = None
    token: str | None = None
    secret: str | None = None


@dataclass
class Strangers:
    """The running platform and who asks it."""

    app: Flask
    dash: Dash
    context: PlatformContext
    services: list[Asker] = field(default_factory=list)
    people: list[Asker] = field(default_factory=list)
    signals: dict[str, int] = field(default_factory=dict)

    def asker(self, name: str) -> Asker:
        """The one of that name."""
        return next(one for one in (*self.services, *self.people) if one.name == name)

    def client(self, asker: Asker) -> FlaskClient:
        """A browser with the asker's session, or none."""
        client = self.app.test_client()
        if asker.secret is not None:
            with client.session_transaction() as cookie:
                cookie["sid"] = asker.secret
        return client

    def session_token(self, asker: Asker) -> str:
        """A new session of a person, as the API takes it."""
        principal = asker.principal
        assert principal is not None, "nobody has no session"  # noqa: S101 - the campaign's own mistake
        with self.context.metadata.above(Above.IDENTITY).session() as session:
            secret = open_session(session, principal.id, timedelta(hours=10), datetime.now(UTC))
        return SESSION_PREFIX + secret

    def again(self, asker: Asker) -> Asker:
        """The same person at a browser of their own, with a session that nobody has ended."""
        return replace(asker, secret=self.session_token(asker).removeprefix(SESSION_PREFIX))

    def message(self, output: str, path: str, value: object = None) -> dict[str, Any]:
        """A callback's message as the browser sends it, with one value for all inputs but the address."""
        spec = self.dash.callback_map[output]

        def filled(part: dict[str, str]) -> object:
            if part["id"].startswith("{"):
                return []
            given = path if (part["id"], part["property"]) == ("location", "pathname") else value
            return {**part, "value": given}

        names = output.strip(".").split("...") if output.startswith("..") else [output]
        parts = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
        return {
            "output": output,
            "outputs": parts if output.startswith("..") else parts[0],
            "inputs": [filled(part) for part in spec["inputs"]],
            "state": [filled(part) for part in spec["state"]],
            "changedPropIds": [f"{part['id']}.{part['property']}" for part in spec["inputs"]],
        }


def told(answer: TestResponse) -> bytes:
    """What an answer says: a workbook unpacked, and of a live stream, which never ends, what comes first."""
    if answer.mimetype == "text/event-stream":
        return next(iter(answer.iter_encoded()), b"")
    if answer.mimetype == XLSX and answer.data:
        with ZipFile(BytesIO(answer.data)) as packed:
            return b"".join(packed.read(name) for name in packed.namelist())
    said: bytes = answer.data
    return said


@contextmanager
def strangers() -> Iterator[Strangers]:
    """The platform in a folder of its own, filled; gone afterwards."""
    with TemporaryDirectory() as folder:
        metadata = Metadata(f"sqlite:///{Path(folder) / 'metadata.sqlite'}")
        upgrade(metadata)
        telemetry = Telemetry(Path(folder) / "store", metadata.above(Above.STORE))
        packages = PackageFolder(Path(folder) / "apps")
        approved = ApprovedPackages(metadata, packages)
        context = PlatformContext(
            metadata, telemetry, Catalogue.find(packages=approved, named=approved.named),
            Vault(SecretStr("k" * 40)), packages=packages, sealer=Sealer(SecretStr("k" * 40)),
            figures=HeadSigner(SecretStr("k" * 40)),
            people=PeopleSettings(key=SecretStr(Fernet.generate_key().decode())),
        )  # fmt: skip
        try:
            app = create_app(context, _SETTINGS)
            made = Strangers(
                app,
                attach_dashboards(app, context, DashboardSettings(secret_key=SecretStr("k" * 40))),
                context,
            )
            with metadata.above(Above.OPERATOR).session() as session:
                _fill(session, made)
                made.services, made.people = _services(session), _people(session)
            _send(made, next(a for a in made.services if a.name == Role.ANALYST.value))
            yield made
        finally:
            telemetry.close()
            metadata.close()


def _specs() -> list[SignalSpec]:
    names = {"name_zh": CANARY, "name_en": CANARY, "semantic": "pressure.hydraulic"}
    text = {"kind": SampleKind.TEXT, "role": SignalRole.STATE, "step": True}
    return [
        SignalSpec.model_validate({"path": f"{_LINE}/M/C/Pressure", "unit": "bar", "period_s": 1.0, **names}),
        SignalSpec.model_validate({"path": f"{_LINE}/M/C/State", **names, **text}),
    ]


def _fill(session: Session, made: Strangers) -> None:
    create_tenant(session, "steel", f"钢厂 {CANARY}", f"Steel {CANARY}")
    create_tenant(session, "power", "电厂", "Power")
    now, names = datetime.now(UTC), {"name_zh": CANARY, "name_en": CANARY}
    scopes = {
        role: access_tenant(job_principal(session, "test", role), "steel", permission)
        for role, permission in ((Role.ANALYST, Permission.INGEST), (Role.OWNER, Permission.SUBSCRIBE))
    }
    ids = upsert_signals(session, scopes[Role.ANALYST], CANARY, _specs())
    made.signals = {path.rsplit("/", 1)[1]: number for path, number in ids.items()}
    save_heartbeat(session, scopes[Role.ANALYST], "opc", Heartbeat(state="running", message_en=CANARY))
    report = AlarmReport.model_validate({"key": CANARY, "active": True, "ts": now, **names})
    take_reports(session, scopes[Role.ANALYST], "opc", [report], now)
    take_alert(session, scopes[Role.ANALYST], _alert(now), now)
    rule = {"signal": made.signals["Pressure"], "kind": "high", "threshold": 1, **names}
    create_rule(session, scopes[Role.OWNER], RuleSpec.model_validate(rule), now)
    card = {
        "trained_from": now, "trained_to": now, "cases": 1, "features": [f"{_LINE}/M/C/Pressure"],
        "code": CANARY, "protocol_zh": CANARY, "protocol_en": CANARY, "metrics": {}, "limits_zh": CANARY,
        "limits_en": CANARY,
    }  # fmt: skip
    version = {"line": _LINE, "model": "m", "version": "1", "digest": "a" * 64, "card": card}
    register_version(session, scopes[Role.ANALYST], VersionSpec.model_validate(version), now)
    _bill(session, made, scopes[Role.OWNER], now)


def _bill(session: Session, made: Strangers, owner: TenantScope, now: datetime) -> None:
    """A statement of last month, which has the plant's name in it."""
    runs_it = Principal(0, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))
    operator = operator_scope(session, runs_it, owner.slug)
    last_month = now.replace(day=1) - timedelta(days=3)
    subscribe(
        session, owner, made.context.catalogue, "spc-monitor", list_signals(session, owner), now=last_month
    )
    issue_due(session, operator, made.context.catalogue, last_month.date(), now)


def _alert(now: datetime) -> AlertReport:
    said = dict.fromkeys(("target_zh", "target_en", "label_zh", "label_en", "check_zh", "check_en"), CANARY)
    times = dict.fromkeys(("since", "opened_at", "judged_to", "window_start", "window_end"), now)
    named = {"model": "m", "version": CANARY, "line": _LINE, "target": "t", "priority": 2}
    sure = {"confidence": 0.9, "sureness": "probability", "completeness": 1.0}
    return AlertReport.model_validate({**said, **times, **named, **sure})


def _services(session: Session) -> list[Asker]:
    roles = [role for role in Role if role not in _ABOVE]
    given: dict[str, tuple[dict[str, list[Role]], list[Role]]] = {
        **{role.value: ({"steel": [role]}, []) for role in roles},
        "foreign": ({"power": roles}, []),
        "bureau": ({}, [Role.BUREAU_OFFICER]),
        "operator": ({}, [Role.PLATFORM_OPERATOR]),
    }
    found = [
        Asker("anonymous"),
        Asker("garbage", token=f"{TOKEN_PREFIX}x"),
        Asker("empty", token=TOKEN_PREFIX[:0]),
    ]
    for name, (grants, above) in given.items():
        token = create_token(session, name, grants, above)
        found.append(Asker(name, check_token(session, token), token))
    past = datetime.now(UTC) - timedelta(minutes=1)
    everything: dict[str, list[Role]] = {"steel": roles}
    found.append(
        Asker("expired", token=create_token(session, "expired", everything, _ABOVE, expires_at=past))
    )
    found.append(Asker("revoked", token=create_token(session, "revoked", everything, _ABOVE)))
    revoke_token(session, "revoked")
    return found


def _people(session: Session) -> list[Asker]:
    given: dict[str, tuple[dict[str, list[Role]], list[Role]]] = {
        "manager": ({"steel": [Role.PLANT_MANAGER]}, []),
        "owner": ({"steel": [Role.OWNER]}, []),
        "watcher": ({"steel": [Role.VIEWER]}, []),
        "stranger": ({"power": [Role.OWNER]}, []),
        "officer": ({}, [Role.BUREAU_OFFICER]),
        "keeper": ({}, [Role.PLATFORM_OPERATOR]),
    }
    now, length = datetime.now(UTC), timedelta(hours=10)
    found = [Asker("nobody"), Asker("forged", secret="A" * 43)]
    for name, (tenants, above) in given.items():
        user = create_user(session, name, name, f"{name} of the test", tenants, above)
        secret = open_session(session, user, length, now)
        found.append(Asker(name, principal_of_user(session, user), secret=secret))
        if name == "manager":
            ended = open_session(session, user, length, now)
            end_session(session, ended, now)
            late = open_session(session, user, length, now - 2 * length)
            found += [Asker("ended", secret=ended), Asker("late", secret=late)]
    return found


def _send(made: Strangers, analyst: Asker) -> None:
    scope: TenantScope = access_tenant(analyst.principal or Principal(0, ""), "steel", Permission.INGEST)
    now = datetime.now(UTC).replace(microsecond=0)
    times = [now - timedelta(seconds=60 - n) for n in range(60)]
    pressure, state = made.signals["Pressure"], made.signals["State"]
    made.context.telemetry.append(
        scope,
        [
            _batch(SampleKind.NUMERIC, [[pressure] * 60, times, [NUMBER] * 60, [0] * 60], now),
            _batch(SampleKind.TEXT, [[state], times[:1], [json.dumps(CANARY)], [0]], now),
        ],
    )


def _batch(kind: SampleKind, columns: list[list[Any]], now: datetime) -> SampleBatch:
    schema = SCHEMAS[kind]
    arrays = [pa.array(column, one.type) for column, one in zip(columns, schema, strict=True)]
    return SampleBatch(kind, pa.table(arrays, schema=schema), now)
