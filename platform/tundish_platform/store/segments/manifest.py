"""Which segments a tenant has, and up to which log sequence a tenant's samples lie in them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class Segment(TenantOwned, Base):
    """One Parquet file of one tenant, kind and UTC day of source time.

    Attributes:
        path: below the tenant's folder.
        rows: each (signal, ts) once.
        min_ts, max_ts: range of source time, both included.
        max_arrival: newest arrival inside.
        min_sequence, max_sequence: range of log sequences inside.
        crc32: zlib's checksum of the file.
        damaged: found missing or changed; kept so that its absence is told.
        expired: its rows were removed by retention; the rollups beside it are kept.
    """

    __tablename__ = "segment"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    day: Mapped[date] = mapped_column(Date)
    path: Mapped[str] = mapped_column(String(200))
    rows: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    min_ts: Mapped[datetime] = mapped_column(UtcDateTime)
    max_ts: Mapped[datetime] = mapped_column(UtcDateTime)
    max_arrival: Mapped[datetime] = mapped_column(UtcDateTime)
    min_sequence: Mapped[int] = mapped_column(BigInteger)
    max_sequence: Mapped[int] = mapped_column(BigInteger)
    crc32: Mapped[int] = mapped_column(BigInteger)
    damaged: Mapped[bool] = mapped_column(default=False)
    expired: Mapped[bool] = mapped_column(default=False)


class RetiredSegment(TenantOwned, Base):
    """A file whose rows lie in another now; it stays a while for those who read it by its name.

    Attributes:
        path: below the tenant's folder.
        retired_at: when the other took its place.
    """

    __tablename__ = "retired_segment"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(200))
    retired_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SealedUpTo(Base):
    """Up to which log sequence a tenant's samples lie in segments; recovery replays what is behind it."""

    __tablename__ = "sealed_up_to"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)


class FirstLevel(Base):
    """A file of the writer's first level: rows of many tenants that lie in no segment yet.

    Attributes:
        name: below the first level's folder.
        max_sequence: highest log sequence inside.
    """

    __tablename__ = "first_level"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    rows: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    max_sequence: Mapped[int] = mapped_column(BigInteger)
