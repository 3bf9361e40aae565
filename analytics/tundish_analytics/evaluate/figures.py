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
    from collections.abc import Callable

    from numpy.typing import NDArray

_RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        better: whether more or less of it is better; ``"none"`` for a fact without a wish.
        bar: the least that is accepted, set after a first look at the visible part of the data and before
            any held-back part was seen; ``None`` for baselines and facts.
        peers: what others reached on the same data, with the source and how their protocol differs.
    """

    name: str
    value: float
    unit: str = "1"
    better: Literal["more", "less", "none"] = "more"
    bar: float | None = None
    peers: str = ""

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
        return asdict(self) | {"value": rounded(self.value), "holds": self.holds}


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
        facts: counts and settings of this run.
    """

    model: str
    protocol: str
    figures: tuple[Figure, ...]
    facts: dict[str, Any]
    software: dict[str, str] = field(default_factory=_software)

    def document(self) -> dict[str, Any]:
        """The evaluation as one JSON-ready object with ``figures`` and ``conditions``."""
        conditions = {"protocol": self.protocol, **self.facts, **self.software}
        figures = [figure.document() for figure in self.figures]
        return {"model": self.model, "conditions": conditions, "figures": figures}


def spread(name: str, scores: list[float], *, bar: float | None = None, peers: str = "") -> list[Figure]:
    """Mean of the folds with its bar, and their standard deviation and worst as facts."""
    return [
        Figure(f"{name} mean", float(np.mean(scores)), bar=bar, peers=peers),
        Figure(f"{name} standard deviation over folds", float(np.std(scores)), better="less"),
        Figure(f"{name} worst fold", float(np.min(scores))),
    ]


def resampled(
    name: str,
    truth: NDArray[Any],
    found: NDArray[Any],
    score: Callable[..., float],
    *,
    bar: float | None = None,
    peers: str = "",
) -> list[Figure]:
    """A score over all cases and the ends of its 95 % interval, by bootstrap of the cases."""
    generator = np.random.default_rng(20)
    draws = []
    for _ in range(_RESAMPLES):
        rows = generator.integers(0, truth.size, truth.size)
        draws.append(float(score(truth[rows], found[rows])))
    low, high = (float(end) for end in np.quantile(draws, [0.025, 0.975]))
    return [
        Figure(name, float(score(truth, found)), bar=bar, peers=peers),
        Figure(f"{name} 95 % interval, low", low),
        Figure(f"{name} 95 % interval, high", high, better="none"),
    ]
