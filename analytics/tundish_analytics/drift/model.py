"""All watches of one version of a model together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tundish_analytics.drift.calibration import CalibrationWatch
from tundish_analytics.drift.hits import HitWatch
from tundish_analytics.drift.inputs import InputWatch
from tundish_analytics.drift.levels import Level, worst

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from tundish_analytics.drift.reference import Reference

_KEPT: Final = 20_000


@dataclass(slots=True)
class ModelDrift:
    """Inputs, hits and calibration of a version on live data.

    Attributes:
        inputs: ``None`` where the model keeps no reference, or its training was too short for one.
        hits: by judged target of which training promises a hit rate.
        calibration: by target whose predictions carry a probability.
        moment: source time up to which data was looked at, in microseconds; 0 before any.
    """

    inputs: InputWatch | None
    hits: dict[str, HitWatch]
    calibration: dict[str, CalibrationWatch] = field(default_factory=dict)
    moment: int = 0
    _stated: dict[tuple[str, int], float] = field(default_factory=dict)
    _tested: int = 0

    @classmethod
    def of(cls, reference: Reference | None, expected: dict[str, float]) -> ModelDrift:
        """The watches of a version.

        Args:
            reference: of its training's inputs.
            expected: hit rates that its held-out training cases promise, by target.
        """
        hits = {target: HitWatch(share) for target, share in expected.items()}
        return cls(None if reference is None else InputWatch(reference), hits)

    @property
    def tested(self) -> bool:
        """Whether any watch has had a full batch."""
        return self._tested > 0

    @property
    def level(self) -> Level:
        """The highest of all watches."""
        return worst(level for level, _ in self._alarms())

    @property
    def since(self) -> int | None:
        """Source time in microseconds at which the oldest of the present alarms began."""
        begun = (since for level, since in self._alarms() if level != "ok" and since is not None)
        return min(begun, default=None)

    def _alarms(self) -> Iterator[tuple[Level, int | None]]:
        """Level of each watch, and since when."""
        if self.inputs is not None:
            yield self.inputs.level, self.inputs.since
        yield from ((watch.level, watch.since) for watch in self.hits.values())
        yield from ((watch.level, watch.since) for watch in self.calibration.values())

    def saw(self, ts: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Inputs of windows; see `InputWatch.add`."""
        self.moment = max(self.moment, int(ts[-1]))
        if self.inputs is not None:
            self._tested += len(self.inputs.add(ts, values))

    def stated(self, target: str, end: int, probability: float | None) -> None:
        """A prediction of the window that ends at this source time."""
        self.moment = max(self.moment, end)
        if probability is not None:
            self._stated[target, end] = probability
            if len(self._stated) > _KEPT:
                self._stated.pop(next(iter(self._stated)))

    def judged(self, target: str, end: int, *, right: bool) -> None:
        """The truth about a window in which the model had not abstained."""
        if target in self.hits:
            self._tested += len(self.hits[target].add([(end, right)]))
        probability = self._stated.pop((target, end), None)
        if probability is not None:
            watch = self.calibration.setdefault(target, CalibrationWatch())
            self._tested += len(watch.add([(end, probability, right)]))

    def document(self) -> dict[str, Any]:
        """For a report."""
        inputs: dict[str, Any] = {"level": None, "watched": False}
        if self.inputs is not None:
            inputs = {
                "level": self.inputs.level, "watched": True, "batches": self.inputs.batches,
                "batch": self.inputs.reference.batch, "features": self.inputs.found,
            }  # fmt: skip
        return {
            "inputs": inputs,
            "hits": {target: watch.document() for target, watch in self.hits.items()},
            "calibration": {target: watch.document() for target, watch in self.calibration.items()},
        }
