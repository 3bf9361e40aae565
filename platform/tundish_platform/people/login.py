"""Logging in: a password and, where a second factor stands, a code; or a passkey. It ends in a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tundish_platform.audit import record
from tundish_platform.people.factors import check_code, factor_state
from tundish_platform.tenancy import passwords
from tundish_platform.tenancy.accounts import principal_of_user, verify_password
from tundish_platform.tenancy.models import User
from tundish_platform.tenancy.sessions import open_session

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy.orm import Session

    from tundish_platform.people.settings import PeopleSettings
    from tundish_platform.tenancy import Principal


class CodeNeeded(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The password was right, and the person's second factor is asked for next.

    Attributes:
        user_id: whose.
    """

    def __init__(self, user_id: int) -> None:
        super().__init__("a code is needed")
        self.user_id = user_id


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has just begun; the secret is kept nowhere else than with the person."""

    principal: Principal
    secret: str
    expires_at: datetime


def check_first(session: Session, login: str, password: str) -> int:
    """The person with that name and password, if that is all they are asked for.

    Raises:
        LoginRefused: name or password are wrong, or the name is closed.
        CodeNeeded: the password was right, and a code is needed; failures go on counting until it came.
    """
    user_id = verify_password(session, login, password)
    if factor_state(session, user_id).confirmed:
        raise CodeNeeded(user_id)
    passwords.forget_failures(session, login)
    return user_id


def check_second(session: Session, settings: PeopleSettings, user_id: int, code: str, now: datetime) -> None:
    """The code that `check_first` asked for.

    Raises:
        LoginRefused: it is wrong or was used before, or the name is closed.
    """
    check_code(session, settings, user_id, code, now)
    passwords.forget_failures(session, session.get_one(User, user_id).login)


def enter(session: Session, user_id: int, length: timedelta, now: datetime, agent: str, way: str) -> Opened:
    """Open a session for a person who has proved who they are.

    Args:
        session: of the metadata database.
        user_id: the person.
        length: of the session.
        now: the platform's clock, UTC.
        agent: what the browser or program calls itself.
        way: ``password``, ``code``, ``passkey`` or ``provider``, for the trail.

    Raises:
        AccessDenied: the person was disabled.
    """
    principal = principal_of_user(session, user_id)
    secret = open_session(session, user_id, length, now, agent)
    record(session, principal.name, "person.logged_in", f"user/{user_id}", now=now, detail={"by": way})
    return Opened(principal, secret, now + length)
