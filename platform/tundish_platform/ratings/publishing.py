"""Makes the tables of a month that is over, once: nobody learns anything from asking twice.

The tables of two months are of different cases, never of the same ones again with a few more, so what is
reckoned from both is about the tenants of the one and those of the other: each of them enough, or none.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from math import floor, log10
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select

from tundish_platform.marketplace.models import AppRun, Subscription
from tundish_platform.ratings.cases import Cases, gather, industries, kept
from tundish_platform.ratings.models import RatingCell, UseCell
from tundish_platform.ratings.safety import LEAST_TENANTS, Unit, tellable
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy.orm import Session

    from tundish_platform.ratings.cases import Gathered
    from tundish_platform.ratings.safety import Told

ALL: Final = "*"
_ZONE: Final = ZoneInfo("Asia/Shanghai")
_BOUNDS: Final = (1000, 500, 200, 100, 50, 20, 10, LEAST_TENANTS)
_DIGITS: Final = 2


def month_before(now: datetime) -> str:
    """The last month that is over, in the programme's time zone."""
    local = now.astimezone(_ZONE)
    return (local.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")


def end_of(month: str) -> datetime:
    """The instant at which a month is over."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=_ZONE)
    return (first + timedelta(days=32)).replace(day=1).astimezone(UTC)


def publish(above: Session, apps: Iterable[str], now: datetime) -> str:
    """Make the tables of the last month that is over, unless they are there; returns the month.

    Args:
        above: session above tenants.
        apps: ids of the apps of the catalogue.
        now: the platform's clock.
    """
    month = month_before(now)
    mark = {"app_id": "", "month": month, "kind": "", "key": ""}
    if above.get(RatingCell, mark) is not None:
        return month
    sums = {"at_least": 0, "confirmed": 0, "refuted": 0, "unclear": 0, "missed": 0}
    statement = insert_into(above, RatingCell).values(**mark, **sums).on_conflict_do_nothing()
    # Of two that ask at the same time the one that sets the mark makes the tables.
    if above.scalar(statement.returning(RatingCell.month)) is not None:
        known = industries(above)
        for app_id in sorted(apps):
            _publish_cases(above, app_id, month, known)
            _publish_use(above, app_id, month, known)
        above.flush()
    return month


def _publish_cases(above: Session, app_id: str, month: str, known: Mapping[int, str]) -> None:
    last = above.scalar(select(func.max(RatingCell.month)).where(RatingCell.app_id == app_id))
    cases = kept(gather(above, app_id, end_of(last) if last else None, end_of(month)), known)
    newest = sorted({version for _, version in cases}, key=version_rank, reverse=True)

    def told(weight: Callable[[Cases], float]) -> Told:
        units = [
            Unit(tenant, version, known[tenant], weight(one))
            for (tenant, version), one in cases.items()
            if weight(one) > 0
        ]
        return tellable(units, newest)

    # Few cases wait for the next month's, and are told with them.
    counts, leads, costs = (
        told(weight) for weight in (lambda c: c.count, lambda c: sum(c.leads), lambda c: c.avoided_cost)
    )
    for (kind, key), (tenants, sums) in _cells(cases, known, counts).items():
        above.add(
            RatingCell(
                app_id=app_id, month=month, kind=kind, key=key, at_least=at_least(tenants),
                confirmed=sums.confirmed, refuted=sums.refuted, unclear=sums.unclear, missed=sums.missed,
                leads=sums.leads if _in(leads, kind, key) else None,
                avoided_cost=rounded(sums.avoided_cost) if _in(costs, kind, key) else None,
            )
        )  # fmt: skip


def _cells(
    gathered: Gathered, known: Mapping[int, str], told: Told
) -> dict[tuple[str, str], tuple[int, Cases]]:
    """Tenants and sums of each cell that is told."""
    sums: dict[tuple[str, str], Cases] = defaultdict(Cases)
    tenants: dict[tuple[str, str], set[int]] = defaultdict(set)
    for (tenant, version), cases in gathered.items():
        for cell in (("total", ""), ("version", version), ("industry", known[tenant])):
            if cases.count and _in(told, *cell):
                sums[cell].add(cases)
                tenants[cell].add(tenant)
    return {cell: (len(tenants[cell]), sums[cell]) for cell in sums}


def _in(told: Told, kind: str, key: str) -> bool:
    if kind == "total":
        return told.total
    return key in (told.versions if kind == "version" else told.industries)


def _publish_use(above: Session, app_id: str, month: str, known: Mapping[int, str]) -> None:
    """How many of each industry had a subscription in the month, and how often it ran there."""
    end = end_of(month)
    start = end_of(month_before(end - timedelta(days=1)))
    had = select(Subscription.tenant_id).where(
        Subscription.app_id == app_id, Subscription.started_at < end,
        or_(Subscription.stopped_at.is_(None), Subscription.stopped_at >= start),
    )  # fmt: skip
    ran = (
        select(AppRun.tenant_id, func.count())
        .where(AppRun.app_id == app_id, AppRun.started_at >= start, AppRun.started_at < end)
        .group_by(AppRun.tenant_id)
    )
    subscribers = {tenant for tenant in above.scalars(had) if tenant in known}
    runs = {tenant: count for tenant, count in above.execute(ran) if tenant in known}
    told = tellable([Unit(tenant, "", known[tenant]) for tenant in subscribers], ())
    told_runs = tellable([Unit(tenant, "", known[tenant], count) for tenant, count in runs.items()], ())
    for industry in ([ALL] if told.total else []) + sorted(told.industries):
        here = [tenant for tenant in subscribers if industry in (ALL, known[tenant])]
        times = sum(count for tenant, count in runs.items() if industry in (ALL, known[tenant]))
        may = told_runs.total if industry == ALL else industry in told_runs.industries
        above.add(
            UseCell(
                app_id=app_id, month=month, industry=industry, at_least=at_least(len(here)),
                runs=rounded(times) if may else None,
            )
        )  # fmt: skip


def at_least(tenants: int) -> int:
    """A number of tenants, rounded down far enough that one more or less is seldom seen."""
    return next(bound for bound in _BOUNDS if tenants >= bound)


def rounded(value: float) -> float:
    """To two digits."""
    return round(value, _DIGITS - 1 - floor(log10(abs(value)))) if value else 0.0


def version_rank(version: str) -> tuple[int, ...]:
    """By which versions are in order."""
    return tuple(int(part) if part.isdigit() else -1 for part in version.split("."))
