"""`TundishClient`: the HTTP API as methods, for workers, tools and tests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self
from urllib.parse import quote

import httpx
import pyarrow as pa

from tundish_platform.samples import SampleKind, SignalInfo, encode_batch, encode_frames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path
    from types import TracebackType

    from tundish_platform.samples import SampleBatch, SignalSpec

By = Literal["hour", "shift", "production_day", "day", "week", "month"]
Interpolation = Literal["signal", "step", "line"]

_PREFIX = "/api/v1"
_BATCHES = "application/vnd.tundish.batches"


class ApiError(Exception):
    """The platform refused or failed.

    Attributes:
        status: HTTP status; 0 where no answer came at all.
        code: short word of the error, such as ``forbidden``; ``unreachable`` where no answer came.
        message, message_zh: what happened and what to do.
    """

    def __init__(self, status: int, code: str, message: str, message_zh: str = "") -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.message_zh = message_zh


class TundishClient:
    """A connection to one platform with one token; safe to use from several threads.

    Args:
        base_url: where the server is, such as ``http://127.0.0.1:8050``.
        token: the service's token.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, base_url: str, token: str, timeout: float = 30.0) -> None:
        self._http = httpx.Client(
            base_url=base_url.rstrip("/") + _PREFIX,
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

    def health(self) -> dict[str, Any]:
        """``{"status": "ready"}``; raises `ApiError` 503 while the platform starts."""
        return self._object("GET", "/health")

    def me(self) -> dict[str, Any]:
        """Whose token this is, and what it may do where."""
        return self._object("GET", "/me")

    def signals(self, tenant: str) -> list[SignalInfo]:
        """All signals of a tenant that the token may see."""
        return [SignalInfo.model_validate(row) for row in self._every(_of(tenant, "signals"))]

    def put_signals(self, tenant: str, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        """Declare signals; returns the number of each path."""
        body = {"source": source, "signals": [spec.model_dump(mode="json") for spec in specs]}
        ids: dict[str, int] = self._json("PUT", _of(tenant, "signals"), json=body)["ids"]
        return ids

    def ingest(self, tenant: str, batches: Sequence[SampleBatch]) -> int:
        """Send batches; returns the rows stored, once they are on the platform's disk."""
        body = encode_frames(encode_batch(batch) for batch in batches)
        answer = self._send("POST", _of(tenant, "ingest"), content=body, headers={"Content-Type": _BATCHES})
        return int(answer.json()["rows"])

    def samples(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> pa.Table:
        """Columns ``signal, ts, value, status, arrival`` of ``[start, end)``, sorted by signal and time."""
        return self._arrow(_of(tenant, "samples"), _window(signals, start, end) | {"kind": kind.value})

    def export(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        file: Path,
        *,
        form: Literal["arrow", "feather", "parquet", "csv"] = "parquet",
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> int:
        """Write the samples of ``[start, end)``, however many, to a file; returns its bytes.

        The file appears when it is whole; until then, its bytes are in a file beside it with ``.part`` behind
        its name.
        """
        asked = _window(signals, start, end) | {"kind": kind.value, "format": form}
        part = file.with_name(f"{file.name}.part")
        try:
            with part.open("wb") as sink:
                self._stream(_of(tenant, "export"), asked, sink)
                size = sink.tell()
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        return size

    def wide(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        step: timedelta,
        *,
        interpolation: Interpolation = "step",
    ) -> pa.Table:
        """Column ``ts`` and one column ``s<number>`` per signal, on a grid of ``step``."""
        grid = {"step_s": repr(step.total_seconds()), "interpolation": interpolation}
        return self._arrow(_of(tenant, "wide"), _window(signals, start, end) | grid)

    def latest(self, tenant: str, signals: Iterable[int] | None = None) -> list[dict[str, Any]]:
        """Newest sample of each signal: ``signal, ts, value, status, arrival``."""
        wanted = {} if signals is None else {"signals": _joined(signals)}
        return list(self._every(_of(tenant, "latest"), wanted))

    def trend(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        max_points: int = 1000,
        *,
        thinning: Literal["extremes", "raw", "shape"] = "extremes",
    ) -> list[dict[str, Any]]:
        """Per signal: ``signal, path, unit, step, points`` with ``ts, value, status``."""
        thinned = {"max_points": str(max_points), "thinning": thinning}
        return self._list(_of(tenant, "trend"), _window(signals, start, end) | thinned)

    def summary(
        self, tenant: str, signals: Iterable[int], start: datetime, end: datetime
    ) -> list[dict[str, Any]]:
        """Per signal: ``signal, mean, min, max, count, good_share, completeness``."""
        return self._list(_of(tenant, "summary"), _window(signals, start, end))

    def aggregate(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        by: By | timedelta,
        *,
        interpolation: Interpolation = "signal",
        **calendar: str,
    ) -> pa.Table:
        """Time-weighted figures by signal and window, each with its completeness.

        Args:
            tenant: its short name.
            signals: their numbers.
            start: all windows that overlap the stretch from here to the end are answered whole.
            end: of the stretch.
            by: what the plant's calendar is cut by, or the length of steps that count from the start.
            interpolation: hold values, draw lines, or as each signal says.
            calendar: ``shifts="08:00,20:00"``, ``day_begins="08:00"``, ``zone="Asia/Shanghai"`` (the tenant's
                own if absent).

        Returns:
            ``signal, start, end, day, shift, mean, min, max, first, last, count, integral, good_share,
            good_s, completeness, percent_good``.
        """
        asked = _window(signals, start, end) | _cut(by) | calendar
        return self._arrow(
            _of(tenant, "aggregate"), asked | {"interpolation": interpolation, "format": "arrow"}
        )

    def states(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        by: By | timedelta,
        **calendar: str,
    ) -> pa.Table:
        """Columns ``signal, start, end, day, shift, state, seconds, entries, completeness``.

        The arguments are those of `aggregate`. Time of which nothing is known has state null.
        """
        asked = _window(signals, start, end) | _cut(by) | calendar
        return self._arrow(_of(tenant, "states"), asked | {"format": "arrow"})

    def gaps(
        self, tenant: str, signals: Iterable[int], start: datetime, end: datetime
    ) -> list[dict[str, Any]]:
        """``signal, ts, end, reason`` of each stretch of which nothing is known."""
        return self._list(_of(tenant, "gaps"), _window(signals, start, end))

    def lines(self, tenant: str) -> list[dict[str, Any]]:
        """Per line: ``line, now, arrival, completeness, silent, signals, states, sources``."""
        return self._list(_of(tenant, "lines"))

    def predictions(self, tenant: str) -> list[dict[str, Any]]:
        """Newest prediction of each model and target, with its evidence."""
        return self._list(_of(tenant, "predictions"))

    def sources(self, tenant: str) -> list[dict[str, Any]]:
        """The tenant's sources with their last heartbeats."""
        return self._list(_of(tenant, "sources"))

    def put_source(self, tenant: str, name: str, heartbeat: Mapping[str, Any]) -> None:
        """Send a source's heartbeat."""
        self._send("PUT", _of(tenant, "sources", name), json=dict(heartbeat))

    def catalogue(self) -> list[dict[str, Any]]:
        """Every app there is, with its manifest and model cards."""
        return self._list("/catalogue")

    def subscriptions(self, tenant: str) -> list[dict[str, Any]]:
        """The tenant's active subscriptions."""
        return self._list(_of(tenant, "subscriptions"))

    def subscribe(
        self, tenant: str, app: str, parameters: Mapping[str, float | str] | None = None
    ) -> dict[str, Any]:
        """Subscribe to an app; who is subscribed already gets that subscription back."""
        body = {"app": app} | ({"parameters": dict(parameters)} if parameters else {})
        return self._object("POST", _of(tenant, "subscriptions"), json=body)

    def stop(self, tenant: str, app: str) -> None:
        """Stop the tenant's subscription to an app."""
        self._send("DELETE", _of(tenant, "subscriptions", app))

    def grants(self, tenant: str, app: str) -> list[int]:
        """Numbers of the signals the subscription lets the app read."""
        numbers: list[int] = self._json("GET", _of(tenant, "grants", app))["signals"]
        return numbers

    def app_inputs(
        self,
        tenant: str,
        app: str,
        start: datetime,
        end: datetime,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> pa.Table:
        """Samples of the signals the subscription grants, and of no others."""
        window = {"start": start.isoformat(), "end": end.isoformat(), "kind": kind.value}
        return self._arrow(_of(tenant, "grants", app, "samples"), window)

    def runs(self, tenant: str) -> list[dict[str, Any]]:
        """The newest runs of the tenant's apps, newest first."""
        return self._list(_of(tenant, "runs"))

    def post_run(self, tenant: str, run: Mapping[str, Any]) -> dict[str, Any]:
        """Record a run of an app."""
        return self._object("POST", _of(tenant, "runs"), json=dict(run))

    def adoption(self, rule: str | None = None) -> dict[str, Any]:
        """The programme's figures under a rule version, the official one if absent; for the bureau only."""
        return self._object("GET", "/programme/adoption", params=_rule(rule))

    def enterprises(self, rule: str | None = None) -> list[dict[str, Any]]:
        """The enterprises of the programme with their stages; for the bureau only."""
        return list(self._every("/programme/enterprises", _rule(rule)))

    def evidence(self, uscc: str, rule: str | None = None) -> dict[str, Any]:
        """Why an enterprise is in its stage; for the bureau only."""
        return self._object(
            "GET", f"/programme/enterprises/{quote(uscc, safe='')}/evidence", params=_rule(rule)
        )

    def _send(self, method: str, path: str, **parts: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        with self._answered():
            answer = self._http.request(method, path, **parts)
        if not answer.is_success:
            raise _error_of(answer)
        return answer

    def _stream(self, path: str, parameters: Mapping[str, str], sink: BinaryIO) -> None:
        """Write the answer's body as it comes."""
        with self._answered(), self._http.stream("GET", path, params=parameters) as answer:
            if not answer.is_success:
                answer.read()
                raise _error_of(answer)
            sink.writelines(answer.iter_bytes())

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

    def _object(self, method: str, path: str, **parts: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own
        found: dict[str, Any] = self._json(method, path, **parts)
        return found

    def _list(self, path: str, parameters: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._json("GET", path, params=parameters)
        return rows

    def _every(self, path: str, parameters: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
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


def _of(tenant: str, *parts: str) -> str:
    return "/tenants/" + "/".join(quote(part, safe="") for part in (tenant, *parts))


def _rule(version: str | None) -> dict[str, str]:
    return {} if version is None else {"rule": version}


def _joined(signals: Iterable[int]) -> str:
    return ",".join(str(number) for number in signals)


def _window(signals: Iterable[int], start: datetime, end: datetime) -> dict[str, str]:
    return {"signals": _joined(signals), "start": start.isoformat(), "end": end.isoformat()}


def _cut(by: By | timedelta) -> dict[str, str]:
    return {"by": by} if isinstance(by, str) else {"by": "step", "step_s": repr(by.total_seconds())}


def _error_of(answer: httpx.Response) -> ApiError:
    try:
        error = answer.json()
        return ApiError(answer.status_code, error["code"], error["message"], error.get("message_zh", ""))
    except (ValueError, KeyError, TypeError):
        return ApiError(answer.status_code, "unknown", answer.text[:200])
