from __future__ import annotations

import errno
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tundish_platform.api.answers import BATCHES_MIME
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, encode_batch, encode_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World
    from werkzeug.test import TestResponse

START = datetime(2026, 1, 1, tzinfo=UTC)


def send(world: World, *batches: SampleBatch, mimetype: str = BATCHES_MIME) -> TestResponse:
    return world.app.test_client().post(
        "/api/v1/tenants/steel/ingest",
        data=encode_frames(encode_batch(one) for one in batches),
        content_type=mimetype,
        headers=world.header("collector"),
    )


def rows_at_start(world: World, number: int) -> int:
    window = (START - timedelta(days=1), START + timedelta(days=1))
    return int(world.context.telemetry.read(world.scopes["steel"], [number], *window).num_rows)


def test_what_was_acknowledged_can_be_read(world: World, make_batch: Callable[..., SampleBatch]) -> None:
    number = world.ids["pressure"]
    answer = send(world, make_batch(SampleKind.NUMERIC, number, [1.0, 2.0, None], START))
    assert (answer.status_code, answer.get_json()) == (200, {"rows": 3, "expired": 0})
    assert rows_at_start(world, number) == 3


def test_nothing_is_stored_when_one_batch_is_wrong(
    world: World, make_batch: Callable[..., SampleBatch]
) -> None:
    number = world.ids["pressure"]
    good = make_batch(SampleKind.NUMERIC, number, [1.0], START)
    for bad, named in (
        (make_batch(SampleKind.NUMERIC, 999, [1.0], START), "999"),
        (make_batch(SampleKind.TEXT, number, ["1"], START), str(number)),
        (make_batch(SampleKind.NUMERIC, world.ids["count"], [1.0], START), str(world.ids["count"])),
    ):
        answer = send(world, good, bad)
        assert answer.status_code == 422
        assert named in answer.get_json()["message"]
        assert named in answer.get_json()["message_zh"]
    assert rows_at_start(world, number) == 0


def test_a_number_of_another_tenant_is_unknown_here(
    world: World, make_batch: Callable[..., SampleBatch]
) -> None:
    answer = world.app.test_client().post(
        "/api/v1/tenants/power/ingest",
        data=encode_frames(
            [encode_batch(make_batch(SampleKind.NUMERIC, world.ids["pressure"], [1.0], START))]
        ),
        content_type=BATCHES_MIME,
        headers=world.header("foreign"),
    )
    assert answer.status_code == 422
    assert rows_at_start(world, world.ids["pressure"]) == 0


@pytest.mark.parametrize("name", ["signal", "ts", "status"])
def test_rows_without_signal_time_or_status_are_refused(world: World, name: str) -> None:
    columns: dict[str, list[object]] = {"signal": [1], "ts": [START], "value": [1.0], "status": [0]}
    columns[name] = [None]
    arrays = [pa.array(columns[f.name], f.type) for f in SCHEMAS[SampleKind.NUMERIC]]
    table = pa.Table.from_arrays(arrays, schema=SCHEMAS[SampleKind.NUMERIC])
    answer = send(world, SampleBatch(SampleKind.NUMERIC, table, START))
    assert answer.status_code in {400, 422}


def test_gaps_need_a_known_reason_and_an_end_after_their_start(
    world: World, make_gap: Callable[..., SampleBatch]
) -> None:
    number, hour = world.ids["flow"], timedelta(hours=1)
    assert send(world, make_gap(number, START, START + hour, "disconnected")).status_code == 200
    assert send(world, make_gap(number, START, START - hour)).status_code == 422
    assert send(world, make_gap(number, START, START + hour, "bored")).status_code == 422
    assert send(world, make_gap(999, START, START + hour)).status_code == 422
    gaps = world.app.test_client().get(
        "/api/v1/tenants/steel/gaps",
        query_string={"signals": number, "start": START.isoformat(), "end": (START + hour).isoformat()},
        headers=world.header("viewer"),
    )
    assert [gap["reason"] for gap in gaps.get_json()] == ["disconnected"]


def test_another_content_type_is_refused(world: World, make_batch: Callable[..., SampleBatch]) -> None:
    batch = make_batch(SampleKind.NUMERIC, world.ids["flow"], [1.0], START)
    assert send(world, batch, mimetype="application/octet-stream").status_code == 415


def test_a_full_disk_is_507_and_taken_again_once_there_is_room(
    world: World, make_batch: Callable[..., SampleBatch]
) -> None:
    number = world.ids["pressure"]
    batch = make_batch(SampleKind.NUMERIC, number, [1.0], START)
    world.disk.fault = errno.ENOSPC
    answer = send(world, batch)
    assert (answer.status_code, answer.get_json()["code"]) == (507, "storage_full")
    assert rows_at_start(world, number) == 0
    world.disk.fault = 0
    assert send(world, batch).status_code == 200
    assert rows_at_start(world, number) == 1


def test_a_disk_that_fails_is_never_answered_with_an_acknowledgement(
    world: World, make_batch: Callable[..., SampleBatch]
) -> None:
    batch = make_batch(SampleKind.NUMERIC, world.ids["pressure"], [1.0], START)
    world.disk.fault = errno.EIO
    assert send(world, batch).status_code == 503
    world.disk.fault = 0
    assert send(world, batch).get_json()["code"] == "store_failed"


def test_a_clock_that_was_never_set_is_refused_with_the_signal(
    world: World, make_batch: Callable[..., SampleBatch]
) -> None:
    number = world.ids["pressure"]
    answer = send(world, make_batch(SampleKind.NUMERIC, number, [1.0], datetime(1601, 1, 1, tzinfo=UTC)))
    assert (answer.status_code, answer.get_json()["code"]) == (422, "time_out_of_range")
    assert f"signal {number} " in answer.get_json()["message"]


def test_a_store_that_is_closing_is_503_in_the_health(world: World) -> None:
    client = world.app.test_client()
    assert client.get("/api/v1/health").get_json()["store"] == {"ready": True, "problems": 0}
    world.context.telemetry.close()
    assert client.get("/api/v1/health").status_code == 503


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_small_body_that_would_become_a_huge_table_is_refused_undecoded(
    world: World, make_batch: Callable[..., SampleBatch], compression: str
) -> None:
    plain = encode_batch(make_batch(SampleKind.NUMERIC, world.ids["pressure"], [0.0] * 100_000, START))
    table = pa.ipc.open_stream(plain).read_all()
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    small = sink.getvalue().to_pybytes()
    assert len(small) < len(plain) / 2
    answer = world.app.test_client().post(
        "/api/v1/tenants/steel/ingest",
        data=encode_frames([small]),
        content_type=BATCHES_MIME,
        headers=world.header("collector"),
    )
    assert (answer.status_code, answer.get_json()["code"]) == (400, "not_batches")
    assert rows_at_start(world, world.ids["pressure"]) == 0


def test_an_empty_body_stores_nothing(world: World) -> None:
    assert send(world).get_json() == {"rows": 0, "expired": 0}
