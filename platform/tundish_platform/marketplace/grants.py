"""Giving signals to a subscription and taking them away: the one place that writes grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from tundish_platform.marketplace.models import Grant

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


def give(
    session: Session, scope: TenantScope, subscription: int, signals: Collection[int], now: datetime
) -> list[int]:
    """Let a subscription read signals; returns those that it could not read before."""
    held = session.scalars(select(Grant.signal_id).where(*_standing(scope.tenant_id, subscription)))
    new = sorted(set(signals) - set(held))
    session.add_all(
        Grant(tenant_id=scope.tenant_id, subscription_id=subscription, signal_id=number, granted_at=now)
        for number in new
    )
    session.flush()
    return new


def take(
    session: Session, scope: TenantScope, subscription: int, now: datetime, *,
    only: Collection[int] | None = None, but: Collection[int] = (), by: str | None = None,
) -> list[int]:  # fmt: skip
    """Withdraw grants of a subscription; returns the signals that it may read no more.

    Args:
        session: of the metadata database.
        scope: whose, and who withdraws.
        subscription: its number.
        now: the platform's clock.
        only: these signals; all of them without.
        but: signals that stay.
        by: who withdraws, where it is not whose scope it is.
    """
    which = [*_standing(scope.tenant_id, subscription), Grant.signal_id.not_in(sorted(but))]
    which += [] if only is None else [Grant.signal_id.in_(sorted(only))]
    taken = (
        update(Grant)
        .where(Grant.tenant_id == scope.tenant_id, *which)
        .values(withdrawn_at=now, withdrawn_by=by or scope.principal)
        .returning(Grant.signal_id)
    )
    return sorted(session.scalars(taken))


def _standing(tenant_id: int, subscription: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Grant.tenant_id == tenant_id,
        Grant.subscription_id == subscription,
        Grant.withdrawn_at.is_(None),
    )
