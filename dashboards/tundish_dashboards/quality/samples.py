"""Samples of a characteristic as a control chart takes them: bad ones and gaps are missing points."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_dashboards.hourly import counted_by_hour, hours_of
from tundish_dashboards.instants import micros, moment
from tundish_dashboards.quality.choice import Nature
from tundish_platform.samples import SampleKind, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.quality.choice import Characteristic

    Times = NDArray[np.int64]
    Values = NDArray[np.float64]

# More raw samples than this are not charted; the page says from when on it shows them.
MOST: Final = 50_000
_SEVERITY_SHIFT: Final = 30


@dataclass(frozen=True, slots=True)
class Gap:
    """A recorded gap, µs since 1970."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Samples:
    """One stretch of a characteristic.

    Attributes:
        times: µs since 1970, rising, shape ``(n,)``.
        values: NaN where a sample is bad or, with labels, nothing; ``words``: the labels.
        sizes: pieces looked at, for counters; empty otherwise.
        bad: places of samples of bad or uncertain quality.
        cut: whether older samples were left out.
    """

    times: Times
    values: Values
    bad: NDArray[np.bool_]
    gaps: Sequence[Gap]
    words: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, object))
    sizes: Values = field(default_factory=lambda: np.empty(0))
    cut: bool = False

    def broken(self) -> tuple[Times, Values]:
        """Times and values with a missing point wherever a gap is recorded between two samples."""
        starts = np.array([gap.start for gap in self.gaps], np.int64)
        if not starts.size or not self.times.size:
            return self.times, self.values
        starts = np.unique(starts[(starts > self.times[0]) & (starts < self.times[-1])])
        places = np.searchsorted(self.times, starts)
        return np.insert(self.times, places, starts), np.insert(self.values, places, np.nan)

    def digest(self) -> bytes:
        """Differs as soon as anything of it does, late samples included."""
        words = "\n".join(str(word) for word in self.words.tolist())
        parts = (self.times, self.values, self.bad, self.sizes)
        return b"".join(part.tobytes() for part in parts) + words.encode() + repr(self.gaps).encode()


def newest_of(view: TenantView, one: Characteristic) -> datetime | None:
    """Right behind the newest sample; None before the first."""
    table = view.context.telemetry.latest(view.scope, [one.signal.id])
    horizon = datetime.now(UTC) + timedelta(days=1)
    newest = max((ts for ts in table["ts"].to_pylist() if ts <= horizon), default=None)
    return None if newest is None else newest + timedelta(microseconds=1)


def read_samples(view: TenantView, one: Characteristic, start: datetime, end: datetime) -> Samples:
    """Samples of ``[start, end)``."""
    if one.nature in {Nature.FAULTY, Nature.FAULTS}:
        return _counted(view, one, start, end)
    signal = one.signal
    if signal.period_s is not None:
        earliest = end - timedelta(seconds=MOST * signal.period_s)
        start, cut = max(start, earliest), start < earliest
    else:
        cut = False
    table = view.context.telemetry.read(view.scope, [signal.id], start, end, signal.kind)
    if table.num_rows > MOST:
        table, cut = table.slice(table.num_rows - MOST), True
    times = table["ts"].cast(pa.int64()).to_numpy()
    bad = table["status"].to_numpy() >> _SEVERITY_SHIFT != Severity.GOOD
    gaps = _gaps(view, signal.id, start, end)
    if signal.kind is SampleKind.TEXT:
        words = np.array(table["value"].to_pylist(), object)
        blank = bad | np.array([not word for word in words.tolist()], np.bool_)
        return Samples(times, np.where(blank, np.nan, 1.0), bad, gaps, words, cut=cut)
    values = table["value"].cast(pa.float64()).to_numpy(zero_copy_only=False)
    usable = ~bad & np.isfinite(values)
    return Samples(times, np.where(usable, values, np.nan), bad, gaps, cut=cut)


def _counted(view: TenantView, one: Characteristic, start: datetime, end: datetime) -> Samples:
    """Counters by whole hours; an hour that is not known in full is a missing point."""
    edges = hours_of(start, end)
    found = counted_by_hour(view, one.signal, edges)
    looked = None if one.looked_at is None else counted_by_hour(view, one.looked_at, edges)
    gaps = _gaps(view, one.signal.id, start, end)
    if found is None:
        nothing = np.empty(0)
        return Samples(np.empty(0, np.int64), nothing, np.empty(0, np.bool_), gaps)
    sizes = looked if looked is not None else np.empty(0)
    if looked is not None:
        # Nobody looked at anything in that hour, so there is no share of it.
        found = np.where(np.isfinite(looked) & (looked > 0), found, np.nan)
        sizes = np.where(np.isfinite(found), looked, 1.0)
    return Samples(edges[:-1], found, np.zeros(found.size, np.bool_), gaps, sizes=sizes)


def _gaps(view: TenantView, signal: int, start: datetime, end: datetime) -> list[Gap]:
    table = view.context.telemetry.gaps(view.scope, [signal], start, end)
    return [
        Gap(max(micros(row["ts"]), micros(start)), min(micros(row["end"]), micros(end)), row["reason"])
        for row in table.to_pylist()
    ]


def moments(times: Times) -> list[datetime]:
    """Instants of times."""
    return [moment(int(time)) for time in times]
