"""What people change of their own account: the password, and which sessions stay open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.audit import record
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy.accounts import login_of, set_password, verify_password
from tundish_platform.tenancy.models import User
from tundish_platform.tenancy.passwords import MAX_PASSWORD, MIN_PASSWORD
from tundish_platform.tenancy.sessions import end_sessions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


def has_password(session: Session, user_id: int) -> bool:
    """Whether the person logs in with a password here; people of an identity provider may have none."""
    return bool(session.get_one(User, user_id).password_hash)


def change_password(
    session: Session, user_id: int, old: str, new: str, now: datetime, *, keep: str = ""
) -> int:
    """Give oneself another password, for whoever knows the old one; other sessions end.

    Call it before anything is written in the session, for failures are written beside it.

    Args:
        session: of the metadata database.
        user_id: the person who is logged in.
        old: the password of until now; a wrong one counts as one at the log-in does.
        new: the one from now on.
        now: the platform's clock, UTC.
        keep: secret of the session that asks, which stays open.

    Returns:
        How many sessions were ended.

    Raises:
        LoginRefused: the old password is wrong, or the name is closed.
        PeopleRefused: the new one is too short, too long or the old one.
    """
    if not MIN_PASSWORD <= len(new) <= MAX_PASSWORD:
        raise PeopleRefused(
            "password_refused", "密码须为 10 至 1024 个字符。", "A password needs 10 to 1024 characters."
        )
    if new == old:
        raise PeopleRefused(
            "password_refused",
            "新密码与原密码相同。请换一个。",
            "The new password is the old one. Choose another.",
        )
    verify_password(session, login_of(session, user_id), old)
    set_password(session, user_id, new)
    _note(session, user_id, "password.changed", now)
    return end_own_sessions(session, user_id, now, keep=keep)


def end_own_sessions(
    session: Session, user_id: int, now: datetime, number: int | None = None, *, keep: str = ""
) -> int:
    """End one of a person's sessions, or all but that of ``keep``, a secret; returns how many were open."""
    ended = end_sessions(session, user_id, now, number, keep=keep)
    if ended:
        _note(session, user_id, "session.ended", now, sessions=ended)
    return ended


def _note(session: Session, user_id: int, action: str, now: datetime, **detail: int) -> None:
    name = session.get_one(User, user_id).name
    record(session, name, action, f"user/{user_id}", now=now, detail=detail)
