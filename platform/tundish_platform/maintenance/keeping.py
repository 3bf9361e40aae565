"""Noting what was done on a machine, finding it again, and taking a wrong record away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import or_, select

from tundish_platform.assets import lying_in, upwards
from tundish_platform.assets.models import Asset
from tundish_platform.audit import record_of
from tundish_platform.maintenance.models import MaintenanceRecord
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

LONGEST: Final = timedelta(days=366)
MAX_PAGE: Final = 1_000
# Clocks of people and of the platform differ a little.
_AHEAD: Final = timedelta(minutes=5)
# Levels of a machine's path: site, area, line, machine.
_MACHINE: Final = 4


class MaintenanceKind(StrEnum):
    """What kind of work it was."""

    INSPECTION = "inspection"
    REPAIR = "repair"
    REPLACEMENT = "replacement"
    ADJUSTMENT = "adjustment"
    LUBRICATION = "lubrication"
    CLEANING = "cleaning"
    CALIBRATION = "calibration"
    OTHER = "other"


class RecordRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The record cannot be true, or is about nothing of the tree.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, message_zh: str, message_en: str) -> None:
        super().__init__(message_en)
        self.message_zh = message_zh
        self.message_en = message_en


class UnknownRecord(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """There is no such record where the scope may do this."""


class RecordSpec(BaseModel):
    """A record as a person makes it.

    Attributes:
        path: of a node of the equipment tree: a line, a machine or a part of one.
        kind: of the work.
        started_at: when the work began.
        ended_at: when it was over; absent for a moment.
        text: what was done, plain text.
        done_by: who did it; whoever notes it where absent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]
    kind: MaintenanceKind
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    text: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
    done_by: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ended_at is not None and not self.started_at <= self.ended_at <= self.started_at + LONGEST:
            raise ValueError(f"the end must not come before the start, nor {LONGEST.days} days after it")
        return self


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record as it is kept; see `MaintenanceRecord`."""

    id: int
    path: str
    kind: MaintenanceKind
    started_at: datetime
    ended_at: datetime
    text: str
    done_by: str
    said_at: datetime
    said_by: str


def note_record(session: Session, scope: TenantScope, spec: RecordSpec, now: datetime) -> RecordView:
    """Keep what was done.

    Raises:
        AccessDenied: the scope may not handle what happens at the place.
        RecordRefused: no such node in the tree, or the work lies ahead.
    """
    scope.require_at(Permission.HANDLE, spec.path)
    ended = spec.ended_at or spec.started_at
    if ended > now + _AHEAD:
        raise RecordRefused(
            "检修记录只记已完成的工作; 将来的检修请在报警设置中计划。",
            "A record is of work that is done. Plan work that lies ahead on the page of alarm settings.",
        )
    there = select(Asset.id).where(Asset.tenant_id == scope.tenant_id, Asset.path == spec.path)
    if session.scalar(there) is None:
        raise RecordRefused(
            "设备树中没有该路径。请选择产线、设备或部件。",
            "The equipment tree has no such path. Choose a line, a machine or a part.",
        )
    row = MaintenanceRecord(
        tenant_id=scope.tenant_id,
        path=spec.path,
        kind=spec.kind.value,
        started_at=spec.started_at,
        ended_at=ended,
        text=spec.text.strip(),
        done_by=spec.done_by.strip() or scope.principal,
        said_at=now,
        said_by=scope.principal,
    )
    session.add(row)
    session.flush()
    record_of(session, scope, "maintenance.recorded", spec.path, now, _trail(row))
    return _view(row)


def list_records(
    session: Session, scope: TenantScope, *, below: str = "", before: int = 0, limit: int = 100
) -> list[RecordView]:
    """Records where the scope may read, the one noted last first, a page at a time.

    Args:
        session: of the metadata database.
        scope: with the permission to read, be it at some places.
        below: at this node and below it only; everywhere where empty.
        before: id of the last record of the page before; 0 for the first page.
        limit: at most so many, at most `MAX_PAGE`.

    Raises:
        AccessDenied: the scope may not read.
    """
    query = _of(scope)
    if below:
        query = query.where(lying_in(MaintenanceRecord.path, frozenset({below})))
    if before:
        query = query.where(MaintenanceRecord.id < before)
    found = session.scalars(query.order_by(MaintenanceRecord.id.desc()).limit(min(limit, MAX_PAGE)))
    return [_view(row) for row in found]


def records_on(
    session: Session, scope: TenantScope, paths: Iterable[str], start: datetime, end: datetime, limit: int
) -> list[RecordView]:
    """Records that touch ``[start, end)`` of what some paths are part of, and of their parts; newest first.

    Work on a pump shows on the chart of its machine's other parts too, for it may have moved them.

    Args:
        session: of the metadata database.
        scope: with the permission to read, be it at some places.
        paths: of signals or nodes.
        start: of the window.
        end: of the window.
        limit: at most so many.

    Raises:
        AccessDenied: the scope may not read.
    """
    paths = tuple(paths)
    known = [path.split("/") for path in paths]
    above = {place for path in paths for place in upwards(path)}
    machines = {"/".join(parts[:_MACHINE]) for parts in known if len(parts) >= _MACHINE}
    record = MaintenanceRecord
    query = _of(scope).where(
        or_(record.path.in_(sorted(above)), lying_in(record.path, frozenset(machines))),
        record.ended_at >= start,
        record.started_at < end,
    )
    found = session.scalars(query.order_by(record.started_at.desc(), record.id.desc()).limit(limit))
    return [_view(row) for row in found]


def remove_record(session: Session, scope: TenantScope, number: int, now: datetime) -> None:
    """Take a wrong record away; the audit trail keeps what it said.

    Raises:
        AccessDenied: the scope may not handle anything.
        UnknownRecord: there is no such record where the scope may handle things.
    """
    there = lying_in(MaintenanceRecord.path, scope.places(Permission.HANDLE))
    row = session.scalar(
        select(MaintenanceRecord).where(
            MaintenanceRecord.tenant_id == scope.tenant_id, MaintenanceRecord.id == number, there
        )
    )
    if row is None:
        raise UnknownRecord(number)
    record_of(session, scope, "maintenance.record_removed", row.path, now, _trail(row))
    session.delete(row)
    session.flush()


def _of(scope: TenantScope) -> Select[MaintenanceRecord]:
    return select(MaintenanceRecord).where(
        MaintenanceRecord.tenant_id == scope.tenant_id, lying_in(MaintenanceRecord.path, scope.places())
    )


def _trail(row: MaintenanceRecord) -> dict[str, str | int]:
    times = {"started_at": row.started_at.isoformat(), "ended_at": row.ended_at.isoformat()}
    return {"number": row.id, "kind": row.kind, "text": row.text, "done_by": row.done_by, **times}


def _view(row: MaintenanceRecord) -> RecordView:
    return RecordView(
        row.id, row.path, MaintenanceKind(row.kind), row.started_at, row.ended_at, row.text, row.done_by,
        row.said_at, row.said_by,
    )  # fmt: skip
