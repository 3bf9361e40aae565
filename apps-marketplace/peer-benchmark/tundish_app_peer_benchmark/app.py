"""Entry point: one's own figures, and where they lie among peers."""

from __future__ import annotations

from typing import Final

from tundish_app_peer_benchmark.figures import own_figures, size_class
from tundish_app_peer_benchmark.places import place
from tundish_app_peer_benchmark.screen import screen
from tundish_platform.sdk import AppInputs, AppOutputs, RecordKind, window_values

FIGURES: Final = ("oee", "fpy", "kwh_per_piece", "mtbf_h")


def run(inputs: AppInputs) -> AppOutputs:
    """Compute, compare, and say why where nothing can be compared."""
    if missing := inputs.missing():
        return AppOutputs(missing=missing)
    answers = {row["question"]: row["answer"] for row in inputs.rows(RecordKind.ANSWERS) if row["answer"]}
    size, own = size_class(answers), own_figures(inputs)
    rows = {row["figure"]: row for row in inputs.rows(RecordKind.PEERS) if row["figure"]}
    places = [place(name, own[name], rows.get(name)) for name in FIGURES]
    values: dict[str, float | str | None] = {"size": size}
    for one in places:
        values[one.figure] = one.own
        values[f"{one.figure}_quartile"] = None if one.quartile is None else float(one.quartile)
    return AppOutputs(values=window_values(values, inputs.end), screen=screen(places, size))
