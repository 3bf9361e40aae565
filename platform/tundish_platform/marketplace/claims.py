"""Which process may run a subscription's app: who claimed it, until the run is recorded or the time is up.

Any number of processes may ask what is due. A claim is one write to the subscription's own row, and so is the
mark that a run was recorded: of two processes that saw the same run due, one gets it, on either database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, update

from tundish_platform.marketplace.models import Subscription
from tundish_platform.marketplace.subscriptions import active_row, is_active
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


class RunNotHeld(RuntimeError):  # noqa: N818 - reads as what it is where it is caught
    """The run is another process's by now, or nobody's; it is not recorded."""


def claim_run(
    session: Session, scope: TenantScope, app_id: str, holder: str, seen: datetime | None, until: datetime,
    now: datetime,
) -> bool:  # fmt: skip
    """Claim the next run of an app for one process; claiming it again makes the time longer.

    Args:
        session: of the metadata database.
        scope: with the permission to analyse.
        app_id: whose run.
        holder: name of the process, which no other has.
        seen: start of the newest run that it knows of; None for none.
        until: when the claim lapses.
        now: the platform's clock, UTC.

    Returns:
        Whether it may run. Not while another process holds the run, not when one was recorded since.

    Raises:
        AccessDenied: the scope may not analyse.
        NotSubscribed: there is no active subscription.
    """
    scope.require(Permission.ANALYSE)
    active_row(session, scope, app_id)
    free = or_(
        Subscription.run_holder.is_(None), Subscription.run_until <= now, Subscription.run_holder == holder
    )
    unchanged: ColumnElement[bool] = Subscription.ran_at.is_(None)
    if seen is not None:
        unchanged = or_(unchanged, Subscription.ran_at <= seen)
    taken = session.scalar(
        update(Subscription)
        .where(
            Subscription.tenant_id == scope.tenant_id, *is_active(scope, app_id),
            Subscription.paused_at.is_(None), free, unchanged,
        )
        .values(run_holder=holder, run_until=until)
        .returning(Subscription.id)
    )  # fmt: skip
    return taken is not None


def give_back(
    session: Session, scope: TenantScope, subscription: int, holder: str, started: datetime, now: datetime
) -> None:
    """End the claim with the run's record.

    Args:
        session: of the metadata database.
        scope: of the worker.
        subscription: its number.
        holder: who ran; empty for one that claimed nothing, which may only where nobody did.
        started: when the run began.
        now: the platform's clock, UTC.

    Raises:
        RunNotHeld: it is another's.
    """
    mine: ColumnElement[bool] = Subscription.run_holder == holder
    if not holder:
        mine = or_(Subscription.run_holder.is_(None), Subscription.run_until <= now)
    done = session.scalar(
        update(Subscription)
        .where(Subscription.tenant_id == scope.tenant_id, Subscription.id == subscription, mine)
        .values(run_holder=None, run_until=None, ran_at=started)
        .returning(Subscription.id)
    )
    if done is None:
        raise RunNotHeld(subscription)
