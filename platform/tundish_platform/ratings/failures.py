"""Failures that no alert announced: what a recall is reckoned from, where people report them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select

from tundish_platform.assets import lying_in
from tundish_platform.assets.models import Signal
from tundish_platform.audit import record_of
from tundish_platform.ratings.models import MissedFailure
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


class FailureRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The report contradicts the clock or names no machine.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


class UnknownFailure(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """There is no such report where the scope may do this."""


class FailureSpec(BaseModel):
    """A failure that no alert announced.

    Attributes:
        path: of the machine.
        failed_at: when it failed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=240, pattern=r"^[^\x00]*$")]
    failed_at: AwareDatetime
    note: Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00]*$")] = ""


@dataclass(frozen=True, slots=True)
class FailureView:
    """A report as it is kept; see `MissedFailure`."""

    id: int
    path: str
    failed_at: datetime
    note: str
    said_at: datetime
    said_by: str


def report_failure(session: Session, scope: TenantScope, spec: FailureSpec, now: datetime) -> FailureView:
    """Keep a report.

    Raises:
        AccessDenied: the scope may not handle alarms at the machine.
        FailureRefused: it failed in the future, or the path is of no machine with signals.
    """
    scope.require_at(Permission.HANDLE, spec.path)
    if spec.failed_at > now:
        raise FailureRefused(
            "故障时间晚于现在。请填写实际发生故障的时间。",
            "The machine cannot have failed in the future. Enter when it failed.",
        )
    there = select(Signal.id).where(
        Signal.tenant_id == scope.tenant_id, lying_in(Signal.path, frozenset({spec.path}))
    )
    if session.scalar(there.limit(1)) is None:
        raise FailureRefused(
            "该路径下没有信号。请选择一台有信号的设备。",
            "There are no signals at this path. Choose a machine that has some.",
        )
    row = MissedFailure(tenant_id=scope.tenant_id, said_at=now, said_by=scope.principal, **spec.model_dump())
    session.add(row)
    session.flush()
    record_of(session, scope, "failure.missed", spec.path, now, {"failed_at": spec.failed_at.isoformat()})
    return _view(row)


def failures(session: Session, scope: TenantScope, before: int, limit: int) -> list[FailureView]:
    """Reports where the scope may read, newest first, a page at a time."""
    query = select(MissedFailure).where(
        MissedFailure.tenant_id == scope.tenant_id, lying_in(MissedFailure.path, scope.places())
    )
    if before:
        query = query.where(MissedFailure.id < before)
    return [_view(row) for row in session.scalars(query.order_by(MissedFailure.id.desc()).limit(limit))]


def take_failure_back(session: Session, scope: TenantScope, number: int, now: datetime) -> None:
    """Remove a report that was wrong; what a published month counted stays.

    Raises:
        AccessDenied: the scope may not handle alarms.
        UnknownFailure: there is no such report where the scope may handle them.
    """
    there = lying_in(MissedFailure.path, scope.places(Permission.HANDLE))
    row = session.scalar(
        select(MissedFailure).where(
            MissedFailure.tenant_id == scope.tenant_id, MissedFailure.id == number, there
        )
    )
    if row is None:
        raise UnknownFailure(number)
    session.delete(row)
    session.flush()
    record_of(session, scope, "failure.withdrawn", row.path, now)


def _view(row: MissedFailure) -> FailureView:
    return FailureView(row.id, row.path, row.failed_at, row.note, row.said_at, row.said_by)
