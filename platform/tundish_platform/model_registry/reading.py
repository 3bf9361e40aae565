"""Versions, their history and their reports, for whoever may see the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, tuple_

from tundish_platform.assets import lying_in
from tundish_platform.model_registry.specs import (
    DecisionInfo,
    Level,
    ModelDetail,
    ModelInfo,
    ModelRoles,
    ReportInfo,
    ReportKind,
)
from tundish_platform.model_registry.states import State, possible
from tundish_platform.model_registry.tables import ModelDecision, ModelReport, ModelVersion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_PAGE: Final = 200
MAX_ROLES: Final = 1_000


class UnknownModel(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such version, or none on a line that the scope sees."""


def list_models(
    session: Session, scope: TenantScope, *,
    line: str = "", model: str = "", state: State | None = None, before: int | None = None,
    limit: int = MAX_PAGE,
) -> list[ModelInfo]:  # fmt: skip
    """Versions, the newest first, a page at a time.

    Raises:
        AccessDenied: the scope may not read.
    """
    query = select(ModelVersion).where(*_asked(scope, line, model))
    if state is not None:
        query = query.where(ModelVersion.state == state.value)
    if before is not None:
        query = query.where(ModelVersion.id < before)
    rows = session.scalars(query.order_by(ModelVersion.id.desc()).limit(limit)).all()
    levels = _levels(session, scope, [row.id for row in rows])
    return [_info(row, levels.get(row.id, {})) for row in rows]


def find_model(session: Session, scope: TenantScope, version_id: int) -> ModelDetail:
    """One version with its card.

    Raises:
        AccessDenied: the scope may not read.
        UnknownModel: there is no such version that the scope sees.
    """
    return detail_of(session, scope, row_of(session, scope, version_id))


def list_roles(
    session: Session, scope: TenantScope, *,
    line: str = "", model: str = "", after: int = 0, limit: int = MAX_ROLES,
) -> list[ModelRoles]:  # fmt: skip
    """Which versions run of each line's models, in the order in which those were first registered.

    Raises:
        AccessDenied: the scope may not read.
    """
    first = func.min(ModelVersion.id)
    pairs = session.execute(
        select(first, ModelVersion.line, ModelVersion.model)
        .where(ModelVersion.tenant_id == scope.tenant_id, *_asked(scope, line, model))
        .group_by(ModelVersion.line, ModelVersion.model)
        .having(first > after)
        .order_by(first)
        .limit(limit)
    ).all()
    running: dict[tuple[str, str, str], list[str]] = {}
    rows = session.scalars(
        select(ModelVersion)
        .where(
            ModelVersion.tenant_id == scope.tenant_id,
            ModelVersion.state.in_((State.CHAMPION.value, State.SHADOW.value)),
            tuple_(ModelVersion.line, ModelVersion.model).in_([(pair[1], pair[2]) for pair in pairs]),
        )
        .order_by(ModelVersion.id)
    )
    for row in rows:
        running.setdefault((row.line, row.model, row.state), []).append(row.version)
    return [
        ModelRoles(
            id=number, line=at, model=name,
            champion=next(iter(running.get((at, name, State.CHAMPION), [])), None),
            shadow=running.get((at, name, State.SHADOW), []),
        )
        for number, at, name in pairs
    ]  # fmt: skip


def list_decisions(
    session: Session, scope: TenantScope, version_id: int, *, before: int | None = None, limit: int = MAX_PAGE
) -> list[DecisionInfo]:
    """What was decided about a version, the newest first, a page at a time.

    Raises:
        AccessDenied: the scope may not read.
        UnknownModel: there is no such version that the scope sees.
    """
    row = row_of(session, scope, version_id)
    query = select(ModelDecision).where(
        ModelDecision.tenant_id == scope.tenant_id, ModelDecision.version_id == row.id
    )
    if before is not None:
        query = query.where(ModelDecision.id < before)
    found = session.scalars(query.order_by(ModelDecision.id.desc()).limit(limit))
    return [
        DecisionInfo.model_validate(
            {name: getattr(one, name) for name in DecisionInfo.model_fields}
            | {"from_state": one.from_state or None}
        )
        for one in found
    ]


