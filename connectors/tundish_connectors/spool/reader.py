"""Reads records back from segment files, remembering the layout of one segment at a time."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tundish_connectors.spool.segment import Place, scan_segment

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SpoolRecord:
    """A record as it was appended: its running number (from 1) and its bytes."""

    number: int
    payload: bytes


@dataclass(slots=True)
class Segment:
    """A segment file: its durable size in bytes and the numbers of its first and last record."""

    path: Path
    size: int
    last: int = 0


@dataclass(slots=True)
class _Layout:
    path: Path
    known: int = 0
    places: list[Place] = field(default_factory=list)


class SegmentReader:
    """Reads in order; the layout of the segment being read is kept, so each byte is checked once.

    Attributes:
        damaged: ``(file, start, end)`` of ranges without a sound record, as met so far.
    """

    def __init__(self) -> None:
        self._layout: _Layout | None = None
        self.damaged: list[tuple[Path, int, int]] = []

    def read(self, segments: list[Segment], after: int, max_bytes: int, limit: int) -> list[SpoolRecord]:
        """Records behind ``after``: at least one if there is any, then up to the bounds."""
        records: list[SpoolRecord] = []
        total = 0
        for segment in segments:
            places = self._places(segment)
            first = bisect_right(places, after, key=lambda place: place.number)
            with segment.path.open("rb") as file:
                for place in places[first:]:
                    total += place.end - place.start
                    if records and (total > max_bytes or len(records) >= limit):
                        return records
                    file.seek(place.start)
                    records.append(SpoolRecord(place.number, file.read(place.end - place.start)))
        return records

    def _places(self, segment: Segment) -> list[Place]:
        layout = self._layout
        if layout is None or layout.path != segment.path:
            self._layout = layout = _Layout(segment.path)
        if layout.known < segment.size:
            with segment.path.open("rb") as file:
                file.seek(layout.known)
                scan = scan_segment(file.read(segment.size - layout.known))
            base = layout.known
            layout.places += [
                Place(place.number, base + place.start, base + place.end) for place in scan.places
            ]
            self.damaged += [(segment.path, base + start, base + end) for start, end in scan.damaged]
            layout.known = segment.size
        return layout.places
