from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pytest

from tundish_platform.assets import upsert_signals
from tundish_platform.samples import SampleKind, SignalSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World
    from werkzeug.test import TestResponse

    from tundish_platform.samples import SampleBatch

STRETCH = {"start": "2020-01-01T00:00:00Z", "end": "2029-01-01T00:00:00Z"}


def get(world: World, route: str, key: str, **more: str) -> TestResponse:
    query = {"signals": str(world.ids[key]), **more}
    return world.app.test_client().get(
        f"/api/v1/tenants/steel/{route}", query_string=query, headers=world.header("viewer")
    )


def values(world: World, route: str, **more: str) -> list[dict[str, object]]:
    answer = get(world, route, "pressure", **more)
    assert answer.status_code == 200, answer.text
    return answer.json[0]["points"] if route == "trend" else answer.json


ROUTES = {
    "latest": (["value"], {}),
    "samples": (["value"], {**STRETCH, "format": "json"}),
    "trend": (["value"], STRETCH),
    "summary": (["mean", "min", "max"], STRETCH),
}


def test_values_come_in_the_unit_asked_for_and_everything_else_as_it_was(world: World) -> None:
    for route, (names, more) in ROUTES.items():
        stored, asked = values(world, route, **more), values(world, route, unit="kPa", **more)
        assert len(stored) == len(asked) > 0
        for one, other in zip(stored, asked, strict=True):
            for name in names:
                assert other.pop(name) == pytest.approx(one.pop(name) * 100.0), route
            assert one == other
        assert all(set(names) <= set(row) for row in values(world, route, **more))


def test_a_trend_says_its_unit_and_arrow_rows_convert_too(world: World) -> None:
    assert get(world, "trend", "pressure", unit="kPa", **STRETCH).json[0]["unit"] == "kPa"
    stream = get(world, "samples", "pressure", unit="kPa", **STRETCH).data
    table = pa.ipc.open_stream(io.BytesIO(stream)).read_all()
    plain = pa.ipc.open_stream(io.BytesIO(get(world, "samples", "pressure", **STRETCH).data)).read_all()
    assert table.schema.names == plain.schema.names
    assert table["value"].to_pylist() == pytest.approx([v * 100.0 for v in plain["value"].to_pylist()])


def test_a_unit_that_does_not_fit_is_refused_in_two_languages(world: World) -> None:
    for route in ROUTES:
        for key, unit in (("pressure", "Cel"), ("pressure", "zz"), ("count", "K"), ("state", "K")):
            answer = get(world, route, key, unit=unit, **({} if route == "latest" else STRETCH))
            assert (answer.status_code, answer.json["code"]) == (422, "unit_mismatch"), route
            assert str(world.ids[key]) in answer.json["message_zh"]


START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z"}
BY_30_S = MINUTE | {"by": "step", "step_s": "30", "interpolation": "step"}


@pytest.fixture
def heat(world: World, make_batch: Callable[..., SampleBatch]) -> dict[str, int]:
    """A temperature, a swing of one (a difference) and a count of °C, for 40 s: 20 °C, from 30 s on 30 °C."""
    kinds = {
        "heat": ("temperature.bearing", SampleKind.NUMERIC),
        "swing": ("temperature.junction.swing", SampleKind.NUMERIC),
        "whole": ("temperature.bearing", SampleKind.INTEGER),
    }
    specs = {
        key: SignalSpec(path=f"S/A/L2/M/C/{key}", name_zh="温度", name_en=key, semantic=semantic, kind=kind,
                        unit="Cel", period_s=1)
        for key, (semantic, kind) in kinds.items()
    }  # fmt: skip
    with world.context.metadata.session() as session:
        numbers = upsert_signals(session, world.scopes["steel"], "opc", list(specs.values()))
    world.ids |= {key: numbers[one.path] for key, one in specs.items()}
    world.context.telemetry.append(
        world.scopes["steel"],
        [make_batch(kind, world.ids[key], [20] * 30 + [30] * 10, START) for key, (_, kind) in kinds.items()],
    )
    return world.ids


