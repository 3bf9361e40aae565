"""A machine's states out of the window's texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tundish_analytics.oee.calendar import instant
from tundish_analytics.oee.hearing import Heard, Held, heard

if TYPE_CHECKING:
    from tundish_platform.sdk import AppInputs, SignalInfo


def hear(inputs: AppInputs, state: SignalInfo, mode: SignalInfo | None, reason: SignalInfo | None) -> Heard:
    """The states of one machine within the window; silence and bad samples are unknown."""
    modes, reasons = (None if one is None else _held(inputs, one) for one in (mode, reason))
    return heard(_held(inputs, state), instant(inputs.start), instant(inputs.end), modes, reasons)


def _held(inputs: AppInputs, signal: SignalInfo) -> Held:
    table = inputs.samples(signal)
    at = table.column("ts").cast("timestamp[us]").to_numpy().astype(np.int64)
    good = np.right_shift(table.column("status").to_numpy(), 30) == 0
    return Held.of(at, table.column("value").to_pylist(), good, instant(inputs.end), signal.period_s)
