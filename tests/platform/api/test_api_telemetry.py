"""Bulk telemetry: Arrow and JSON in, wrong rows named, all or none."""

from __future__ import annotations

import errno
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tundish_platform.api import queries
from tundish_platform.api.answers import ARROW_MIME
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

ROOT = "/api/v1/tenants/steel"
START = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
INSTANT = pa.timestamp("us", tz="UTC")


def post(world: World, body: Any, who: str = "collector", **query: str) -> TestResponse:  # noqa: ANN401 - JSON of any shape
    return world.app.test_client().post(
        f"{ROOT}/telemetry", json=body, headers=world.header(who), query_string=query
    )


def post_arrow(world: World, table: pa.Table, **options: Any) -> TestResponse:  # noqa: ANN401 - of pyarrow
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, **options) as writer:
        writer.write_table(table)
    return world.app.test_client().post(
        f"{ROOT}/telemetry",
        data=sink.getvalue().to_pybytes(),
        content_type=ARROW_MIME,
        headers=world.header("collector"),
    )


def stored(world: World, key: str, kind: SampleKind = SampleKind.NUMERIC) -> list[Any]:
    scope = world.scopes["steel"]
    table = world.context.telemetry.read(scope, [world.ids[key]], START, START + 3_600 * SECOND, kind)
    return list(table["value"].to_pylist())


def columns(world: World, count: int, key: str = "pressure") -> dict[str, Any]:
    return {
        "signal": pa.array([world.ids[key]] * count, pa.uint32()),
        "ts": pa.array([START + n * SECOND for n in range(count)], INSTANT),
        "value": pa.array([float(n) for n in range(count)]),
    }


def test_ten_rows_of_json_go_in_and_come_out_again(world: World) -> None:
    rows = [
        {"signal": world.ids["pressure"], "ts": (START + n * SECOND).isoformat(), "value": n / 2}
        for n in range(10)
    ]
    answer = post(world, rows)
    assert (answer.status_code, answer.get_json()) == (200, {"rows": 10, "expired": 0})
    query = {"signals": world.ids["pressure"], "start": START.isoformat(), "format": "json"}
    read = world.app.test_client().get(
        f"{ROOT}/samples",
        query_string=query | {"end": (START + 60 * SECOND).isoformat()},
        headers=world.header("viewer"),
    )
    assert [row["value"] for row in read.get_json()] == [n / 2 for n in range(10)]
    assert {row["status"] for row in read.get_json()} == {0}


def test_rows_of_all_kinds_by_number_or_path_in_one_body(world: World) -> None:
    pressure = next(s.path for s in _signals(world) if s.id == world.ids["pressure"])
    at = START.isoformat()
    rows = [
        {"path": pressure, "ts": at, "value": 1},
        {"path": pressure, "ts": (START + SECOND).isoformat(), "value": True},
        {"signal": world.ids["count"], "ts": at, "value": 2**53 + 1},
        {"signal": world.ids["state"], "ts": at, "value": "运行"},
        {"signal": world.ids["wave"], "ts": at, "value": [1.0, 2.5]},
        {"signal": world.ids["flow"], "ts": at, "value": None, "status": 2147483648},
    ]
    assert post(world, rows).get_json() == {"rows": 6, "expired": 0}
    assert stored(world, "pressure") == [1.0, 1.0]
    assert stored(world, "count", SampleKind.INTEGER) == [2**53 + 1]
    assert stored(world, "state", SampleKind.TEXT) == ["运行"]
    assert stored(world, "wave", SampleKind.ARRAY) == [[1.0, 2.5]]
    assert stored(world, "flow") == [None]


def test_arrow_goes_in_with_and_without_status_in_any_unit(world: World) -> None:
    assert post_arrow(world, pa.table(columns(world, 5))).get_json() == {"rows": 5, "expired": 0}
    later = columns(world, 5) | {
        "signal": pa.array([world.ids["pressure"]] * 5, pa.int64()),
        "ts": pa.array([START + (10 + n) * SECOND for n in range(5)], pa.timestamp("ns", tz="Asia/Shanghai")),
        "status": pa.array([0] * 5, pa.int32()),
    }
    assert post_arrow(world, pa.table(later)).status_code == 200
    assert stored(world, "pressure") == [0.0, 1.0, 2.0, 3.0, 4.0] * 2
    empty = pa.table(columns(world, 0))
    assert post_arrow(world, empty).get_json() == {"rows": 0, "expired": 0}


