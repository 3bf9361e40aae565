"""Entry point: put both powers on one grid, find when each is on, judge, and show the evidence."""

from __future__ import annotations

from typing import Final

from tundish_app_pollution_check.cases import Judgement, judge, maintained
from tundish_app_pollution_check.minutes import minutes_of
from tundish_app_pollution_check.screen import cannot_tell, screen
from tundish_app_pollution_check.thresholds import threshold
from tundish_platform.sdk import AppInputs, AppOutputs, RecordKind, window_values

_LONGEST_LAG: Final = 120.0


def run(inputs: AppInputs) -> AppOutputs:
    """Judge the window."""
    if missing := inputs.missing():
        return AppOutputs(missing=missing)
    grid = minutes_of(inputs)
    made, treated = threshold(grid.production), threshold(grid.treatment)
    if made is None or treated is None:
        values: dict[str, float | str | None] = {"cases": None, "verdict": "cannot_tell"}
        return AppOutputs(
            values=window_values(values, inputs.end), screen=cannot_tell(made is None, treated is None)
        )
    paths = [signal.path for key in ("production", "treatment") for signal in inputs.found(key)]
    excluded = maintained(grid, inputs.rows(RecordKind.MAINTENANCE), paths)
    lag, least = (float(inputs.parameters[key]) for key in ("lag_minutes", "least_minutes"))
    found = judge(grid, (made, treated), excluded, round(min(max(lag, 0.0), _LONGEST_LAG)), round(least))
    shown = screen(grid, (made, treated), found, excluded)
    return AppOutputs(values=window_values(_values(found), inputs.end), screen=shown)


def _values(found: Judgement) -> dict[str, float | str | None]:
    return {
        "cases": float(len(found.cases)),
        "minutes": float(sum(case.minutes for case in found.cases)),
        "confidence": max((case.confidence for case in found.cases), default=None),
        "judged": float(found.judged.mean()),
        "verdict": "cases" if found.cases else "none",
    }
