"""Tables of what the plant makes: orders, lots and pieces, what was made from what, where each one was."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, PrimaryKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class Product(TenantOwned, Base):
    """An order, a lot or a piece, under the plant's own number.

    Attributes:
        kind: `ProductKind`.
        series: which of the plant's number ranges the number is of, such as ``heat`` or ``coil``.
        material: what it is of, such as a grade or a type of module.
        quantity: in ``unit``.
        unit: UCUM code.
        order_id: the order it is made for.
    """

    __tablename__ = "product"
    __table_args__ = (
        UniqueConstraint("tenant_id", "series", "number"),
        Index("product_by_number", "tenant_id", "number"),
        Index("product_by_order", "tenant_id", "order_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    series: Mapped[str] = mapped_column(String(40))
    number: Mapped[str] = mapped_column(String(120))
    material: Mapped[str] = mapped_column(String(120))
    quantity: Mapped[float | None]
    unit: Mapped[str] = mapped_column(String(40))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("product.id", ondelete="SET NULL"))
    declared_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Origin(TenantOwned, Base):
    """That a product was made from another one, wholly or in part; the edges of the genealogy.

    Attributes:
        product_id: what was made.
        from_id: what went into it.
        position: where in it that is, or which part of it: ``x12 y7`` of a wafer, ``0-120 m`` of a strip.
    """

    __tablename__ = "product_origin"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "product_id", "from_id"),
        Index("product_origin_by_source", "tenant_id", "from_id"),
    )

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"))
    from_id: Mapped[int] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"))
    position: Mapped[str] = mapped_column(String(60))
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Stay(TenantOwned, Base):
    """That a product was on an asset for a while.

    Attributes:
        asset_id: without an ``ondelete``: equipment that made something is retired, never removed.
        ends_at: None while it is there.
    """

    __tablename__ = "product_stay"
    __table_args__ = (
        UniqueConstraint("tenant_id", "product_id", "asset_id", "starts_at"),
        Index("product_stay_by_asset", "tenant_id", "asset_id", "starts_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"))
    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id"))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CodePrefix(TenantOwned, Base):
    """The prefix of identification codes that a secondary node gave to the enterprise."""

    __tablename__ = "code_prefix"
    __table_args__ = (PrimaryKeyConstraint("tenant_id"),)

    prefix: Mapped[str] = mapped_column(String(40), unique=True)
    set_at: Mapped[datetime] = mapped_column(UtcDateTime)


class IdentificationCode(TenantOwned, Base):
    """A code ``prefix/suffix`` of one product or one asset; never another's.

    Attributes:
        code: the whole, unique on the platform because its prefix is.
        published_at: since when everybody who asks is told what it is; None while only the tenant is.
    """

    __tablename__ = "identification_code"
    __table_args__ = (
        Index("identification_code_by_product", "tenant_id", "product_id"),
        Index("identification_code_by_asset", "tenant_id", "asset_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(255), unique=True)
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"))
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("asset.id"))
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
