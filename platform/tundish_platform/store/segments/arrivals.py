"""Counts live samples by minute of arrival, block by block, so that no segment is in memory as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_platform.samples import is_good
from tundish_platform.store.query.facts import FACTS_SCHEMA
from tundish_platform.store.query.picks import group_starts
from tundish_platform.store.rows import TIMESTAMP, micros

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from tundish_platform.store.segments.groups import Window

BESIDE: Final = ("signal", "status", "live")
"""What is needed of rows beside their arrival."""

_MINUTE_US: Final = 60_000_000


def counted(blocks: Iterable[pa.Table], window: Window) -> pa.Table:
    """`FACTS_SCHEMA` of rows (`BESIDE` and arrival) that arrived live in a window.

    Args:
        blocks: of rows, sorted by signal.
        window: of arrival.
    """
    runs = [_runs(block, window) for block in blocks]
    grouped = pa.concat_tables([_no_runs(), *runs]).group_by(["signal", "minute"], use_threads=False)
    return grouped.aggregate([("good", "sum"), ("total", "sum")]).rename_columns(FACTS_SCHEMA.names)


def within(block: pa.Table, window: Window) -> NDArray[np.bool_]:
    """Which rows arrived in the window."""
    arrival = micros(block["arrival"])
    found: NDArray[np.bool_] = (arrival >= window.start) & (arrival < window.end)
    return found


def _runs(block: pa.Table, window: Window) -> pa.Table:
    """Neighbours of one signal and minute as one row: rows arrive nearly in order, so few are left."""
    wanted = within(block, window)
    wanted &= block["live"].to_numpy(zero_copy_only=False)
    if not wanted.any():
        return _no_runs()
    signal, arrival = block["signal"].to_numpy()[wanted], micros(block["arrival"])[wanted]
    minute = arrival // _MINUTE_US * _MINUTE_US
    starts = group_starts(signal, minute)
    good = is_good(block["status"].to_numpy()[wanted])
    columns = [
        signal[starts],
        pa.array(minute[starts]).view(TIMESTAMP),
        np.add.reduceat(good, starts, dtype=np.int64),
        np.diff(np.append(starts, len(signal))),
    ]
    return pa.table(columns, schema=FACTS_SCHEMA)


def _no_runs() -> pa.Table:
    return FACTS_SCHEMA.empty_table()
