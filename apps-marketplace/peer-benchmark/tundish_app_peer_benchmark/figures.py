"""One's own figures of the window, and the class of size; nothing is guessed where nothing was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_platform.sdk import AppInputs

# Staff and revenue (10,000 yuan) from which on an industrial enterprise is of that class; both must be met.
_CLASSES: Final = (("large", 1_000.0, 40_000.0), ("medium", 300.0, 2_000.0), ("small", 20.0, 300.0))
_LEAST_PIECES: Final = 100.0


def own_figures(inputs: AppInputs) -> dict[str, float | None]:
    """By name; None where the window holds nothing to compute it from."""
    energy, pieces = (_counted(inputs, key) for key in ("energy", "pieces"))
    enough = energy is not None and pieces is not None and pieces >= _LEAST_PIECES
    return {
        "oee": _middle(inputs, "oee"),
        "fpy": _middle(inputs, "fpy"),
        "kwh_per_piece": energy / pieces if enough and energy is not None and pieces else None,
        "mtbf_h": _middle(inputs, "mtbf"),
    }


def size_class(answers: Mapping[str, str]) -> str | None:
    """``large``, ``medium``, ``small`` or ``micro``; None where staff or revenue was not answered."""
    try:
        staff, revenue = float(answers["staff"]), float(answers["revenue"])
    except (KeyError, ValueError):
        return None
    return next((name for name, s, r in _CLASSES if staff >= s and revenue >= r), "micro")


def _middle(inputs: AppInputs, key: str) -> float | None:
    values = [inputs.good(signal)[1] for signal in inputs.found(key)]
    joined = np.concatenate(values) if values else np.empty(0)
    return float(np.median(joined)) if joined.size else None


def _counted(inputs: AppInputs, key: str) -> float | None:
    """What counters counted in the window, together; a step down is a reset and counts for nothing."""
    steps = [np.diff(inputs.good(signal)[1]) for signal in inputs.found(key)]
    found = [float(step[step > 0].sum()) for step in steps if step.size]
    return sum(found) if found else None
