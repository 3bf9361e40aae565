"""The table of annotations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class Annotation(TenantOwned, Base):
    """What somebody noted of a stretch of source time.

    Attributes:
        path: of a signal, or of what lies above it; the note shows on charts of all signals there.
        starts_at: source time.
        ends_at: source time; the same as the start for a moment.
        said_at: the platform's clock.
    """

    __tablename__ = "annotation"
    __table_args__ = (Index("annotation_by_path", "tenant_id", "path", "starts_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(400))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    text: Mapped[str] = mapped_column(String(500))
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    said_by: Mapped[str] = mapped_column(String(200))
