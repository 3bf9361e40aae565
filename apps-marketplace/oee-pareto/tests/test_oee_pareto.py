"""The app over days whose answer is known: the worked example of ISO 22400's figures, and what is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tundish_app_oee_pareto
from tundish_app_oee_pareto.app import run

from tundish_platform.sdk import AppInputs, AppOutputs, SampleKind, SignalInfo, SignalRole, read_manifest
from tundish_platform.sdk.testing import check_app
from tundish_platform.sdk.windows import signal, window_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(tundish_app_oee_pareto.__file__).parent
MANIFEST = read_manifest(FOLDER / "app.toml")
# Midnight in Shanghai, the plant's zone.
START = datetime(2026, 3, 1, 16, tzinfo=UTC)
DAY = 86_400
STATE = signal(1, "S/A/L/M1/Tracking/State", "state.packml", kind=SampleKind.TEXT, role=SignalRole.STATE)
TOTAL = signal(2, "S/A/L/M1/Count/Total", "count.processed", role=SignalRole.COUNTER, period_s=60)
REJECTS = signal(3, "S/A/L/M1/Count/Rejects", "count.defective", role=SignalRole.COUNTER, period_s=60)
REASON = signal(4, "S/A/L/M1/Tracking/Reason", "reason.stop", kind=SampleKind.TEXT)
MODE = signal(5, "S/A/L/M1/Tracking/Mode", "state.mode", kind=SampleKind.TEXT)
PIECE = signal(6, "S/A/L/M1/Tracking/Piece", "identity.piece", kind=SampleKind.TEXT)
SHIFTS: dict[str, float | str] = {"shifts": "08:00-20:00 20:00-08:00", "breaks": "12:00-13:00 00:00-01:00"}


def day(samples: dict[SignalInfo, Sequence[tuple[float, Any]]], **parameters: float | str) -> AppInputs:
    split = {
        one: (np.array([at for at, _ in rows], np.float64), [value for _, value in rows])
        for one, rows in samples.items()
    }
    return window_inputs(MANIFEST, split, START, START + timedelta(seconds=DAY), parameters)


def values_of(outputs: AppOutputs) -> dict[str, Any]:
    return {value.output: value.value for value in outputs.values}


def words_of(outputs: AppOutputs) -> str:
    return " ".join(block.text.en for block in outputs.screen.blocks if block.type == "text")


def rows_of(outputs: AppOutputs, title: str) -> dict[str, tuple[Any, ...]]:
    (found,) = [b for b in outputs.screen.blocks if b.type == "table" and b.title.en == title]
    return {getattr(row[0], "en", str(row[0])): row[1:] for row in found.rows}


def worked_example() -> dict[SignalInfo, Sequence[tuple[float, Any]]]:
    """Fault 3,600 s, set-up 1,800 s, unknown 1,200 s of 79,200 s planned; 1,150 made, 23 of them bad."""
    begin = 2 * 3600.0
    states: list[tuple[float, Any]] = [
        (0.0, "Execute"),
        (begin, "Aborted"),
        (begin + 3600, "Idle"),
        (begin + 5400, "Execute"),
    ]
    states += [(50_000.0, None), (51_200.0, "Execute")]
    modes = [(0.0, "Processing"), (begin + 3600, "Setup"), (begin + 5400, "Processing")]
    # A piece a minute while it runs, outside breaks and the unknown stretch.
    stretches = ((3_600, 7_200), (12_600, 43_200), (46_800, 50_000), (51_200, DAY))
    made = [float(at) for low, high in stretches for at in range(low + 30, high, 60)][:1_150]
    totals = [(3_600.0, 0.0), *((at, n + 1.0) for n, at in enumerate(made))]
    bad = [(3_600.0, 0.0), *((at, n + 1.0) for n, at in enumerate(made[::50]))]
    return {STATE: states, MODE: modes, TOTAL: totals, REJECTS: bad}


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


def test_the_worked_example_comes_out_to_five_digits() -> None:
    outputs = run(day(worked_example(), ideal_cycle_s=60, **SHIFTS))
    found, bounds = values_of(outputs), rows_of(outputs, "Figures and their bounds")
    assert found["availability"] == pytest.approx(0.93077, abs=1e-5)
    assert found["confidence"] == "A"
    assert found["unknown_share"] == pytest.approx(1_200 / 79_200)
    assert found["performance"] == pytest.approx(0.95041, abs=1e-5)
    assert found["quality"] == pytest.approx(0.98, abs=1e-5)
    assert found["oee"] == pytest.approx(0.86692, abs=1e-5)
    assert bounds["availability A"][1:3] == pytest.approx((0.91667, 0.93182), abs=1e-5)
    assert bounds["TEEP"][0] == pytest.approx(0.79366, abs=1e-5)
    tree = rows_of(outputs, "Loss tree")
    assert sum(hours for hours, _ in tree.values()) == pytest.approx(24.0)
    assert tree["breakdown"][0] == pytest.approx(1.0)
    assert tree["set-up"][0] == pytest.approx(0.5)


def test_without_rejects_there_is_no_oee_but_what_it_would_be_at_most() -> None:
    samples = {k: v for k, v in worked_example().items() if k is not REJECTS}
    outputs = run(day(samples, ideal_cycle_s=60))
    assert values_of(outputs)["oee"] is None
    assert values_of(outputs)["quality"] is None
    assert "OEE at most (every piece good)" in rows_of(outputs, "Figures and their bounds")
    assert "Rejects are not counted" in words_of(outputs)


def test_without_an_ideal_cycle_only_availability_is_told() -> None:
    found = values_of(run(day(worked_example())))
    assert found["availability"] is not None
    assert (found["performance"], found["oee"]) == (None, None)


def test_stops_are_sorted_by_the_reason_given_during_each_and_the_rest_is_not_assigned() -> None:
    states: list[tuple[float, Any]] = [
        (0.0, "Execute"), (10_000.0, "Aborted"), (16_000.0, "Execute"), (20_000.0, "Held"),
        (22_000.0, "Execute"), (30_000.0, "Suspended"), (31_000.0, "Execute"), (40_000.0, "Idle"),
        (40_060.0, "Execute"),
    ]  # fmt: skip
    reasons = [(9_999.0, "too early"), (12_000.0, "E-spindle"), (30_500.0, "M-tube")]
    outputs = run(day({STATE: states, REASON: reasons}))
    (found_table,) = [b for b in outputs.screen.blocks if b.type == "table" and "Reasons" in b.title.en]
    named = {getattr(row[1], "en", row[1]): row[2] for row in found_table.rows}
    assert named == {
        "E-spindle": 100.0,
        "not assigned": pytest.approx((2_000 + 60) / 60),
        "M-tube": 1_000 / 60,
    }
    found = values_of(outputs)
    assert found["unassigned_share"] == pytest.approx(2_060 / 9_060)
    assert found["mttr"] == pytest.approx((6_000 + 2_000) / 2 / 60)
    # The minute's stop is short, so it stays in operating time.
    assert found["mtbf"] == pytest.approx((DAY - 9_000) / 2 / 3600)


def test_silence_and_bad_samples_are_unknown_not_stopped() -> None:
    minutely = STATE.model_copy(update={"period_s": 60.0})
    kept = [(float(n), "Execute") for n in range(0, DAY, 60) if not 36_000 < n < 43_200]
    found = values_of(run(day({minutely: kept})))
    assert found["availability"] == pytest.approx(1.0)
    # 150 s are still known behind the last sample before the silence.
    assert found["unknown_share"] == pytest.approx((7_200 - 150) / DAY, abs=1e-4)
    assert found["confidence"] == "B"


def test_a_word_that_is_no_state_is_unknown_and_named() -> None:
    outputs = run(day({STATE: [(0.0, "Execute"), (43_200.0, "Läuft")]}))
    assert values_of(outputs)["unknown_share"] == pytest.approx(0.5)
    assert "Läuft" in words_of(outputs)


def test_pieces_are_counted_by_their_identity_where_nothing_counts_them() -> None:
    pieces = [(600.0 * n, f"P{n // 2}") for n in range(1, 100)]
    outputs = run(day({STATE: [(0.0, "Execute")], PIECE: pieces}, ideal_cycle_s=600))
    assert "identity" in words_of(outputs)
    assert values_of(outputs)["performance"] == pytest.approx(50 * 600 / DAY)


def test_an_impossible_jump_of_a_counter_is_left_out_and_told() -> None:
    counts = [(600.0 * n, float(n) if n < 100 else n + 5_000.0) for n in range(144)]
    outputs = run(day({STATE: [(0.0, "Execute")], TOTAL: counts}, ideal_cycle_s=600))
    assert values_of(outputs)["performance"] == pytest.approx(142 * 600 / DAY)
    assert "1 doubtful" in words_of(outputs)


def test_pieces_of_unknown_time_do_not_count() -> None:
    states = [(0.0, "Execute"), (43_200.0, None)]
    counts = [(600.0 * n, float(n)) for n in range(144)]
    outputs = run(day({STATE: states, TOTAL: counts}, ideal_cycle_s=600))
    assert values_of(outputs)["performance"] == pytest.approx(1.0, abs=0.03)
    assert "do not count" in words_of(outputs)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shifts": "8-20"},
        {"shifts": "08:00-20:00 19:00-08:00"},
        {"breaks": "25:00-26:00"},
        {"shifts": "08:00-16:00", "breaks": "17:00-17:30"},
        {"days": "89"},
        {"zone": "Nowhere/Land"},
        {"machine": "S/A/L/other"},
    ],
)
def test_a_parameter_that_cannot_be_read_is_said_and_nothing_is_computed(
    wrong: dict[str, float | str],
) -> None:
    outputs = run(day({STATE: [(0.0, "Execute")]}, **wrong))
    assert outputs.values == ()
    assert "cannot be used" in words_of(outputs)


def test_time_outside_the_shifts_is_not_planned() -> None:
    states = [(0.0, "Idle"), (8 * 3600.0, "Execute"), (16 * 3600.0, "Idle")]
    found = values_of(run(day({STATE: states}, shifts="08:00-16:00")))
    assert found["availability"] == pytest.approx(1.0)


def test_without_a_state_the_inputs_are_named() -> None:
    outputs = run(day({TOTAL: [(0.0, 1.0)]}))
    assert set(outputs.missing) == {"packml", "machinery"}
    assert outputs.values == ()


def test_each_machine_gets_its_own_line_and_the_one_asked_for_is_shown() -> None:
    other = signal(9, "S/A/L/M2/Tracking/State", "state.packml", kind=SampleKind.TEXT)
    samples: dict[SignalInfo, Sequence[tuple[float, Any]]] = {
        STATE: [(0.0, "Execute")],
        other: [(0.0, "Idle")],
    }
    outputs = run(day(samples, machine="S/A/L/M2"))
    assert values_of(outputs)["machine"] == "S/A/L/M2"
    assert values_of(outputs)["availability"] == 0.0
    assert rows_of(outputs, "Other machines")["S/A/L/M1"][0] == 1.0
