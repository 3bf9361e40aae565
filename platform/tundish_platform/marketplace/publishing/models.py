"""Tables of publishers: who they are, their keys, the names of their apps, and the versions they sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class Publisher(TenantOwned, Base):
    """A tenant that publishes apps, under the name its manifests give."""

    __tablename__ = "publisher"
    __table_args__ = (UniqueConstraint("tenant_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(200))


class PublisherKey(TenantOwned, Base):
    """A public key; its state follows from which of its times are set.

    Attributes:
        fingerprint: SHA-256 of the key's DER form.
        vouched_by: fingerprint of the key that signed it; empty where the operator confirmed it.
        revoked_since: from when on its signatures count for nothing.
    """

    __tablename__ = "signing_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    public_pem: Mapped[str] = mapped_column(String(200))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    added_by: Mapped[str] = mapped_column(String(200))
    vouched_by: Mapped[str] = mapped_column(String(64), index=True)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_by: Mapped[str | None] = mapped_column(String(200))
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(400), default="")


class AppTitle(TenantOwned, Base):
    """An app's id, which belongs to whoever sent it first, for good."""

    __tablename__ = "app_title"

    app_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    uploads: Mapped[int] = mapped_column(default=0)


class AppPackage(TenantOwned, Base):
    """One version of an app as it was sent.

    Attributes:
        major, minor, patch: the version, to be compared.
        digest: SHA-256 of the archive, its name in the folder of packages.
        signature: 64 bytes in hexadecimal.
        state: `tundish_platform.marketplace.publishing.states.State`.
        report: of the automatic checks, once they ran.
    """

    __tablename__ = "app_package"
    __table_args__ = (
        UniqueConstraint("app_id", "version"),
        Index("app_package_by_state", "state", "app_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[str] = mapped_column(ForeignKey("app_title.app_id", ondelete="CASCADE"))
    version: Mapped[str] = mapped_column(String(40))
    major: Mapped[int]
    minor: Mapped[int]
    patch: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    signature: Mapped[str] = mapped_column(String(128))
    key_id: Mapped[int] = mapped_column(ForeignKey("signing_key.id", ondelete="CASCADE"), index=True)
    manifest: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(20))
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    uploaded_by: Mapped[str] = mapped_column(String(200))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(400), default="")
