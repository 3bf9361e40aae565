"""What people decide about versions: approve, shadow, promote, reject, retire, roll back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.assets.nodes import hold_tree
from tundish_platform.model_registry.reading import before_of, detail_of, row_of
from tundish_platform.model_registry.registering import note
from tundish_platform.model_registry.states import Decision, State, Step, decided
from tundish_platform.model_registry.tables import ModelVersion
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.model_registry.specs import DecisionSpec, ModelDetail
    from tundish_platform.tenancy import TenantScope


def decide(
    session: Session, scope: TenantScope, version_id: int, spec: DecisionSpec, now: datetime
) -> ModelDetail:
    """Do what a person decided; promoting approves, too, and retires the champion before.

    Raises:
        AccessDenied: the scope may not configure the line.
        UnknownModel: there is no such version.
        DecisionRefused: it does not stand so that this can be decided.
    """
    scope.places(Permission.CONFIGURE)
    # Two people at once: the second one decides about what the first one left.
    hold_tree(session, scope)
    row = row_of(session, scope, version_id)
    scope.require_at(Permission.CONFIGURE, row.line)
    before = before_of(session, scope, row)
    was = row.state
    state = decided(
        State(was), spec.decision, approved=bool(row.approved_by),
        before=None if before is None else State(before.state),
    )  # fmt: skip
    if state is State.CHAMPION and was != State.CHAMPION:
        _take_the_place(session, scope, row, spec.reason, now)
    if spec.decision in {Decision.APPROVE, Decision.PROMOTE} and not row.approved_by:
        row.approved_by, row.approved_at = scope.principal, now
    _move(session, scope, row, state, Step(spec.decision), spec.reason, now)
    if spec.decision is Decision.ROLL_BACK and before is not None:
        _move(session, scope, before, State.CHAMPION, Step.RESTORED, spec.reason, now)
    return detail_of(session, scope, row)


def _take_the_place(
    session: Session, scope: TenantScope, row: ModelVersion, reason: str, now: datetime
) -> None:
    champion = session.scalar(
        select(ModelVersion).where(
            ModelVersion.tenant_id == scope.tenant_id,
            ModelVersion.line == row.line, ModelVersion.model == row.model,
            ModelVersion.state == State.CHAMPION.value,
        )
    )  # fmt: skip
    row.replaces_id = None if champion is None else champion.id
    if champion is not None:
        _move(session, scope, champion, State.RETIRED, Step.REPLACED, reason, now)


def _move(
    session: Session, scope: TenantScope, row: ModelVersion, state: State, what: Step, reason: str,
    now: datetime,
) -> None:  # fmt: skip
    was, row.state = row.state, state.value
    # At once: the index takes no second champion, not even between two statements.
    session.flush()
    note(session, scope, row, what, was, reason, now)