def test_wrong_rows_are_named_by_number_and_nothing_is_stored(world: World) -> None:
    good = {"signal": world.ids["pressure"], "ts": START.isoformat(), "value": 1.0}
    rows = [
        good,
        good | {"signal": 999},
        good | {"ts": "2300-01-01T00:00:00Z"},
        good | {"value": "text"},
        {"path": "no/such/path", "ts": START.isoformat(), "value": 1.0},
        good,
    ]
    answer = post(world, rows)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_rows")
    told = {row["row"]: row["column"] for row in answer.get_json()["rows"]}
    assert told == {1: "signal", 2: "ts", 3: "value", 4: "path"}
    assert answer.get_json()["wrong"] == 4
    assert all(row["message"] and row["message_zh"] for row in answer.get_json()["rows"])
    assert stored(world, "pressure") == []


def test_rows_that_are_no_samples_are_named(world: World) -> None:
    good = {"signal": world.ids["pressure"], "ts": START.isoformat(), "value": 1.0}
    for column, wrong in (
        ("ts", good | {"ts": "2026-01-01T00:00:00"}),
        ("value", {"signal": 1, "ts": START.isoformat()}),
        ("status", good | {"status": -1}),
        ("surprise", good | {"surprise": 1}),
        ("signal", good | {"path": "a/b"}),
        ("value", good | {"value": {"deep": 1}}),
    ):
        answer = post(world, [good, wrong])
        assert answer.status_code == 422, answer.text
        assert [(row["row"], row["column"]) for row in answer.get_json()["rows"]] == [(1, column)]
    assert stored(world, "pressure") == []


def test_wrong_rows_of_arrow_are_named_and_counted(world: World) -> None:
    table = columns(world, 300)
    table["signal"] = pa.array([world.ids["pressure"]] * 100 + [777] * 200, pa.uint32())
    answer = post_arrow(world, pa.table(table))
    assert answer.get_json()["wrong"] == 200
    assert [row["row"] for row in answer.get_json()["rows"]] == list(range(100, 200))
    nulls = columns(world, 3) | {"ts": pa.array([START, None, START], INSTANT)}
    assert [row["row"] for row in post_arrow(world, pa.table(nulls)).get_json()["rows"]] == [1]
    kinds = columns(world, 2, "state")
    assert post_arrow(world, pa.table(kinds)).get_json()["rows"][0]["column"] == "value"
    assert stored(world, "pressure") == []


@pytest.mark.parametrize(
    "change",
    [
        {"ts": pa.array([1, 2])},
        {"ts": pa.array([datetime(2026, 1, 1)] * 2, pa.timestamp("us"))},
        {"surprise": pa.array([1, 2])},
        {"path": pa.array(["a", "b"])},
        {"signal": pa.array(["1", "2"])},
        {"status": pa.array([0.5, 1.5])},
    ],
)
def test_columns_that_are_none_of_a_sample_are_400(world: World, change: dict[str, Any]) -> None:
    answer = post_arrow(world, pa.table(columns(world, 2) | change))
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_columns")


def test_bodies_that_are_no_telemetry_are_refused(world: World) -> None:
    packed = post_arrow(
        world, pa.table(columns(world, 9)), options=pa.ipc.IpcWriteOptions(compression="zstd")
    )
    assert (packed.status_code, packed.get_json()["code"]) == (400, "not_batches")
    client, header = world.app.test_client(), world.header("collector")
    torn = client.post(f"{ROOT}/telemetry", data=b"abc", content_type=ARROW_MIME, headers=header)
    assert torn.status_code == 400
    for body in ("{", "{}", "1", '[{"signal": 1'):
        answer = client.post(f"{ROOT}/telemetry", data=body, content_type="application/json", headers=header)
        assert answer.status_code == 400, body
    assert (
        client.post(f"{ROOT}/telemetry", data="x", content_type="text/csv", headers=header).status_code == 415
    )


def test_nothing_is_acknowledged_that_is_not_on_disk(world: World) -> None:
    row = {"signal": world.ids["pressure"], "ts": START.isoformat(), "value": 1.0}
    world.disk.fault = errno.ENOSPC
    assert post(world, [row]).status_code == 507
    assert stored(world, "pressure") == []
    world.disk.fault = 0
    assert post(world, [row]).status_code == 200
    assert stored(world, "pressure") == [1.0]


def test_imported_history_is_marked_as_such(world: World) -> None:
    scope, until = world.scopes["steel"], datetime.now(UTC) + 3_600 * SECOND

    def live() -> int:
        facts = world.context.telemetry.facts(scope, until - 7_200 * SECOND, until)
        return sum(
            facts.filter(pa.compute.equal(facts["signal"], world.ids["pressure"]))["total"].to_pylist()
        )

    row = {"signal": world.ids["pressure"], "ts": START.isoformat(), "value": 1.0}
    before = live()
    assert post(world, [row], origin="import").status_code == 200
    assert live() == before
    assert post(world, [row | {"ts": (START + SECOND).isoformat()}]).status_code == 200
    assert live() == before + 1
    assert post(world, [row], origin="rumour").status_code == 400


def _signals(world: World) -> list[Any]:
    return queries.signals(world.context, world.scopes["steel"])
