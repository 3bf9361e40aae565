"""How the client speaks HTTP: errors with words, retries that do nothing twice, pages, streams."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self
from uuid import uuid4

import httpx
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

PREFIX: Final = "/api/v1"
_KEY: Final = "Idempotency-Key"
_LONGEST_WAIT_S: Final = 5.0
_PAUSE_S: Final = 0.2
# Signs of life come every 15 s; a stream that is silent for longer is broken.
_SILENCE_S: Final = 60.0
_COME_AGAIN: Final = frozenset({429, 503})


class ApiError(Exception):
    """The platform refused or failed.

    Attributes:
        status: HTTP status; 0 where no answer came at all.
        code: short word of the error, such as ``forbidden``; ``unreachable`` where no answer came.
        message, message_zh: what happened and what to do.
        detail: the whole problem, such as the wrong ``rows`` of a bulk body.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        message_zh: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.message_zh = message_zh
        self.detail = dict(detail or {})


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event of a live stream.

    Attributes:
        id: hand it to `Client.stream` to go on behind this event.
        samples: ``signal, ts, value, status, arrival`` each.
        skipped: more came than an event holds, or too long ago; read the rest with `Client.samples`.
    """

    id: str
    samples: list[dict[str, Any]]
    skipped: bool


class Transport:
    """A connection to one platform with one token.

    Args:
        base_url: where the server is, such as ``http://127.0.0.1:8050``.
        token: the service's token.
        timeout: seconds to wait for an answer.
        retries: how often a request is sent again when no answer came, or when the platform said when to
            come again. POSTs carry an idempotency key, so that they are done once all the same.
    """

    def __init__(self, base_url: str, token: str, timeout: float = 30.0, retries: int = 2) -> None:
        self._retries, self._timeout = retries, timeout
        self._http = httpx.Client(
            base_url=base_url.rstrip("/") + PREFIX,
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout,
            # A proxy named in the environment must not get the token.
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _send(self, method: str, path: str, **parts: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        for left in reversed(range(self._retries + 1)):
            try:
                with self._answered():
                    answer = self._http.request(method, path, **parts)
            except ApiError:
                if not left:
                    raise
                time.sleep(_PAUSE_S * (self._retries + 1 - left))
                continue
            wait = _come_again(answer)
            if not left or wait is None:
                break
            time.sleep(wait)
        if not answer.is_success:
            raise _error_of(answer)
        return answer

    def _post(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Send JSON below a tenant that does something; sent again, it does it once."""
        return self._send("POST", path, json=body, headers={_KEY: uuid4().hex}).json()

    def _save(self, path: str, parameters: Mapping[str, str], file: Path) -> int:
        """Write the answer to a file that appears when it is whole; returns its bytes."""
        part = file.with_name(f"{file.name}.part")
        try:
            with part.open("wb") as sink:
                self._download(path, parameters, sink)
                size = sink.tell()
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        return size

    def _download(self, path: str, parameters: Mapping[str, str], sink: BinaryIO) -> None:
        """Write the answer's body as it comes."""
        with self._answered(), self._http.stream("GET", path, params=parameters) as answer:
            if not answer.is_success:
                answer.read()
                raise _error_of(answer)
            sink.writelines(answer.iter_bytes())

    def _events(self, path: str, parameters: Mapping[str, str], last: str) -> Iterator[StreamEvent]:
        """Events of a stream until it ends."""
        headers = {"Last-Event-ID": last} if last else {}
        timeout = httpx.Timeout(self._timeout, read=_SILENCE_S)
        with (
            self._answered(),
            self._http.stream("GET", path, params=parameters, headers=headers, timeout=timeout) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise _error_of(answer)
            fields: dict[str, str] = {}
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                fields[name] = value
                if not line and "data" in fields:
                    data = json.loads(fields["data"])
                    yield StreamEvent(fields["id"], data["samples"], data["skipped"])
                if not line:
                    fields = {}

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Whatever keeps an answer from coming whole becomes an `ApiError`."""
        try:
            yield
        except httpx.HTTPError as error:
            raise ApiError(
                0,
                "unreachable",
                f"No answer from {self._http.base_url}: {error}. Check that the server runs.",
                f"{self._http.base_url} 没有响应: {error}。请检查服务器是否在运行。",
            ) from error

    def _json(self, method: str, path: str, **parts: Any) -> Any:  # noqa: ANN401 - JSON
        return self._send(method, path, **parts).json()

    def _list(self, path: str, parameters: Mapping[str, str] | None = None) -> list[Any]:
        rows: list[Any] = self._json("GET", path, params=parameters)
        return rows

    def _every(self, path: str, parameters: Mapping[str, str] | None = None) -> Iterator[Any]:
        """Rows of a list, page by page, as the Link headers lead."""
        answer = self._send("GET", path, params=parameters)
        while True:
            yield from answer.json()
            following = answer.links.get("next")
            if following is None:
                return
            # Only the query is taken from it: whatever a proxy made of the address, the token stays here.
            answer = self._send("GET", path, params=httpx.URL(following["url"]).params)

    def _arrow(self, path: str, parameters: Mapping[str, str]) -> pa.Table:
        answer = self._send("GET", path, params=parameters)
        with pa.ipc.open_stream(pa.py_buffer(answer.content)) as reader:
            return reader.read_all()


def _come_again(answer: httpx.Response) -> float | None:
    """Seconds after which the platform wants the request again, if that is soon."""
    wait = answer.headers.get("Retry-After", "")
    if answer.status_code not in _COME_AGAIN or not wait.isdigit() or float(wait) > _LONGEST_WAIT_S:
        return None
    return float(wait)


def _error_of(answer: httpx.Response) -> ApiError:
    try:
        said = answer.json()
        return ApiError(answer.status_code, said["code"], said["message"], said.get("message_zh", ""), said)
    except (ValueError, KeyError, TypeError):
        return ApiError(answer.status_code, "unknown", answer.text[:200])
