"""What the worker does: it registers versions with their cards, and reports on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select

from tundish_platform.assets.nodes import hold_tree
from tundish_platform.audit import record_of
from tundish_platform.model_registry.reading import info_of, report_of, row_of
from tundish_platform.model_registry.states import State, Step
from tundish_platform.model_registry.tables import ModelDecision, ModelReport, ModelVersion
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.model_registry.specs import ModelInfo, ReportInfo, ReportSpec, VersionSpec
    from tundish_platform.tenancy import TenantScope

MAX_VERSIONS: Final = 20_000
# Of each version and kind; a daily report stays for almost three years.
MAX_REPORTS: Final = 1_000


class OtherDigest(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The version is registered already, for another file."""


class TooManyVersions(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has `MAX_VERSIONS` already."""


def register_version(
    session: Session, scope: TenantScope, spec: VersionSpec, now: datetime
) -> tuple[ModelInfo, bool]:
    """Take a version in: the first of its line and model as champion, a later one as candidate.

    Doing it again changes nothing.

    Returns:
        The version as it stands, and whether it is new.

    Raises:
        AccessDenied: the scope may not register models.
        OtherDigest: the version is there with another digest.
        TooManyVersions: there are too many.
    """
    _may_register(scope)
    # Two first versions at once must not both find that there is none.
    hold_tree(session, scope)
    mine = (
        ModelVersion.tenant_id == scope.tenant_id,
        ModelVersion.line == spec.line,
        ModelVersion.model == spec.model,
    )
    query = select(ModelVersion).where(ModelVersion.tenant_id == scope.tenant_id, *mine)
    known = session.scalar(query.where(ModelVersion.version == spec.version))
    if known is not None:
        if known.digest != spec.digest:
            raise OtherDigest(spec.version)
        return info_of(session, scope, known), False
    held = select(func.count()).where(ModelVersion.tenant_id == scope.tenant_id)
    if (session.scalar(held) or 0) >= MAX_VERSIONS:
        raise TooManyVersions(MAX_VERSIONS)
    state = State.CHAMPION if session.scalar(query.limit(1)) is None else State.CANDIDATE
    row = _row(scope, spec, state, now)
    session.add(row)
    session.flush()
    note(session, scope, row, Step.REGISTERED, "", "", now)
    return info_of(session, scope, row), True


def report_on(
    session: Session, scope: TenantScope, version_id: int, spec: ReportSpec, now: datetime
) -> tuple[ReportInfo, bool]:
    """Take a report in; of one kind and moment the first stays, so sending it again changes nothing.

    Returns:
        The report as it stands, and whether it is new.

    Raises:
        AccessDenied: the scope may not report on models.
        UnknownModel: there is no such version.
    """
    _may_register(scope)
    row = row_of(session, scope, version_id)
    made = session.scalar(
        insert_into(session, ModelReport)
        .values(
            tenant_id=scope.tenant_id, version_id=row.id, kind=spec.kind.value, level=spec.level.value,
            moment=spec.moment, evidence=spec.evidence, reported_by=scope.principal, reported_at=now,
        )
        .on_conflict_do_nothing()
        .returning(ModelReport.id)
    )  # fmt: skip
    mine = (
        ModelReport.tenant_id == scope.tenant_id,
        ModelReport.version_id == row.id,
        ModelReport.kind == spec.kind.value,
    )
    kept = select(ModelReport).where(ModelReport.tenant_id == scope.tenant_id, *mine)
    found = report_of(session.scalars(kept.where(ModelReport.moment == spec.moment)).one())
    if made is not None:
        oldest = kept.with_only_columns(ModelReport.id).order_by(ModelReport.id.desc()).offset(MAX_REPORTS)
        oldest_kept = session.scalar(oldest.limit(1))
        if oldest_kept is not None:
            session.execute(
                delete(ModelReport).where(
                    ModelReport.tenant_id == scope.tenant_id, *mine, ModelReport.id <= oldest_kept
                )
            )
    return found, made is not None


def note(
    session: Session, scope: TenantScope, row: ModelVersion, what: Step, was: str, reason: str, now: datetime
) -> None:
    """Write what happened to a version into its history and the audit trail."""
    session.add(
        ModelDecision(
            tenant_id=scope.tenant_id, version_id=row.id, at=now, by=scope.principal, what=what.value,
            from_state=was, to_state=row.state, reason=reason,
        )
    )  # fmt: skip
    detail = {
        "line": row.line, "model": row.model, "version": row.version, "from": was, "to": row.state,
        "reason": reason,
    }  # fmt: skip
    record_of(session, scope, f"model.{what.name.lower()}", f"model/{row.id}", now, detail)


def _row(scope: TenantScope, spec: VersionSpec, state: State, now: datetime) -> ModelVersion:
    card = spec.card
    return ModelVersion(
        tenant_id=scope.tenant_id, line=spec.line, model=spec.model, version=spec.version, digest=spec.digest,
        trained_from=card.trained_from, trained_to=card.trained_to, cases=card.cases, metrics=card.metrics,
        card=card.model_dump(mode="json"), state=state.value, replaces_id=None, approved_by="",
        approved_at=None, registered_by=scope.principal, registered_at=now,
    )  # fmt: skip


def _may_register(scope: TenantScope) -> None:
    scope.require(Permission.TRAIN)
    scope.require_all_signals()
