"""Routes of a person's own log-in: sessions, second factor, passkeys."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import people_shapes as shapes
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import bearer, of_person, open_as_door
from tundish_platform.api.ids import known_id
from tundish_platform.api.shapes import Removed
from tundish_platform.people.account import end_own_sessions
from tundish_platform.people.factors import confirm, enrol, factor_state, remove_own_factor
from tundish_platform.people.login import CodeNeeded, check_first, check_second, enter
from tundish_platform.people.passkeys import (
    check_passkey,
    list_passkeys,
    offer_log_in,
    offer_registration,
    register,
    remove_passkey,
)
from tundish_platform.tenancy import AccessDenied
from tundish_platform.tenancy.accounts import login_of, verify_password
from tundish_platform.tenancy.passwords import LoginRefused, utc_now
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.sessions import SESSION_PREFIX, open_sessions

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from tundish_platform.people.login import Opened
    from tundish_platform.tenancy import Principal

routes = Blueprint("sessions", __name__)

_Password = Annotated[str, Field(max_length=1_024)]
_Code = Annotated[str, Field(max_length=60)]


class LogIn(BaseModel):
    """Name and password, and a code where a second factor stands."""

    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(max_length=200)]
    password: _Password
    code: _Code = ""


class Again(BaseModel):
    """The password, asked for again."""

    model_config = ConfigDict(extra="forbid")

    password: _Password


class Code(BaseModel):
    """A code of the authenticator, or a recovery code."""

    model_config = ConfigDict(extra="forbid")

    code: _Code


class Answer(BaseModel):
    """What the authenticator answered to the challenge of the token."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(max_length=200)]
    answer: dict[str, Any]


class NewPasskey(Answer):
    """A new passkey and what its person calls it."""

    name: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]*$")]


@routes.post("/sessions")
@open_as_door
@described(body=LogIn, answer=shapes.SessionOpened, status=201, secret=True)
def log_in(body: LogIn) -> ResponseReturnValue:
    """Log in with name, password and, where a second factor stands, a code."""
    now, people = utc_now(), platform().people
    with platform().metadata.above(Above.IDENTITY).session() as session:
        try:
            user_id, way = check_first(session, body.login, body.password), "password"
        except CodeNeeded as needed:
            if not body.code:
                raise
            user_id, way = needed.user_id, "code"
            check_second(session, people, user_id, body.code, now)
        return _opened(enter(session, user_id, people.session_length, now, _agent(), way)), 201


@routes.post("/sessions/passkey/options")
@open_as_door
@described(answer=shapes.PasskeyOptions)
def passkey_ask() -> ResponseReturnValue:
    """What a browser asks its authenticator in order to log in."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        token, options = offer_log_in(session, platform().people, utc_now())
    return {"token": token, "options": options}


@routes.post("/sessions/passkey")
@open_as_door
@described(body=Answer, answer=shapes.SessionOpened, status=201, secret=True)
def passkey_log_in(body: Answer) -> ResponseReturnValue:
    """Log in with a passkey."""
    now, people = utc_now(), platform().people
    try:
        with platform().metadata.above(Above.IDENTITY).session() as session:
            user_id = check_passkey(session, people, body.token, body.answer, now)
            return _opened(enter(session, user_id, people.session_length, now, _agent(), "passkey")), 201
    except AccessDenied:
        raise Problem(
            401, "This passkey opens nothing here. Log in another way, or ask for a new challenge.",
            "通行密钥无效。请使用其他方式登录, 或重新发起。", "passkey_refused",
        ) from None  # fmt: skip


@routes.get("/me/sessions")
@of_person
@described(answer=list[shapes.OwnSession])
def own_sessions(principal: Principal) -> ResponseReturnValue:
    """One's own open sessions, newest first; ``current`` is the one that asks."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        found = open_sessions(session, principal.id, utc_now(), bearer().removeprefix(SESSION_PREFIX))
    return [asdict(one) for one in found]


@routes.delete("/me/sessions/<int:number>")
@of_person
@described(answer=shapes.Ended)
def session_end(principal: Principal, number: int) -> ResponseReturnValue:
    """End one of one's own sessions; ending it twice is no error."""
    return {"ended": _end(principal, known_id(number))}


