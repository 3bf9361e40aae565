"""Entry point: cut the window into load cycles and read four conditions from each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_app_hydraulic_condition.cycles import WANTED, bound, cycles_of
from tundish_app_hydraulic_condition.model import PRESENT, TARGETS, bench
from tundish_app_hydraulic_condition.screen import (
    empty_screen,
    missing_screen,
    other_screen,
    screen,
)
from tundish_platform.sdk import AppInputs, AppOutputs, window_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_app_hydraulic_condition.cycles import Cycles

    Values = NDArray[np.float64]

_COUNTS: Final = dict(WANTED)


@dataclass(frozen=True, slots=True)
class Read:
    """What is said of each cycle.

    Attributes:
        classes: label of the likeliest class by target, NaN where nothing is said, shape ``(cycles,)``.
        probability: of that class.
        holed: cycles in which a signal is missing.
        unlike: cycles unlike any the model was trained on.
    """

    cycles: Cycles
    classes: dict[str, Values]
    probability: dict[str, Values]
    holed: NDArray[np.bool_]
    unlike: NDArray[np.bool_]


def run(inputs: AppInputs) -> AppOutputs:
    """Read the window's cycles."""
    missing = inputs.missing()
    if missing:
        return AppOutputs(missing=missing, screen=missing_screen())
    counter = inputs.found("cycle")[0]
    signals = bound(inputs, counter.machine)
    if isinstance(signals, str):
        shown = other_screen(counter.machine, signals, _COUNTS[signals])
        return AppOutputs(values=window_values({"verdict": "other_bench"}, inputs.end), screen=shown)
    cycles = cycles_of(inputs, counter, signals)
    if not cycles.ends.size:
        return AppOutputs(values=window_values({"verdict": "no_cycle"}, inputs.end), screen=empty_screen())
    found = read(cycles)
    newest = "incomplete" if found.holed[-1] else ("unlike_training" if found.unlike[-1] else "read")
    values: dict[str, float | str | None] = {
        "completeness": float(cycles.share[-1].mean()),
        "verdict": newest,
    }
    for name in TARGETS:
        told = newest == "read"
        values[name] = float(found.classes[name][-1]) if told else None
        values[f"{name}_probability"] = float(found.probability[name][-1]) if told else None
    return AppOutputs(
        values=window_values(values, inputs.end), screen=screen(counter.machine, signals, found)
    )


def read(cycles: Cycles) -> Read:
    """Classes and probabilities of each cycle; none where a signal is missing or the cycle is unlike any."""
    model = bench()
    z = model.features(cycles.windows)
    holed: NDArray[np.bool_] = np.any(cycles.share < PRESENT, axis=1)
    unlike = model.unlike(z)
    silent = holed | unlike
    classes, probability = {}, {}
    for name in TARGETS:
        shares = model.probabilities(name, z)
        classes[name] = np.where(silent, np.nan, model.targets[name].classes[shares.argmax(axis=1)])
        probability[name] = np.where(silent, np.nan, shares.max(axis=1))
    return Read(cycles, classes, probability, holed, unlike & ~holed)
