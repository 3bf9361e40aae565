"""Reading the store as arrays: what a pipeline needs of the platform, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from tundish_platform.samples import SampleKind, is_good

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from tundish_platform.samples import SampleBatch, SignalInfo, SignalSpec

SECOND_US: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FAR: Final = timedelta(days=1)


class Windows(Protocol):
    """The part of `Client` that pipelines use."""

    def signals(self, tenant: str) -> list[SignalInfo]:
        """All signals of a tenant."""

    def put_signals(self, tenant: str, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        """Declare signals; returns their numbers by path."""

    def ingest(self, tenant: str, batches: Sequence[SampleBatch]) -> int:
        """Store batches; returns the number of rows."""

    def samples(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> pa.Table:
        """Columns ``signal, ts, value, status, arrival`` of ``[start, end)``."""

    def latest(self, tenant: str, signals: Iterable[int] | None = None) -> Sequence[Mapping[str, Any]]:
        """Newest sample of each signal."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Good samples as columns, sorted by signal and time; shapes ``(n,)``.

    Attributes:
        signal: number of the signal.
        ts: source time in microseconds since 1970, UTC.
        value: float64, int64 or object (texts).
    """

    signal: NDArray[np.int64]
    ts: NDArray[np.int64]
    value: NDArray[Any]

    def of(self, signal: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Times and values of one signal."""
        chosen = self.signal == signal
        return self.ts[chosen], self.value[chosen]


def to_us(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    """The instant, UTC."""
    return _EPOCH + timedelta(microseconds=int(microseconds))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one tenant."""

    client: Windows
    tenant: str

    def read(
        self,
        signals: Iterable[int],
        start_us: int,
        end_us: int | None = None,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> Samples:
        """Good samples of ``[start, end)``; without an end all there are."""
        end = datetime.now(UTC) + _FAR if end_us is None else from_us(end_us)
        table = self.client.samples(self.tenant, signals, from_us(start_us), end, kind)
        status = table["status"].to_numpy().astype(np.uint32)
        kept = is_good(status) & ~table["value"].is_null().to_numpy()
        value = table["value"].to_numpy()[kept]
        return Samples(
            table["signal"].to_numpy().astype(np.int64)[kept],
            table["ts"].cast("int64").to_numpy()[kept],
            value.astype(np.int64) if kind is SampleKind.INTEGER else value,
        )

    def latest_us(self, signals: Iterable[int]) -> dict[int, int]:
        """Source time of each signal's newest sample, of those that have one."""
        rows = self.client.latest(self.tenant, list(signals))
        return {int(row["signal"]): to_us(_instant(row["ts"])) for row in rows}

    def horizon_us(self, signals: Sequence[int], patience_us: int) -> int | None:
        """Source time up to which all signals have come; silent ones are waited for `patience_us` at most."""
        newest = self.latest_us(signals).values()
        return max(min(newest), max(newest) - patience_us) if newest else None


def _instant(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def spread(samples: Samples, signals: Sequence[int], ts: NDArray[np.int64]) -> NDArray[np.float64]:
    """One row per time, one column per signal, NaN without a good sample; shape ``(times, signals)``."""
    matrix = np.full((len(ts), len(signals)), np.nan)
    for column, signal in enumerate(signals):
        times, values = samples.of(signal)
        place = np.searchsorted(ts, times)
        place = np.minimum(place, max(len(ts) - 1, 0))
        known = ts[place] == times if len(ts) else np.zeros(len(times), bool)
        matrix[place[known], column] = values[known]
    return matrix
