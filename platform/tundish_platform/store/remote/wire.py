"""Tables and segments as they cross the writer's socket."""

from __future__ import annotations

from dataclasses import astuple, fields
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, get_type_hints

import pyarrow as pa

from tundish_platform.samples import SampleKind
from tundish_platform.store.rows import EARLIEST
from tundish_platform.store.segments.segment import SegmentFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_US: Final = timedelta(microseconds=1)


def micros_told(instant: datetime | None) -> int | None:
    """An instant as µs since 1970."""
    return None if instant is None else (instant - EARLIEST) // _US


def instant_of(told: int | None) -> datetime | None:
    """The instant that `micros_told` told."""
    return None if told is None else EARLIEST + told * _US


def _instant(told: int) -> datetime:
    return EARLIEST + told * _US


_TELL: Final[dict[Any, Callable[[Any], Any]]] = {datetime: micros_told, date: date.isoformat}
_HEAR: Final[dict[Any, Callable[[Any], Any]]] = {
    datetime: _instant,
    date: date.fromisoformat,
    SampleKind: SampleKind,
}
# The names in its annotations, which its own module may know for type checks only.
_NAMES: Final = {"SampleKind": SampleKind, "date": date, "datetime": datetime}
_HINTS: Final = get_type_hints(SegmentFile, localns=_NAMES)
_TYPES: Final = [_HINTS[field.name] for field in fields(SegmentFile)]


def segment_told(file: SegmentFile) -> list[Any]:
    """A segment's attributes in their order, as JSON knows them."""
    return [_TELL.get(kind, _same)(value) for kind, value in zip(_TYPES, astuple(file), strict=True)]


def segment_of(told: Sequence[Any]) -> SegmentFile:
    """The segment that `segment_told` told."""
    return SegmentFile(*(_HEAR.get(kind, _same)(value) for kind, value in zip(_TYPES, told, strict=True)))


def tables_told(tables: Sequence[pa.Table]) -> tuple[list[int], list[pa.Buffer]]:
    """Tables of one schema as one Arrow IPC stream, and how many record batches each has in it."""
    if not tables:
        return [], []
    sink = pa.BufferOutputStream()
    counts = []
    with pa.ipc.new_stream(sink, tables[0].schema) as writer:
        for table in tables:
            batches = table.to_batches()
            counts.append(len(batches))
            for batch in batches:
                writer.write_batch(batch)
    return counts, [sink.getvalue()]


def tables_of(counts: Sequence[int], body: memoryview) -> list[pa.Table]:
    """The tables that `tables_told` told; they share the body's memory."""
    if not counts:
        return []
    with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
        return [
            pa.Table.from_batches([reader.read_next_batch() for _ in range(count)], reader.schema)
            for count in counts
        ]


def _same(value: Any) -> Any:  # noqa: ANN401 - whatever JSON knows itself
    return value
