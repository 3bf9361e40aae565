"""Reads records back from segment files, remembering the layout of one segment per reader."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tundish_connectors.spool.segment import Place, scan_segment, unpack_payload

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SpoolRecord:
    """A record as it was appended: its running number (from 1) and its bytes."""

    number: int
    payload: bytes


@dataclass(slots=True)
class Segment:
    """A segment file: its durable size in bytes and its last record's number."""

    path: Path
    size: int
    last: int = 0

    @property
    def first(self) -> int:
        """Number of its first record, as its name says."""
        return int(self.path.stem)


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

    def read(
        self, segments: list[Segment], after: int, until: int, max_bytes: int, limit: int
    ) -> list[SpoolRecord]:
        """Records behind ``after`` up to ``until``: at least one if there is any, then up to the bounds."""
        records: list[SpoolRecord] = []
        total = 0
        for segment in segments:
            places = self._places(segment)
            wanted: list[Place] = []
            for place in places[bisect_right(places, after, key=_number) :]:
                total += place.end - place.start
                full = total > max_bytes or len(records) + len(wanted) >= limit
                if place.number > until or (full and (records or wanted)):
                    return records + _load(segment, wanted)
                wanted.append(place)
            records += _load(segment, wanted)
        return records

    def _places(self, segment: Segment) -> list[Place]:
        layout = self._layout
        if layout is None or layout.path != segment.path:
            self._layout = layout = _Layout(segment.path)
        if layout.known < segment.size:
            with segment.path.open("rb") as file:
                file.seek(layout.known)
                scan = scan_segment(file.read(segment.size - layout.known), layout.known)
            layout.places += scan.places
            self.damaged += [(segment.path, start, end) for start, end in scan.damaged]
            layout.known = segment.size
        return layout.places


def _number(place: Place) -> int:
    return place.number


def _load(segment: Segment, places: list[Place]) -> list[SpoolRecord]:
    """The payloads of places that follow each other, with one read for all."""
    if not places:
        return []
    base = places[0].start
    with segment.path.open("rb") as file:
        file.seek(base)
        data = file.read(places[-1].end - base)
    records = []
    for place in places:
        stored = data[place.start - base : place.end - base]
        records.append(SpoolRecord(place.number, unpack_payload(stored) if place.packed else stored))
    return records
