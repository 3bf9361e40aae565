"""A time zone's offsets over some years as arrays, so that many instants are converted at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

_DAY_S: Final = 86_400
_SECOND_US: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER: Final = 2**62


class Offsets:
    """Stretches of constant offset of a zone.

    Args:
        zone: by the IANA's rules.
        start_us: from when on, UTC.
        end_us: until when.

    Attributes:
        begins: instants where the stretches begin, µs, UTC; the first is before `start_us`.
        offset: local minus UTC in each, µs.
    """

    def __init__(self, zone: ZoneInfo, start_us: int, end_us: int) -> None:
        first, last = start_us // _SECOND_US - 2 * _DAY_S, end_us // _SECOND_US + 2 * _DAY_S
        # No zone ever changed its offset twice within a day.
        days = [*range(first, last, _DAY_S), last]
        offsets = [_offset(zone, day) for day in days]
        begins, kept = [first], [offsets[0]]
        for before, behind, old, new in zip(days, days[1:], offsets, offsets[1:], strict=False):
            if new != old:
                begins.append(_change(zone, before, behind, old))
                kept.append(new)
        self.begins: NDArray[np.int64] = np.array(begins, dtype=np.int64) * _SECOND_US
        self.offset: NDArray[np.int64] = np.array(kept, dtype=np.int64) * _SECOND_US

    def local(self, instant: NDArray[np.int64]) -> NDArray[np.int64]:
        """What the clock on the wall shows at instants, as µs of a day count without a zone."""
        at = np.searchsorted(self.begins, instant, side="right") - 1
        shown: NDArray[np.int64] = instant + self.offset[np.maximum(at, 0)]
        return shown

    def instant(self, local: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first instant at which the clock on the wall shows at least so much.

        A time that occurs twice means the first one; one that is jumped over means the jump. So later
        times on the wall are never earlier instants, and stretches between them are never counted twice.
        """
        found = np.full(len(local), _NEVER, dtype=np.int64)
        for begins, ends, offset in zip(
            self.begins, np.append(self.begins[1:], _NEVER), self.offset, strict=True
        ):
            candidate = np.maximum(local - offset, begins)
            found = np.where((found == _NEVER) & (candidate < ends), candidate, found)
        return found

    def every(self, width_us: int, end_us: int) -> NDArray[np.int64]:
        """Instants before the end at which the clock on the wall shows a multiple of the width, rising."""
        parts = []
        for begins, ends, offset in zip(
            self.begins, np.append(self.begins[1:], end_us), self.offset, strict=True
        ):
            first = -(-(begins + offset) // width_us) * width_us - offset
            parts.append(np.arange(first, min(ends, end_us), width_us, dtype=np.int64))
        return np.concatenate(parts)


def _offset(zone: ZoneInfo, second: int) -> int:
    offset = (_EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _change(zone: ZoneInfo, before: int, behind: int, old: int) -> int:
    """The first second with another offset than the old one."""
    while behind - before > 1:
        middle = (before + behind) // 2
        if _offset(zone, middle) == old:
            before = middle
        else:
            behind = middle
    return behind
