"""Answers to apps' questionnaires: each sheet is kept whole, with who and when; the newest counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from tundish_platform.audit import record_of
from tundish_platform.marketplace.record_models import AnswerSheet
from tundish_platform.sdk import RecordKind
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from tundish_platform.sdk.questionnaire import Questionnaire
    from tundish_platform.tenancy import TenantScope


class Sheet(BaseModel):
    """One sheet of answers.

    Attributes:
        version: of the questionnaire.
        answers: by key of the question; numbers as text.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    version: str
    answers: dict[str, str]
    said_at: datetime
    said_by: str


def answer(
    session: Session,
    scope: TenantScope,
    app_id: str,
    questions: Questionnaire,
    answers: Mapping[str, float | str],
) -> Sheet:
    """Keep a sheet of answers; earlier ones stay.

    Raises:
        AccessDenied: the scope may not subscribe; who may agree to an app may answer it.
        AnswerRefused: an answer fits no question.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    row = AnswerSheet(
        tenant_id=scope.tenant_id, app_id=app_id, version=questions.version,
        answers=questions.checked(answers), said_at=datetime.now(UTC), said_by=scope.principal,
    )  # fmt: skip
    session.add(row)
    session.flush()
    told = {"sheet": row.id, "version": row.version}
    record_of(session, scope, "app.questions_answered", app_id, row.said_at, told)
    return _sheet(row)


def sheets(
    session: Session, scope: TenantScope, app_id: str, before: int = 0, limit: int = 50
) -> list[Sheet]:
    """Sheets of answers, newest first, a page at a time.

    Args:
        session: of the metadata database.
        scope: with the permission to read in the whole tenant.
        app_id: whose questionnaire.
        before: number of the last sheet of the page before; 0 for the first page.
        limit: at most so many.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    query = select(AnswerSheet).where(AnswerSheet.tenant_id == scope.tenant_id, AnswerSheet.app_id == app_id)
    if before:
        query = query.where(AnswerSheet.id < before)
    return [_sheet(row) for row in session.scalars(query.order_by(AnswerSheet.id.desc()).limit(limit))]


def _sheet(row: AnswerSheet) -> Sheet:
    return Sheet(
        id=row.id, version=row.version, answers=row.answers, said_at=row.said_at, said_by=row.said_by
    )


def newest_answers(session: Session, scope: TenantScope, app_id: str) -> list[dict[str, Any]]:
    """The newest sheet as records, a row for each question; who answered is not among them.

    Raises:
        AccessDenied: the scope was not narrowed to answers.
    """
    scope.require_records(RecordKind.ANSWERS)
    query = select(AnswerSheet).where(AnswerSheet.tenant_id == scope.tenant_id, AnswerSheet.app_id == app_id)
    row = session.scalar(query.order_by(AnswerSheet.id.desc()).limit(1))
    if row is None:
        return []
    said = {"version": row.version, "said_at": row.said_at}
    return [{"question": key, "answer": one, **said} for key, one in sorted(row.answers.items())]
