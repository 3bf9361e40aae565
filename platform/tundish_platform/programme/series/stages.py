"""A rule over columns: the stage of every enterprise in every month, the same that `rules.apply` gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.programme.rules import Condition, Rule
    from tundish_platform.programme.series.panel import Panel


@dataclass(frozen=True, slots=True)
class Staged:
    """Stages by enterprise and month.

    Attributes:
        ranks: shape ``(n, m)``; 0 is in no stage, 1 in the rule's first; -1 where absent.
        missing: shape ``(n, m)``; of the next stage, the bits of the conditions that fail (bit 0 its first).
        unbroken: of the newest month: by stage, shape ``(n, conditions)``, in how many months without a
            break each condition holds, the newest first; at most as many as the stage needs.
    """

    ranks: NDArray[np.int8]
    missing: NDArray[np.uint8]
    unbroken: tuple[NDArray[np.uint8], ...]


def asked(rule: Rule) -> tuple[str, ...]:
    """The facts a rule asks for."""
    found = {f.fact for s in rule.stages for c in s.conditions for a in c.any for f in a}
    return tuple(sorted(found))


def staged(rule: Rule, panel: Panel) -> Staged:
    """Apply a rule to every enterprise at the end of every month; windows are months."""
    ranks = np.where(panel.present, 0, -1).astype(np.int8)
    missing = np.zeros(panel.present.shape, np.uint8)
    unbroken = []
    for rank, stage in enumerate(rule.stages, start=1):
        runs = [_runs(condition, panel, stage.windows) for condition in stage.conditions]
        fails = np.zeros(panel.present.shape, np.uint8)
        for bit, run in enumerate(runs):
            fails |= (run < stage.windows).astype(np.uint8) << np.uint8(bit)
        # Only who stands on the stage below can enter this one; what fails is told of that step alone.
        before = panel.present & (ranks == rank - 1)
        missing[before] = fails[before]
        ranks[before & (fails == 0)] = rank
        unbroken.append(_newest(runs, len(panel.enterprises)))
    return Staged(ranks, missing, tuple(unbroken))


def _runs(condition: Condition, panel: Panel, most: int) -> NDArray[np.uint8]:
    """In how many months without a break a condition holds at the end of each month, at most `most`."""
    holds = np.zeros(panel.present.shape, np.bool_)
    for alternative in condition.any:
        met = panel.present.copy()
        for figure in alternative:
            met &= panel.facts[figure.fact] >= figure.at_least
        holds |= met
    runs = np.zeros(holds.shape, np.uint8)
    run: NDArray[np.uint8] = np.zeros(len(holds), np.uint8)
    for column in range(len(panel.months)):
        run = np.where(holds[:, column], np.minimum(run + np.uint8(1), np.uint8(most)), np.uint8(0))
        runs[:, column] = run
    return runs


def _newest(runs: list[NDArray[np.uint8]], rows: int) -> NDArray[np.uint8]:
    if not runs or not runs[0].size:
        return np.zeros((rows, len(runs)), np.uint8)
    return np.stack([run[:, -1] for run in runs], axis=1)
