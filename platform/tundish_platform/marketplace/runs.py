"""Records of runs: what each used, how it was kept apart, how it ended, and its screen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select

from tundish_platform.marketplace.claims import give_back
from tundish_platform.marketplace.models import AppRun, Grant
from tundish_platform.marketplace.outcomes import Outcome
from tundish_platform.marketplace.subscriptions import (
    SubscriptionPaused,
    reading_there,
    subscription_of,
)
from tundish_platform.sdk import Screen
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


class Run(BaseModel):
    """One run as the worker reports it and the screens show it.

    Attributes:
        started_at: wall time; ``window_start``, ``window_end``: source time.
        seconds: wall time the app's process took.
        rows_in: samples handed to the app, the metered unit.
        values_out: values accepted from it.
        isolation: what kept it apart; ``filtered`` says whether a system call filter was active too.
        screen: its declared-data screen, absent unless the run was accepted.
        cpu_s, memory_mb: what it used, where that is known; memory with interpreter and libraries.
        error_type: kind of the exception that ended it, ``other`` where it is none of Python's own.
        error_place: where in the app's own files, as ``file:line``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: Annotated[str, Field(max_length=60)]
    version: Annotated[str, Field(max_length=40)]
    started_at: AwareDatetime
    window_start: AwareDatetime
    window_end: AwareDatetime
    seconds: Annotated[float, Field(ge=0)]
    rows_in: Annotated[int, Field(ge=0)]
    values_out: Annotated[int, Field(ge=0)]
    isolation: Literal["bubblewrap", "process"]
    filtered: bool
    outcome: Outcome
    message_zh: Annotated[str, Field(max_length=2_000)] = ""
    message_en: Annotated[str, Field(max_length=2_000)] = ""
    screen: Screen | None = None
    cpu_s: Annotated[float, Field(ge=0)] | None = None
    memory_mb: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    error_type: Annotated[str, Field(max_length=60, pattern=r"^\w*$")] = ""
    error_place: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class ReportedRun(Run):
    """A run as the process that claimed it hands it in.

    Attributes:
        holder: under which name it was claimed; empty where nobody claims.
    """

    holder: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")] = ""


class RecordedRun(Run):
    """A run with the number under which it was recorded."""

    id: int


def record_run(session: Session, scope: TenantScope, run: Run, now: datetime | None = None) -> int:
    """Keep a run of an active subscription; returns its number.

    Raises:
        AccessDenied: the scope may not run analyses.
        NotSubscribed: the tenant has stopped the app, so nothing may be booked for it.
        SubscriptionPaused: the tenant has paused it, likewise.
        RunNotHeld: another process claimed it meanwhile.
    """
    scope.require(Permission.ANALYSE)
    subscription = subscription_of(session, scope, run.app)
    if not subscription.running:
        raise SubscriptionPaused(run.app)
    holder = run.holder if isinstance(run, ReportedRun) else ""
    give_back(session, scope, subscription.id, holder, run.started_at, now or datetime.now(UTC))
    fields = run.model_dump(mode="python", exclude={"app", "version", "screen", "holder"})
    row = AppRun(
        tenant_id=scope.tenant_id,
        subscription_id=subscription.id,
        app_id=run.app,
        app_version=run.version,
        screen=run.screen.model_dump(mode="json") if run.screen else None,
        **fields,
    )
    session.add(row)
    session.flush()
    return row.id


def runs(session: Session, scope: TenantScope, app_id: str | None = None, limit: int = 50) -> list[Run]:
    """The tenant's newest runs, newest first, of one app or of all."""
    scope.require(Permission.READ)
    seen = reading_there(scope, AppRun.subscription_id)
    query = select(AppRun).where(AppRun.tenant_id == scope.tenant_id, *seen)
    if app_id is not None:
        query = query.where(AppRun.app_id == app_id)
    query = query.order_by(AppRun.started_at.desc(), AppRun.id.desc()).limit(limit)
    return [_run(row) for row in session.scalars(query)]


def recorded_runs(
    session: Session, scope: TenantScope, app_id: str | None, before: int, limit: int
) -> list[RecordedRun]:
    """Runs as they were recorded, newest first, a page at a time.

    Args:
        session: of the metadata database.
        scope: with the permission to read.
        app_id: of one app; of all for ``None``.
        before: number of the last run of the page before; 0 for the first page.
        limit: at most so many.
    """
    scope.require(Permission.READ)
    seen = reading_there(scope, AppRun.subscription_id)
    query = select(AppRun).where(AppRun.tenant_id == scope.tenant_id, *seen)
    if app_id is not None:
        query = query.where(AppRun.app_id == app_id)
    if before:
        query = query.where(AppRun.id < before)
    rows = session.scalars(query.order_by(AppRun.id.desc()).limit(limit))
    return [RecordedRun(id=row.id, **_run(row).model_dump()) for row in rows]


def uses_between(
    session: Session, scope: TenantScope, start: datetime, end: datetime
) -> list[tuple[datetime, frozenset[int], str]]:
    """Runs in ``[start, end)`` that read samples and were accepted: when, on which granted signals, whose."""
    scope.require(Permission.READ)
    granted: dict[int, set[int]] = {}
    grants = select(Grant.subscription_id, Grant.signal_id).where(Grant.tenant_id == scope.tenant_id)
    for subscription_id, signal_id in session.execute(grants):
        granted.setdefault(subscription_id, set()).add(signal_id)
    query = select(AppRun.started_at, AppRun.subscription_id, AppRun.app_id).where(
        AppRun.tenant_id == scope.tenant_id,
        AppRun.started_at >= start,
        AppRun.started_at < end,
        AppRun.outcome == Outcome.OK.value,
        AppRun.rows_in > 0,
    )
    return [(at, frozenset(granted.get(of, ())), app) for at, of, app in session.execute(query)]


def _run(row: AppRun) -> Run:
    names = set(Run.model_fields) - {"app", "version"}
    return Run(app=row.app_id, version=row.app_version, **{name: getattr(row, name) for name in names})
