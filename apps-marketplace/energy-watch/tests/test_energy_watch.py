"""The app over windows whose answer follows from a formula."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
import tundish_app_energy_watch
from tundish_app_energy_watch.app import run

from tundish_platform.samples import SCHEMAS
from tundish_platform.sdk import AppInputs, AppOutputs, SampleKind, SignalInfo, SignalRole, read_manifest
from tundish_platform.sdk.testing import check_app

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER = Path(tundish_app_energy_watch.__file__).parent
MANIFEST = read_manifest(FOLDER / "app.toml")
START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=1)
QUARTER = 900


def info(number: int, semantic: str, unit: str, period: float | None, **more: object) -> SignalInfo:
    base = {"id": number, "path": f"S/A/L/M/C/{semantic}", "source": "x", "name_zh": "电", "name_en": "e"}
    return SignalInfo.model_validate({**base, "semantic": semantic, "unit": unit, "period_s": period, **more})


INTERVAL = info(1, "energy.active.interval", "kW.h", QUARTER)
COUNTER = info(2, "energy.active", "kW.h", QUARTER, role=SignalRole.COUNTER)
POWER = info(3, "power.active.pump", "W", 1.0)
STATE = info(4, "state.packml", "", None, kind=SampleKind.TEXT, role=SignalRole.STATE)


def window(
    samples: Mapping[SignalInfo, Sequence[tuple[float, float | str]]],
    end: datetime = END,
    **parameters: float | str,
) -> AppInputs:
    """A window of ``{signal: [(seconds after start, value), …]}``."""
    tables = {}
    for kind in {signal.kind for signal in samples}:
        rows = [
            (s.id, START + timedelta(seconds=t), value, 0)
            for s, of in sorted(samples.items(), key=lambda item: item[0].id)
            if s.kind is kind
            for t, value in of
        ]
        columns = zip(*rows, strict=True)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMAS[kind], strict=True)]
        tables[kind] = pa.table(arrays, schema=SCHEMAS[kind])
    return AppInputs(MANIFEST, START, end, tuple(samples), tables, parameters)


def values_of(outputs: AppOutputs) -> dict[str, object]:
    return {value.output: value.value for value in outputs.values}


def quarters(values: Sequence[float]) -> list[tuple[float, float]]:
    return [((n + 1) * QUARTER, value) for n, value in enumerate(values)]


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


def test_a_day_of_intervals() -> None:
    # 96 quarters of 10 kWh, one of 25: 40 kW on average but for one demand of 100 kW.
    values = [10.0] * 95 + [25.0]
    found = values_of(run(window({INTERVAL: quarters(values)})))
    assert found["energy"] == pytest.approx(975.0)
    assert found["maximum_demand"] == pytest.approx(100.0)
    assert found["load_factor"] == pytest.approx(975.0 / 24 / 100.0)
    assert found["coverage"] == pytest.approx(1.0)
    assert found["idle_share"] is None
    assert found["basis"] == INTERVAL.path


def test_constant_power_is_integrated_exactly_and_a_silence_is_not_bridged() -> None:
    seconds = [s for s in range(3601) if not 1000 < s < 1500]
    end = START + timedelta(hours=1)
    found = values_of(run(window({POWER: [(float(s), 7_200.0) for s in seconds]}, end)))
    assert found["energy"] == pytest.approx(7.2 * (3600 - 500) / 3600)
    assert found["coverage"] == pytest.approx(3100 / 3600)
    # The second quarter is known by 400 of 900 s only, so it has no demand; the others have 7.2 kW.
    assert found["maximum_demand"] == pytest.approx(7.2)
    assert found["load_factor"] == pytest.approx(1.0)


def test_a_counter_that_is_reset_counts_from_zero_and_says_so() -> None:
    readings = [(n * QUARTER, value) for n, value in enumerate([100.0, 110.0, 120.0, 5.0, 15.0])]
    outputs = run(window({COUNTER: readings}))
    assert values_of(outputs)["energy"] == pytest.approx(10 + 10 + 5 + 10)
    assert values_of(outputs)["resets"] == 1.0
    assert any(b.type == "text" and "reset 1 times" in b.text.en for b in outputs.screen.blocks)


def test_a_counter_that_rolls_over_is_not_reset() -> None:
    readings = [(n * QUARTER, value) for n, value in enumerate([65_520.0, 65_530.0, 4.0])]
    found = values_of(run(window({COUNTER: readings})))
    assert found["energy"] == pytest.approx(20.0)
    assert found["resets"] == 0.0


def test_an_impossible_jump_is_left_out_where_a_greatest_power_is_known() -> None:
    readings = [(n * QUARTER, value) for n, value in enumerate([0.0, 10.0, 5_010.0, 5_020.0])]
    assert values_of(run(window({COUNTER: readings})))["energy"] == pytest.approx(5_020.0)
    limited = run(window({COUNTER: readings}, max_power_kw=100.0))
    assert values_of(limited)["energy"] == pytest.approx(20.0)
    assert any(b.type == "text" and "impossible" in b.text.en for b in limited.screen.blocks)


def test_the_idle_share_is_the_energy_used_while_not_producing() -> None:
    states: list[tuple[float, float | str]] = [(0.0, "Execute"), (1_800.0, "Idle"), (2_700.0, "Execute")]
    power = [(float(s), 2.0 if s < 1_800 or s >= 2_700 else 1.0) for s in range(0, 3_601, 1)]
    kilowatts = POWER.model_copy(update={"unit": "kW"})
    end = START + timedelta(hours=1)
    found = values_of(run(window({kilowatts: power, STATE: states}, end)))
    assert found["idle_share"] == pytest.approx(0.25 / 1.75, rel=1e-3)


def test_a_state_that_is_unknown_is_neither_idle_nor_producing() -> None:
    end = START + timedelta(hours=1)
    late: list[tuple[float, float | str]] = [(1_800.0, "Idle")]
    power = [(float(s), 1_000.0) for s in range(3_601)]
    assert values_of(run(window({POWER: power, STATE: late}, end)))["idle_share"] == pytest.approx(1.0)


def test_the_meter_goes_before_its_counter_and_that_before_power_unless_one_is_asked_for() -> None:
    samples = {
        INTERVAL: quarters([10.0]),
        COUNTER: [(0.0, 0.0), (900.0, 3.0)],
        POWER: [(0.0, 1.0), (1.0, 1.0)],
    }
    assert values_of(run(window(samples)))["basis"] == INTERVAL.path
    assert values_of(run(window(samples, signal=COUNTER.path)))["energy"] == pytest.approx(3.0)


def test_an_unknown_unit_is_said_and_not_guessed() -> None:
    outputs = run(window({INTERVAL.model_copy(update={"unit": "t"}): quarters([1.0])}))
    assert outputs.values == ()
    assert any(b.type == "text" and "unit" in b.text.en for b in outputs.screen.blocks)


def test_without_any_energy_signal_the_inputs_are_named() -> None:
    outputs = run(window({STATE: [(0.0, "Execute")]}))
    assert outputs.missing == ("interval", "counter", "power")
    assert outputs.values == ()
