from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

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


def test_the_vocabulary_is_told(world: World) -> None:
    told = world.app.test_client().get("/api/v1/vocabulary", headers=world.header("viewer")).json
    assert {"bar", "Cel"} <= {unit["ucum"] for unit in told["units"]}
    assert "pressure.hydraulic" in {kind["name"] for kind in told["semantic_kinds"]}
