"""Own figures from known windows, places on and between the bounds, reasons where nothing is compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tundish_app_peer_benchmark
from tundish_app_peer_benchmark.app import FIGURES, run
from tundish_app_peer_benchmark.figures import size_class
from tundish_app_peer_benchmark.places import place

from tundish_platform.sdk import AppInputs, AppOutputs, RecordKind, SampleKind, read_manifest, record_table
from tundish_platform.sdk.testing import check_app, example_inputs

FOLDER = Path(tundish_app_peer_benchmark.__file__).parent
MANIFEST = read_manifest(FOLDER / "app.toml")
CELL = {"q1": 0.5, "median": 0.6, "q3": 0.7}


def window(
    peers: list[dict[str, object]], answers: dict[str, str] | None = None, **series: list[float]
) -> AppInputs:
    """One signal for each input that is named, with these last values; all others are absent."""
    base = example_inputs(MANIFEST, folder=FOLDER)
    signals = tuple(base.found(key)[0] for key in series)
    table = base.tables[SampleKind.NUMERIC]
    parts = []
    for signal, values in zip(signals, series.values(), strict=True):
        place_of = np.flatnonzero(table.column("signal").to_numpy() == signal.id)[-len(values) :]
        part = table.take(pa.array(place_of))
        parts.append(part.set_column(2, table.schema.field("value"), pa.array(values, pa.float64())))
    rows = [{"question": key, "answer": one} for key, one in (answers or {}).items()]
    records = {
        RecordKind.PEERS: record_table(RecordKind.PEERS, peers),
        RecordKind.ANSWERS: record_table(RecordKind.ANSWERS, rows),
    }
    tables = {SampleKind.NUMERIC: pa.concat_tables(parts)} if parts else {}
    return replace(base, signals=signals, tables=tables, records=records)


def values_of(outputs: AppOutputs) -> dict[str, object]:
    return {value.output: value.value for value in outputs.values}


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


def test_own_figures_of_a_known_window() -> None:
    outputs = run(
        window(
            [], oee=[0.4, 0.6, 0.5], mtbf=[10.0, 30.0],
            energy=[100.0, 350.0, 20.0, 270.0], pieces=[1_000.0, 1_400.0, 1_500.0, 1_500.0],
        )
    )  # fmt: skip
    found = values_of(outputs)
    assert (found["oee"], found["mtbf_h"], found["fpy"]) == (0.5, 20.0, None)
    assert found["kwh_per_piece"] == pytest.approx(500 / 500), "the reset counts for nothing"


def test_too_few_pieces_make_no_figure() -> None:
    found = values_of(run(window([], energy=[0.0, 100.0], pieces=[0.0, 99.0])))
    assert found["kwh_per_piece"] is None


@pytest.mark.parametrize(
    ("own", "quartile"), [(0.49, 1), (0.5, 2), (0.59, 2), (0.6, 3), (0.69, 3), (0.7, 4), (0.9, 4)]
)
def test_a_value_on_a_bound_is_in_the_better_quarter(own: float, quartile: int) -> None:
    assert place("oee", own, CELL).quartile == quartile
    gap = place("oee", own, CELL).gap
    assert gap == pytest.approx(0.7 - own)


@pytest.mark.parametrize(
    ("own", "quartile"), [(0.4, 4), (0.5, 4), (0.55, 3), (0.6, 3), (0.65, 2), (0.7, 2), (0.8, 1)]
)
def test_of_energy_less_is_better(own: float, quartile: int) -> None:
    found = place("kwh_per_piece", own, CELL)
    assert found.quartile == quartile
    assert found.gap == pytest.approx(own - 0.5)


def test_where_nothing_is_compared_the_reason_is_shown_and_no_place() -> None:
    peers: list[dict[str, object]] = [
        {"figure": "oee", "reason": "few"}, {"figure": "fpy", "reason": "not_registered"},
        {"figure": "mtbf_h", "reason": "not_given"},
    ]  # fmt: skip
    outputs = run(window(peers, oee=[0.5]))
    found = values_of(outputs)
    assert [found[f"{name}_quartile"] for name in FIGURES] == [None] * 4
    (table,) = [block for block in outputs.screen.blocks if block.type == "table"]
    said = [getattr(row[-1], "en", None) for row in table.rows]
    assert [str(words)[:12] for words in said] == [
        "too few ente",
        "the enterpri",
        "nothing was ",
        "nothing was ",
    ]


def test_the_whole_way_to_a_place_with_the_cell_it_is_of() -> None:
    peers: list[dict[str, object]] = [
        {"figure": "oee", "industry": "C31", "size": "small", "at_least": 10, **CELL}
    ]
    outputs = run(window(peers, {"staff": "50.0", "revenue": "900.0"}, oee=[0.65]))
    assert values_of(outputs)["oee_quartile"] == 3.0
    assert values_of(outputs)["size"] == "small"
    assert "industry C31, small (at least 10)" in str(outputs.screen)


@pytest.mark.parametrize(
    ("staff", "revenue", "size"),
    [
        (1_000, 40_000, "large"), (1_000, 39_999, "medium"), (999, 40_000, "medium"), (300, 2_000, "medium"),
        (300, 1_999, "small"), (20, 300, "small"), (20, 299, "micro"), (19, 10_000, "micro"),
    ],
)  # fmt: skip
def test_both_bounds_of_a_class_must_be_met(staff: float, revenue: float, size: str) -> None:
    assert size_class({"staff": repr(float(staff)), "revenue": repr(float(revenue))}) == size


def test_without_an_answer_there_is_no_size() -> None:
    assert size_class({"staff": "5.0"}) is None
    assert values_of(run(window([], oee=[0.5])))["size"] is None
