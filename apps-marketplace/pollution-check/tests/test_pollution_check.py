"""Cases on labelled weeks. The weeks are simulated: they show that the rules do what they say, no more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
import tundish_app_pollution_check
from tundish_app_pollution_check.app import run
from tundish_app_pollution_check.thresholds import threshold

from tundish_platform.samples import SCHEMAS
from tundish_platform.sdk import AppInputs, AppOutputs, RecordKind, SampleKind, read_manifest, record_table
from tundish_platform.sdk.testing import check_app, example_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(tundish_app_pollution_check.__file__).parent
MANIFEST = read_manifest(FOLDER / "app.toml")
END = datetime(2026, 3, 8, tzinfo=UTC)
START = END - timedelta(days=7)
WEEK = 7 * 1_440
BAD = 0x80000000


@dataclass
class Week:
    """A simulated week by the minute: two shifts a day, treatment follows production; kW."""

    production: NDArray[np.float64]
    treatment: NDArray[np.float64]

    @classmethod
    def of(cls, seed: int, lag: int = 4, share: float = 0.15) -> Week:
        noise = np.random.default_rng(seed)
        clock = np.arange(WEEK) % 1_440
        on = (clock >= 6 * 60) & (clock < 22 * 60)
        after = np.roll(on, lag)
        load = noise.uniform(0.85, 1.15, 7).repeat(1_440)
        production = np.where(on, 400.0 * load, 15.0) + noise.normal(0, 8, WEEK)
        treatment = np.where(after, 400.0 * share * load, 1.0) + noise.normal(0, 0.8, WEEK)
        return cls(production.clip(0), treatment.clip(0))

    def off(self, first: int, minutes: int, power: float = 1.0) -> Week:
        self.treatment[first : first + minutes] = power
        return self


def at(day: int, hour: int, minute: int = 0) -> int:
    return day * 1_440 + hour * 60 + minute


def window(
    week: Week, missing: tuple[tuple[int, int], ...] = (), maintenance: tuple[tuple[int, int, str], ...] = (),
    **parameters: float,
) -> AppInputs:  # fmt: skip
    base = example_inputs(MANIFEST)
    first = {key: base.found(key)[0] for key in ("production", "treatment")}
    signals = tuple(signal.model_copy(update={"period_s": 60.0}) for signal in first.values())
    times = [START + timedelta(minutes=n) for n in range(WEEK)]
    status = np.zeros(WEEK, np.uint32)
    for start, end in missing:
        status[start:end] = BAD
    tables = []
    for signal, values in zip(signals, (week.production, week.treatment), strict=True):
        columns = [[signal.id] * WEEK, times, values, status]
        schema = SCHEMAS[SampleKind.NUMERIC]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
        tables.append(pa.table(arrays, schema=schema))
    rows = [
        {"path": path, "starts_at": START + timedelta(minutes=a), "ends_at": START + timedelta(minutes=b)}
        for a, b, path in maintenance
    ]
    return replace(
        base, start=START, end=END, signals=signals, tables={SampleKind.NUMERIC: pa.concat_tables(tables)},
        parameters=MANIFEST.settings(dict(parameters)),
        records={RecordKind.MAINTENANCE: record_table(RecordKind.MAINTENANCE, rows)} if rows else {},
    )  # fmt: skip


def found(outputs: AppOutputs) -> list[tuple[int, int]]:
    """Cases as minutes since the start of the week, from the table that people see."""
    tables = [b for b in outputs.screen.blocks if b.type == "table"]
    moments = [[datetime.fromisoformat(str(cell)) for cell in row[:2]] for t in tables for row in t.rows]
    return [
        (int((a - START).total_seconds() // 60), int((b - START).total_seconds() // 60)) for a, b in moments
    ]


def values_of(outputs: AppOutputs) -> dict[str, object]:
    return {value.output: value.value for value in outputs.values}


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


def test_a_clean_week_has_no_case() -> None:
    outputs = run(window(Week.of(1)))
    assert (found(outputs), values_of(outputs)["verdict"], values_of(outputs)["judged"]) == (
        [],
        "none",
        pytest.approx(1, abs=1e-3),
    )


def test_a_stretch_without_treatment_is_found_to_the_minute_with_its_evidence() -> None:
    outputs = run(window(Week.of(2).off(at(3, 10), 45)))
    assert found(outputs) == [(at(3, 10), at(3, 10, 45))]
    values = values_of(outputs)
    assert (values["cases"], values["minutes"], values["verdict"]) == (1.0, 45.0, "cases")
    assert float(str(values["confidence"])) > 0.8
    (table,) = [b for b in outputs.screen.blocks if b.type == "table"]
    production, treatment, expected = (float(str(cell)) for cell in table.rows[0][3:6])
    assert treatment == pytest.approx(1.0, abs=0.5)
    assert expected == pytest.approx(0.15 * production, rel=0.05)
    assert any(block.type == "chart" for block in outputs.screen.blocks)


@pytest.mark.parametrize(("minutes", "cases"), [(14, 0), (15, 1), (16, 1)])
def test_a_case_lasts_fifteen_minutes_at_least(minutes: int, cases: int) -> None:
    week = Week.of(3).off(at(2, 12), minutes)
    assert values_of(run(window(week)))["cases"] == cases
    assert values_of(run(window(week, least_minutes=1.0)))["cases"] == cases, "no setting goes below that"


def test_a_longer_least_duration_may_be_asked_for() -> None:
    assert values_of(run(window(Week.of(3).off(at(2, 12), 40), least_minutes=45.0)))["cases"] == 0


def test_treatment_may_lag_as_long_as_is_allowed_and_no_longer() -> None:
    late = Week.of(4, lag=28)
    assert values_of(run(window(late, lag_minutes=28.0)))["cases"] == 0
    assert values_of(run(window(late)))["cases"] == 7, (
        "each morning, 18 minutes beyond the ten that are allowed"
    )


def test_planned_maintenance_is_left_out_where_it_concerns_what_was_read() -> None:
    week = Week.of(5).off(at(4, 9), 60)
    path = MANIFEST.inputs[0].key
    here = "Site/Area/Line"
    assert values_of(run(window(week, maintenance=((at(4, 9), at(4, 10), here),))))["cases"] == 0
    half = run(window(week, maintenance=((at(4, 9), at(4, 9, 30), here),)))
    assert found(half) == [(at(4, 9, 30), at(4, 10))]
    for elsewhere in ("Site/Area/Lin", "Site/Other", path):
        outputs = run(window(week, maintenance=((at(4, 9), at(4, 10), elsewhere),)))
        assert values_of(outputs)["cases"] == 1, elsewhere


def test_running_in_name_only_is_a_case() -> None:
    """A fan that turns at a twelfth of its usual power is above any threshold between off and on."""
    week = Week.of(6)
    week.treatment += 3.0
    week.off(at(1, 8), 40, power=4.9)
    assert found(run(window(week))) == [(at(1, 8), at(1, 8, 40))]


def test_treatment_off_while_nothing_is_made_is_no_case() -> None:
    assert values_of(run(window(Week.of(7).off(at(2, 23), 120))))["cases"] == 0


def test_a_hole_in_the_data_is_neither_bridged_nor_a_case() -> None:
    week = Week.of(8).off(at(3, 10), 60)
    outputs = run(window(week, missing=((at(3, 10, 20), at(3, 10, 40)),)))
    assert found(outputs) == [(at(3, 10), at(3, 10, 20)), (at(3, 10, 40), at(3, 11))]
    short = run(window(week, missing=((at(3, 10, 20), at(3, 10, 22)),)))
    assert found(short) == [(at(3, 10), at(3, 11))], "two minutes are closed, and cost confidence"
    whole = run(window(week))
    lost = float(str(values_of(short)["confidence"])) / float(str(values_of(whole)["confidence"]))
    assert lost == pytest.approx(58 / 60, abs=0.01)


@pytest.mark.parametrize("always", ["production", "treatment"])
def test_where_a_power_shows_one_state_only_nothing_is_judged(always: str) -> None:
    week = Week.of(9)
    setattr(week, always, np.random.default_rng(9).normal(50.0, 1.0, WEEK))
    outputs = run(window(week))
    assert values_of(outputs) == {"cases": None, "verdict": "cannot_tell"}


def test_the_threshold_lies_between_the_states() -> None:
    noise = np.random.default_rng(3)
    power = np.concatenate([noise.normal(10, 2, 3_000), noise.normal(100, 8, 2_000)])
    bound = threshold(power)
    assert bound is not None
    assert bound.off == pytest.approx(10, abs=0.5)
    assert bound.on == pytest.approx(100, abs=1)
    assert bound.level == pytest.approx(10 + 90 * 2 / 10, abs=2)
    assert threshold(power[:100]) is None
    assert threshold(np.full(500, 3.0)) is None


def test_precision_and_recall_on_twelve_simulated_weeks_with_labels() -> None:
    """Simulated, so of use against mistakes in the rules only; what real plants do is not known from this."""
    hit = labelled = told = 0
    for seed in range(12):
        noise = np.random.default_rng(100 + seed)
        week = Week.of(seed, lag=int(noise.integers(0, 9)), share=float(noise.uniform(0.05, 0.3)))
        labels = []
        for day in noise.choice(7, size=3, replace=False):
            # From the minute at which the plant is well under way to one before it stops.
            first, minutes = at(int(day), int(noise.integers(7, 19))), int(noise.integers(5, 120))
            week.off(first, minutes, power=float(noise.uniform(0, 2)))
            labels += [(first, first + minutes)] if minutes >= 15 else []
        cases = found(run(window(week)))
        told, labelled = told + len(cases), labelled + len(labels)
        hit += sum(any(a < d and c < b for c, d in cases) for a, b in labels)
        assert all(any(a < d and c < b for a, b in labels) for c, d in cases), "a case without a label"
    assert (hit, told) == (labelled, labelled), "recall and precision 1 where powers are as clear as here"
    assert labelled > 20
