"""A measured figure beside the bar it should reach."""

from __future__ import annotations

import math
import platform
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import sklearn

from tundish_analytics import __version__
from tundish_analytics.predictions import rounded

if TYPE_CHECKING:
    from tundish_analytics.models.intervals import Ends


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        better: whether more or less of it is better; ``"none"`` for a fact without a wish.
        bar: the least that is accepted, set after a first look at the visible part of the data and before
            any held-back part was seen; ``None`` for baselines and facts.
        peers: what others reached on the same data, with the source and how their protocol differs.
        interval: ends of the 95 % interval of the value, ``None`` for a fact, or where one case allows none.
    """

    name: str
    value: float
    unit: str = "1"
    better: Literal["more", "less", "none"] = "more"
    bar: float | None = None
    peers: str = ""
    interval: Ends | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the bar is reached; ``None`` without a bar. A value that is no number never holds."""
        if self.bar is None:
            return None
        if not math.isfinite(self.value):
            return False
        return self.value >= self.bar if self.better == "more" else self.value <= self.bar

    def document(self) -> dict[str, Any]:
        """The figure as plain values."""
        plain = asdict(self)
        low, high = plain.pop("interval") or (None, None)
        ends = {"low": _rounded(low), "high": _rounded(high)}
        return plain | {"value": rounded(self.value), "holds": self.holds} | ends


def _rounded(end: float | None) -> float | None:
    return None if end is None else rounded(end)


def _software() -> dict[str, str]:
    return {
        "code": __version__,
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
    }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one model, and how they were measured.

    Attributes:
        protocol: what was trained on what, tested on what, in one paragraph.
        guard: what keeps the tested cases out of the training, and what is never read.
        intervals: what was drawn anew for the 95 % intervals.
        facts: counts and settings of this run.
    """

    model: str
    protocol: str
    guard: str
    intervals: str
    figures: tuple[Figure, ...]
    facts: dict[str, Any]
    software: dict[str, str] = field(default_factory=_software)

    def document(self) -> dict[str, Any]:
        """The evaluation as one JSON-ready object with ``figures`` and ``conditions``."""
        return {
            "model": self.model,
            "protocol": self.protocol,
            "guard": self.guard,
            "intervals": self.intervals,
            "conditions": {**self.facts, **self.software},
            "figures": [figure.document() for figure in self.figures],
        }
