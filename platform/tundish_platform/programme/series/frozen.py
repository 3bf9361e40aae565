"""Months whose facts are frozen: written once, read as a panel."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.programme.series.models import FrozenMonth
from tundish_platform.programme.series.months import month_of, shifted
from tundish_platform.programme.series.panel import FACTS, Panel, packed, panel_of, unpacked
from tundish_platform.programme.simulated import keep_apart

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pyarrow as pa
    from sqlalchemy import Row
    from sqlalchemy.orm import Session


class MonthFrozen(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The month is frozen already with other facts, or would leave a hole."""


def freeze(
    session: Session, month: str, table: pa.Table, basis: str, now: datetime, *, simulated: bool = False
) -> FrozenMonth:
    """Keep the facts of a month that is over; the same facts again change nothing.

    Args:
        session: of the metadata database, above tenants.
        month: like ``2026-02``.
        table: of `panel.SCHEMA`, by enterprise.
        basis: version of the rule whose days and delays the facts were counted by.
        now: the platform's clock.
        simulated: made by a simulation.

    Raises:
        MonthFrozen: other facts of the month are frozen.
        Mixed: simulated facts for a database of real enterprises, or the other way round.
    """
    keep_apart(session, simulated=simulated)
    content = packed(table)
    digest = hashlib.sha256(content).hexdigest()
    standing = session.get(FrozenMonth, month)
    if standing is not None:
        if standing.digest != digest:
            raise MonthFrozen(month)
        return standing
    record = FrozenMonth(
        month=month, basis=basis, simulated=simulated, frozen_at=now, enterprises=table.num_rows,
        digest=digest, facts=content,
    )  # fmt: skip
    session.add(record)
    session.flush()
    return record


def frozen_months(session: Session) -> list[FrozenMonth]:
    """All frozen months, the oldest first, without their facts."""
    return list(session.scalars(select(FrozenMonth).order_by(FrozenMonth.month)))


def load(session: Session, most: int, wanted: Sequence[str] = FACTS) -> Panel:
    """The newest frozen months as a panel.

    Args:
        session: of the metadata database, above tenants.
        most: how many months at most.
        wanted: facts that are needed.
    """
    query = select(FrozenMonth.month, FrozenMonth.facts).order_by(FrozenMonth.month.desc()).limit(most)
    rows = _unbroken(session.execute(query).all())
    return panel_of([month for month, _ in rows], [unpacked(facts) for _, facts in rows], wanted)


def _unbroken(rows: Sequence[Row[str, bytes]]) -> list[Row[str, bytes]]:
    """The newest months up to the first hole, the oldest first: windows are months that follow each other."""
    kept = [row for back, row in enumerate(rows) if row[0] == shifted(rows[0][0], -back)]
    return kept[::-1]


def earlier_of(session: Session, now: datetime, most: int) -> dict[int, list[dict[str, float]]]:
    """Per enterprise the facts of its newest frozen months, the newest first, without a hole.

    Empty where the newest one isn't of late: the month before `now`, or the one before that while the last is
    yet to be frozen.
    """
    panel = load(session, most)
    if not panel.months or panel.months[-1] < shifted(month_of(now), -2):
        return {}
    newest = len(panel.months) - 1
    return {number: panel.windows(row, newest) for row, number in enumerate(panel.enterprises.tolist())}


def digest_of(session: Session, most: int) -> str:
    """SHA-256 over months and digests of their facts: the same months give the same figures."""
    query = select(FrozenMonth.month, FrozenMonth.digest).order_by(FrozenMonth.month.desc()).limit(most)
    spelled = "\n".join(f"{month} {digest}" for month, digest in session.execute(query))
    return hashlib.sha256(spelled.encode()).hexdigest()
