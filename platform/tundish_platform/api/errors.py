"""Every failure as one JSON shape in two languages: problem details after RFC 9457.

``code``, ``message`` and ``message_zh`` are the extension members that programs and people read.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from flask import jsonify, request
from pydantic import ValidationError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolEmpty
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from tundish_platform.api.messages import BY_STATUS
from tundish_platform.assets import (
    AssetChanged,
    SignalQuotaReached,
    SignalRefused,
    SourceRefused,
    UnknownAsset,
    UnknownSignals,
)
from tundish_platform.samples import CodecError
from tundish_platform.store import StoreFailed, StoreFull, TimeOutOfRange
from tundish_platform.store.lifecycle.quota import OverQuota, QueryTooLong
from tundish_platform.store.remote.errors import WriterAway
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask import Blueprint, Flask, Response
    from flask.typing import ResponseReturnValue

API_ROOT: Final = "/api/"
PROBLEM_MIME: Final = "application/problem+json"
# A name, not an address: nothing has to be fetched to know what a code means.
PROBLEM_TYPE: Final = "urn:tundish:problem:"

_log = structlog.get_logger(__name__)


class Problem(Exception):  # noqa: N818 - it is what the answer says, not only an error of ours
    """A refusal with the words for the caller.

    Args:
        status: HTTP status.
        en: message in English; the status's own words for an empty one.
        zh: the same in Chinese.
        code: short word for programs; the status's own by default.
        more: further members of the answer, such as the rows that are wrong.
    """

    def __init__(self, status: int, en: str = "", zh: str = "", code: str = "", **more: object) -> None:
        default_code, default_en, default_zh = _words(status)
        super().__init__(en or default_en)
        self.status = status
        self.code = code or default_code
        self.message = en or default_en
        self.message_zh = zh or default_zh
        self.more = more

    def response(self) -> Response:
        """The JSON answer."""
        answer = jsonify(
            type=f"{PROBLEM_TYPE}{self.code}", title=HTTPStatus(self.status).phrase, status=self.status,
            detail=self.message, code=self.code, message=self.message, message_zh=self.message_zh,
            **self.more,
        )  # fmt: skip
        answer.status_code, answer.mimetype = self.status, PROBLEM_MIME
        if self.status == 401:  # noqa: PLR2004 - the HTTP code
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


def install_errors(app: Flask, api: Blueprint) -> None:
    """Let every failure below the API's root end in a `Problem`; pages keep their own ways of failing."""
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Problem, _of_problem)
    for kind, handler in _HANDLERS.items():
        api.register_error_handler(kind, handler)


def _of_problem(problem: Problem) -> Response:
    return problem.response()


def _words(status: int) -> tuple[str, str, str]:
    # 4xx and 5xx codes without words of their own speak with those of their family.
    return BY_STATUS.get(status) or BY_STATUS[500 if status >= 500 else 400]  # noqa: PLR2004 - HTTP codes


def _of_http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if not request.path.startswith(API_ROOT) or status < 400:  # noqa: PLR2004 - redirects are no failures
        return error
    answer = Problem(status).response()
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            answer.headers[name] = value
    return answer


def _denied(error: AccessDenied) -> Response:
    _log.info("access_denied", reason=str(error), path=request.path)
    return Problem(403).response()


def _invalid(error: ValidationError) -> Response:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    en = f"{where[:200]}: {first['msg']}{more}"
    return Problem(422, en, f"字段无法使用 — {en}").response()


def _refused(error: SignalRefused) -> Response:
    return Problem(422, error.message_en, error.message_zh, "signal_refused").response()


def _quota(error: SignalQuotaReached) -> Response:
    return Problem(
        422,
        f"The tenant's quota of signals is reached: {error}. Nothing was stored. Ask the operator for more.",
        f"信号数量已达租户配额 ({error}), 未保存任何内容。请联系运维人员提高配额。",
        "quota_reached",
    ).response()


def _unknown_signals(error: UnknownSignals) -> Response:
    ids = ", ".join(map(str, error.ids[:20]))
    return Problem(
        422, f"There are no signals {ids}. List the signals anew.", f"没有信号 {ids}。请重新获取信号列表。",
        "unknown_signals",
    ).response()  # fmt: skip