def list_reports(
    session: Session, scope: TenantScope, version_id: int, *,
    kind: ReportKind | None = None, before: int | None = None, limit: int = MAX_PAGE,
) -> list[ReportInfo]:  # fmt: skip
    """Reports on a version, the newest first, a page at a time.

    Raises:
        AccessDenied: the scope may not read.
        UnknownModel: there is no such version that the scope sees.
    """
    row = row_of(session, scope, version_id)
    query = select(ModelReport).where(
        ModelReport.tenant_id == scope.tenant_id, ModelReport.version_id == row.id
    )
    if kind is not None:
        query = query.where(ModelReport.kind == kind.value)
    if before is not None:
        query = query.where(ModelReport.id < before)
    return [report_of(one) for one in session.scalars(query.order_by(ModelReport.id.desc()).limit(limit))]


def row_of(session: Session, scope: TenantScope, version_id: int) -> ModelVersion:
    """The row of a version that the scope sees.

    Raises:
        AccessDenied: the scope may not read.
        UnknownModel: there is none.
    """
    row = session.scalar(
        select(ModelVersion).where(
            ModelVersion.tenant_id == scope.tenant_id,
            ModelVersion.id == version_id,
            lying_in(ModelVersion.line, scope.places()),
        )
    )
    if row is None:
        raise UnknownModel(version_id)
    return row


def before_of(session: Session, scope: TenantScope, row: ModelVersion) -> ModelVersion | None:
    """The champion whose place a version took."""
    if row.replaces_id is None:
        return None
    return session.scalar(
        select(ModelVersion).where(
            ModelVersion.tenant_id == scope.tenant_id, ModelVersion.id == row.replaces_id
        )
    )


def info_of(session: Session, scope: TenantScope, row: ModelVersion) -> ModelInfo:
    """A row as it is listed."""
    return _info(row, _levels(session, scope, [row.id]).get(row.id, {}))


def detail_of(session: Session, scope: TenantScope, row: ModelVersion) -> ModelDetail:
    """A row with its card."""
    before = before_of(session, scope, row)
    open_ = possible(
        State(row.state),
        approved=bool(row.approved_by),
        before=None if before is None else State(before.state),
    )
    more = {"replaces": None if before is None else before.version, "possible": open_, "card": row.card}
    return ModelDetail.model_validate(info_of(session, scope, row).model_dump() | more)


def report_of(row: ModelReport) -> ReportInfo:
    """A report's row as it is shown."""
    return ReportInfo.model_validate({name: getattr(row, name) for name in ReportInfo.model_fields})


def _asked(scope: TenantScope, line: str, model: str) -> list[ColumnElement[bool]]:
    """Conditions for versions that the scope sees, of a line or what lies below a path, and of a model."""
    found = [ModelVersion.tenant_id == scope.tenant_id, lying_in(ModelVersion.line, scope.places())]
    if line:
        found.append(lying_in(ModelVersion.line, frozenset({line})))
    if model:
        found.append(ModelVersion.model == model)
    return found


def _levels(
    session: Session, scope: TenantScope, versions: Sequence[int]
) -> dict[int, dict[ReportKind, Level]]:
    """By version and kind the level of the newest report."""
    newest = (
        select(func.max(ModelReport.id))
        .where(ModelReport.tenant_id == scope.tenant_id, ModelReport.version_id.in_(versions))
        .group_by(ModelReport.version_id, ModelReport.kind)
    )
    rows = session.scalars(
        select(ModelReport).where(ModelReport.tenant_id == scope.tenant_id, ModelReport.id.in_(newest))
    )
    found: dict[int, dict[ReportKind, Level]] = {}
    for row in rows:
        found.setdefault(row.version_id, {})[ReportKind(row.kind)] = Level(row.level)
    return found


def _info(row: ModelVersion, levels: dict[ReportKind, Level]) -> ModelInfo:
    fields = {name: getattr(row, name) for name in ModelInfo.model_fields if name != "levels"}
    return ModelInfo.model_validate(fields | {"levels": levels})
