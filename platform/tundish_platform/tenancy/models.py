"""Tables of tenants, people, their roles, and tokens of services."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class Tenant(Base):
    """One plant or enterprise with everything it owns.

    Attributes:
        slug: short name in addresses and folders; never changes.
        timezone: IANA name of the plant's zone; days and shifts are reckoned in it.
        uscc: unified social credit code (GB 32100) of the enterprise, where known.
        next_signal: number the next new signal gets; only ever counts up, so numbers are never given twice.
    """

    __tablename__ = "tenant"
    # A removed tenant's number must never be another's: scopes in memory may still have it.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's own form

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(60))
    uscc: Mapped[str | None] = mapped_column(String(18), unique=True)
    next_signal: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class User(Base):
    """A person who logs in.

    Attributes:
        login: folded to lower case; unique.
        password_hash: Argon2id with its parameters; empty for a person who only comes by another way.
        locale: ``zh`` or ``en``.
        disabled_at: since when the person may no longer log in.
    """

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(200))
    locale: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LoginAttempt(Base):
    """Wrong passwords of late for one log-in name, whether or not anybody has that name.

    Attributes:
        login_digest: SHA-256 of the name, because people type passwords into the wrong field.
    """

    __tablename__ = "login_attempt"

    login_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PersonSession(Base):
    """A person at a browser, from a log-in until it is ended or expires.

    Attributes:
        digest: SHA-256 of the secret in the browser's cookie.
        seen_at: to the minute, when it was last used.
        agent: what the browser called itself.
    """

    __tablename__ = "person_session"
    __table_args__ = (Index("person_session_by_opening", "user_id", "opened_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    agent: Mapped[str] = mapped_column(String(200))


class Membership(TenantOwned, Base):
    """One role of one person in one tenant, or at one place of it.

    Attributes:
        place: path of a site, an area or a line; empty for the whole tenant.
    """

    __tablename__ = "membership"
    __table_args__ = (PrimaryKeyConstraint("tenant_id", "user_id", "role", "place"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(30))
    place: Mapped[str] = mapped_column(String(400), default="")


class UserRole(Base):
    """One role of one person above tenants: the bureau's, the operator's."""

    __tablename__ = "user_role"
    __table_args__ = (PrimaryKeyConstraint("user_id", "role"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(30))


class ApiToken(Base):
    """A service's token, of which only the SHA-256 is kept.

    Attributes:
        digest: SHA-256 of the plain token. The token has 256 random bits, so a slow hash adds nothing.
        last_used_at: to the minute, so that reading does not turn into writing.
        created_by: name of who made it; empty for those made at set-up.
    """

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(200), default="")


class TokenGrant(TenantOwned, Base):
    """One role of one token in one tenant, or at one ``place`` of it as in `Membership`."""

    __tablename__ = "token_grant"
    __table_args__ = (PrimaryKeyConstraint("tenant_id", "token_id", "role", "place"),)

    token_id: Mapped[int] = mapped_column(ForeignKey("api_token.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(30))
    place: Mapped[str] = mapped_column(String(400), default="")


class TokenRole(Base):
    """One role of one token above tenants."""

    __tablename__ = "token_role"
    __table_args__ = (PrimaryKeyConstraint("token_id", "role"),)

    token_id: Mapped[int] = mapped_column(ForeignKey("api_token.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(30))


class IdentityVersion(Base):
    """How often anything changed that decides who may do what; one row, counted up by triggers.

    `tundish_platform.migrations.identity` says which changes count.
    """

    __tablename__ = "identity_version"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
