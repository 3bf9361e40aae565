"""Tables of the model registry: versions with their cards, decisions about them, reports on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime

_CHAMPION: Final = text("state = 'champion'")


class ModelVersion(TenantOwned, Base):
    """A version of a model of a line. The model itself lies with the worker that trained it.

    Attributes:
        digest: SHA-256 of the model's file.
        metrics: name to value as the card says, kept beside it so that lists need no cards.
        state: `State`; the database takes one champion for each line and model.
        replaces_id: the champion that this version took the place of, to which a roll-back returns.
        approved_by: the person who approved it; empty until somebody did.
    """

    __tablename__ = "model_version"
    __table_args__ = (
        UniqueConstraint("tenant_id", "line", "model", "version"),
        Index(
            "model_version_champion", "tenant_id", "line", "model",
            unique=True, sqlite_where=_CHAMPION, postgresql_where=_CHAMPION,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[str] = mapped_column(String(400))
    model: Mapped[str] = mapped_column(String(120))
    version: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(String(64))
    trained_from: Mapped[datetime] = mapped_column(UtcDateTime)
    trained_to: Mapped[datetime] = mapped_column(UtcDateTime)
    cases: Mapped[int]
    metrics: Mapped[dict[str, Any]] = mapped_column(JSON)
    card: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    state: Mapped[str] = mapped_column(String(10))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("model_version.id", ondelete="SET NULL"))
    approved_by: Mapped[str] = mapped_column(String(200))
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    registered_by: Mapped[str] = mapped_column(String(200))
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ModelDecision(TenantOwned, Base):
    """One thing that was decided about a version; never changed afterwards.

    Attributes:
        what: `Step`.
        from_state: empty for the registration.
    """

    __tablename__ = "model_decision"
    __table_args__ = (Index("model_decision_by_version", "tenant_id", "version_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(200))
    what: Mapped[str] = mapped_column(String(10))
    from_state: Mapped[str] = mapped_column(String(10))
    to_state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(500))


class ModelReport(TenantOwned, Base):
    """What the worker found out about a version while it ran.

    Attributes:
        kind: `ReportKind`.
        level: `Level`.
        moment: source time up to which data was looked at.
    """

    __tablename__ = "model_report"
    __table_args__ = (UniqueConstraint("tenant_id", "version_id", "kind", "moment"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    level: Mapped[str] = mapped_column(String(10))
    moment: Mapped[datetime] = mapped_column(UtcDateTime)
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON)
    reported_by: Mapped[str] = mapped_column(String(200))
    reported_at: Mapped[datetime] = mapped_column(UtcDateTime)
