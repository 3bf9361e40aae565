"""The peer comparison: who agreed gives figures while a month lasts, and reads cells when it is over.

A month's cells are made once and stay, so that nobody learns anything from asking twice, from leaving, or
from joining. Only enterprises of the register count, one for each tenant: made-up tenants make no peers.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select

from tundish_platform.marketplace.record_models import RecordGrant
from tundish_platform.programme.models import Enterprise
from tundish_platform.records.cells import ALL, Key, partition, quartiles
from tundish_platform.records.models import PeerCell, PeerFigure
from tundish_platform.sdk import RecordKind
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

FIGURES: Final[Mapping[str, tuple[float, float]]] = {
    "oee": (0.0, 1.5),
    "fpy": (0.0, 1.0),
    "kwh_per_piece": (0.0, 1e6),
    "mtbf_h": (0.0, 1e6),
}
"""Figures that are compared, and the range of each; what lies outside is a mistake and not taken."""

SIZES: Final = ("micro", "small", "medium", "large")
_ZONE: Final = ZoneInfo("Asia/Shanghai")
_DIVISION: Final = 3
# A cell that says: this month was looked at. Where nothing could be published it is the only one.
_LOOKED: Final = ("", "")


def month_of(now: datetime) -> str:
    """The month of an instant, in the programme's time zone."""
    return now.astimezone(_ZONE).strftime("%Y-%m")


def month_before(now: datetime) -> str:
    """The last month that is over."""
    local = now.astimezone(_ZONE)
    return (local.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")


def give_figures(
    session: Session, scope: TenantScope, figures: Mapping[str, float], size: str, now: datetime
) -> list[str]:
    """Keep a tenant's figures of the month that lasts; the newest count. Returns those that were taken.

    Args:
        session: of the metadata database.
        scope: narrowed to peers: who does not agree to be compared gives nothing.
        figures: by name, of `FIGURES`; others and impossible values are not taken.
        size: one of `SIZES`, or empty.
        now: the platform's clock.

    Raises:
        AccessDenied: the scope was not narrowed to peers.
    """
    scope.require_records(RecordKind.PEERS)
    taken = sorted(
        name
        for name, value in figures.items()
        if name in FIGURES and FIGURES[name][0] <= value <= FIGURES[name][1]
    )
    for name in taken:
        told = {"value": figures[name], "size": size if size in SIZES else "", "given_at": now}
        row = {"tenant_id": scope.tenant_id, "figure": name, "month": month_of(now), **told}
        statement = insert_into(session, PeerFigure).values(**row)
        keys = ["tenant_id", "figure", "month"]
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_=told))
    return taken


def peers(session: Session, scope: TenantScope, now: datetime) -> list[dict[str, Any]]:
    """For each figure the cell the tenant lies in, of the last month that is over; or the reason why not.

    Args:
        session: above tenants.
        scope: narrowed to peers.
        now: the platform's clock.

    Raises:
        AccessDenied: the scope was not narrowed to peers.
    """
    scope.require_records(RecordKind.PEERS)
    month = month_before(now)
    enterprise = session.scalar(select(Enterprise).where(Enterprise.tenant == scope.tenant_id))
    return [_told(session, scope, enterprise, figure, month) for figure in FIGURES]


def _told(
    session: Session, scope: TenantScope, enterprise: Enterprise | None, figure: str, month: str
) -> dict[str, Any]:
    said: dict[str, Any] = {"figure": figure, "month": month}
    if enterprise is None:
        return {**said, "reason": "not_registered"}
    # Who gives nothing gets nothing: a cell is for those who lie in it.
    own = session.get(PeerFigure, {"tenant_id": scope.tenant_id, "figure": figure, "month": month})
    if own is None:
        return {**said, "reason": "not_given"}
    division = enterprise.industry[:_DIVISION]
    cells = _published(session, enterprise.demo, figure, month)
    for key in ((division, own.size), (division, ALL), (ALL, ALL)):
        if key in cells:
            cell = cells[key]
            found = {"q1": cell.q1, "median": cell.median, "q3": cell.q3, "at_least": cell.at_least}
            return {**said, "industry": key[0], "size": key[1], **found}
    return {**said, "reason": "few"}


def _published(session: Session, demo: bool, figure: str, month: str) -> dict[Key, PeerCell]:
    query = select(PeerCell).where(PeerCell.demo == demo, PeerCell.figure == figure, PeerCell.month == month)
    found = {(row.industry, row.size): row for row in session.scalars(query)}
    if not found:
        _publish(session, demo, figure, month)
        found = {(row.industry, row.size): row for row in session.scalars(query)}
    return {key: row for key, row in found.items() if key != _LOOKED}


def _publish(session: Session, demo: bool, figure: str, month: str) -> None:
    """Make the month's cells, once: of two that ask at the same time the one that sets the mark does."""
    same = {"demo": demo, "figure": figure, "month": month}
    mark = {**same, "industry": _LOOKED[0], "size": _LOOKED[1], "at_least": 0}
    statement = insert_into(session, PeerCell).values(**mark).on_conflict_do_nothing()
    if session.scalar(statement.returning(PeerCell.month)) is None:
        return
    agreed = select(RecordGrant.tenant_id).where(
        RecordGrant.kind == RecordKind.PEERS.value, RecordGrant.withdrawn_at.is_(None)
    )
    query = (
        select(Enterprise.industry, PeerFigure.size, PeerFigure.value)
        .join(Enterprise, Enterprise.tenant == PeerFigure.tenant_id)
        .where(
            PeerFigure.figure == figure, PeerFigure.month == month, Enterprise.demo == demo,
            PeerFigure.tenant_id.in_(agreed),
        )
    )  # fmt: skip
    members = [(industry[:_DIVISION], size, value) for industry, size, value in session.execute(query)]
    for (industry, size), values in partition(members).items():
        if (found := quartiles(values)) is not None:
            told = {"q1": found.q1, "median": found.median, "q3": found.q3, "at_least": found.at_least}
            session.add(PeerCell(**same, industry=industry, size=size, **told))
    session.flush()
