"""Planned maintenance: a machine's alarms are suppressed by design for a while, then come back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import String, func, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.alarms.models import Alarm
from tundish_platform.alarms.reports import lay_down, note, standing_of
from tundish_platform.alarms.states import Transition
from tundish_platform.assets import lying_in, upwards
from tundish_platform.audit import record_of
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

LONGEST: Final = timedelta(days=31)
MAX_OPEN: Final = 1_000
_PATH_LENGTH: Final = 400


class MaintenanceWindow(TenantOwned, Base):
    """A stretch in which what lies below a path is worked on.

    Attributes:
        path: of the machine, line or site; alarms at it and below are suppressed.
        ended_by: who ended it before its time; empty otherwise.
    """

    __tablename__ = "maintenance_window"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(_PATH_LENGTH))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    reason: Mapped[str] = mapped_column(String(400))
    made_by: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_by: Mapped[str] = mapped_column(String(200))


class UnknownWindow(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such maintenance window."""


class TooManyWindows(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """There are `MAX_OPEN` windows that are not over yet."""


class WindowSpec(BaseModel):
    """A window as an engineer plans it; it always has an end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=_PATH_LENGTH, pattern=r"^[^\x00]*$")]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    reason: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.starts_at < self.ends_at <= self.starts_at + LONGEST:
            raise ValueError(f"the end must come after the start, by {LONGEST.days} days at most")
        return self


class Window(WindowSpec):
    """A window as it is kept."""

    id: int
    made_by: str
    made_at: datetime
    ended_by: str


def plan_maintenance(session: Session, scope: TenantScope, spec: WindowSpec, now: datetime) -> Window:
    """Plan a window; what it covers is suppressed from its start on, within a second.

    Raises:
        AccessDenied: the scope may not configure.
        TooManyWindows: too many that are not over.
    """
    _may_configure(scope)
    mine = (MaintenanceWindow.tenant_id == scope.tenant_id, MaintenanceWindow.ends_at > now)
    if (session.scalar(select(func.count()).where(*mine)) or 0) >= MAX_OPEN:
        raise TooManyWindows(MAX_OPEN)
    row = MaintenanceWindow(
        tenant_id=scope.tenant_id, made_by=scope.principal, made_at=now, ended_by="", **spec.model_dump()
    )
    session.add(row)
    session.flush()
    record_of(
        session, scope, "maintenance.planned", f"maintenance/{row.id}", now, spec.model_dump(mode="json")
    )
    return _window(row)


def end_maintenance(session: Session, scope: TenantScope, window_id: int, now: datetime) -> Window:
    """End a window now; one that is over already stays as it is.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownWindow: the tenant has no such window.
    """
    _may_configure(scope)
    row = session.scalar(
        select(MaintenanceWindow).where(
            MaintenanceWindow.tenant_id == scope.tenant_id, MaintenanceWindow.id == window_id
        )
    )
    if row is None:
        raise UnknownWindow(window_id)
    if row.ends_at > now:
        row.ends_at, row.ended_by = now, scope.principal
        row.starts_at = min(row.starts_at, now - timedelta(microseconds=1))
        session.flush()
        record_of(session, scope, "maintenance.ended", f"maintenance/{window_id}", now)
    return _window(row)


def list_maintenance(
    session: Session, scope: TenantScope, *, before: int | None = None, limit: int = 1_000
) -> list[Window]:
    """Windows, the newest first, a page at a time.

    Raises:
        AccessDenied: the scope may not read.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    query = select(MaintenanceWindow).where(MaintenanceWindow.tenant_id == scope.tenant_id)
    if before is not None:
        query = query.where(MaintenanceWindow.id < before)
    rows = session.scalars(query.order_by(MaintenanceWindow.id.desc()).limit(limit))
    return [_window(row) for row in rows]


def maintenance_of(session: Session, scope: TenantScope, path: str, *, limit: int = 50) -> list[Window]:
    """Windows that cover a place, were they planned there, above it or for a part of it; the newest first.

    Raises:
        AccessDenied: the scope may not read at the place.
    """
    scope.require_at(Permission.READ, path)
    covers = or_(
        MaintenanceWindow.path.in_(upwards(path)), lying_in(MaintenanceWindow.path, frozenset({path}))
    )
    query = select(MaintenanceWindow).where(MaintenanceWindow.tenant_id == scope.tenant_id, covers)
    rows = session.scalars(query.order_by(MaintenanceWindow.id.desc()).limit(limit))
    return [_window(row) for row in rows]


def apply_maintenance(session: Session, scope: TenantScope, now: datetime) -> int:
    """Suppress what open windows cover and release what closed ones covered; returns how many alarms.

    Alarms that an engineer suppressed by hand are left as they are. Sources' reports go on meanwhile.

    Raises:
        AccessDenied: the scope may not configure.
    """
    _may_configure(scope)
    windows = session.scalars(
        select(MaintenanceWindow)
        .where(
            MaintenanceWindow.tenant_id == scope.tenant_id,
            MaintenanceWindow.starts_at <= now, MaintenanceWindow.ends_at > now,
        )
        .order_by(MaintenanceWindow.id)
    ).all()  # fmt: skip
    changed = 0
    for window in windows:
        free = (Alarm.suppressed == "", Alarm.out_of_service == "", _below(window.path))
        for alarm in _held(session, scope, *free):
            lay_down(alarm, standing_of(alarm).suppress(window.reason, now))
            alarm.maintenance_id = window.id
            _noted(session, scope, alarm, Transition.SUPPRESSED, now, window.reason)
            changed += 1
    over = (Alarm.maintenance_id.is_not(None), Alarm.maintenance_id.not_in([w.id for w in windows]))
    for alarm in _held(session, scope, *over):
        alarm.maintenance_id = None
        if alarm.out_of_service:
            alarm.suppressed = ""
        elif alarm.suppressed:  # nobody has released it in the meantime
            lay_down(alarm, standing_of(alarm).release(now))
            _noted(session, scope, alarm, Transition.RELEASED, now, "")
        changed += 1
    session.flush()
    return changed


def _held(session: Session, scope: TenantScope, *which: ColumnElement[bool]) -> list[Alarm]:
    """Rows that are ours until the transaction ends."""
    mine = (Alarm.tenant_id == scope.tenant_id, *which)
    if session.scalar(select(Alarm.id).where(*mine).limit(1)) is None:
        return []
    ids = session.scalars(update(Alarm).where(*mine).values(id=Alarm.id).returning(Alarm.id)).all()
    found = select(Alarm).where(Alarm.tenant_id == scope.tenant_id, Alarm.id.in_(ids)).order_by(Alarm.id)
    return list(session.scalars(found.execution_options(populate_existing=True)))


def _noted(
    session: Session, scope: TenantScope, alarm: Alarm, what: Transition, now: datetime, why: str
) -> None:
    note(session, alarm, what, at=now, ts=now, by=scope.principal, comment=why)


def _below(path: str) -> ColumnElement[bool]:
    return or_(Alarm.path == path, Alarm.path.startswith(f"{path.rstrip('/')}/", autoescape=True))


def _may_configure(scope: TenantScope) -> None:
    scope.require(Permission.CONFIGURE)
    scope.require_all_signals()


def _window(row: MaintenanceWindow) -> Window:
    return Window(**{name: getattr(row, name) for name in Window.model_fields})
