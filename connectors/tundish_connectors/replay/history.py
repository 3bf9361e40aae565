"""The history half of a recording as tables that end where the live play begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_connectors.files.table import PathTable
from tundish_connectors.replay.registry import recording
from tundish_platform.samples import SCHEMAS, SampleKind
from tundish_platform.samples.kits import kit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tundish_connectors.replay.recording import Channel, Part

ROWS_PER_TABLE: Final = 100_000
# All demo plants lie in China, which has one zone and no daylight saving.
PLANT_ZONE: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US: Final = 1_000_000


def phase_s(part: Part, v0: datetime) -> int:
    """How many seconds before `v0` a part's axis begins (live) or ends (history).

    0 for most parts. A day-aligned part begins at the last local midnight before `v0`, so that the hours
    of its record and the hours of its source times agree: 1 … 86,400.
    """
    if not part.day_aligned:
        return 0
    local = (v0 - timedelta(seconds=1)).astimezone(PLANT_ZONE)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return int((v0 - midnight).total_seconds())


def _arrow_values(channel: Channel, rows: slice) -> pa.Array:
    values = channel.values[rows]
    if channel.kind is SampleKind.ARRAY:
        offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(values).ravel()))
    return pa.array(values, type=SCHEMAS[channel.kind].field("value").type)


def _table(kind: SampleKind, cut: Sequence[tuple[str, Channel, slice]], start_us: int) -> PathTable:
    """One table of one kind; `cut` has path, channel and the rows of it."""
    lengths = [rows.stop - rows.start for _, _, rows in cut]
    codes: NDArray[np.int32] = np.repeat(np.arange(len(cut), dtype=np.int32), lengths)
    path = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array([path for path, _, _ in cut]))
    seconds = np.concatenate([channel.ts[rows] for _, channel, rows in cut])
    ts = pa.array(seconds * _SECOND_US + start_us).cast(SCHEMAS[kind].field("ts").type)
    value_type = SCHEMAS[kind].field("value").type
    value = pa.chunked_array([_arrow_values(channel, rows) for _, channel, rows in cut], type=value_type)
    status = pa.array(np.zeros(len(codes), dtype=np.uint32))
    columns = {"path": path, "ts": ts, "value": value.combine_chunks(), "status": status}
    return PathTable(kind, pa.table(columns))


def _part_tables(part: Part, base: str, start: datetime) -> Iterator[PathTable]:
    start_us = (start - _EPOCH) // timedelta(microseconds=1)
    total = sum(len(channel.ts) for channel in part.channels)
    slices = max(1, -(-total // ROWS_PER_TABLE))
    edges = np.linspace(0, part.length_s + 1, slices + 1).astype(np.int64)
    for low, high in pairwise(edges.tolist()):
        cuts: dict[SampleKind, list[tuple[str, Channel, slice]]] = {}
        for channel in part.channels:
            first, last = np.searchsorted(channel.ts, (low, high)).tolist()
            if last > first:
                cuts.setdefault(channel.kind, []).append(
                    (f"{base}/{channel.path}", channel, slice(first, last))
                )
        for kind, cut in cuts.items():
            yield _table(kind, cut, start_us)


def history_batches(kit_id: str, v0: datetime, line: str | None = None) -> Iterator[PathTable]:
    """The history rows of a kit's recording, about 100,000 a table, every source time before `v0`.

    Args:
        kit_id: which line kit.
        v0: source time at which the live play begins, aware, whole seconds.
        line: path of the line, the kit's default if absent.

    Raises:
        UnknownKit: there is no such recording.
        ValueError: `v0` has no time zone.
    """
    if v0.tzinfo is None:
        raise ValueError("v0 needs a time zone")
    base = line or kit(kit_id).line
    for part in recording(kit_id).history():
        start = v0 - timedelta(seconds=part.length_s + phase_s(part, v0))
        yield from _part_tables(part, base, start)
