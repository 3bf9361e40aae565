"""The platform in memory, as far as pipelines ask it: what scoring costs without the store and HTTP."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tundish_analytics.worker.windows import from_us, to_us
from tundish_platform.samples import GOOD, SCHEMAS, SampleKind, SignalInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_platform.samples import SampleBatch, SignalSpec

    Column = tuple[NDArray[np.int64], NDArray[Any]]

_TIME: Final = pa.timestamp("us", tz="UTC")


class MemoryPlant:
    """One tenant's samples as columns; those later than `now_us` have not come yet.

    Args:
        specs: the tenant's signals.
        columns: times (µs since 1970, rising) and values of each signal, by path.
    """

    def __init__(self, specs: Sequence[SignalSpec], columns: Mapping[str, Column]) -> None:
        self._signals: dict[str, SignalInfo] = {}
        self.put_signals("", "replay", specs)
        self._columns = {self._signals[path].id: column for path, column in columns.items()}
        self.now_us = 0
        self.written: defaultdict[int, list[tuple[int, float | str]]] = defaultdict(list)

    def count(self, paths: Iterable[str], start_us: int, end_us: int) -> int:
        """Samples of some signals in ``[start, end)``."""
        columns = (self._columns[self._signals[path].id] for path in paths)
        return sum(int(np.diff(np.searchsorted(ts, (start_us, end_us)))[0]) for ts, _ in columns)

    def signals(self, _tenant: str) -> list[SignalInfo]:
        """See `Windows`."""
        return list(self._signals.values())

    def put_signals(self, _tenant: str, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        """See `Windows`."""
        for spec in specs:
            number = len(self._signals) + 1
            self._signals.setdefault(spec.path, SignalInfo(**spec.model_dump(), id=number, source=source))
        return {spec.path: self._signals[spec.path].id for spec in specs}

    def ingest(self, _tenant: str, batches: Sequence[SampleBatch]) -> int:
        """See `Windows`; what pipelines write is kept apart from what they read."""
        for batch in batches:
            columns = batch.table.to_pydict()
            for signal, ts, value in zip(columns["signal"], columns["ts"], columns["value"], strict=True):
                self.written[signal].append((to_us(ts), value))
        return sum(len(batch) for batch in batches)

    def samples(
        self,
        _tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> pa.Table:
        """See `Windows`."""
        low, high = to_us(start), min(to_us(end), self.now_us + 1)
        numbers = [number for number in sorted(set(signals)) if number in self._columns]
        cuts = [self._cut(number, low, high) for number in numbers]
        # An empty part first: also nothing has columns of the right kinds.
        ts = np.concatenate([np.empty(0, np.int64), *(times for times, _ in cuts)])
        value = np.concatenate([*(values for _, values in cuts)] or [np.empty(0)])
        number = np.repeat(np.array(numbers, np.uint32), [len(times) for times, _ in cuts])
        times = pa.array(ts).view(_TIME)
        values = pa.array(value, type=SCHEMAS[kind].field("value").type)
        status = pa.array(np.full(len(ts), GOOD, np.uint32))
        names = ["signal", "ts", "value", "status", "arrival"]
        return pa.table([pa.array(number), times, values, status, times], names=names)

    def _cut(self, number: int, low: int, high: int) -> Column:
        ts, value = self._columns[number]
        first, last = np.searchsorted(ts, (low, max(low, high)))
        return ts[first:last], value[first:last]

    def latest(self, _tenant: str, signals: Iterable[int] | None = None) -> list[dict[str, Any]]:
        """See `Windows`."""
        wanted = [signal.id for signal in self._signals.values()] if signals is None else signals
        newest = ((number, self._newest(number)) for number in wanted)
        return [
            {"signal": number, "ts": from_us(found[0]).isoformat(), "value": found[1]}
            for number, found in newest
            if found is not None
        ]

    def _newest(self, number: int) -> tuple[int, Any] | None:
        if number in self.written:
            return self.written[number][-1]
        if number not in self._columns:
            return None
        ts, value = self._columns[number]
        row = int(np.searchsorted(ts, self.now_us, side="right")) - 1
        return (int(ts[row]), value[row].item()) if row >= 0 else None