def _unknown_asset(error: UnknownAsset) -> Response:
    return Problem(404, f"There is no asset {error}.", f"没有设备节点 {error}。", "unknown_asset").response()


def _asset_changed(_error: AssetChanged) -> Response:
    return Problem(
        409, "Somebody changed the asset since it was read. Read it anew.",
        "该节点已被他人修改,请重新读取。", "asset_changed",
    ).response()  # fmt: skip


def _source(error: SourceRefused) -> Response:
    return Problem(422, f"{error}.", f"来源名称无法使用或来源过多 — {error}。", "source_refused").response()


def _codec(error: CodecError) -> Response:
    return Problem(
        400, f"The body holds no sample batches: {error!s:.300}", f"请求体不是有效的采样批次: {error!s:.300}",
        "not_batches",
    ).response()  # fmt: skip


def _database_busy(error: OperationalError | PoolEmpty) -> Response:
    _log.warning("metadata_database_unavailable", error=str(getattr(error, "orig", error)))
    answer = Problem(503).response()
    answer.headers["Retry-After"] = "5"
    return answer


def _conflict(error: IntegrityError | StaleDataError) -> Response:
    _log.info("conflict", error=str(getattr(error, "orig", error))[:300])
    return Problem(409).response()


def _not_storable(error: DataError) -> Response:
    _log.info("value_not_storable", error=str(error.orig)[:300])
    return Problem(422).response()


def _over_quota(error: OverQuota) -> Response:
    _log.info("over_quota", what=error.what, again_s=error.retry_after_s)
    answer = Problem(429, error.message_en, error.message_zh, "over_quota").response()
    # Whole seconds, rounded up: who comes earlier is only refused again.
    answer.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    return answer


def _too_long(error: QueryTooLong) -> Response:
    _log.info("query_too_long", reason=str(error))
    return Problem(
        422,
        "The query takes too long. Ask for a shorter window or for fewer signals.",
        "查询耗时过长。请缩短时间范围或减少信号数量。",
        "query_too_long",
    ).response()


def _store_full(error: StoreFull) -> Response:
    _log.error("store_full", error=str(error))
    return Problem(507).response()


def _store_failed(error: StoreFailed) -> Response:
    _log.error("store_failed", error=str(error))
    return Problem(
        503,
        "The store could not be written, so nothing was acknowledged. Keep the data and tell the operator.",
        "存储写入失败, 未确认任何数据。请保留数据并联系运维人员。",
        "store_failed",
    ).response()


def _writer_away(error: WriterAway) -> Response:
    _log.warning("writer_away", error=str(error))
    answer = Problem(
        503,
        "The store's writer does not answer, so nothing was acknowledged and no answer would be complete. It "
        "is started again by itself; keep the data and come again.",
        "存储写入进程暂无响应: 未确认任何数据, 查询结果也不完整。系统正在自动恢复, 请保留数据并稍后重试。",
        "writer_away",
    ).response()
    answer.headers["Retry-After"] = "2"
    return answer


def _time(error: TimeOutOfRange) -> Response:
    return Problem(
        422, f"Nothing was stored: {error}.", f"未存储任何数据: 源时间超出范围, 请校准时钟 — {error}。",
        "time_out_of_range",
    ).response()  # fmt: skip


_HANDLERS: Final[Mapping[type[Exception], Callable[[Any], Response]]] = {
    AccessDenied: _denied,
    AssetChanged: _asset_changed,
    CodecError: _codec,
    DataError: _not_storable,
    IntegrityError: _conflict,
    OperationalError: _database_busy,
    OverQuota: _over_quota,
    PoolEmpty: _database_busy,
    QueryTooLong: _too_long,
    SignalQuotaReached: _quota,
    SignalRefused: _refused,
    SourceRefused: _source,
    StaleDataError: _conflict,
    StoreFailed: _store_failed,
    StoreFull: _store_full,
    TimeOutOfRange: _time,
    UnknownAsset: _unknown_asset,
    UnknownSignals: _unknown_signals,
    ValidationError: _invalid,
    WriterAway: _writer_away,
}
