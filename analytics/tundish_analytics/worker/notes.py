"""What a pipeline saw, said and was told later: kept for whoever watches it, until they take it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tundish_analytics.predictions import Prediction

_MOST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Seen:
    """Inputs of some windows.

    Attributes:
        ts: source time of each window's end in microseconds, rising.
        values: ``(windows, features)``, NaN where missing.
        names: of the features.
    """

    ts: NDArray[np.int64]
    values: NDArray[np.float64]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One prediction whose truth has come.

    Attributes:
        ts: source time of the truth in microseconds.
        end: of the predicted window.
        right: ``None`` where the model abstained.
    """

    target: str
    ts: int
    end: int
    right: bool | None


@dataclass(slots=True)
class Notes:
    """The newest of it; older ones than the last 20,000 of each kind are let go."""

    seen: list[Seen] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)

    def take(self) -> Notes:
        """What there is, which is then no longer here."""
        taken = Notes(self.seen, self.predictions, self.cases)
        self.seen, self.predictions, self.cases = [], [], []
        return taken

    def saw(self, seen: Seen) -> None:
        """Keep inputs."""
        self.seen = [*self.seen, seen][-_MOST:]

    def said(self, predictions: Sequence[Prediction]) -> None:
        """Keep predictions."""
        self.predictions = [*self.predictions, *predictions][-_MOST:]

    def judged(self, cases: Sequence[Case]) -> None:
        """Keep judged cases."""
        self.cases = [*self.cases, *cases][-_MOST:]
