"""What machines do now: running, stopped, or unknown where nobody can say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tundish_analytics.oee.hearing import state_of
from tundish_analytics.oee.timesplit import State
from tundish_dashboards.plant.conditions import Condition, SignalState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tundish_platform.samples import SignalInfo

# Data that comes now with times so far behind is a recording or a buffer being emptied.
LATE: Final = timedelta(minutes=5)
_FLOWING: Final = timedelta(seconds=60)
# A line is silent after this, or after so many periods of the signal that comes oftenest.
_SILENT: Final = timedelta(seconds=60)
_SILENT_PERIODS: Final = 2.5


class Running(StrEnum):
    """What a machine does now; the value is the key of its words."""

    RUNNING = "running"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MachineState:
    """What one machine does now.

    Attributes:
        state: its signal with the newest sample.
        running: unknown where the newest sample is bad, too old, or a word that nobody knows.
    """

    state: SignalState
    running: Running


def clock_of(newest: datetime | None, arrival: datetime | None, wall: datetime) -> datetime:
    """Until when everything is reckoned.

    Where nothing comes in, the wall clock goes on and what is missing counts as missing. Where data of an
    hour ago comes in now, its own time is the plant's: what is still on its way is not missing.

    Args:
        newest: newest source time; None while nothing has come.
        arrival: when it arrived.
        wall: the wall clock, UTC.
    """
    flows = arrival is not None and wall - arrival <= _FLOWING
    return newest if newest is not None and flows and wall - newest > LATE else wall


def is_silent(signals: Iterable[SignalInfo], newest: datetime | None, clock: datetime) -> bool:
    """Whether nothing has come of a line for so long that its states are not known any more."""
    periods = [signal.period_s for signal in signals if signal.period_s is not None]
    patience = timedelta(seconds=_SILENT_PERIODS * min(periods, default=0.0))
    return newest is None or clock - newest > max(_SILENT, patience)


def machine_state(state: SignalState, *, heard: bool) -> MachineState:
    """What a machine does; of a line that fell silent nobody knows, it is not running still."""
    latest = state.latest
    said = State.UNKNOWN
    if heard and latest is not None and state.condition is Condition.GOOD and isinstance(latest.value, str):
        said = state_of(latest.value)
    if said is State.UNKNOWN:
        return MachineState(state, Running.UNKNOWN)
    return MachineState(state, Running.RUNNING if said is State.PRODUCING else Running.STOPPED)
