"""Passwords: checked as slowly for unknown names as for known ones; many wrong ones close a name."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import case, delete
from sqlalchemy.orm import Session

from tundish_platform.tenancy.metadata import insert_into
from tundish_platform.tenancy.models import LoginAttempt
from tundish_platform.tenancy.scope import AccessDenied

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

MAX_FAILURES = 10
LOCK_OUT = timedelta(minutes=5)
MIN_PASSWORD = 10
MAX_PASSWORD = 1024

# A name nobody tried for a day starts afresh, which also keeps the table small.
_FORGET_AFTER = timedelta(days=1)

_hasher = PasswordHasher()


class LoginRefused(AccessDenied):
    """Name and password do not open the door.

    Attributes:
        code: ``wrong`` or ``locked``.
        message_zh, message_en: what a person at the log-in form should read.
        retry_after: how long the name stays closed; zero for a wrong password.
    """

    def __init__(self, code: str, zh: str, en: str, retry_after: timedelta = timedelta()) -> None:
        super().__init__(en)
        self.code = code
        self.message_zh = zh
        self.message_en = en
        self.retry_after = retry_after

    @classmethod
    def wrong(cls) -> LoginRefused:
        """Unknown name or wrong password: the two are never told apart."""
        return cls(
            "wrong",
            "用户名或密码不正确。请检查大小写后重试, 或请管理员重置密码。",
            "The name or the password is wrong. Check upper and lower case and try again, "
            "or ask your administrator for a new password.",
        )

    @classmethod
    def locked(cls, left: timedelta) -> LoginRefused:
        """Too many wrong passwords of late."""
        minutes = max(1, -(-left // timedelta(minutes=1)))
        return cls(
            "locked",
            f"密码错误次数过多, 该用户名暂停登录。请在 {minutes} 分钟后重试。",
            f"Too many wrong passwords, so this name is closed for now. Try again in {minutes} min.",
            left,
        )


def hash_password(password: str) -> str:
    """Argon2id hash with its parameters.

    Raises:
        ValueError: the password is shorter than `MIN_PASSWORD` or longer than `MAX_PASSWORD` characters.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise ValueError(f"a password needs {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password belongs to the hash; as slow for no hash (an unknown name) as for a wrong one."""
    try:
        known = bool(password_hash)
        return _hasher.verify(password_hash or _decoy(), password[:MAX_PASSWORD]) and known
    except (VerificationError, InvalidHashError):
        return False


@cache
def _decoy() -> str:
    return _hasher.hash(secrets.token_urlsafe(32))


def login_digest(login: str) -> str:
    """Under which name wrong passwords are counted."""
    return hashlib.sha256(fold_login(login).encode("utf-8", "surrogatepass")).hexdigest()


def fold_login(login: str) -> str:
    """Log-in names do not differ by case or by blanks around them."""
    return login.strip().casefold()


def time_locked(session: Session, login: str, now: datetime) -> timedelta:
    """How long the name stays closed; zero or less when it is open."""
    # Made here, so that the first unknown name does not take twice as long as a known one.
    _decoy()
    attempt = session.get(LoginAttempt, login_digest(login))
    return attempt.locked_until - now if attempt and attempt.locked_until else timedelta()


def count_failure(bind: Engine | Connection, login: str, now: datetime) -> None:
    """Remember a wrong password, in a transaction of its own: the caller's is about to be rolled back."""
    with Session(bind) as session, session.begin():
        session.execute(delete(LoginAttempt).where(LoginAttempt.last_at < now - _FORGET_AFTER))
        # One statement, so that guesses sent at the same time are all counted.
        failures = case((LoginAttempt.locked_until <= now, 1), else_=LoginAttempt.failures + 1)
        locked_until = case((failures >= MAX_FAILURES, now + LOCK_OUT), else_=None)
        statement = insert_into(session, LoginAttempt).values(
            login_digest=login_digest(login), failures=1, last_at=now
        )
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["login_digest"],
                set_={"failures": failures, "last_at": now, "locked_until": locked_until},
            )
        )


def forget_failures(session: Session, login: str) -> None:
    """The right password was given: count from nothing again."""
    session.execute(delete(LoginAttempt).where(LoginAttempt.login_digest == login_digest(login)))


def utc_now() -> datetime:
    """The wall clock, in one place so that tests can say what time it is."""
    return datetime.now(UTC)
