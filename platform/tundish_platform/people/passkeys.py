"""Passkeys (WebAuthn): registered by a person who is logged in, and then a log-in of their own.

The authenticator checks the person itself (user verification is demanded), so a passkey is both factors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, select
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from tundish_platform.audit import record
from tundish_platform.people.models import Passkey
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.people.secrets import answered, ask
from tundish_platform.tenancy import AccessDenied
from tundish_platform.tenancy.models import User

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.people.settings import PeopleSettings

MAX_PASSKEYS: Final = 20
_REGISTER: Final = "passkey.register"
_LOG_IN: Final = "passkey.log_in"


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """A passkey as its person sees it."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


def offer_registration(
    session: Session, settings: PeopleSettings, user_id: int, now: datetime
) -> tuple[str, dict[str, Any]]:
    """What to call ``navigator.credentials.create`` with, and the token to come back with.

    Raises:
        PeopleRefused: the person has `MAX_PASSKEYS` already.
    """
    user = session.get_one(User, user_id)
    mine = session.scalars(select(Passkey).where(Passkey.user_id == user_id)).all()
    if len(mine) >= MAX_PASSKEYS:
        raise PeopleRefused(
            "too_many", f"通行密钥已达 {MAX_PASSKEYS} 个。请先删除不再使用的。",
            f"You have {MAX_PASSKEYS} passkeys. Remove one you no longer use.",
        )  # fmt: skip
    options = generate_registration_options(
        rp_id=settings.host,
        rp_name="Tundish",
        user_id=_handle(user_id),
        user_name=user.login,
        user_display_name=user.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential)) for one in mine
        ],
    )
    token = ask(session, _REGISTER, {"challenge": bytes_to_base64url(options.challenge)}, now, user_id)
    return token, json.loads(options_to_json(options))


def register(
    session: Session, settings: PeopleSettings, user_id: int, token: str, answer: Mapping[str, Any],
    name: str, now: datetime,
) -> PasskeyView:  # fmt: skip
    """Keep the passkey that the browser made.

    Args:
        session: of the metadata database.
        settings: to whose address passkeys are bound.
        user_id: the person who is logged in.
        token: of `offer_registration`.
        answer: the credential as ``toJSON()`` gives it.
        name: what the person calls it.
        now: the platform's clock, UTC.

    Raises:
        AccessDenied: nothing was offered with that token to that person.
        PeopleRefused: the answer does not fit what was asked.
    """
    asked, asked_of = answered(session, _REGISTER, token, now)
    if asked_of != user_id:
        raise AccessDenied(f"user {user_id} answers for another person")
    try:
        made = verify_registration_response(
            credential=dict(answer),
            expected_challenge=base64url_to_bytes(asked["challenge"]),
            expected_rp_id=settings.host,
            expected_origin=settings.origin,
            require_user_verification=True,
        )
    except WebAuthnException:
        raise _unfit() from None
    row = Passkey(
        user_id=user_id, credential=bytes_to_base64url(made.credential_id),
        public_key=made.credential_public_key, sign_count=made.sign_count, name=name, created_at=now,
        last_used_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    _note(session, user_id, "passkey.added", row.id, now)
    return _view(row)


def offer_log_in(session: Session, settings: PeopleSettings, now: datetime) -> tuple[str, dict[str, Any]]:
    """What to call ``navigator.credentials.get`` with, and the token to come back with."""
    options = generate_authentication_options(
        rp_id=settings.host, user_verification=UserVerificationRequirement.REQUIRED
    )
    token = ask(session, _LOG_IN, {"challenge": bytes_to_base64url(options.challenge)}, now)
    return token, json.loads(options_to_json(options))


def check_passkey(
    session: Session, settings: PeopleSettings, token: str, answer: Mapping[str, Any], now: datetime
) -> int:
    """The person whose passkey signed what was asked.

    Raises:
        AccessDenied: nothing was asked with that token, nobody has that passkey, its signature is wrong or
            its counter has fallen back; which of them is not said.
    """
    asked, _ = answered(session, _LOG_IN, token, now)
    row = session.scalar(select(Passkey).where(Passkey.credential == str(answer.get("id"))))
    if row is None:
        raise AccessDenied("nobody has that passkey")
    try:
        seen = verify_authentication_response(
            credential=dict(answer),
            expected_challenge=base64url_to_bytes(asked["challenge"]),
            expected_rp_id=settings.host,
            expected_origin=settings.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise AccessDenied(f"a passkey of user {row.user_id} was refused: {error}") from None
    row.sign_count, row.last_used_at = seen.new_sign_count, now
    session.flush()
    return row.user_id


def list_passkeys(session: Session, user_id: int) -> list[PasskeyView]:
    """A person's passkeys, oldest first."""
    return [
        _view(row)
        for row in session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id))
    ]


def remove_passkey(session: Session, user_id: int, passkey: int, now: datetime) -> bool:
    """Refuse a passkey from now on; False where the person has none with that number."""
    mine = Passkey.user_id == user_id, Passkey.id == passkey
    gone = session.scalar(delete(Passkey).where(*mine).returning(Passkey.id))
    if gone is not None:
        _note(session, user_id, "passkey.removed", passkey, now)
    return gone is not None


def _handle(user_id: int) -> bytes:
    return str(user_id).encode()


def _unfit() -> PeopleRefused:
    return PeopleRefused(
        "passkey_refused", "浏览器返回的通行密钥与请求不符。请重试。",
        "The passkey that the browser made does not fit what was asked. Try again.",
    )  # fmt: skip


def _view(row: Passkey) -> PasskeyView:
    return PasskeyView(row.id, row.name, row.created_at, row.last_used_at)


def _note(session: Session, user_id: int, action: str, passkey: int, now: datetime) -> None:
    record(session, session.get_one(User, user_id).name, action, f"passkey/{passkey}", now=now)
