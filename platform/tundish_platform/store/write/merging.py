"""Which segments of a day are merged, so that a day has few and each row is written only a few times."""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tundish_platform.store.segments.segment import SegmentFile

MERGE_FROM: Final = 8
_SMALLEST_TIER: Final = 4096
MERGE_ROWS: Final = 4_000_000


def due_merges(known: Sequence[SegmentFile]) -> Iterator[list[SegmentFile]]:
    """Groups of neighbours in the order of the log that are to become one segment each.

    Only neighbours, because of equal (signal, ts) the later one holds. A small one before a large one counts
    as large: it can only be merged together with it.
    """
    days: dict[tuple[str, object], list[SegmentFile]] = defaultdict(list)
    for segment in known:
        if not (segment.damaged or segment.expired):
            days[segment.kind, segment.day].append(segment)
    for parts in days.values():
        if len(parts) >= MERGE_FROM:
            parts.sort(key=lambda part: part.max_sequence)
            tiers = list(accumulate((tier(part.rows) for part in reversed(parts)), max))[::-1]
            for _, group in groupby(zip(tiers, parts, strict=True), key=lambda pair: pair[0]):
                chosen = _fitting([part for _, part in group])
                if len(chosen) >= MERGE_FROM:
                    yield chosen


def tier(rows: int) -> int:
    """Which of the sizes 16 Ki, 128 Ki, 1 Mi, … rows a segment fits in."""
    return max(0, (rows - 1) // _SMALLEST_TIER).bit_length() // 3


def _fitting(parts: list[SegmentFile]) -> list[SegmentFile]:
    """The longest run of neighbours that may be merged in memory."""
    best: list[SegmentFile] = []
    first = rows = 0
    for at, part in enumerate(parts):
        rows += part.rows
        while rows > MERGE_ROWS:
            rows -= parts[first].rows
            first += 1
        if at + 1 - first > len(best):
            best = parts[first : at + 1]
    return best
