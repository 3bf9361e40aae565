"""Plants of the register that run an app, whose alerts people judge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.alerts import FeedbackSpec, give_feedback, take_alert
from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.marketplace import Outcome, Run, record_run
from tundish_platform.marketplace.models import Grant, Subscription
from tundish_platform.programme.models import Enterprise
from tundish_platform.samples import AlertReport, SignalSpec
from tundish_platform.tenancy import Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy.metadata import Metadata

APP = "probe"
MACHINE = "S/A/L1/M1"
# The last month that is over is May.
NOW = datetime(2026, 6, 15, 8, tzinfo=UTC)
MAY = datetime(2026, 5, 10, 8, tzinfo=UTC)


@dataclass
class Field:
    """All plants; `above` opens a session above them."""

    metadata: Metadata
    count: int = 0

    def plant(self, industry: str = "C2511", *, demo: bool = False, registered: bool = True) -> TenantScope:
        """A plant of the register with a signal, a subscription with its grant, and an accepted run."""
        self.count += 1
        slug = f"plant-{self.count}"
        with self.metadata.above(Above.OPERATOR).session() as session:
            tenant = create_tenant(session, slug, slug, slug).id
            if registered:
                session.add(_enterprise(self.count, tenant, industry, demo=demo))
            roles = frozenset({Role.OWNER, Role.ANALYST})
            principal = Principal(1, f"Person {self.count}", {slug: (tenant, roles)}, person=True)
            scope = access_tenant(principal, slug, Permission.READ)
            spec = SignalSpec(path=f"{MACHINE}/C/P", name_zh="压", name_en="p", semantic="pressure.hydraulic")
            upsert_signals(session, scope, "s", [spec])
            _subscribe(session, scope)
        return scope

    def ran(self, scope: TenantScope, at: datetime, version: str = "1.0.0", outcome: str = "ok") -> None:
        """A run of the app whose window ends then."""
        with self.metadata.of(scope).session() as session:
            record_run(session, scope, _run(at, version, outcome))

    def cried(self, scope: TenantScope, verdict: str, at: datetime = MAY, **more: object) -> int:
        """An alert of the app that somebody judged a day later; ``version`` and what feedback holds."""
        version = str(more.pop("version", "1.0.0"))
        with self.metadata.of(scope).session() as session:
            self.count += 1
            alert = take_alert(session, scope, _report(at + timedelta(seconds=self.count), version), at)
            spec = FeedbackSpec.model_validate({"verdict": verdict, **more})
            give_feedback(session, scope, alert.id, spec, at + timedelta(days=1))
            alert.closed_at = alert.opened_at + timedelta(seconds=1)
            return alert.id


def _subscribe(session: Session, scope: TenantScope) -> None:
    row = Subscription(
        tenant_id=scope.tenant_id, app_id=APP, app_version="1.0.0", plan="free", plan_kind="free", fen=0,
        schedule_s=60, window_s=600, parameters={}, started_at=MAY - timedelta(days=90), started_by="x",
    )  # fmt: skip
    session.add(row)
    session.flush()
    (signal,) = list_signals(session, scope)
    session.add(
        Grant(
            tenant_id=scope.tenant_id, subscription_id=row.id, signal_id=signal.id, granted_at=row.started_at
        )
    )


def _enterprise(number: int, tenant: int, industry: str, *, demo: bool) -> Enterprise:
    return Enterprise(
        uscc=f"U{number}", name_zh="厂", name_en="plant", industry=industry, region="330106", demo=demo,
        tenant=tenant, registered_at=MAY,
    )  # fmt: skip


def _run(at: datetime, version: str, outcome: str) -> Run:
    return Run(
        app=APP, version=version, started_at=at, window_start=at - timedelta(minutes=10), window_end=at,
        seconds=1, rows_in=1, values_out=1, isolation="process", filtered=True, outcome=Outcome(outcome),
    )  # fmt: skip


def _report(at: datetime, version: str) -> AlertReport:
    return AlertReport.model_validate(
        {
            "model": f"app.{APP}", "version": version, "line": "S/A/L1", "target": "number",
            "target_zh": "数", "target_en": "Number", "since": at, "opened_at": at, "judged_to": at,
            "priority": 1, "label_zh": "1", "label_en": "1", "confidence": 1, "sureness": "rule",
            "check_zh": "", "check_en": "", "window_start": at, "window_end": at, "completeness": 1,
        }
    )  # fmt: skip


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> str:
    """SQLite; tests whose statements PostgreSQL might read otherwise name both."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def field(metadata: Metadata) -> Field:
    return Field(metadata)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def may() -> datetime:
    return MAY
