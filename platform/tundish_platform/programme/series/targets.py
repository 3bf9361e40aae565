"""Targets that officers enter, and how far they are met."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, tuple_

from tundish_platform.audit import record
from tundish_platform.programme.series.models import TargetRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

_CLEAN = r"^[^\x00]*$"


class Kind(StrEnum):
    """What a target counts.

    ``current`` enterprises in the stage at the end of the year, ``ever`` those that have been by then,
    ``new`` those that are for the first time in the year.
    """

    CURRENT = "current"
    EVER = "ever"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose enterprises are counted; ``""`` is all of them."""

    region: str = ""
    industry: str = ""
    park: str = ""


class TargetSpec(BaseModel):
    """A target as an officer enters it; `value` None takes it back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    year: Annotated[int, Field(ge=2000, le=2100)]
    stage: Annotated[str, Field(pattern=r"^[a-z_]{1,20}$")]
    kind: Kind
    region: Annotated[str, Field(pattern=r"^(\d{6})?$")] = ""
    industry: Annotated[str, Field(pattern=r"^([A-T]\d{2,4})?$")] = ""
    park: Annotated[str, Field(max_length=100, pattern=_CLEAN)] = ""
    value: Annotated[int | None, Field(ge=0, le=10_000_000)]
    source: Annotated[str, Field(min_length=1, max_length=300, pattern=_CLEAN)]

    @property
    def scope(self) -> Scope:
        """Whose enterprises are counted."""
        return Scope(self.region, self.industry, self.park)


def set_target(session: Session, spec: TargetSpec, officer: str, now: datetime) -> TargetRecord:
    """Enter a target; what stood for the same year, stage, kind and scope stays on record as a version."""
    last = session.scalar(select(func.max(TargetRecord.version)).where(*_same(spec)))
    made = TargetRecord(**spec.model_dump(), version=(last or 0) + 1, entered_by=officer, entered_at=now)
    session.add(made)
    session.flush()
    detail = spec.model_dump(mode="json") | {"version": made.version}
    record(session, officer, "target.set", f"target/{made.id}", now=now, detail=detail)
    return made


def targets(session: Session, year: int | None = None) -> list[TargetRecord]:
    """The targets in force, by year, stage and scope; those taken back are not among them."""
    newest = select(*_COLUMNS, func.max(TargetRecord.version)).group_by(*_COLUMNS)
    query = (
        select(TargetRecord)
        .where(tuple_(*_COLUMNS, TargetRecord.version).in_(newest), TargetRecord.value.is_not(None))
        .order_by(*_COLUMNS)
    )
    return list(session.scalars(query if year is None else query.where(TargetRecord.year == year)))


def versions(session: Session, target: TargetRecord) -> list[TargetRecord]:
    """All versions of a target's year, stage, kind and scope, the oldest first."""
    query = select(TargetRecord).where(*_same(target)).order_by(TargetRecord.version)
    return list(session.scalars(query))


def completion(actual: int | None, target: int | None) -> float | None:
    """Actual over target, never clamped; None where either is unknown or the target is 0."""
    return None if actual is None or not target else actual / target


def percent(share: float | None) -> str | None:
    """A completion in per cent with two decimals, halves upwards, as bulletins print it."""
    if share is None:
        return None
    return str((Decimal(repr(share)) * 100).quantize(Decimal("0.01"), ROUND_HALF_UP))


def gap(whole: TargetRecord, parts: Sequence[TargetRecord]) -> int:
    """What the counties' targets exceed the city's by; negative where they fall short of it."""
    return sum(part.value or 0 for part in parts) - (whole.value or 0)


_COLUMNS = (
    TargetRecord.year, TargetRecord.stage, TargetRecord.kind, TargetRecord.region, TargetRecord.industry,
    TargetRecord.park,
)  # fmt: skip


def _same(one: TargetRecord | TargetSpec) -> list[ColumnElement[bool]]:
    """Conditions that hold for all versions of a target."""
    wanted = (one.year, one.stage, str(one.kind), one.region, one.industry, one.park)
    return [column == value for column, value in zip(_COLUMNS, wanted, strict=True)]
