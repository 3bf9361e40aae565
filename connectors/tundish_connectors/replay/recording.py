"""A recording as timed rows: parts, each a set of channels on one axis of whole seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from tundish_platform.samples import SampleKind

_DECIMALS = 5


class PartName(StrEnum):
    """The two disjoint halves of a recording."""

    HISTORY = "history"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Channel:
    """The rows of one signal in one part.

    Attributes:
        path: the signal's path below the line.
        kind: what the values are.
        ts: source time of each row, seconds from the part's start, rising; shape ``(n,)``.
        values: ``(n,)`` float64, int64 or object (texts), or ``(n, k)`` float64 for arrays.
        at: when each row may be published, seconds from the part's start, never before `ts`.
        per_pass: what a counter grows in one pass, added at each repetition so that it never jumps back.
    """

    path: str
    kind: SampleKind
    ts: NDArray[np.int64]
    values: NDArray[Any]
    at: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    per_pass: float = 0

    def __post_init__(self) -> None:
        if not len(self.at):
            object.__setattr__(self, "at", self.ts)
        if not len(self.ts) == len(self.values) == len(self.at):
            raise ValueError(f"{self.path}: times and values differ in number")

    def value(self, row: int, passes: int) -> Any:  # noqa: ANN401 - float, int, str or list, by kind
        """One value as a plain Python object, after so many finished passes."""
        value = self.values[row]
        if isinstance(value, np.ndarray):
            return value.tolist()
        if isinstance(value, np.generic):
            value = value.item()
        return value + passes * self.per_pass if self.per_pass else value


@dataclass(frozen=True, slots=True)
class Part:
    """Channels that start, end and repeat together.

    Attributes:
        name: of the machine that they come from, for the replay's own nodes.
        channels: the rows.
        length_s: seconds until the part starts again; no row is published later than that.
        day_aligned: the part starts at a local midnight, because its pattern follows the hours of the day.
    """

    name: str
    channels: tuple[Channel, ...]
    length_s: int
    day_aligned: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """A signal that says nothing for a stretch of the play, again and again.

    Attributes:
        path: of the signal, below the line.
        every_s: seconds of source time from one such stretch to the next.
        start_s, length_s: where in that interval the stretch lies.
    """

    path: str
    every_s: int
    start_s: int
    length_s: int

    def covers(self, position: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which positions (seconds since the first play began) fall into the stretch."""
        phase = np.mod(position, self.every_s)
        inside: NDArray[np.bool_] = (phase >= self.start_s) & (phase < self.start_s + self.length_s)
        return inside


@dataclass(frozen=True, slots=True)
class Recording:
    """What is known of one line kit's recording.

    Attributes:
        kit_id: the kit whose signals it plays.
        build: reads one half from the package; the parts come in the same order for both.
        silences: signals that go silent in the live play.
    """

    kit_id: str
    build: Callable[[PartName], tuple[Part, ...]]
    silences: tuple[Silence, ...] = ()

    def history(self) -> tuple[Part, ...]:
        """The parts for training; they end where the live play begins."""
        return self.build(PartName.HISTORY)

    def live(self) -> tuple[Part, ...]:
        """The parts that are played."""
        return self.build(PartName.LIVE)


def read_recording(name: str) -> pa.Table:
    """One shipped Parquet file."""
    folder = resources.files("tundish_connectors.replay").joinpath("recordings")
    with resources.as_file(folder.joinpath(name)) as path:
        return pq.read_table(path)


def decimals(column: pa.ChunkedArray, digits: int = _DECIMALS) -> NDArray[np.float64]:
    """A stored float32 column as the decimal numbers that it was made from; nulls become NaN."""
    rounded: NDArray[np.float64] = np.round(column.to_numpy().astype(np.float64), digits)
    return rounded


def texts(words: Sequence[str]) -> NDArray[np.object_]:
    """Texts as the object array that a channel holds."""
    return np.array(words, dtype=object)
