"""The play of one part: which rows are due between two positions, with the faults that are put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tundish_platform.samples import GOOD, SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tundish_connectors.replay.recording import Part, Silence

BAD_SENSOR_FAILURE: Final = 0x808C0000
UNCERTAIN_SENSOR_NOT_ACCURATE: Final = 0x40930000

_BAD_SHARE: Final = 0.001
_UNCERTAIN_SHARE: Final = 0.002
_SEED: Final = 20_26


class Row(NamedTuple):
    """One value to publish.

    Attributes:
        channel: index in the part's channels.
        ts: source time, seconds since the part's first pass began.
        value: float, int, str or list of floats; ``None`` where the status is bad.
        status: OPC UA status code.
    """

    channel: int
    ts: int
    value: Any
    status: int


class PartPlay:
    """All rows of a part in the order of their publication, pass after pass.

    Args:
        part: the live half of a recording's part.
        silences: those of the recording; only this part's are used.
        faulty: paths of the channels whose statuses may be spoilt; values never are.
    """

    def __init__(
        self, part: Part, silences: Sequence[Silence] = (), faulty: frozenset[str] = frozenset()
    ) -> None:
        self.part = part
        channels = part.channels
        at = np.concatenate([channel.at for channel in channels])
        number = np.repeat(np.arange(len(channels), dtype=np.int16), [len(c.at) for c in channels])
        order = np.lexsort((number, at))
        self._at = at[order].astype(np.int32)
        self._ts = np.concatenate([channel.ts for channel in channels])[order].astype(np.int32)
        self._row = np.concatenate([np.arange(len(c.at), dtype=np.int32) for c in channels])[order]
        self._channel = number[order]
        self._silences = {
            index: silence
            for index, channel in enumerate(channels)
            for silence in silences
            if silence.path == channel.path
        }
        may_fail = np.array([c.path in faulty and c.kind is SampleKind.NUMERIC for c in channels])
        self._may_fail = may_fail[self._channel]
        self._status_pass = -1
        self._status: NDArray[np.uint32] = np.zeros(0, np.uint32)

    def passes(self, position: int) -> int:
        """How many passes are finished at a position (seconds since the first pass began)."""
        return max(position, 0) // self.part.length_s

    def due(self, after: int, until: int, since: int) -> Iterator[Row]:
        """The rows to publish in ``(after, until]``, in order, each once.

        Args:
            after: position already published, seconds since the first pass began.
            until: position to publish up to, likewise.
            since: rows with a source time up to here are left out, see `PartPosition`.
        """
        for number in range(self.passes(after), self.passes(until) + 1):
            base = number * self.part.length_s
            low, high = np.searchsorted(self._at, (after - base, until - base), side="right").tolist()
            # A row at the very end of a pass belongs to it, not to the next one.
            yield from self._rows(number, low, high, since)

    def latest(self, until: int, since: int) -> list[Row]:
        """The last published row of each channel, for a server that starts again at a position."""
        reach = max(since, until - 2 * self.part.length_s)
        found: dict[int, Row] = {row.channel: row for row in self.due(reach, until, since)}
        return list(found.values())

    def _rows(self, number: int, low: int, high: int, since: int) -> Iterator[Row]:
        base = number * self.part.length_s
        ts = self._ts[low:high].astype(np.int64) + base
        kept = ts > since
        for index, silence in self._silences.items():
            kept &= ~((self._channel[low:high] == index) & silence.covers(ts))
        status = self._statuses(number)[low:high]
        columns = (self._channel[low:high], self._row[low:high], ts, status)
        channels = self.part.channels
        for channel, row, time, code in zip(*(column[kept].tolist() for column in columns), strict=True):
            value = None if code == BAD_SENSOR_FAILURE else channels[channel].value(row, number)
            yield Row(channel, time, value, code)

    def _statuses(self, number: int) -> NDArray[np.uint32]:
        """Statuses of one pass; the same for every play of that pass, so that a resumed play agrees."""
        if number != self._status_pass:
            drawn = np.random.default_rng([_SEED, number]).random(len(self._at))
            status = np.full(len(self._at), GOOD, np.uint32)
            status[drawn < _BAD_SHARE + _UNCERTAIN_SHARE] = UNCERTAIN_SENSOR_NOT_ACCURATE
            status[drawn < _BAD_SHARE] = BAD_SENSOR_FAILURE
            status[~self._may_fail] = GOOD
            self._status, self._status_pass = status, number
        return self._status
