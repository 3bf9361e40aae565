"""Time-based codes as a second factor (RFC 6238), and recovery codes for a lost authenticator."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pyotp
from cryptography.fernet import InvalidToken
from sqlalchemy import delete, func, select, update

from tundish_platform.audit import record
from tundish_platform.people.models import RecoveryCode, SecondFactor
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.people.secrets import digest_of
from tundish_platform.tenancy import passwords
from tundish_platform.tenancy.models import User
from tundish_platform.tenancy.passwords import LoginRefused

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.people.settings import PeopleSettings

STEP_S: Final = 30
RECOVERY_CODES: Final = 10
# Clocks of telephones are right to a few seconds; one step to either side is what RFC 6238 advises.
_STEPS_ASIDE: Final = (0, -1, 1)
_RECOVERY_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class FactorState:
    """How a person's second factor stands.

    Attributes:
        confirmed: a code is asked for at log-in.
        codes_left: recovery codes that were not used.
    """

    confirmed: bool
    codes_left: int


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the person's authenticator has to learn, shown this once.

    Attributes:
        secret: base32, to be typed.
        uri: ``otpauth://…``, for a QR code.
    """

    secret: str
    uri: str


def factor_state(session: Session, user_id: int) -> FactorState:
    """Whether the person is asked for codes, and how many recovery codes are left."""
    confirmed = select(SecondFactor.user_id).where(
        SecondFactor.user_id == user_id, SecondFactor.confirmed_at.is_not(None)
    )
    left = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return FactorState(session.scalar(confirmed) is not None, session.scalar(left) or 0)


def enrol(session: Session, settings: PeopleSettings, user_id: int, now: datetime) -> Enrolment:
    """Make a secret for a person's authenticator; nothing is asked for until `confirm`.

    Raises:
        PeopleRefused: the platform has no key, or a second factor stands already.
    """
    cipher = settings.cipher()
    if factor_state(session, user_id).confirmed:
        raise PeopleRefused(
            "factor_stands", "已启用动态验证码。请先停用, 再重新绑定。",
            "A second factor stands already. Remove it first.",
        )  # fmt: skip
    secret = pyotp.random_base32()
    session.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id))
    row = SecondFactor(
        user_id=user_id, secret=cipher.encrypt(secret.encode()).decode(), created_at=now, confirmed_at=None,
        last_step=0,
    )  # fmt: skip
    session.add(row)
    session.flush()
    login = session.get_one(User, user_id).login
    uri = pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=login, issuer_name="Tundish")
    return Enrolment(secret, uri)


def confirm(
    session: Session, settings: PeopleSettings, user_id: int, code: str, now: datetime
) -> tuple[str, ...]:
    """Ask for codes from now on, since the person has shown one; returns the recovery codes, this once.

    Raises:
        PeopleRefused: nothing was enrolled, or the code is wrong.
    """
    row = session.get(SecondFactor, user_id, populate_existing=True)
    step = None if row is None or row.confirmed_at else _step_of(_secret(settings, row), code, now)
    if row is None or step is None:
        raise PeopleRefused(
            "wrong_code", "验证码不正确。请检查手机时间, 输入当前显示的验证码。",
            "The code is wrong. Check the clock of your telephone and enter the code it shows now.",
        )  # fmt: skip
    row.confirmed_at, row.last_step = now, step
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
    session.add_all(
        RecoveryCode(user_id=user_id, digest=digest_of(_plain(code)), used_at=None) for code in codes
    )
    session.flush()
    _note(session, user_id, "factor.added", now)
    return codes


def check_code(session: Session, settings: PeopleSettings, user_id: int, code: str, now: datetime) -> None:
    """Take a code of the person's authenticator, or a recovery code; each is good once.

    Wrong codes count with wrong passwords, so that neither can be guessed. Call it before anything is
    written in the session, for failures are written beside it.

    Raises:
        LoginRefused: the code is wrong, was used before, or the name is closed.
    """
    login = session.get_one(User, user_id).login
    if (left := passwords.time_locked(session, login, now)) > timedelta():
        raise LoginRefused.locked(left)
    row = session.get(SecondFactor, user_id, populate_existing=True)
    step = None if row is None or row.confirmed_at is None else _step_of(_secret(settings, row), code, now)
    if row is not None and step is not None and step > row.last_step:
        taken = update(SecondFactor).where(
            SecondFactor.user_id == user_id, SecondFactor.last_step < step
        ).values(last_step=step).returning(SecondFactor.user_id)  # fmt: skip
        if session.scalar(taken) is None:
            raise _wrong()
        return
    if not _is_recovery_code(session, user_id, code):
        passwords.count_failure(session.get_bind(), login, now)
        raise _wrong()
    _use_recovery_code(session, user_id, code, now)


def remove_factor(session: Session, user_id: int, now: datetime) -> bool:
    """Ask for no codes any more; False where none were asked for."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    gone = session.scalar(
        delete(SecondFactor).where(SecondFactor.user_id == user_id).returning(SecondFactor.confirmed_at)
    )
    if gone is not None:
        _note(session, user_id, "factor.removed", now)
    return gone is not None


def remove_own_factor(
    session: Session, settings: PeopleSettings, user_id: int, code: str, now: datetime
) -> bool:
    """Ask a person for no codes any more, since they have shown a last one; False where none were asked for.

    Raises:
        LoginRefused: codes are asked for, and this one is wrong, was used before, or the name is closed.
    """
    if factor_state(session, user_id).confirmed:
        check_code(session, settings, user_id, code, now)
    return remove_factor(session, user_id, now)


def _secret(settings: PeopleSettings, row: SecondFactor) -> str:
    try:
        return settings.cipher().decrypt(row.secret.encode()).decode()
    except InvalidToken:
        raise PeopleRefused(
            "no_key", "双因素密钥与数据库不匹配, 无法校验验证码。请联系运维人员。",
            "The platform's key for second factors is not the one of this database. Tell the operator.",
        ) from None  # fmt: skip


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The step whose code this is, of those around now; ``None`` for none of them."""
    here = int(now.timestamp()) // STEP_S
    totp = pyotp.HOTP(secret)
    given = "".join(code.split()).encode("utf-8", "surrogatepass")
    fits = [
        here + aside for aside in _STEPS_ASIDE if hmac.compare_digest(totp.at(here + aside).encode(), given)
    ]
    return fits[0] if fits else None


def _recovery_code() -> str:
    text = secrets.token_hex(_RECOVERY_BYTES)
    return "-".join(text[start : start + 5] for start in range(0, len(text), 5))


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


def _is_recovery_code(session: Session, user_id: int, code: str) -> bool:
    kept = session.get(RecoveryCode, (user_id, digest_of(_plain(code))), populate_existing=True)
    return kept is not None and kept.used_at is None


def _use_recovery_code(session: Session, user_id: int, code: str, now: datetime) -> None:
    mine = RecoveryCode.user_id == user_id, RecoveryCode.digest == digest_of(_plain(code))
    used = update(RecoveryCode).where(*mine, RecoveryCode.used_at.is_(None)).values(used_at=now)
    if session.scalar(used.returning(RecoveryCode.user_id)) is None:
        raise _wrong()
    _note(session, user_id, "factor.recovery_code_used", now)


def _wrong() -> LoginRefused:
    return LoginRefused(
        "wrong_code",
        "验证码不正确或已使用过。请等待下一个验证码, 或使用恢复码。",
        "The code is wrong or was used before. Wait for the next one, or use a recovery code.",
    )


def _note(session: Session, user_id: int, action: str, now: datetime) -> None:
    record(session, session.get_one(User, user_id).name, action, f"user/{user_id}", now=now)
