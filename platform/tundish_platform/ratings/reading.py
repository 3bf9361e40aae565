"""What everybody may see of an app: sums over the published months, as shares with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tundish_platform.alerts.outcomes import wilson
from tundish_platform.marketplace.publishing import own_apps
from tundish_platform.marketplace.publishing.versions import unknown_version
from tundish_platform.ratings.cases import LEAD_EDGES_S, Cases
from tundish_platform.ratings.models import RatingCell, UseCell
from tundish_platform.ratings.publishing import publish, version_rank
from tundish_platform.ratings.stars import Stars, stars_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of an app's alerts over at least five tenants.

    Attributes:
        key: version or division of GB/T 4754; empty for all.
        at_least: tenants that contributed, in the month with the most.
        precision: confirmed of confirmed and false, with its 95 % interval by Wilson; None without either.
        missed: failures that no alert announced; None where nobody reports any, and then there is no recall.
        recall: confirmed of confirmed and missed, likewise with its interval.
        lead_from_s, lead_to_s: class in which the median lead time lies; open ended where None. Both are
            None where too few tenants told it.
        lead_known: whether there is such a class.
        avoided_cost: as people entered it, in CNY, rounded; None where few did or one had most of it.
    """

    key: str
    at_least: int
    confirmed: int
    refuted: int
    unclear: int
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    missed: int | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    lead_known: bool
    lead_from_s: float | None
    lead_to_s: float | None
    avoided_cost: float | None


@dataclass(frozen=True, slots=True)
class Rating:
    """What an app was worth, measured and as its users say.

    Attributes:
        month: the last one that is published.
        total: None while too few tenants contribute.
        versions: newest first; industries: by code. Cells that could tell of few tenants are left out.
    """

    app: str
    month: str
    total: Figures | None
    versions: tuple[Figures, ...]
    industries: tuple[Figures, ...]
    stars: Stars


@dataclass(frozen=True, slots=True)
class Use:
    """How an app was used in a month in one industry, ``*`` for all; see `UseCell`."""

    month: str
    industry: str
    at_least: int
    runs: float | None


def ratings(above: Session, apps: Collection[str], now: datetime) -> list[Rating]:
    """The ratings of all apps of the catalogue; the tables of the last month are made if nobody did yet.

    Args:
        above: session above tenants.
        apps: ids of the catalogue's apps.
        now: the platform's clock.
    """
    month = publish(above, apps, now)
    return _ratings(above, apps, month)


def rating_of(above: Session, app_id: str, apps: Collection[str], now: datetime) -> Rating:
    """The rating of one app; see `ratings`."""
    (one,) = _ratings(above, [app_id], publish(above, apps, now))
    return one


def use_of(
    session: Session, above: Session, scope: TenantScope, app_id: str, apps: Iterable[str], now: datetime
) -> list[Use]:
    """How one of the publisher's apps was used, by month and industry, the newest month first.

    Raises:
        AccessDenied: the scope may not publish.
        PublishRefused: the app is not the tenant's.
    """
    if app_id not in own_apps(session, scope):
        raise unknown_version()
    publish(above, apps, now)
    query = select(UseCell).where(UseCell.app_id == app_id)
    rows = above.scalars(query.order_by(UseCell.month.desc(), UseCell.industry).limit(_USES))
    return [Use(row.month, row.industry, row.at_least, row.runs) for row in rows]


# Two years of all sections.
_USES = 480


def _ratings(above: Session, apps: Collection[str], month: str) -> list[Rating]:
    query = select(RatingCell).where(RatingCell.app_id.in_(apps)).order_by(RatingCell.month)
    cells: dict[str, dict[tuple[str, str], list[RatingCell]]] = {}
    for row in above.scalars(query):
        cells.setdefault(row.app_id, {}).setdefault((row.kind, row.key), []).append(row)
    stars = stars_of(above, apps)
    return [_rating(app, month, cells.get(app, {}), stars[app]) for app in sorted(apps)]


def _rating(
    app: str, month: str, cells: Mapping[tuple[str, str], Sequence[RatingCell]], stars: Stars
) -> Rating:
    found = {cell: _figures(cell[1], rows) for cell, rows in cells.items()}
    versions = sorted((key for kind, key in found if kind == "version"), key=version_rank, reverse=True)
    industries = sorted(key for kind, key in found if kind == "industry")
    return Rating(
        app, month, found.get(("total", "")),
        tuple(found["version", key] for key in versions),
        tuple(found["industry", key] for key in industries), stars,
    )  # fmt: skip


def _figures(key: str, rows: Sequence[RatingCell]) -> Figures:
    sums = Cases()
    for row in rows:
        sums.add(Cases(row.confirmed, row.refuted, row.unclear, row.missed, row.avoided_cost or 0.0))
    leads = [row.leads for row in rows if row.leads is not None]
    costs = [row.avoided_cost for row in rows if row.avoided_cost is not None]
    judged, failed = sums.confirmed + sums.refuted, sums.confirmed + sums.missed
    low, high = wilson(sums.confirmed, judged)
    recall_low, recall_high = wilson(sums.confirmed, failed) if sums.missed else (None, None)
    return Figures(
        key=key, at_least=max(row.at_least for row in rows), confirmed=sums.confirmed,
        refuted=sums.refuted, unclear=sums.unclear,
        precision=sums.confirmed / judged if judged else None, precision_low=low, precision_high=high,
        missed=sums.missed or None, recall=sums.confirmed / failed if sums.missed else None,
        recall_low=recall_low, recall_high=recall_high, avoided_cost=sum(costs) if costs else None,
        lead_known=bool(leads), **_lead(leads),
    )  # fmt: skip


def _lead(leads: Sequence[Sequence[int]]) -> dict[str, Any]:
    """The class of lead times in which the median lies."""
    if not leads:
        return {"lead_from_s": None, "lead_to_s": None}
    counts = [sum(column) for column in zip(*leads, strict=True)]
    half, below = sum(counts) / 2, 0
    edges = (None, *LEAD_EDGES_S, None)
    for place, count in enumerate(counts):
        below += count
        if below >= half:
            return {"lead_from_s": edges[place], "lead_to_s": edges[place + 1]}
    raise ValueError("classes of lead times without a median")
