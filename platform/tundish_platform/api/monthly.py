"""Keeps the programme's figures without being asked: freezes months, recomputes series, assesses stages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import func, select

from tundish_platform.api.adoption import OFFICIAL, activities_between, keep_assessed
from tundish_platform.api.rounds import Rounds
from tundish_platform.programme import Activity, Enterprise, enterprises, of_month, published_rules
from tundish_platform.programme.series.frozen import MonthFrozen, freeze, frozen_months
from tundish_platform.programme.series.months import bounds, complete, row_of, shifted
from tundish_platform.programme.series.panel import table_of
from tundish_platform.programme.series.stored import MOST_MONTHS, is_current, recompute, series_of
from tundish_platform.programme.simulated import simulated_city
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.api.context import PlatformContext

_log = structlog.get_logger(__name__)

# The rule by whose days and delays months are counted, and whose stages the bureau's page begins with.
MONTHLY: Final = "2026.2"
_OLDEST: Final = timedelta(days=1)


def freeze_due(context: PlatformContext, now: datetime) -> list[str]:
    """Freeze every month that is over and isn't frozen; returns which."""
    with context.metadata.above(Above.ADOPTION).session() as session:
        due = due_months(session, now)
    for month in due:
        freeze_month(context, month, now)
    return due


def due_months(session: Session, now: datetime) -> list[str]:
    """Months that are over and follow those that are frozen; at most as many as series hold.

    None in a simulated city, whose months came with it.
    """
    if simulated_city(session) is not None:
        return []
    first = session.scalar(select(func.min(Enterprise.registered_at)))
    if first is None:
        return []
    over = complete(first, now)[-MOST_MONTHS:]
    frozen = frozen_months(session)
    return list(row_of(shifted(frozen[-1].month, 1), over[-1]) if frozen and over else over)


def freeze_month(context: PlatformContext, month: str, now: datetime) -> None:
    """Count the facts of a month from what the platform holds, and keep them."""
    rule = published_rules()[MONTHLY]
    start, end = bounds(month)
    with context.metadata.above(Above.ADOPTION).session() as session:
        before = timedelta(seconds=rule.app_delay_s)
        activities = activities_between(context, session, rule, start - before, end)
        known = [e for e in enterprises(session) if e.registered_at < end]
        facts = [of_month(e, activities.get(e.tenant or 0) or Activity(), rule, start, end) for e in known]
        freeze(session, month, table_of([e.id for e in known], facts), rule.version, now)


def recompute_due(context: PlatformContext, now: datetime) -> list[str]:
    """Recompute the series whose months have changed, and all once a day for what the register changed."""
    done = []
    for rule in published_rules().values():
        with context.metadata.above(Above.ADOPTION).session() as session:
            standing = series_of(session, rule)
            fresh = standing is not None and now - standing.computed_at < _OLDEST
            if not rule.demo and not (fresh and is_current(session, rule)) and recompute(session, rule, now):
                done.append(rule.version)
    return done


class ProgrammeKeeper(Rounds):
    """Does all this in the process that can read the store; each step of a round stands alone.

    Args:
        context: the platform's parts.
        every_s: seconds from one round to the next; the first comes after as long.
    """

    def __init__(self, context: PlatformContext, every_s: float = 3600.0) -> None:
        super().__init__("programme-keeper", every_s, "programme_not_kept")
        self._context = context

    def round(self, now: datetime) -> None:
        """Freeze what is over, recompute what changed, assess by the official rules."""
        try:
            freeze_due(self._context, now)
        except MonthFrozen as frozen:
            # Another server was faster, and the store holds other facts by now; the first ones stand.
            _log.warning("month_frozen_already", month=str(frozen))
        recompute_due(self._context, now)
        for version in (OFFICIAL, MONTHLY):
            keep_assessed(self._context, published_rules()[version], now)
