"""Tables of the programme's figures by month, its targets, and what officers enter with documents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, UtcDateTime


class FrozenMonth(Base):
    """The facts of all enterprises of one calendar month, frozen once the month was over.

    Attributes:
        month: like ``2026-02``.
        basis: version of the rule whose days and delays the facts were counted by.
        simulated: made by a simulation, and said to be so wherever it is shown.
        digest: SHA-256 of `facts`, which is Parquet.
    """

    __tablename__ = "frozen_month"

    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    basis: Mapped[str] = mapped_column(String(40))
    simulated: Mapped[bool]
    frozen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    enterprises: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    facts: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class StoredSeries(Base):
    """What a rule made of all frozen months; recomputed whole.

    Attributes:
        digest: SHA-256 over the months' digests, in order: the same digest means the same figures.
        figures: what the bureau's page shows, by name.
        stages: the stage of each enterprise in each month, as `stored.packed_stages` writes it.
    """

    __tablename__ = "programme_series"

    rule_version: Mapped[str] = mapped_column(String(40), primary_key=True)
    computed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    digest: Mapped[str] = mapped_column(String(64))
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    stages: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class TargetRecord(Base):
    """One version of a target; a later one of the same scope replaces it and leaves it on record.

    Attributes:
        region, industry, park: the scope; ``""`` for all of them.
        kind: `targets.Kind`.
        value: enterprises; None takes the target back.
        source: the document that sets it.
    """

    __tablename__ = "programme_target"
    __table_args__ = (
        UniqueConstraint(
            "year", "stage", "kind", "region", "industry", "park", "version",
            name="programme_target_scope_unique",
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    year: Mapped[int]
    stage: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    region: Mapped[str] = mapped_column(String(6))
    industry: Mapped[str] = mapped_column(String(5))
    park: Mapped[str] = mapped_column(String(100))
    version: Mapped[int]
    value: Mapped[int | None]
    source: Mapped[str] = mapped_column(String(300))
    entered_by: Mapped[str] = mapped_column(String(200))
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ExternalFact(Base):
    """Something said of an enterprise outside the platform, with its document; never part of a stage.

    Attributes:
        kind: `external.Kind`.
        digest: SHA-256 of `document`.
        withdrawn_at: when it was taken back, by whom and why; it stays on record.
    """

    __tablename__ = "external_fact"

    id: Mapped[int] = mapped_column(primary_key=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(30))
    name: Mapped[str] = mapped_column(String(200))
    number: Mapped[str] = mapped_column(String(100))
    issuer: Mapped[str] = mapped_column(String(200))
    issued_on: Mapped[date]
    valid_until: Mapped[date | None]
    file_name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(60))
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    document: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    entered_by: Mapped[str] = mapped_column(String(200))
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(200))
    withdrawn_because: Mapped[str | None] = mapped_column(String(500))
