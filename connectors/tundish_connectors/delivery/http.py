"""`HttpDelivery`: the platform's HTTP interface with errors classified for the runner."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from tundish_connectors.connector import Backoff, ConnectorError, ErrorKind
from tundish_platform.samples import encode_batch, encode_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tundish_connectors.delivery.config import DeliveryConfig
    from tundish_connectors.delivery.protocol import Heartbeat
    from tundish_platform.samples import AlarmReport, SampleBatch, SignalSpec

CONTENT_TYPE = "application/vnd.tundish.batches"
_T = TypeVar("_T")
_FATAL = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
_SIGNALS_A_REQUEST = 2000
_ACKNOWLEDGEMENTS_A_REQUEST = 1000


class TooLargeError(ConnectorError):
    """The platform takes no request of this size."""

    def __init__(self) -> None:
        super().__init__(
            ErrorKind.PARTIAL,
            "The platform refused a request as too large; it is sent in smaller parts.",
            "平台拒绝了过大的请求,将拆分后重新发送。",
        )


class RefusedError(ConnectorError):
    """The platform understood the request and will never take this content."""

    def __init__(self, status: int, answer: str) -> None:
        super().__init__(
            ErrorKind.PARTIAL,
            f"The platform refused the content ({status}: {answer}). It is set aside; send it to support.",
            f"平台拒绝了数据内容({status}:{answer})。数据已另存,请联系技术支持。",
        )


class HttpDelivery:
    """Delivers for one tenant. Safe to use from several threads; opens no connection when built."""

    def __init__(self, config: DeliveryConfig) -> None:
        self._config = config
        self._client = httpx.Client(
            base_url=f"{config.base_url}/api/v1/tenants/{config.tenant}",
            headers={"Authorization": f"Bearer {config.token.get_secret_value()}"},
            timeout=config.timeout_s,
            trust_env=False,
        )

    def put_signals(self, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        """Declare signals, trying again for as long as the configuration's patience lasts."""
        ids: dict[str, int] = {}
        for start in range(0, len(specs), _SIGNALS_A_REQUEST):
            part = [spec.model_dump(mode="json") for spec in specs[start : start + _SIGNALS_A_REQUEST]]
            body = {"source": source, "signals": part}
            answer = self._patiently(lambda body=body: self._call("PUT", "/signals", json=body))  # type: ignore[misc]
            ids.update({path: int(number) for path, number in answer["ids"].items()})
        return ids

    def ingest(self, batches: Sequence[SampleBatch]) -> int:
        """Deliver batches in requests of bounded size; returns the rows made durable there."""
        encoded = (encode_batch(batch) for batch in batches if len(batch))
        return sum(
            self._patiently(lambda part=part: self.send(part))  # type: ignore[misc]
            for part in _parts(encoded, self._config.request_bytes)
        )

    def send(self, encoded: Sequence[bytes]) -> int:
        """One try to deliver encoded batches in one request; returns the rows made durable.

        Raises:
            TooLargeError: send fewer at once.
            RefusedError: the content will never be taken.
            ConnectorError: retry or fatal.
        """
        body = encode_frames(encoded)
        answer = self._call("POST", "/ingest", content=body, headers={"Content-Type": CONTENT_TYPE})
        return int(answer["rows"])

    def heartbeat(self, source: str, heartbeat: Heartbeat) -> None:
        """One try to tell how the connector stands."""
        self._call("PUT", f"/sources/{source}", json=heartbeat.model_dump(mode="json"))

    def report_alarms(self, source: str, reports: Sequence[AlarmReport]) -> None:
        """One try to deliver reports of alarms."""
        body = {"alarms": [report.model_dump(mode="json") for report in reports]}
        self._call("PUT", f"/sources/{source}/alarms", json=body)

    def acknowledgements(self, source: str) -> list[tuple[int, str]]:
        """One try to ask, page by page, which alarms of the source people acknowledged: number and key."""
        found: list[tuple[int, str]] = []
        while True:
            params = {"after": found[-1][0] if found else 0, "limit": _ACKNOWLEDGEMENTS_A_REQUEST}
            rows = self._call("GET", f"/sources/{source}/acknowledgements", params=params)
            found += [(int(row["alarm"]), str(row["key"])) for row in rows]
            if len(rows) < _ACKNOWLEDGEMENTS_A_REQUEST:
                return found

    def settle_acknowledgement(self, source: str, number: int) -> None:
        """One try to tell that the source has taken an acknowledgement."""
        self._call("DELETE", f"/sources/{source}/acknowledgements/{number}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _patiently(self, call: Callable[[], _T]) -> _T:
        backoff = Backoff()
        deadline = time.monotonic() + self._config.patience_s
        while True:
            try:
                return call()
            except ConnectorError as error:
                wait_s = backoff.wait_s(error.wait_s)
                if error.kind is not ErrorKind.RETRY or time.monotonic() + wait_s > deadline:
                    raise
                time.sleep(wait_s)

    def _call(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON and httpx options
        try:
            response = self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise _unreachable(self._config.base_url, error) from error
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise _classified(response, self._config.tenant)
        try:
            return response.json() if response.content else {}
        except ValueError as error:
            raise _unreachable(self._config.base_url, error) from error


def _parts(encoded: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    total = 0
    for data in encoded:
        if part and total + len(data) > size:
            yield part
            part, total = [], 0
        part.append(data)
        total += len(data)
    if part:
        yield part


def _unreachable(base_url: str, error: Exception) -> ConnectorError:
    return ConnectorError(
        ErrorKind.RETRY,
        f"The platform at {base_url} does not answer ({type(error).__name__}: {error}). Data is kept on this "
        "gateway and sent later. Check the network and whether the platform runs.",
        f"平台 {base_url} 无响应({type(error).__name__}:{error})。数据保存在本网关,稍后自动补传。"
        "请检查网络以及平台是否在运行。",
    )


def _classified(response: httpx.Response, tenant: str) -> ConnectorError:
    status = response.status_code
    if status in _FATAL:
        return _denied(status, tenant)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLargeError()
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }:
        return _later(response)
    return RefusedError(status, _answer(response))


def _denied(status: int, tenant: str) -> ConnectorError:
    if status == HTTPStatus.UNAUTHORIZED:
        english = "The gateway's token is missing, wrong or expired. Create a new token and set it here."
        chinese = "网关令牌缺失、错误或已过期。请新建令牌并填入网关配置。"
    elif status == HTTPStatus.FORBIDDEN:
        english = (
            f"The token may not send data for tenant {tenant!r}. Ask its administrator for a token that may."
        )
        chinese = f"该令牌无权为租户“{tenant}”上传数据。请向租户管理员申请有上传权限的令牌。"
    else:
        english = f"The platform knows no tenant {tenant!r} for this token. Check the name and the address."
        chinese = f"平台上没有该令牌可见的租户“{tenant}”。请检查租户名称和平台地址。"
    return ConnectorError(ErrorKind.FATAL, f"{english} (HTTP {status})", f"{chinese}(HTTP {status})")


def _later(response: httpx.Response) -> ConnectorError:
    status = response.status_code
    return ConnectorError(
        ErrorKind.RETRY,
        f"The platform cannot take data now (HTTP {status}: {_answer(response)}). Data is kept on this "
        "gateway and sent later.",
        f"平台暂时无法接收数据(HTTP {status}:{_answer(response)})。数据保存在本网关,稍后自动补传。",
        wait_s=_retry_after(response),
    )


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return min(float(value), 300.0) if value.isdigit() else None


def _answer(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase
