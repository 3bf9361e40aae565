"""Tables of policies, of what retention removed, and of tenants that are being removed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class StorePolicy(TenantOwned, Base):
    """What a tenant may use and how long its data stays. Null: as the settings say; -1: no limit.

    Attributes:
        rows_per_s, burst_rows: of appends.
        max_bytes: in segments and rollups.
        query_s_per_min: seconds of queries a minute.
        raw_days: raw rows are kept so long, in days.
        rollup_60_days, rollup_3600_days: rollups by minute and by hour likewise.
        legal_hold: nothing may be removed, whatever the days say.
        hold_reason, hold_by, hold_at: why, by whom and since when; of the last hold if none is on.
        changed_by, changed_at: the last change of any of it.
    """

    __tablename__ = "store_policy"
    __table_args__ = (PrimaryKeyConstraint("tenant_id"),)

    rows_per_s: Mapped[float | None]
    burst_rows: Mapped[int | None] = mapped_column(BigInteger)
    max_bytes: Mapped[int | None] = mapped_column(BigInteger)
    query_s_per_min: Mapped[float | None]
    raw_days: Mapped[int | None]
    rollup_60_days: Mapped[int | None]
    rollup_3600_days: Mapped[int | None]
    legal_hold: Mapped[bool] = mapped_column(default=False)
    hold_reason: Mapped[str] = mapped_column(String(500), default="")
    hold_by: Mapped[str] = mapped_column(String(200), default="")
    hold_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RetentionRecord(TenantOwned, Base):
    """What retention took away of one level of one kind and day, so that a chart need not call it missing.

    Attributes:
        level: ``raw``, ``60``, ``3600``, or ``late``: rows that came for a day already removed and were
            not taken.
        rows, bytes: in all; a second removal of the same day adds to them.
        days: how many days the policy kept that level.
        removed_at: the last time.
        pending: files that no manifest names any more and that still have to go, below the tenant's folder;
            `unfinished` while there are any.
    """

    __tablename__ = "retention_record"
    __table_args__ = (PrimaryKeyConstraint("tenant_id", "kind", "day", "level"),)

    kind: Mapped[str] = mapped_column(String(16))
    day: Mapped[date] = mapped_column(Date)
    level: Mapped[str] = mapped_column(String(8))
    rows: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    days: Mapped[int]
    removed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    pending: Mapped[list[str]] = mapped_column(JSON, default=list)
    unfinished: Mapped[bool] = mapped_column(default=False, index=True)


class TenantRemoval(Base):
    """A tenant that is being removed or is gone. It outlives the tenant's row: it is the receipt.

    Attributes:
        number: of the removal.
        tenant_id: row number that the tenant has or had; no reference, for the row goes.
        slug: until the folder is gone; then only `slug_digest`, its SHA-256, is left.
        step: the next step to do; ``done`` at the end.
        receipt: what was removed and looked through, as figures.
    """

    __tablename__ = "tenant_removal"

    number: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(index=True)
    slug: Mapped[str] = mapped_column(String(40))
    slug_digest: Mapped[str] = mapped_column(String(64))
    step: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(500))
    started_by: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    receipt: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class SignalRemoval(TenantOwned, Base):
    """Signals whose samples are to go, and what became of it; the row stays as the record.

    Attributes:
        passes: how often the writer went through the tenant's files for it; the second one catches what
            was under way at the first.
        rows: how many samples went in all.
        done_at: when nothing was left to do.
    """

    __tablename__ = "signal_removal"

    id: Mapped[int] = mapped_column(primary_key=True)
    signals: Mapped[list[int]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(400))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_by: Mapped[str] = mapped_column(String(200))
    passes: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(BigInteger, default=0)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
