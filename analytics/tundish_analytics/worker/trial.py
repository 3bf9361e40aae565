"""A version beside the champion, on the same windows, without a word to the line."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tundish_analytics.models.compare import Comparison, Said, overall
from tundish_analytics.models.registry import RegistryError
from tundish_analytics.worker.notes import Notes
from tundish_analytics.worker.windows import to_us

if TYPE_CHECKING:
    from tundish_analytics.models.compare import Side, Verdict
    from tundish_analytics.worker.pipeline import Pipeline


def twin(pipeline: Pipeline, version: str) -> Pipeline:
    """Another pipeline on the same line with a stored version; it notes what it says and writes nothing.

    Raises:
        RegistryError: there is no such version, or it is not ours.
    """
    fresh = type(pipeline).bind(pipeline.site)
    if fresh is None or not fresh.load(version):
        raise RegistryError(f"{pipeline.model_id} {version} cannot run on {pipeline.site.line}")
    return silent(fresh)


def silent(pipeline: Pipeline) -> Pipeline:
    """Let a pipeline note what it says instead of writing it, and store no model."""
    pipeline.outputs.unwritten = True
    pipeline.outputs.notes = Notes()
    return pipeline


@dataclass(slots=True)
class Trial:
    """Champion and challenger on the windows that neither was trained on.

    Both are computed here from the store, so a restart begins the comparison anew with the same windows and
    loses nothing.

    Attributes:
        sides: champion and challenger, both silent and loaded.
        moment: source time of the newest window compared, in microseconds; 0 before any.
    """

    sides: tuple[Pipeline, Pipeline]
    moment: int = 0
    _targets: defaultdict[str, Comparison] = field(default_factory=lambda: defaultdict(Comparison))

    def begin(self, start_us: int) -> None:
        """Compare from this source time on, or from where the later training ended."""
        begun = max(start_us, *(to_us(datetime.fromisoformat(side.card.trained_to)) for side in self.sides))
        for side in self.sides:
            side.begin(begun)

    def turn(self) -> int:
        """Score what is new on both sides; returns the number of predictions."""
        return self._turn(0) + self._turn(1)

    def _turn(self, side: Side) -> int:
        scored = self.sides[side].score()
        notes = self.sides[side].outputs.notes
        taken = Notes() if notes is None else notes.take()
        for stated in taken.predictions:
            end = to_us(stated.window_end)
            self.moment = max(self.moment, end)
            self._targets[stated.target].said(side, end, Said(stated.value, stated.low, stated.high))
        for case in taken.cases:
            self._targets[case.target].judged(side, case.end, right=case.right is True)
        return scored

    @property
    def windows(self) -> int:
        """Of which both have spoken, over all targets."""
        return sum(comparison.windows for comparison in self._targets.values())

    @property
    def verdict(self) -> Verdict:
        """Over all targets."""
        return overall([comparison.verdict for comparison in self._targets.values()])

    def document(self) -> dict[str, Any]:
        """For a report."""
        champion, challenger = (side.card.version for side in self.sides)
        targets = {name: comparison.document() for name, comparison in sorted(self._targets.items())}
        return {
            "champion": champion, "challenger": challenger, "verdict": self.verdict, "targets": targets
        }  # fmt: skip
