"""Thinning of columns: what has no rule passes untouched, the rest goes through its signal's thinner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tundish_connectors.collect.thinning import Thinning
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.collect.thinning import Point, ThinRule
    from tundish_platform.samples import SignalSpec

# signals, times, values, statuses, order
Part = tuple[NDArray[np.uint32], NDArray[np.int64], pa.Array, NDArray[np.uint32], NDArray[np.int64]]


class ThinnedColumns:
    """The thinned signals of one connection, by their number in the tenant; without rules it costs nothing.

    What was taken since `settle` can be taken back with `go_back`, when it could not be kept.
    """

    def __init__(self, rules: Sequence[ThinRule]) -> None:
        self._thinning: Thinning[int] = Thinning(rules)
        self._signals = np.zeros(0, np.uint32)
        self.go_back, self.settle = self._thinning.go_back, self._thinning.settle
        self.on_disk = self._thinning.on_disk

    def __len__(self) -> int:
        return len(self._signals)

    def follow(self, signal: int, spec: SignalSpec) -> None:
        """Thin a numeric signal from now on, if a rule fits its path."""
        if spec.kind is SampleKind.NUMERIC and self._thinning.follow(signal, spec.path):
            self._signals = np.union1d(self._signals, np.array([signal], np.uint32))

    def take(self, part: Part) -> Part:
        """What is kept of numeric samples in the server's order."""
        rows = np.flatnonzero(np.isin(part[0], self._signals)) if len(self._signals) else np.zeros(0, int)
        if not len(rows):
            return part
        kept: list[tuple[int, Point]] = []
        places: list[int] = []
        signals, times, values, statuses, order = (column.tolist() for column in _rows(part, rows))
        for at, signal in enumerate(signals):
            points = self._thinning.take(signal, (times[at], values[at], statuses[at]))
            kept += [(signal, point) for point in points]
            places += [order[at]] * len(points)
        others = np.setdiff1d(np.arange(len(part[0])), rows)
        return in_order([_rows(part, others), _part(kept, places)])

    def cut(self, signals: NDArray[np.uint32]) -> Part:
        """What was held back of signals that may have a gap; the next sample of each is kept, too."""
        points = self._thinning.cut(self._signals[np.isin(self._signals, signals)].tolist())
        return _part(points, range(len(points)))

    def release(self) -> Part:
        """What was held back of all signals."""
        points = self._thinning.release()
        return _part(points, range(len(points)))


def in_order(parts: Sequence[Part]) -> Part:
    """Parts that were decoded together as one, in the server's order: equal times are told apart by it."""
    if len(parts) == 1:
        return parts[0]
    signal, times, values, status, order = zip(*parts, strict=True)
    merged = np.concatenate(order)
    rows = np.argsort(merged, kind="stable")
    return (
        np.concatenate(signal)[rows],
        np.concatenate(times)[rows],
        pa.concat_arrays(values).take(pa.array(rows)),
        np.concatenate(status)[rows],
        merged[rows],
    )


def _rows(part: Part, rows: NDArray[np.intp]) -> Part:
    signal, times, values, status, order = part
    return signal[rows], times[rows], values.take(pa.array(rows)), status[rows], order[rows]


def _part(points: Sequence[tuple[int, Point]], places: Sequence[int]) -> Part:
    return (
        np.array([signal for signal, _ in points], np.uint32),
        np.array([point[0] for _, point in points], np.int64),
        pa.array([point[1] for _, point in points], pa.float64()),
        np.array([point[2] for _, point in points], np.uint32),
        np.array(places, np.int64),
    )