@routes.delete("/me/sessions")
@of_person
@described(answer=shapes.Ended)
def sessions_end(principal: Principal) -> ResponseReturnValue:
    """End all of one's own sessions, this one with them."""
    return {"ended": _end(principal, None)}


@routes.get("/me/second-factor")
@of_person
@described(answer=shapes.SecondFactor)
def factor(principal: Principal) -> ResponseReturnValue:
    """Whether codes are asked for, and how many recovery codes are left."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        return asdict(factor_state(session, principal.id))


@routes.post("/me/second-factor")
@of_person
@described(body=Again, answer=shapes.Enrolled, status=201, secret=True)
def factor_enrol(principal: Principal, body: Again) -> ResponseReturnValue:
    """A secret for the authenticator, for whoever knows the password; shown this once."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        verify_password(session, login_of(session, principal.id), body.password)
        return asdict(enrol(session, platform().people, principal.id, utc_now())), 201


@routes.put("/me/second-factor")
@of_person
@described(body=Code, answer=shapes.RecoveryCodes, secret=True)
def factor_confirm(principal: Principal, body: Code) -> ResponseReturnValue:
    """Ask for codes from now on; the recovery codes in the answer are shown this once."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        codes = confirm(session, platform().people, principal.id, body.code, utc_now())
    return {"recovery_codes": codes}


@routes.delete("/me/second-factor")
@of_person
@described(body=Code, answer=Removed)
def factor_remove(principal: Principal, body: Code) -> ResponseReturnValue:
    """Ask for no codes any more; takes a last one."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        gone = remove_own_factor(session, platform().people, principal.id, body.code, utc_now())
    return {"removed": gone}


@routes.get("/me/passkeys")
@of_person
@described(answer=list[shapes.Passkey])
def passkeys(principal: Principal) -> ResponseReturnValue:
    """One's own passkeys."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        return [asdict(one) for one in list_passkeys(session, principal.id)]


@routes.post("/me/passkeys/options")
@of_person
@described(answer=shapes.PasskeyOptions)
def passkey_offer(principal: Principal) -> ResponseReturnValue:
    """What a browser asks its authenticator in order to make a passkey."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        token, options = offer_registration(session, platform().people, principal.id, utc_now())
    return {"token": token, "options": options}


@routes.post("/me/passkeys")
@of_person
@described(body=NewPasskey, answer=shapes.Passkey, status=201)
def passkey_register(principal: Principal, body: NewPasskey) -> ResponseReturnValue:
    """Keep the passkey that the browser made."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        made = register(
            session, platform().people, principal.id, body.token, body.answer, body.name, utc_now()
        )
    return asdict(made), 201


@routes.delete("/me/passkeys/<int:passkey>")
@of_person
@described(answer=Removed)
def passkey_remove(principal: Principal, passkey: int) -> ResponseReturnValue:
    """Refuse a passkey from now on; removing it twice is no error."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        return {"removed": remove_passkey(session, principal.id, known_id(passkey), utc_now())}


@routes.errorhandler(LoginRefused)
def _login_refused(error: LoginRefused) -> Response:
    if not error.retry_after:
        return Problem(401, error.message_en, error.message_zh, error.code).response()
    answer = Problem(429, error.message_en, error.message_zh, error.code).response()
    answer.headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    return answer


@routes.errorhandler(CodeNeeded)
def _code_needed(_error: CodeNeeded) -> Response:
    return Problem(
        401, "A code of your authenticator is needed. Send it as 'code' with name and password.",
        "需要动态验证码。请在 code 字段中与用户名和密码一同发送。", "code_needed",
    ).response()  # fmt: skip


def _end(principal: Principal, number: int | None) -> int:
    with platform().metadata.above(Above.IDENTITY).session() as session:
        return end_own_sessions(session, principal.id, utc_now(), number)


def _opened(opened: Opened) -> dict[str, Any]:
    return {
        "session": SESSION_PREFIX + opened.secret,
        "name": opened.principal.name,
        "expires_at": opened.expires_at,
    }


def _agent() -> str:
    return request.headers.get("User-Agent", "")
