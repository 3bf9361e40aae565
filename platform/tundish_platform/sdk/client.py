"""`Client`: the HTTP API as methods, for workers, tools and tests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import pyarrow as pa

from tundish_platform.samples import SampleKind, SignalInfo, encode_batch, encode_frames
from tundish_platform.sdk.products import ProductMethods
from tundish_platform.sdk.tables import TableMethods
from tundish_platform.sdk.transport import ApiError, StreamEvent
from tundish_platform.sdk.transport import of_tenant as _of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from tundish_platform.samples import SampleBatch, SignalSpec

__all__ = ["ApiError", "Client", "StreamEvent"]

By = Literal["hour", "shift", "production_day", "day", "week", "month"]
Interpolation = Literal["signal", "step", "line"]

_ARROW = "application/vnd.apache.arrow.stream"
_BATCHES = "application/vnd.tundish.batches"
# No answer, too many streams or a platform that starts anew: the stream goes on later.
_PASSING = frozenset({0, 429, 503})
_STREAM_PAUSE_S = 1.0


class Client(ProductMethods, TableMethods):
    """The HTTP API as methods; safe to use from several threads. What is refused raises `ApiError`."""

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

    def send(self, tenant: str, data: pa.Table | Sequence[Mapping[str, Any]], origin: str = "live") -> int:
        """Send samples, all or none; returns the rows stored, once they are on the platform's disk.

        Args:
            tenant: its short name.
            data: columns ``signal`` (number) or ``path``, ``ts`` (with a zone), ``value`` and, if not all are
                good, ``status``; or at most 100,000 rows with these members, times as ISO 8601.
            origin: ``live``, or ``import`` for history that adoption does not count.

        Raises:
            ApiError: ``bad_rows`` with the wrong rows as ``detail["rows"]``, or another refusal.
        """
        parts: dict[str, Any] = {"json": list(data)} if not isinstance(data, pa.Table) else _arrow_body(data)
        return int(self._json("POST", _of(tenant, "telemetry"), params={"origin": origin}, **parts)["rows"])

    def stream(
        self, tenant: str, signals: Iterable[int], last: str = "", *, again: bool = True
    ) -> Iterator[StreamEvent]:
        """Samples as they come, for as long as you take them; the first ones are the newest of each signal.

        Args:
            tenant: its short name.
            signals: at most 100 numbers.
            last: id of the last event you had, to get what came since.
            again: go on where a broken stream ended; without, it ends with an `ApiError`.
        """
        asked = {"signals": _joined(signals)}
        while True:
            try:
                for event in self._events(_of(tenant, "stream"), asked, last):
                    last = event.id
                    yield event
            except ApiError as error:
                if not again or error.status not in _PASSING:
                    raise
            if not again:
                return
            time.sleep(_STREAM_PAUSE_S)

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
                self._download(_of(tenant, "export"), asked, sink)
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

    def alarms(self, tenant: str, states: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
        """Alarms in some states, those that stand by default, fetched page by page."""
        wanted = ",".join(states)
        return self._every(_of(tenant, "alarms"), {"states": wanted} if wanted else {})

    def alarm_events(self, tenant: str, alarm: int | None = None) -> Iterator[dict[str, Any]]:
        """What happened to one alarm or to all, newest first, fetched page by page."""
        return self._every(_of(tenant, "alarms", "events"), {} if alarm is None else {"alarm": str(alarm)})

    def alarm_rules(self, tenant: str) -> Iterator[dict[str, Any]]:
        """The tenant's alarm rules, fetched page by page."""
        return self._every(_of(tenant, "alarm-rules"))

    def make_alarm_rule(self, tenant: str, rule: Mapping[str, Any]) -> dict[str, Any]:
        """Make an alarm rule; the answer has its ``id`` and ``version``."""
        return self._post(_of(tenant, "alarm-rules"), dict(rule))

    def change_alarm_rule(
        self, tenant: str, number: int, version: int, rule: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Change the version of a rule that was read; 412 if somebody else changed it meanwhile."""
        address, tag = _of(tenant, "alarm-rules", str(number)), {"If-Match": f'"{version}"'}
        return self._object("PUT", address, json={"rule": dict(rule)}, headers=tag)

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
        return self._post(_of(tenant, "subscriptions"), body)

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

    def every_run(self, tenant: str) -> Iterator[dict[str, Any]]:
        """All runs of the tenant's apps, newest first, fetched page by page."""
        return self._every(_of(tenant, "runs"))

    def post_run(self, tenant: str, run: Mapping[str, Any]) -> dict[str, Any]:
        """Record a run of an app."""
        return self._post(_of(tenant, "runs"), dict(run))

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


def _rule(version: str | None) -> dict[str, str]:
    return {} if version is None else {"rule": version}


def _arrow_body(table: pa.Table) -> dict[str, Any]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return {"content": sink.getvalue().to_pybytes(), "headers": {"Content-Type": _ARROW}}


def _joined(signals: Iterable[int]) -> str:
    return ",".join(str(number) for number in signals)


def _window(signals: Iterable[int], start: datetime, end: datetime) -> dict[str, str]:
    return {"signals": _joined(signals), "start": start.isoformat(), "end": end.isoformat()}


def _cut(by: By | timedelta) -> dict[str, str]:
    return {"by": by} if isinstance(by, str) else {"by": "step", "step_s": repr(by.total_seconds())}
