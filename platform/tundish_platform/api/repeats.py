"""Idempotency keys: a POST that is sent again with its key is answered again, not carried out again.

The key is taken in a transaction of its own before the view runs, and the answer is kept after it. A process
that dies in between leaves the key taken; it is free again after `LOST_AFTER`, and what was asked may then be
done twice.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from flask import Response, current_app, g, request
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError

from tundish_platform.api.context import platform
from tundish_platform.api.described import description_of
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import current_principal
from tundish_platform.api.kept import KeptAnswer
from tundish_platform.api.rates import caller_of
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
KEEP: Final = timedelta(hours=24)
LOST_AFTER: Final = timedelta(minutes=10)
MAX_KEY: Final = 255

_TAKEN: Final = "tundish_taken_key"
# These say nothing of what was asked, only of the moment: the same request may well succeed later.
_PASSING: Final = frozenset({401, 408, 409, 429})
_FAILED_FROM: Final = 500

_log = structlog.get_logger(__name__)


def answer_repeat() -> Response | None:
    """Answer a request whose key was seen before; runs behind the guard, before each view."""
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST" or "tundish_principal" not in g:
        return None
    scope: TenantScope | None = g.get("tundish_scope")
    if scope is None:
        raise _refused(400, "is taken below /tenants/… only", "仅适用于 /tenants/… 下的接口")
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise _refused(
            400,
            f"must be 1 to {MAX_KEY} printable ASCII characters",
            f"须为 1 至 {MAX_KEY} 个可见 ASCII 字符",
        )
    who = " ".join(map(str, caller_of(current_principal())))
    taken = (_digest(who.encode(), key.encode()), _digest(*_asked()))
    with platform().metadata.session() as session:
        known = _take(session, scope, *taken)
    if known is None:
        g.tundish_taken_key = taken[0]
        return None
    return _again(known, taken[1])


def keep_answer(response: Response) -> Response:
    """Keep the answer of a request that took its key, or give the key back where nothing was decided."""
    key = g.pop(_TAKEN, None)
    if key is None:
        return response
    scope: TenantScope = g.tundish_scope
    passing = response.status_code in _PASSING or response.status_code >= _FAILED_FROM or response.is_streamed
    mine = (KeptAnswer.tenant_id == scope.tenant_id, KeptAnswer.key_digest == key)
    try:
        with platform().metadata.session() as session:
            if passing:
                session.execute(delete(KeptAnswer).where(*mine))
            else:
                body = None if _is_secret() else response.get_data()
                values = {"status": response.status_code, "media": response.content_type or "", "body": body}
                session.execute(update(KeptAnswer).where(*mine).values(**values))
    except OperationalError as error:
        # What was asked is done and must be answered; the key stays taken until it is lost.
        _log.warning("answer_not_kept", error=str(error.orig))
    return response


def _take(session: Session, scope: TenantScope, key: str, asked: str) -> KeptAnswer | None:
    """Take the key; what is known of it where somebody has it."""
    now = datetime.now(UTC)
    of_tenant = KeptAnswer.tenant_id == scope.tenant_id
    session.execute(delete(KeptAnswer).where(of_tenant, KeptAnswer.begun_at < now - KEEP))
    lost = (KeptAnswer.status.is_(None), KeptAnswer.begun_at < now - LOST_AFTER)
    session.execute(delete(KeptAnswer).where(of_tenant, KeptAnswer.key_digest == key, *lost))
    row = {
        "tenant_id": scope.tenant_id,
        "key_digest": key,
        "request_digest": asked,
        "begun_at": now,
        "media": "",
    }
    insert = insert_into(session, KeptAnswer).values(row).on_conflict_do_nothing()
    if session.scalar(insert.returning(KeptAnswer.key_digest)) is not None:
        return None
    return session.scalar(select(KeptAnswer).where(of_tenant, KeptAnswer.key_digest == key))


def _again(known: KeptAnswer, asked: str) -> Response:
    if known.request_digest != asked:
        raise _refused(422, "was used with another request", "已用于另一请求", "key_reused")
    if known.status is None:
        answer = _refused(
            409, "is of a request still under way", "对应的请求正在处理", "under_way"
        ).response()
        answer.headers["Retry-After"] = "1"
        return answer
    if known.body is None:
        raise _refused(
            409,
            "was answered with a secret, which is shown once only",
            "的应答含密钥, 仅显示一次",
            "shown_once",
        )
    answer = Response(known.body, status=known.status, content_type=known.media)
    answer.headers[REPLAYED] = "true"
    return answer


def _is_secret() -> bool:
    says = description_of(current_app.view_functions[request.endpoint or ""])
    return says is not None and says.secret


def _asked() -> tuple[bytes, ...]:
    return request.full_path.encode(), (request.content_type or "").encode(), request.get_data(cache=True)


def _digest(*parts: bytes) -> str:
    # Each part's own digest first, so that no two lists of parts run into the same bytes.
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _refused(status: int, en: str, zh: str, code: str = "bad_key") -> Problem:
    return Problem(status, f"{HEADER} {en}.", f"{HEADER} {zh}。", code)
