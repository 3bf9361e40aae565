"""How far a figure can be trusted: what was known, who said it, and whether two counts agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tundish_analytics.oee.timesplit import Time

if TYPE_CHECKING:
    from tundish_analytics.oee.timesplit import TimeSplit

    Grade = Literal["A", "B", "C", "D"]
    Source = Literal["machine", "derived", "manual"]

_SOURCES: Final = {"machine": 1.0, "derived": 0.8, "manual": 0.6}
_GRADES: Final[tuple[tuple[float, Grade], ...]] = ((0.95, "A"), (0.85, "B"), (0.60, "C"))


@dataclass(frozen=True, slots=True)
class Confidence:
    """Parts of the confidence, each between 0 and 1, and the grade of their product.

    A figure of grade D is shown greyed, enters no sum over machines and no figure of a programme.
    """

    coverage: float
    source: float
    counts: float

    @property
    def value(self) -> float:
        """The product."""
        return self.coverage * self.source * self.counts

    @property
    def grade(self) -> Grade:
        """A from 0.95, B from 0.85, C from 0.60, else D."""
        return next((grade for least, grade in _GRADES if self.value >= least), "D")


def confidence_of(
    time: TimeSplit, source: Source, counter_total: float | None = None, pieces_total: float | None = None
) -> Confidence:
    """Confidence of the figures of one machine.

    Args:
        time: its split; coverage is the known share of planned busy time, 0 without any.
        source: who says the state.
        counter_total: pieces by the machine's counter.
        pieces_total: the same by piece records; without both, counts are taken as they are.
    """
    coverage = 1 - time[Time.UNKNOWN] / time.busy if time.busy else 0.0
    counts = 1.0
    if counter_total is not None and pieces_total is not None:
        largest = max(counter_total, pieces_total)
        counts = 1 - abs(counter_total - pieces_total) / largest if largest > 0 else 1.0
    return Confidence(coverage, _SOURCES[source], counts)
