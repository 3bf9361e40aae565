"""The states of one machine, from the signals that a reader gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tundish_analytics.oee.calendar import instant
from tundish_analytics.oee.hearing import Heard, Held, heard

if TYPE_CHECKING:
    from tundish_analytics.oee.reading import Reading
    from tundish_platform.samples import SignalInfo


def hear(reading: Reading, state: SignalInfo, mode: SignalInfo | None, reason: SignalInfo | None) -> Heard:
    """The states of one machine within the window; silence and bad samples are unknown."""
    modes, reasons = (None if one is None else _held(reading, one) for one in (mode, reason))
    return heard(_held(reading, state), instant(reading.start), instant(reading.end), modes, reasons)


def _held(reading: Reading, signal: SignalInfo) -> Held:
    table = reading.samples(signal)
    at = table.column("ts").cast("timestamp[us]").to_numpy().astype(np.int64)
    good = np.right_shift(table.column("status").to_numpy(), 30) == 0
    return Held.of(at, table.column("value").to_pylist(), good, instant(reading.end), signal.period_s)
