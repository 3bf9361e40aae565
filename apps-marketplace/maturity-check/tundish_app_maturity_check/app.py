"""Entry point: score the newest sheet of answers, and say what counts bear out."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tundish_app_maturity_check.evidence import borne_out, measured
from tundish_app_maturity_check.scoring import score
from tundish_app_maturity_check.screen import nothing_answered, screen
from tundish_platform.sdk import AppInputs, AppOutputs, RecordKind, window_values
from tundish_platform.sdk.questionnaire import read_questionnaire

if TYPE_CHECKING:
    from tundish_platform.sdk.questionnaire import Questionnaire


@lru_cache(maxsize=1)
def questions() -> Questionnaire:
    """The edition that came with this version of the app."""
    return read_questionnaire(Path(__file__).parent)


def run(inputs: AppInputs) -> AppOutputs:
    """Score the newest answers."""
    if missing := inputs.missing():
        return AppOutputs(missing=missing)
    sheet = [row for row in inputs.rows(RecordKind.ANSWERS) if row["question"] and row["answer"]]
    edition = next((row["version"] for row in sheet if row["version"]), None)
    found = score(questions(), {row["question"]: row["answer"] for row in sheet})
    if not found.answered:
        return AppOutputs(screen=nothing_answered())
    counts = {
        row["figure"]: row["value"]
        for row in inputs.rows(RecordKind.USAGE)
        if row["figure"] and row["value"] is not None
    }
    points = measured(found, counts)
    values: dict[str, float | str | None] = {
        "score": round(found.total, 2),
        "level": float(found.level),
        "answered": found.answered,
        "borne_out": borne_out(found, points) if counts else None,
        "edition": edition,
    }
    shown = screen(questions(), found, points, edition)
    return AppOutputs(values=window_values(values, inputs.end), screen=shown)
