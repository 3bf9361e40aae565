"""The newest samples as they come, as server-sent events (WHATWG HTML, 9.2).

Each event's id says for every signal up to which source time it was sent, so whoever comes back with it gets
what came meanwhile. Late samples, of an older source time than one that was sent, are not in the stream.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pyarrow as pa

from tundish_platform.api import raw
from tundish_platform.api.answers import json_rows
from tundish_platform.api.errors import Problem
from tundish_platform.samples import SampleKind
from tundish_platform.store.lifecycle.quota import OverQuota
from tundish_platform.store.remote.errors import WriterAway
from tundish_platform.store.rows import micros
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.access import TelemetryAccess
    from tundish_platform.tenancy import TenantScope

EXTENSION: Final = "tundish_streams"
MAX_SIGNALS: Final = 100
MAX_ROWS: Final = 10_000
"""Rows of an event; of more, the newest are sent and the event says that others were skipped."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
# Who comes back makes the server read at most this share of what an answer may hold in memory at once.
_SHARE: Final = 10


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What streams may take.

    Attributes:
        most: of a process; each holds one of the server's threads for as long as it lasts.
        of_tenant: of them for one tenant.
        poll_s: seconds between two looks for new samples.
        alive_s: seconds without samples after which a sign of life is sent.
        recheck_s: seconds after which it is asked again whether the token still allows it.
    """

    most: int = 16
    of_tenant: int = 4
    poll_s: float = 0.5
    alive_s: float = 15.0
    recheck_s: float = 15.0


class Streams:
    """The places for streams in a server process."""

    def __init__(self, limits: StreamLimits) -> None:
        self.limits = limits
        self.stopped = Event()
        self._lock = Lock()
        self._open: dict[int, int] = {}

    def enter(self, tenant: int) -> None:
        """Take a place.

        Raises:
            Problem: 429, the tenant's or the process's places are taken.
        """
        with self._lock:
            mine = self._open.get(tenant, 0)
            if mine >= self.limits.of_tenant or sum(self._open.values()) >= self.limits.most:
                raise Problem(
                    429, "Too many live streams are open. End one, or come again later.",
                    "打开的实时数据流过多。请关闭其中一个, 或稍后再试。", "too_many_streams",
                )  # fmt: skip
            self._open[tenant] = mine + 1

    def leave(self, tenant: int) -> None:
        """Give a place back."""
        with self._lock:
            self._open[tenant] -= 1
            if not self._open[tenant]:
                del self._open[tenant]

    def close(self) -> None:
        """End all streams; the server stops."""
        self.stopped.set()


class LiveStream:
    """The events of one stream, for as long as the token allows it and the reader is there.

    Args:
        streams: where it takes its place.
        telemetry: where samples come from.
        signals: which.
        renew: asks whether it is still allowed; gives the scope of the moment.
        gone: whether the reader is.
        dumps: JSON.
        positions: up to which source time each signal was sent, in µs; signals that are absent begin with
            their newest sample.

    Raises:
        Problem: 429, no place is left.
    """

    def __init__(
        self,
        streams: Streams,
        telemetry: TelemetryAccess,
        signals: Sequence[SignalInfo],
        *,
        renew: Callable[[], TenantScope],
        gone: Callable[[], bool],
        dumps: Callable[[Any], str],
        positions: Mapping[int, int],
    ) -> None:
        self._streams, self._telemetry, self._renew, self._gone = streams, telemetry, renew, gone
        self._dumps = dumps
        self._signals = {signal.id: signal for signal in signals}
        self._positions = {number: at for number, at in positions.items() if number in self._signals}
        self._scope = renew()
        self._checked = self._spoke = time.monotonic()
        self._tenant: int | None = self._scope.tenant_id
        streams.enter(self._scope.tenant_id)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        limits = self._streams.limits
        while not self._streams.stopped.is_set() and not self._gone():
            now = time.monotonic()
            if now - self._checked >= limits.recheck_s:
                self._check(now)
            # Over quota or without its writer for the moment, the stream only pauses.
            with suppress(OverQuota, WriterAway):
                if event := self._news():
                    self._spoke = now
                    return event
            if now - self._spoke >= limits.alive_s:
                self._spoke = now
                return b": alive\n\n"
            self._streams.stopped.wait(limits.poll_s)
        raise StopIteration

    def close(self) -> None:
        """Give the place back; the server calls it when the reader is gone."""
        if self._tenant is not None:
            self._streams.leave(self._tenant)
            self._tenant = None

    def _check(self, now: float) -> None:
        try:
            self._scope, self._checked = self._renew(), now
        except AccessDenied:
            raise StopIteration from None

    def _news(self) -> bytes | None:
        newest = self._telemetry.latest(self._scope, list(self._signals))
        until = dict(zip(newest["signal"].to_pylist(), micros(newest["ts"]).tolist(), strict=True))
        changed = {n: at for n, at in until.items() if at > self._positions.get(n, -1)}
        if not changed:
            return None
        tables, skipped = [], False
        for kind in SampleKind:
            mine = {n: at for n, at in changed.items() if self._signals[n].kind is kind}
            if mine:
                table, cut = self._rows(kind, mine)
                tables.append(table)
                skipped |= cut
        self._positions |= changed
        rows = [row for table in tables for row in json_rows(table)]
        data = self._dumps({"samples": rows, "skipped": skipped})
        return f"id: {said(self._positions)}\nevent: samples\ndata: {data}\n\n".encode()

    def _rows(self, kind: SampleKind, until: Mapping[int, int]) -> tuple[pa.Table, bool]:
        """Rows behind the positions, and whether some had to be skipped."""
        # Who begins gets the newest sample; who comes back gets all since, within bounds.
        since = {n: self._positions.get(n, at - 1) for n, at in until.items()}
        end = max(until.values()) + 1
        reach = raw.reach_of([self._signals[n] for n in until]) // _SHARE // _US
        start = max(min(since.values()) + 1, end - reach)
        table = self._telemetry.read(self._scope, list(until), _EPOCH + start * _US, _EPOCH + end * _US, kind)
        marks = np.zeros(max(until) + 1, dtype=np.int64)
        ends = np.zeros(max(until) + 1, dtype=np.int64)
        for number, at in since.items():
            marks[number], ends[number] = at, until[number]
        signal, ts = table["signal"].to_numpy(), micros(table["ts"])
        table = table.filter(pa.array((ts > marks[signal]) & (ts <= ends[signal]))).sort_by("ts")
        cut = table.num_rows > MAX_ROWS or start > min(since.values()) + 1
        return table.slice(max(0, table.num_rows - MAX_ROWS)), cut


def said(positions: Mapping[int, int]) -> str:
    """Positions as an event's id."""
    return ",".join(f"{number}:{at}" for number, at in sorted(positions.items()))


def positions_of(text: str) -> dict[int, int]:
    """Positions of an event's id.

    Raises:
        Problem: it is none.
    """
    pairs = [pair.partition(":") for pair in text.split(",")] if text else []
    numbers = [part for number, _, at in pairs for part in (number, at)]
    if len(pairs) > MAX_SIGNALS or not all(p.isascii() and p.isdigit() and len(p) <= 16 for p in numbers):  # noqa: PLR2004 - µs of the year 2200
        raise Problem(400, "Last-Event-ID is none of this stream's.", "Last-Event-ID 不是本数据流的编号。")
    return {int(number): int(at) for number, _, at in pairs}
