"""One-time tokens, their digests, and what a browser was asked."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete

from tundish_platform.people.models import Challenge
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

ANSWER_WITHIN: Final = timedelta(minutes=10)


def digest_of(token: str) -> str:
    """What is kept of a token with so many random bits that a slow hash would add nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def ask(
    session: Session, purpose: str, asked: Mapping[str, Any], now: datetime, user_id: int | None = None
) -> str:
    """Remember what a browser was asked; returns the token with which it has to come back."""
    session.execute(delete(Challenge).where(Challenge.expires_at <= now))
    token = secrets.token_urlsafe(32)
    row = Challenge(
        digest=digest_of(token), purpose=purpose, user_id=user_id, asked=dict(asked),
        expires_at=now + ANSWER_WITHIN,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return token


def answered(session: Session, purpose: str, token: str, now: datetime) -> tuple[dict[str, Any], int | None]:
    """What was asked with that token and of whom; in a transaction that stands it is forgotten with this.

    Raises:
        AccessDenied: nothing was asked with it, or for another purpose, or too long ago, or it was answered.
    """
    found = session.execute(
        delete(Challenge)
        .where(Challenge.digest == digest_of(token), Challenge.purpose == purpose, Challenge.expires_at > now)
        .returning(Challenge.asked, Challenge.user_id)
    ).one_or_none()
    if found is None:
        raise AccessDenied(f"nobody waits for this answer to {purpose}")
    return found.asked, found.user_id
