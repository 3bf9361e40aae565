"""Putting notes on charts, finding them again, and taking them away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select

from tundish_platform.annotations.models import Annotation
from tundish_platform.assets import lying_in, upwards
from tundish_platform.assets.models import Signal
from tundish_platform.audit import record_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

LONGEST: Final = timedelta(days=366)
MAX_PAGE: Final = 1_000
MAX_TEXT: Final = 500


class AnnotationRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """There is nothing at the place that could be annotated.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    message_zh = "该路径下没有信号。请选择信号、设备或产线的路径。"
    message_en = "There are no signals at this path. Give the path of a signal, a machine or a line."

    def __init__(self, path: str) -> None:
        super().__init__(f"no signals at {path}")


class UnknownAnnotation(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """There is no such annotation where the scope may do this."""


class AnnotationSpec(BaseModel):
    """A note as a person makes it.

    Attributes:
        path: of a signal, or of a machine, line or site above it.
        starts_at: source time.
        ends_at: source time; absent for a moment.
        text: plain text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None = None
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ends_at is not None and not self.starts_at <= self.ends_at <= self.starts_at + LONGEST:
            raise ValueError(f"the end must not come before the start, nor {LONGEST.days} days after it")
        return self


@dataclass(frozen=True, slots=True)
class AnnotationView:
    """A note as it is kept; see `Annotation`."""

    id: int
    path: str
    starts_at: datetime
    ends_at: datetime
    text: str
    said_at: datetime
    said_by: str


def annotate(session: Session, scope: TenantScope, spec: AnnotationSpec, now: datetime) -> AnnotationView:
    """Keep a note.

    Raises:
        AccessDenied: the scope may not handle what happens at the place.
        AnnotationRefused: there are no signals at the place.
    """
    scope.require_at(Permission.HANDLE, spec.path)
    there = select(Signal.id).where(
        Signal.tenant_id == scope.tenant_id, lying_in(Signal.path, frozenset({spec.path}))
    )
    if session.scalar(there.limit(1)) is None:
        raise AnnotationRefused(spec.path)
    row = Annotation(
        tenant_id=scope.tenant_id,
        path=spec.path,
        starts_at=spec.starts_at,
        ends_at=spec.ends_at or spec.starts_at,
        text=spec.text.strip(),
        said_at=now,
        said_by=scope.principal,
    )
    session.add(row)
    session.flush()
    record_of(session, scope, "annotation.made", spec.path, now, {"number": row.id, "text": row.text})
    return _view(row)


def list_annotations(
    session: Session,
    scope: TenantScope,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    before: int = 0,
    limit: int = 100,
) -> list[AnnotationView]:
    """Notes where the scope may read that touch ``[start, end)``, the newest first, a page at a time.

    Raises:
        AccessDenied: the scope may not read.
    """
    query = _touching(_of(scope), start, end)
    if before:
        query = query.where(Annotation.id < before)
    found = session.scalars(query.order_by(Annotation.id.desc()).limit(min(limit, MAX_PAGE)))
    return [_view(row) for row in found]


def annotations_on(
    session: Session, scope: TenantScope, paths: Iterable[str], start: datetime, end: datetime, limit: int
) -> list[AnnotationView]:
    """Notes that touch ``[start, end)`` on some signals or on what lies above them, the newest first.

    Raises:
        AccessDenied: the scope may not read.
    """
    wanted = {place for path in paths for place in upwards(path)}
    query = _touching(_of(scope), start, end).where(Annotation.path.in_(sorted(wanted)))
    return [_view(row) for row in session.scalars(query.order_by(Annotation.id.desc()).limit(limit))]


def remove_annotation(session: Session, scope: TenantScope, number: int, now: datetime) -> None:
    """Take a note away; the audit trail keeps what it said.

    Raises:
        AccessDenied: the scope may not handle anything.
        UnknownAnnotation: there is no such note where the scope may handle things.
    """
    there = lying_in(Annotation.path, scope.places(Permission.HANDLE))
    row = session.scalar(
        select(Annotation).where(Annotation.tenant_id == scope.tenant_id, Annotation.id == number, there)
    )
    if row is None:
        raise UnknownAnnotation(number)
    record_of(session, scope, "annotation.removed", row.path, now, {"number": number, "text": row.text})
    session.delete(row)
    session.flush()


def _of(scope: TenantScope) -> Select[Annotation]:
    return select(Annotation).where(
        Annotation.tenant_id == scope.tenant_id, lying_in(Annotation.path, scope.places())
    )


def _touching(query: Select[Annotation], start: datetime | None, end: datetime | None) -> Select[Annotation]:
    if start is not None:
        query = query.where(Annotation.ends_at >= start)
    return query if end is None else query.where(Annotation.starts_at < end)


def _view(row: Annotation) -> AnnotationView:
    return AnnotationView(row.id, row.path, row.starts_at, row.ends_at, row.text, row.said_at, row.said_by)
