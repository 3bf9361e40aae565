"""The log of messages: what was sent to whom, what waits, what was given up and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - the API's document reads the fields' types
from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.alarms.notify.channels import may_configure
from tundish_platform.alarms.notify.faults import WORDS
from tundish_platform.alarms.notify.models import NoticeDelivery
from tundish_platform.alarms.notify.outbox import DeliveryKind, DeliveryState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A message as the log shows it; see `NoticeDelivery`.

    Attributes:
        alarms: numbers of those it lists.
        fault_zh, fault_en: why the last attempt failed, and what to do; empty if it did not.
    """

    id: int
    key: str
    channel: int
    kind: DeliveryKind
    state: DeliveryState
    alarms: list[int]
    count: int
    subject: str
    attempts: int
    made_at: datetime
    due_at: datetime
    sent_at: datetime | None
    fault: str
    fault_zh: str
    fault_en: str
    detail: str


def list_deliveries(
    session: Session, scope: TenantScope, *, states: frozenset[DeliveryState] = frozenset(DeliveryState),
    before: int | None = None, limit: int = 1_000,
) -> list[DeliveryView]:  # fmt: skip
    """Messages, the newest first, a page at a time.

    Raises:
        AccessDenied: the scope may not configure.
    """
    may_configure(scope)
    query = select(NoticeDelivery).where(
        NoticeDelivery.tenant_id == scope.tenant_id,
        NoticeDelivery.state.in_([state.value for state in states]),
    )
    if before is not None:
        query = query.where(NoticeDelivery.id < before)
    rows = session.scalars(query.order_by(NoticeDelivery.id.desc()).limit(limit))
    return [_view(row) for row in rows]


def _view(row: NoticeDelivery) -> DeliveryView:
    zh, en = WORDS.get(row.fault, ("", ""))
    return DeliveryView(
        id=row.id, key=row.key, channel=row.channel_id, kind=DeliveryKind(row.kind),
        state=DeliveryState(row.state), alarms=[item["alarm"] for item in row.items], count=row.count,
        subject=(row.content or {}).get("subject", ""), attempts=row.attempts, made_at=row.made_at,
        due_at=row.due_at, sent_at=row.sent_at, fault=row.fault, fault_zh=zh, fault_en=en, detail=row.detail,
    )  # fmt: skip