def test_aggregates_move_the_zero_of_what_is_measured_and_not_of_differences(
    world: World, heat: dict[str, int]
) -> None:
    """The second half minute is known for 12 s: ten samples, and the last one speaks for three periods."""
    del heat
    for key, zero in (("heat", 273.15), ("whole", 273.15), ("swing", 0.0)):
        stored = get(world, "aggregate", key, **BY_30_S).json
        asked = get(world, "aggregate", key, unit="K", **BY_30_S).json
        assert [row["good_s"] for row in stored] == [30.0, 12.0]
        for one, other, seconds, value in zip(stored, asked, (30, 12), (20.0, 30.0), strict=True):
            for name in ("mean", "min", "max", "first", "last"):
                assert one.pop(name) == value
                assert other.pop(name) == pytest.approx(value + zero), (key, name)
            assert one.pop("integral") == pytest.approx(value * seconds)
            assert other.pop("integral") == pytest.approx((value + zero) * seconds), key
            assert one == other, "counts, shares and seconds stay"


def test_aggregates_of_nothing_stay_unknown(world: World, heat: dict[str, int]) -> None:
    del heat
    late = BY_30_S | {"start": "2026-01-02T00:00:00Z", "end": "2026-01-02T00:01:00Z"}
    for row in get(world, "aggregate", "heat", unit="[degF]", **late).json:
        assert [row[name] for name in ("mean", "min", "first")] == [None] * 3
        assert row["integral"] in (None, 0.0)


def test_a_grid_converts_each_column_by_its_own_signal(world: World, heat: dict[str, int]) -> None:
    grid = {"step_s": "20", **MINUTE, "signals": f"{heat['swing']},{heat['heat']}"}
    plain, table = (
        pa.ipc.open_stream(io.BytesIO(get(world, "wide", "heat", **grid, **unit).data)).read_all()
        for unit in ({}, {"unit": "[degF]"})
    )
    assert table.schema.equals(plain.schema, check_metadata=True)
    # 20 °C are 68 °F; a swing of 20 °C is one of 36 °F; the last cells have what was measured at 39 s.
    assert table[f"s{heat['heat']}"].to_pylist() == pytest.approx([68.0, 68.0, 86.0])
    assert table[f"s{heat['swing']}"].to_pylist() == pytest.approx([36.0, 36.0, 54.0])


@pytest.mark.parametrize("kind", ["numeric", "integer"])
def test_a_file_has_values_in_the_unit_that_it_names(world: World, heat: dict[str, int], kind: str) -> None:
    key = {"numeric": "heat", "integer": "whole"}[kind]
    for form, read in (("parquet", pd.read_parquet), ("csv", pd.read_csv)):
        answer = get(world, "export", key, unit="K", kind=kind, format=form, **MINUTE)
        table = read(io.BytesIO(answer.data))
        assert set(table["unit"]) == {"K"}
        assert table["value"].tolist() == pytest.approx([293.15] * 30 + [303.15] * 10)
        none = get(
            world, "export", key, unit="K", kind=kind, format=form, **STRETCH | {"end": MINUTE["start"]}
        )
        assert read(io.BytesIO(none.data)).empty
    assert heat[key] in set(table["signal"])


def test_whole_numbers_become_decimal_ones_even_where_there_are_none(
    world: World, heat: dict[str, int]
) -> None:
    del heat
    empty = {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z", "kind": "integer"}
    for route in ("export", "samples"):
        answer = get(world, route, "whole", unit="K", format="arrow", **empty)
        table = pa.ipc.open_stream(io.BytesIO(answer.data)).read_all()
        assert (table.num_rows, table.schema.field("value").type) == (0, pa.float64()), route


@pytest.mark.parametrize("route", ["aggregate", "wide", "export"])
def test_windows_grids_and_files_refuse_what_does_not_convert(
    world: World, heat: dict[str, int], route: str
) -> None:
    del heat
    more = {"aggregate": BY_30_S, "wide": MINUTE | {"step_s": "10"}, "export": MINUTE}[route]
    for key, unit, kind in (("heat", "bar", "numeric"), ("heat", "zz", "numeric"), ("heat", "", "numeric"),
                            ("count", "K", "integer")):  # fmt: skip
        asked = more | ({"kind": kind} if route == "export" else {})
        answer = get(world, route, key, unit=unit, **asked)
        assert (answer.status_code, answer.json["code"]) == (422, "unit_mismatch"), (key, unit)
        assert str(world.ids[key]) in answer.json["message_zh"]
    if route == "export":
        answer = get(world, route, "state", unit="K", kind="text", **more)
        assert answer.json["code"] == "unit_mismatch"


def test_the_vocabulary_is_told(world: World) -> None:
    told = world.app.test_client().get("/api/v1/vocabulary", headers=world.header("viewer")).json
    assert {"bar", "Cel"} <= {unit["ucum"] for unit in told["units"]}
    assert "pressure.hydraulic" in {kind["name"] for kind in told["semantic_kinds"]}
