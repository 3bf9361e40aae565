"""Tables of what a tenant has: its equipment, its sources and the signals they declare."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class Source(TenantOwned, Base):
    """A connector, model or app that sends to the tenant, with its last heartbeat.

    Attributes:
        heartbeat: the last `Heartbeat` as JSON.
        seen_at: when it came, by the platform's clock.
    """

    __tablename__ = "source"
    __table_args__ = (PrimaryKeyConstraint("tenant_id", "name"),)

    name: Mapped[str] = mapped_column(String(120))
    heartbeat: Mapped[dict[str, Any]] = mapped_column(JSON)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Asset(TenantOwned, Base):
    """A node of the equipment tree. Its path is its address for good; its parent is where people find it.

    Attributes:
        path: ``Site/Area/Line/…`` below which sources declare signals; empty for the enterprise.
        level: `Level`.
        position: order among its siblings; equal positions go by path.
        version: counts changes, so that two people editing at once do not undo each other.
        type_key, type_version: the `AssetType` it is an instance of, if any.
        overrides: what it has otherwise than its type.
    """

    __tablename__ = "asset"
    __table_args__ = (
        UniqueConstraint("tenant_id", "path"),
        Index("asset_by_parent", "tenant_id", "parent_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(String(400))
    level: Mapped[str] = mapped_column(String(20))
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    position: Mapped[int] = mapped_column(default=0)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)
    type_key: Mapped[str | None] = mapped_column(String(60))
    type_version: Mapped[int | None]
    overrides: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class AssetType(TenantOwned, Base):
    """A version of a type of machine; never changed, so that whoever refers to it knows what it means.

    Attributes:
        base_key, base_version: what it inherits from.
        spec: the `TypeSpec` as JSON.
    """

    __tablename__ = "asset_type"
    __table_args__ = (PrimaryKeyConstraint("tenant_id", "key", "version"),)

    key: Mapped[str] = mapped_column(String(60))
    version: Mapped[int] = mapped_column(autoincrement=False)
    base_key: Mapped[str | None] = mapped_column(String(60))
    base_version: Mapped[int | None]
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(200))


class Signal(TenantOwned, Base):
    """A `SignalSpec` with the number the tenant gave it; number and kind never change.

    Attributes:
        id: ``u32``, unique in the tenant only: the same number means other signals elsewhere.
        asset_id: the node it hangs on.
        search: `search_text`, in which it is found.
        source: who declared it last.
    """

    __tablename__ = "signal"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "path"),
        Index("signal_by_asset", "tenant_id", "asset_id"),
        Index("signal_by_kind", "tenant_id", "semantic", "id"),
        Index("signal_by_unit", "tenant_id", "unit", "id"),
        # Holds all that a search compares, so that what fits in words only is passed over quickly.
        Index("signal_by_meaning", "tenant_id", "id", "semantic", "unit"),
    )

    id: Mapped[int] = mapped_column(BigInteger, autoincrement=False)
    path: Mapped[str] = mapped_column(String(400))
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    semantic: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(10))
    role: Mapped[str] = mapped_column(String(20))
    unit: Mapped[str] = mapped_column(String(40))
    low: Mapped[float | None]
    high: Mapped[float | None]
    period_s: Mapped[float | None]
    step: Mapped[bool]
    source: Mapped[str] = mapped_column(String(120))
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("asset.id", ondelete="SET NULL"))
    search: Mapped[str] = mapped_column(Text, server_default="")


class SignalContract(TenantOwned, Base):
    """A version of what a source promises of some signals.

    Attributes:
        name: of the contract, the same in all its versions.
        revision: counts what was added to the version; nothing in it was taken back.
        replaced_at: since when a later version holds; None for the one that holds.
    """

    __tablename__ = "signal_contract"
    __table_args__ = (UniqueConstraint("tenant_id", "name", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    version: Mapped[int]
    revision: Mapped[int]
    source: Mapped[str] = mapped_column(String(120))
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    said_by: Mapped[str] = mapped_column(String(200))
    replaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ContractTerm(TenantOwned, Base):
    """What a version of a contract promises of one signal.

    Attributes:
        period_s: a sample comes at least so often; None promises nothing of it.
    """

    __tablename__ = "contract_term"
    __table_args__ = (
        PrimaryKeyConstraint("contract_id", "path"),
        Index("contract_term_by_path", "tenant_id", "path"),
    )

    contract_id: Mapped[int] = mapped_column(ForeignKey("signal_contract.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(String(400))
    kind: Mapped[str] = mapped_column(String(10))
    unit: Mapped[str] = mapped_column(String(40))
    semantic: Mapped[str] = mapped_column(String(120))
    period_s: Mapped[float | None]
