"""What people found where an alert sent them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select

from tundish_platform.alerts.models import Alert, AlertFeedback
from tundish_platform.alerts.unknown import UnknownAlert
from tundish_platform.assets import lying_in
from tundish_platform.audit import record_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

Currency = Literal["CNY"]


class Verdict(StrEnum):
    """What a person says of an alert."""

    CONFIRMED = "confirmed"
    FALSE = "false"
    UNCLEAR = "unclear"


class FeedbackRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The feedback contradicts the clock.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


class FeedbackSpec(BaseModel):
    """What a person says of an alert.

    Attributes:
        found_at: when the fault was found, or the machine failed; for a confirmed alert only.
        avoided_cost: what acting in time has spared, as the person reckons; for a confirmed alert only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    note: Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00]*$")] = ""
    found_at: AwareDatetime | None = None
    avoided_cost: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)] | None = None
    currency: Currency = "CNY"

    @model_validator(mode="after")
    def _check(self) -> Self:
        told = self.found_at is not None or self.avoided_cost is not None
        if told and self.verdict is not Verdict.CONFIRMED:
            raise ValueError("found_at and avoided_cost belong to a confirmed alert")
        return self


class FeedbackView(BaseModel):
    """Feedback as it is kept; see `AlertFeedback`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int
    alert: int
    verdict: Verdict
    note: str
    found_at: datetime | None
    lead_s: float | None
    avoided_cost: float | None
    currency: Currency
    by: str
    at: datetime


def give_feedback(
    session: Session, scope: TenantScope, alert_id: int, spec: FeedbackSpec, now: datetime
) -> FeedbackView:
    """Say what was found. What was said before stays on record; the newest counts.

    Args:
        session: of the metadata database.
        scope: may handle alarms at the alert's line.
        alert_id: which.
        spec: what was found.
        now: the platform's clock, UTC.

    Raises:
        AccessDenied: the scope may not handle.
        UnknownAlert: there is no such alert where the scope may handle.
        FeedbackRefused: the fault was found in the future.
    """
    there = lying_in(Alert.line, scope.places(Permission.HANDLE))
    alert = session.scalar(
        select(Alert).where(Alert.tenant_id == scope.tenant_id, Alert.id == alert_id, there)
    )
    if alert is None:
        raise UnknownAlert(alert_id)
    if spec.found_at is not None and spec.found_at > now:
        raise FeedbackRefused(
            "发现时间晚于现在。请填写实际发现故障的时间。",
            "The fault cannot have been found in the future. Enter when it was found.",
        )
    lead = None if spec.found_at is None else (spec.found_at - alert.opened_at).total_seconds()
    row = AlertFeedback(
        tenant_id=scope.tenant_id, alert_id=alert_id, lead_s=lead, by=scope.principal, at=now,
        **spec.model_dump(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    record_of(session, scope, "alert.judged", f"alert/{alert_id}", now, spec.model_dump(mode="json"))
    return feedback_view(row)


def feedback_of(session: Session, scope: TenantScope, alert_id: int) -> list[FeedbackView]:
    """All that was said of an alert, oldest first; whether the alert may be seen was asked before."""
    scope.require(Permission.READ)
    query = select(AlertFeedback).where(
        AlertFeedback.tenant_id == scope.tenant_id, AlertFeedback.alert_id == alert_id
    )
    return [feedback_view(row) for row in session.scalars(query.order_by(AlertFeedback.id))]


def feedback_view(row: AlertFeedback) -> FeedbackView:
    """A row as it is shown."""
    kept = {name: getattr(row, name) for name in FeedbackView.model_fields if name != "alert"}
    return FeedbackView.model_validate(kept | {"alert": row.alert_id})
