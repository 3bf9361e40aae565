"""Suspicions as they stand: what the newest look found replaces what the one before did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.programme.models import Enterprise, SuspicionRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.programme.ghosts.look import Suspicion


def keep(session: Session, enterprise: Enterprise, found: Iterable[Suspicion], looked_at: datetime) -> None:
    """Put down what a look at an enterprise found; what it no longer finds is dropped."""
    standing = {
        record.reason: record
        for record in session.scalars(
            select(SuspicionRecord).where(SuspicionRecord.enterprise_id == enterprise.id)
        )
    }
    for one in found:
        earlier = standing.pop(one.reason.value, None)
        session.merge(
            SuspicionRecord(
                enterprise_id=enterprise.id,
                reason=one.reason.value,
                risk=one.risk,
                signals=len(one.signals),
                figures=dict(one.figures),
                since=earlier.since if earlier else looked_at,
                looked_at=looked_at,
            )
        )
    for gone in standing.values():
        session.delete(gone)


def suspected(session: Session, enterprise: int | None = None) -> list[tuple[Enterprise, SuspicionRecord]]:
    """Every standing suspicion with its enterprise, the gravest first; of one enterprise if it is named."""
    query = (
        select(Enterprise, SuspicionRecord)
        .join(SuspicionRecord, SuspicionRecord.enterprise_id == Enterprise.id)
        .order_by(SuspicionRecord.risk.desc(), Enterprise.uscc, SuspicionRecord.reason)
    )
    if enterprise is not None:
        query = query.where(Enterprise.id == enterprise)
    return [(one, record) for one, record in session.execute(query)]
