"""Tables of the peer comparison: what each enterprise gave, and the cells that were published."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class PeerFigure(TenantOwned, Base):
    """One figure of one month that a tenant's app gave to be compared; only while the month lasts.

    Attributes:
        month: ``2026-03``, in the programme's time zone.
        size: class of size the enterprise gave for itself; empty where it did not.
    """

    __tablename__ = "peer_figure"
    __table_args__ = (PrimaryKeyConstraint("tenant_id", "figure", "month"),)

    figure: Mapped[str] = mapped_column(String(60))
    month: Mapped[str] = mapped_column(String(7))
    value: Mapped[float]
    size: Mapped[str] = mapped_column(String(10))
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PeerCell(Base):
    """Quartiles over a cell of enterprises in a month that is over; made once, never again.

    Attributes:
        industry: GB/T 4754 division such as ``C31``; ``*`` for all that lie in no cell of their own.
        size: class of size; ``*`` for all of the industry that lie in no cell of their own.
        at_least: a lower bound of how many enterprises lie in it.
    """

    __tablename__ = "peer_cell"
    __table_args__ = (PrimaryKeyConstraint("demo", "figure", "month", "industry", "size"),)

    demo: Mapped[bool] = mapped_column(Boolean)
    figure: Mapped[str] = mapped_column(String(60))
    month: Mapped[str] = mapped_column(String(7))
    industry: Mapped[str] = mapped_column(String(5))
    size: Mapped[str] = mapped_column(String(10))
    q1: Mapped[float | None]
    median: Mapped[float | None]
    q3: Mapped[float | None]
    at_least: Mapped[int]
