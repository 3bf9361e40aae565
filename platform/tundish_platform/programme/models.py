"""Tables of the programme: the enterprises and the evidence that puts each into a stage."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, PrimaryKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, UtcDateTime


class Enterprise(Base):
    """An enterprise of the programme; it stands above tenants and may have none.

    Attributes:
        industry: GB/T 4754-2017 code; ``region``: GB/T 2260 code of the county.
        demo: fictional, and said to be so wherever it is shown.
        tenant: the tenant whose data speaks for it, or None.
        hours_week: hours a week the plant is scheduled to run; 168 where no calendar is known.
        merged_into: number of the entry that stands for this one, too, and is counted in its place; made from
            the merges of the register.
    """

    __tablename__ = "enterprise"

    id: Mapped[int] = mapped_column(primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), unique=True)
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    industry: Mapped[str] = mapped_column(String(5))
    region: Mapped[str] = mapped_column(String(6))
    demo: Mapped[bool]
    tenant: Mapped[int | None] = mapped_column(ForeignKey("tenant.id", ondelete="SET NULL"), unique=True)
    hours_week: Mapped[float] = mapped_column(default=168.0)
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    merged_into: Mapped[int | None] = mapped_column(index=True)


class SuspicionRecord(Base):
    """A reason to inspect an enterprise, from the newest look at it; no value of its machines.

    Attributes:
        reason: `ghosts.Ghost`; ``risk``: 0 to 1.
        signals: how many signals speak for it.
        figures: what was measured, by name.
        since: when the reason was first found in the unbroken row of looks.
    """

    __tablename__ = "suspicion"
    __table_args__ = (PrimaryKeyConstraint("enterprise_id", "reason"),)

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"))
    reason: Mapped[str] = mapped_column(String(20))
    risk: Mapped[float]
    signals: Mapped[int]
    figures: Mapped[dict[str, float]] = mapped_column(JSON)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EvidenceRecord(Base):
    """One assessment of one enterprise under one version of the rules, with everything to repeat it.

    Attributes:
        as_of: end of the newest window the facts cover.
        stage: key of the highest stage reached.
        facts: the figures the rule was applied to; ``facts_hash`` is their SHA-256.
        since: ``as_of`` of the first record of the unbroken stretch in this stage.
    """

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("enterprise_id", "rule_version", "as_of"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"), index=True)
    rule_version: Mapped[str] = mapped_column(String(40))
    as_of: Mapped[datetime] = mapped_column(UtcDateTime)
    assessed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    stage: Mapped[str] = mapped_column(String(20))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    facts_hash: Mapped[str] = mapped_column(String(64))
