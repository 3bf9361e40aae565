"""Histories of units, row by row from new, and the life that is left after each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

_KNOWN_BY: int = 10


class SharedUnit(ValueError):  # noqa: N818 - says what is wrong
    """A unit lies on both sides of a split."""


@dataclass(frozen=True, slots=True)
class Trajectories:
    """Rows of several units, sorted by unit and cycle.

    Attributes:
        unit: number of the row's unit; shape ``(rows,)``.
        cycle: cycles since new; shape ``(rows,)``.
        settings: what the operator chose (altitude, speed, load); shape ``(rows, settings)``.
        sensors: what was measured; shape ``(rows, sensors)``.
    """

    unit: NDArray[np.int64]
    cycle: NDArray[np.int64]
    settings: NDArray[np.float64]
    sensors: NDArray[np.float64]

    @classmethod
    def from_table(cls, table: pd.DataFrame, settings: Sequence[str], sensors: Sequence[str]) -> Self:
        """From the columns ``unit``, ``cycle`` and the named ones."""
        ordered = table.sort_values(["unit", "cycle"])
        return cls(
            ordered["unit"].to_numpy(np.int64),
            ordered["cycle"].to_numpy(np.int64),
            ordered[list(settings)].to_numpy(np.float64),
            ordered[list(sensors)].to_numpy(np.float64),
        )

    def __len__(self) -> int:
        return len(self.unit)

    @property
    def units(self) -> NDArray[np.int64]:
        """The units' numbers, in the order of their rows."""
        return self.unit[self.firsts]

    @property
    def firsts(self) -> NDArray[np.int64]:
        """Number of each unit's first row."""
        return np.flatnonzero(np.diff(self.unit, prepend=self.unit[0] - 1)).astype(np.int64)

    @property
    def lasts(self) -> NDArray[np.int64]:
        """Number of each unit's last row."""
        return np.append(self.firsts[1:], len(self)) - 1

    def spans(self) -> Iterator[slice]:
        """The rows of each unit."""
        for first, last in zip(self.firsts, self.lasts, strict=True):
            yield slice(int(first), int(last) + 1)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Trajectories:
        """Some of the rows."""
        return Trajectories(self.unit[rows], self.cycle[rows], self.settings[rows], self.sensors[rows])

    def of(self, units: NDArray[np.int64]) -> Trajectories:
        """All rows of some of the units."""
        return self.take(np.isin(self.unit, units))

    def remaining(self) -> NDArray[np.float64]:
        """Cycles left after each row when each unit's last row is its failure; shape ``(rows,)``."""
        ends = self.cycle[self.lasts]
        left: NDArray[np.float64] = np.repeat(ends, self.lasts - self.firsts + 1) - self.cycle.astype(float)
        return left


def refuse_shared(train: Trajectories, test: Trajectories) -> None:
    """The leakage guard: no unit of `test`, not even a shortened copy under another number, is in `train`.

    Raises:
        SharedUnit: the first measured rows of a unit are the same on both sides.
    """
    known = {_beginning(train, span) for span in train.spans()}
    for span in test.spans():
        if _beginning(test, span) in known:
            raise SharedUnit(f"unit {test.unit[span.start]} of the test is among the training units")


def _beginning(trajectories: Trajectories, span: slice) -> bytes:
    rows = slice(span.start, min(span.start + _KNOWN_BY, span.stop))
    return np.round(trajectories.sensors[rows], 4).tobytes()
