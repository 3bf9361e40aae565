"""The mark that a metadata database is a simulated city's: all of it, from its beginning, for ever."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.programme.models import Enterprise
from tundish_platform.tenancy.metadata import Base, UtcDateTime
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_ROW: Final = 1


class SimulatedCity(Base):
    """The one row that says so.

    Attributes:
        seed, enterprises, months: of the simulation; the same three give the same city.
    """

    __tablename__ = "simulated_city"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seed: Mapped[int]
    enterprises: Mapped[int]
    months: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Mixed(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """Something real in a simulated city's database, or something simulated in a real one's."""


def simulated_city(session: Session) -> SimulatedCity | None:
    """The mark; None in a database of real enterprises."""
    return session.get(SimulatedCity, _ROW)


def mark_simulated(
    session: Session, seed: int, enterprises: int, months: int, now: datetime
) -> SimulatedCity:
    """Make a database a simulated city's; it is never unmarked.

    Raises:
        Mixed: an enterprise or a tenant is in it already.
    """
    for table in (Enterprise, Tenant, SimulatedCity):
        if session.scalar(select(table.id).limit(1)) is not None:
            raise Mixed(f"the database holds a row of {table.__tablename__} already")
    made = SimulatedCity(id=_ROW, seed=seed, enterprises=enterprises, months=months, made_at=now)
    session.add(made)
    session.flush()
    return made


def keep_apart(session: Session, *, simulated: bool) -> None:
    """Refuse what does not belong into this database.

    Raises:
        Mixed: it is simulated and the database isn't, or the other way round.
    """
    if simulated is (simulated_city(session) is None):
        is_of = "real enterprises" if simulated else "a simulated city"
        raise Mixed(f"this database is of {is_of}; the two are never put together")
