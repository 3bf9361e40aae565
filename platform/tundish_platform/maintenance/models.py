"""The table of maintenance records."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class MaintenanceRecord(TenantOwned, Base):
    """Work that was done on a machine, a part of it, or a line.

    Attributes:
        path: of the node of the equipment tree.
        kind: `MaintenanceKind`.
        started_at: when the work began.
        ended_at: when it was over; the same as the start where nobody said.
        text: what was done.
        done_by: who did it, in words; not always a person of the platform.
        said_at: the platform's clock.
        said_by: who noted it.
    """

    __tablename__ = "maintenance_record"
    __table_args__ = (Index("maintenance_record_by_path", "tenant_id", "path", "started_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(400))
    kind: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime)
    text: Mapped[str] = mapped_column(String(1000))
    done_by: Mapped[str] = mapped_column(String(200))
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    said_by: Mapped[str] = mapped_column(String(200))
