"""When one statement of a model speaks for an alert, and when against it. Between the two nothing changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from tundish_platform.samples import AlarmPriority, Horizon, Sureness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_analytics.predictions import Prediction

# Level of the intervals that all our models state.
INTERVAL_LEVEL: Final = 0.8
_FARTHEST: Final = datetime(9999, 1, 1, tzinfo=UTC)


class Standing(StrEnum):
    """What a statement says of a condition."""

    HOLDS = "holds"
    CLEAR = "clear"
    BETWEEN = "between"
    ABSTAINS = "abstains"


class Condition(Protocol):
    """A condition on the statements of one target."""

    def judge(self, said: Prediction) -> Standing:
        """Whether it holds."""
        ...

    def confidence(self, said: Prediction) -> tuple[float, Sureness]:
        """How sure a statement for which it holds is."""
        ...

    def priority(self, said: Prediction) -> AlarmPriority:
        """How soon somebody should look."""
        ...

    def horizon(self, said: Prediction) -> Horizon | None:
        """When the failure is expected; ``None`` where the condition is there already."""
        ...


class _ThereNow:
    """A condition that looks at the present, not ahead."""

    __slots__ = ()

    def horizon(self, said: Prediction) -> None:
        """The condition is there already."""


@dataclass(frozen=True, slots=True)
class Unhealthy(_ThereNow):
    """A class other than the healthy one, with enough probability.

    Attributes:
        healthy: number of the healthy class.
        priorities: by number of the class.
        probability: the class must be at least so probable, ill or healthy, to count for either side.
    """

    healthy: float
    priorities: Mapping[float, AlarmPriority]
    probability: float = 0.9

    def judge(self, said: Prediction) -> Standing:
        """See `Condition`."""
        if said.value is None or said.probability is None:
            return Standing.ABSTAINS
        if said.probability < self.probability:
            return Standing.BETWEEN
        return Standing.CLEAR if said.value == self.healthy else Standing.HOLDS

    def confidence(self, said: Prediction) -> tuple[float, Sureness]:
        """Probability of the stated class, which the probability of any illness is not below."""
        return said.probability or 0.0, Sureness.PROBABILITY

    def priority(self, said: Prediction) -> AlarmPriority:
        """Of the class; a class the table does not know is not guessed to be harmless."""
        return self.priorities.get(said.value or 0.0, AlarmPriority.HIGH)


@dataclass(frozen=True, slots=True)
class Beyond(_ThereNow):
    """An index whose whole interval lies beyond a limit, on either side of zero.

    Attributes:
        limit: in the target's unit.
        clear: an estimate nearer to zero than this clears.
        grave: from this on, with the whole interval, the priority is high.
    """

    limit: float
    clear: float
    grave: float

    def judge(self, said: Prediction) -> Standing:
        """See `Condition`."""
        if said.value is None:
            return Standing.ABSTAINS
        if _least(said) > self.limit:
            return Standing.HOLDS
        return Standing.CLEAR if abs(said.value) < self.clear else Standing.BETWEEN

    def confidence(self, said: Prediction) -> tuple[float, Sureness]:
        """The interval's level; one of its two tails lies on the far side, so this promises too little."""
        del said
        return INTERVAL_LEVEL, Sureness.INTERVAL

    def priority(self, said: Prediction) -> AlarmPriority:
        """High once the graver limit is passed."""
        return AlarmPriority.HIGH if _least(said) > self.grave else AlarmPriority.MEDIUM


def _least(said: Prediction) -> float:
    """The interval's end that is nearer to zero, as a size; 0 where the interval holds zero."""
    if said.low is None or said.high is None:
        return 0.0
    return max(said.low, -said.high, 0.0)


@dataclass(frozen=True, slots=True)
class LifeBelow:
    """A remaining life whose median is below a limit.

    Attributes:
        limit, clear: of the median, in the target's unit; above `clear` the condition clears.
        grave: from this median on the priority is high.
        per_window: units that a statement's window spans, which gives the pace; ``None`` where life is
            counted in seconds.
    """

    limit: float
    clear: float
    grave: float
    per_window: float | None = None

    def judge(self, said: Prediction) -> Standing:
        """See `Condition`."""
        if said.value is None:
            return Standing.ABSTAINS
        if said.value < self.limit:
            return Standing.HOLDS
        return Standing.CLEAR if said.value > self.clear else Standing.BETWEEN

    def confidence(self, said: Prediction) -> tuple[float, Sureness]:
        """The interval's level: so often the end falls within the stated horizon."""
        del said
        return INTERVAL_LEVEL, Sureness.INTERVAL

    def priority(self, said: Prediction) -> AlarmPriority:
        """High once little is left."""
        return AlarmPriority.HIGH if (said.value or 0.0) < self.grave else AlarmPriority.MEDIUM

    def horizon(self, said: Prediction) -> Horizon | None:
        """The window's end and the life left, at the pace of the window itself."""
        pace = 1.0
        if self.per_window is not None:
            pace = (said.window_end - said.window_start).total_seconds() / self.per_window
        expected = _after(said.window_end, said.value, pace)
        if expected is None:
            return None
        return Horizon(
            expected_at=expected,
            earliest=_after(said.window_end, said.low, pace),
            latest=_after(said.window_end, said.high, pace),
        )


def _after(begin: datetime, units: float | None, pace: float) -> datetime | None:
    if units is None:
        return None
    left = _FARTHEST - begin
    return begin + timedelta(seconds=min(max(units, 0.0) * pace, left.total_seconds()))


@dataclass(frozen=True, slots=True)
class Unusual(_ThereNow):
    """A score of how unusual a window is: the share of good windows that were less so.

    Attributes:
        limit: of the score.
        clear: a score below it clears.
    """

    limit: float
    clear: float

    def judge(self, said: Prediction) -> Standing:
        """See `Condition`."""
        if said.value is None:
            return Standing.ABSTAINS
        if said.value >= self.limit:
            return Standing.HOLDS
        return Standing.CLEAR if said.value < self.clear else Standing.BETWEEN

    def confidence(self, said: Prediction) -> tuple[float, Sureness]:
        """The score itself, which is no probability of a fault."""
        return min(max(said.value or 0.0, 0.0), 1.0), Sureness.RANK

    def priority(self, said: Prediction) -> AlarmPriority:
        """Low: an anomaly says that something is unusual, not that it is broken."""
        del said
        return AlarmPriority.LOW
