"""The receiver: a WSGI application that answers 200 only when the values are on this gateway's disk."""

from __future__ import annotations

import hmac
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tundish_connectors.http_push.body import BodyError, PushedRow, read_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tundish_connectors.http_push.config import Device, HttpPushConnection

    Start = Callable[[str, list[tuple[str, str]]], object]
    Keep = Callable[[Device, list[PushedRow]], "Refusal | None"]

_RETRY_AFTER_S = "10"


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """Why a request is not taken.

    Attributes:
        status: of the answer.
        message_zh, message_en: for whoever looks after the device.
    """

    def __init__(self, status: HTTPStatus, message_en: str, message_zh: str) -> None:
        super().__init__(message_en)
        self.status = status
        self.message_en = message_en
        self.message_zh = message_zh


class Receiver:
    """``POST /v1/values`` with a device's key; ``GET /v1/health`` without."""

    def __init__(self, connection: HttpPushConnection, keep: Keep, clock_us: Callable[[], int]) -> None:
        self._connection = connection
        self._keep = keep
        self._clock_us = clock_us

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        try:
            answer = self._answer(environ)
            status = HTTPStatus.OK
        except Refusal as refusal:
            status = refusal.status
            answer = {"error": {"message": refusal.message_en, "message_zh": refusal.message_zh}}
        body = json.dumps(answer, ensure_ascii=False).encode()
        headers = [("Content-Type", "application/json; charset=utf-8"), ("Content-Length", str(len(body)))]
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append(("Retry-After", _RETRY_AFTER_S))
        if status is HTTPStatus.UNAUTHORIZED:
            headers.append(("WWW-Authenticate", "Bearer"))
        start(f"{status.value} {status.phrase}", headers)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> dict[str, Any]:
        place = (environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        if place == ("GET", "/v1/health"):
            return {"ok": True}
        if place != ("POST", "/v1/values"):
            raise Refusal(HTTPStatus.NOT_FOUND, "Send POST /v1/values.", "请发送 POST /v1/values。")
        device = self._device(environ.get("HTTP_AUTHORIZATION", ""))
        # The server has bounded the body already; it is read whole.
        body = environ["wsgi.input"].read(self._connection.most_bytes + 1)
        if len(body) > self._connection.most_bytes:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too long.", "请求体过长。")
        try:
            rows = read_body(
                environ.get("CONTENT_TYPE", ""), body, self._clock_us(), self._connection.most_rows
            )
        except BodyError as error:
            english, _, chinese = str(error).partition(" / ")
            raise Refusal(HTTPStatus.BAD_REQUEST, english, chinese or english) from error
        refusal = self._keep(device, rows)
        if refusal is not None:
            raise refusal
        return {"rows": len(rows)}

    def _device(self, header: str) -> Device:
        scheme, _, key = header.partition(" ")
        found = None
        for device in self._connection.devices:
            # All are compared, so that the time taken does not tell which one was near.
            expected = device.key.get_secret_value().encode()
            if hmac.compare_digest(expected, key.strip().encode("utf-8", "replace")):
                found = device
        if scheme.lower() != "bearer" or found is None:
            raise Refusal(
                HTTPStatus.UNAUTHORIZED,
                "The key is missing or wrong. Send the device's own key as Authorization: Bearer.",
                "密钥缺失或错误。请以 Authorization: Bearer 发送该设备自己的密钥。",
            )
        return found
