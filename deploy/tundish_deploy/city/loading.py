"""Puts a made city into a metadata database of its own: register, frozen months, stages, series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, text

from tundish_deploy.city.tables import monthly, register
from tundish_platform.programme import Enterprise, published_rules
from tundish_platform.programme.register.changes import Kind, begin, hold, today_of
from tundish_platform.programme.register.tables import RegisterEntryRow, RegisterFact
from tundish_platform.programme.series.evidence import assess_months
from tundish_platform.programme.series.frozen import freeze
from tundish_platform.programme.series.months import bounds
from tundish_platform.programme.series.panel import SCHEMA
from tundish_platform.programme.series.stored import recompute
from tundish_platform.programme.simulated import mark_simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy.metadata import Metadata

ACTOR: Final = "simulation"
# The rule by whose days and delays the facts are counted.
BASIS: Final = "2026.2"
_SAID: Final = ("name_zh", "name_en", "industry", "region", "park", "size", "hours_week")
_ENTRY: Final = ("uscc", "name_zh", "name_en", "industry", "region", "hours_week")
_COUNT_ON: Final = """SELECT max(nextval(pg_get_serial_sequence('enterprise', 'id')))
FROM generate_series(1, (SELECT max(id) FROM enterprise))"""
_BLOCK: Final = 5_000


def load_city(
    metadata: Metadata, enterprises: int, months: int, seed: int, now: datetime,
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    """Fill an empty database, in one transaction.

    Args:
        metadata: above tenants; from now on a simulated city's.
        enterprises: how many are on the register at some time.
        months: how many, from the model's first on.
        seed: the same seed gives the same city.
        now: the platform's clock.
        tell: progress.

    Raises:
        Mixed: the database holds an enterprise or a tenant.
    """
    with metadata.session() as session:
        mark_simulated(session, seed, enterprises, months, now)
        tell("register")
        _enter(session, register(enterprises, months, seed).to_pylist(), now)
        for month, table in monthly(enterprises, months, seed):
            tell(month)
            freeze(session, month, table.select(SCHEMA.names), BASIS, now, simulated=True)
        for rule in published_rules().values():
            if not rule.demo:
                tell(f"rule {rule.version}")
                assess_months(session, rule, now)
                recompute(session, rule, now)


def _enter(session: Session, rows: list[dict[str, Any]], now: datetime) -> None:
    """All enterprises in one change, numbered as the facts are."""
    hold(session)
    change, today = begin(session, ACTOR, Kind.SETUP, now, "simulated"), today_of(now)
    known = [
        {
            "id": row["enterprise"], "demo": True, "registered_at": bounds(row["joined"])[0],
            **{name: row[name] for name in _ENTRY},
        }
        for row in rows
    ]  # fmt: skip
    shown = [
        {
            "enterprise_id": row["enterprise"], "park": row["park"] or None, "size": row["size"],
            "size_entered": True, "version": change,
        }
        for row in rows
    ]  # fmt: skip
    said = (
        {
            "enterprise_id": row["enterprise"], "field": field, "change_id": change,
            "valid_from": min(bounds(row["joined"])[0].date(), today), "value": f"{row[field]:g}"
            if field == "hours_week" else row[field],
        }
        for row in rows for field in _SAID if row[field]
    )  # fmt: skip
    _put(session, Enterprise, known)
    if session.get_bind().dialect.name == "postgresql":
        # Numbers that were given by hand are unknown to the counter of the next one, which a server may only
        # ask for the next.
        session.execute(text(_COUNT_ON))
    _put(session, RegisterEntryRow, shown)
    _put(session, RegisterFact, said)


def _put(session: Session, table: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    block: list[dict[str, Any]] = []
    for row in rows:
        block.append(row)
        if len(block) == _BLOCK:
            session.execute(insert(table), block)
            block = []
    if block:
        session.execute(insert(table), block)
