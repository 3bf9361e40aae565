"""Sessions of people at browsers: opened by a log-in, listed, ended; and who logged in when, for adoption."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select, update

from tundish_platform.tenancy.accounts import principal_of_user
from tundish_platform.tenancy.models import Membership, PersonSession
from tundish_platform.tenancy.scope import AccessDenied, Permission

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy.scope import Principal, TenantScope

SESSION_PREFIX: Final = "tns_"
"""Tells a person's session from a service's key where the API is sent one of them."""

# Adoption looks back a few months; after a year nobody needs to know any more who logged in.
_KEPT: Final = timedelta(days=400)
# Reading must not turn into writing with each request of a page.
_SEEN_NOTED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as its person sees it.

    Attributes:
        number: by which it can be ended.
        agent: what the browser called itself, cut short.
        current: whether it is the one that asks.
    """

    number: int
    opened_at: datetime
    seen_at: datetime
    expires_at: datetime
    agent: str
    current: bool = False


def open_session(session: Session, user_id: int, length: timedelta, now: datetime, agent: str = "") -> str:
    """Open a session after a password was checked.

    Args:
        session: of the metadata database.
        user_id: the person.
        length: after this a person logs in again, whatever happened in between.
        now: the platform's clock, UTC.
        agent: what the browser calls itself.

    Returns:
        The session's secret for the browser's cookie; only its digest is kept.
    """
    session.execute(delete(PersonSession).where(PersonSession.opened_at < now - _KEPT))
    secret = secrets.token_urlsafe(32)
    shown = "".join(c for c in agent if c.isprintable())[:200]
    row = PersonSession(
        user_id=user_id, digest=_digest(secret), opened_at=now, seen_at=now, expires_at=now + length,
        ended_at=None, agent=shown,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return secret


def principal_of_session(session: Session, secret: str, now: datetime) -> Principal:
    """The person of a session, with the roles of this moment.

    Raises:
        AccessDenied: no such session, or it has expired or was ended, or the person may no longer log in.
    """
    row = session.scalar(_open(now).where(PersonSession.digest == _digest(secret)))
    if row is None:
        raise AccessDenied("no open session")
    if now - row.seen_at >= _SEEN_NOTED_EVERY:
        row.seen_at = now
    return principal_of_user(session, row.user_id)


def end_session(session: Session, secret: str, now: datetime) -> None:
    """End the session of a cookie; a copy of it is worthless from now on. Ending twice is no error."""
    session.execute(
        update(PersonSession)
        .where(PersonSession.digest == _digest(secret), PersonSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def end_sessions(
    session: Session, user_id: int, now: datetime, number: int | None = None, *, keep: str = ""
) -> int:
    """End one of a person's sessions, or all but that of ``keep``, a secret; returns how many were open."""
    query = update(PersonSession).where(
        PersonSession.user_id == user_id, PersonSession.ended_at.is_(None), PersonSession.expires_at > now
    )
    if number is not None:
        query = query.where(PersonSession.id == number)
    if keep:
        query = query.where(PersonSession.digest != _digest(keep))
    return len(session.scalars(query.values(ended_at=now).returning(PersonSession.id)).all())


def open_sessions(session: Session, user_id: int, now: datetime, secret: str = "") -> list[SessionInfo]:
    """A person's open sessions, newest first; ``secret`` is that of the one which asks."""
    mine = _digest(secret)
    rows = session.scalars(
        _open(now).where(PersonSession.user_id == user_id).order_by(PersonSession.id.desc())
    )
    return [SessionInfo(r.id, r.opened_at, r.seen_at, r.expires_at, r.agent, r.digest == mine) for r in rows]


def logins_between(
    session: Session, scope: TenantScope, start: datetime, end: datetime
) -> list[tuple[int, datetime]]:
    """Who of the tenant's people logged in when, ``start <= at < end``: number of the person and the instant.

    Raises:
        AccessDenied: the scope may not read.
    """
    scope.require(Permission.READ)
    members = select(Membership.user_id).where(Membership.tenant_id == scope.tenant_id)
    rows = session.execute(
        select(PersonSession.user_id, PersonSession.opened_at)
        .where(
            PersonSession.user_id.in_(members),
            PersonSession.opened_at >= start, PersonSession.opened_at < end,
        )
        .order_by(PersonSession.opened_at)
    )  # fmt: skip
    return [(user, at) for user, at in rows]


def _open(now: datetime) -> Select[PersonSession]:
    return select(PersonSession).where(PersonSession.ended_at.is_(None), PersonSession.expires_at > now)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
