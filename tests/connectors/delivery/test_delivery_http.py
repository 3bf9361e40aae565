"""Delivery against a real HTTP server: retries, fatal answers, halving, at least once."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tundish_connectors.connector import ConnectorError, ErrorKind, RunState
from tundish_connectors.delivery import Counters, DeliveryConfig, Forwarder, Heartbeat, HttpDelivery
from tundish_connectors.spool import Spool
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalSpec, encode_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.connectors.conftest import ReceivingPlatform

    Deliver = Callable[..., HttpDelivery]
    Forward = tuple[Spool, Counters, Forwarder]

pytestmark = pytest.mark.integration


def batch(first: int, count: int = 10) -> SampleBatch:
    schema = SCHEMAS[SampleKind.NUMERIC]
    start = 1_700_000_000_000_000
    columns = [
        pa.array([1] * count, pa.uint32()),
        pa.array([start + first + at for at in range(count)], pa.int64()).view(schema.field("ts").type),
        pa.array([float(first + at) for at in range(count)]),
        pa.array([0] * count, pa.uint32()),
    ]
    return SampleBatch(SampleKind.NUMERIC, pa.Table.from_arrays(columns, schema=schema), datetime.now(UTC))


@pytest.fixture
def deliver(platform: ReceivingPlatform) -> Iterator[Deliver]:
    made = []

    def build(**settings: object) -> HttpDelivery:
        config = {"base_url": platform.url, "tenant": "plant", "token": "gateway-token", **settings}
        made.append(HttpDelivery(DeliveryConfig.model_validate(config)))
        return made[-1]

    yield build
    for delivery in made:
        delivery.close()


def spec(path: str) -> SignalSpec:
    return SignalSpec(path=path, name_zh="压力", name_en="Pressure", semantic="pressure.hydraulic")


def test_signals_are_declared_and_numbered(deliver: Deliver, platform: ReceivingPlatform) -> None:
    ids = deliver().put_signals("line-1", [spec("A/B/C"), spec("A/B/D")])
    assert ids == {"A/B/C": 1, "A/B/D": 2}
    assert platform.specs["A/B/C"]["name_zh"] == "压力"


def test_batches_go_in_requests_of_bounded_size(deliver: Deliver, platform: ReceivingPlatform) -> None:
    batches = [batch(at * 10) for at in range(20)]
    size = len(encode_batch(batches[0]))
    assert deliver(request_bytes=size * 4).ingest(batches) == 200
    ingests = [length for method, path, length in platform.requests if path == "/ingest"]
    assert len(ingests) == 5
    platform.signals["p"] = 1
    assert sorted(platform.rows("p").values()) == [float(at) for at in range(200)]


@pytest.mark.parametrize("status", [500, 503, 507, 429])
def test_passing_trouble_is_tried_again(deliver: Deliver, platform: ReceivingPlatform, status: int) -> None:
    platform.answers += [status, status]
    assert deliver().ingest([batch(0)]) == 10
    assert len(platform.requests) == 3


def test_patience_ends_with_a_retryable_error(deliver: Deliver, platform: ReceivingPlatform) -> None:
    platform.answers += [503] * 50
    with pytest.raises(ConnectorError) as caught:
        deliver(patience_s=0.6).ingest([batch(0)])
    assert caught.value.kind is ErrorKind.RETRY
    assert "503" in caught.value.message_zh


@pytest.mark.parametrize(
    ("settings", "status", "word"),
    [({"token": "mistyped-secret"}, 401, "令牌"), ({"tenant": "other"}, 404, "租户"), ({}, 403, "无权")],
)
def test_a_refused_token_or_tenant_is_fatal_and_said_clearly(
    deliver: Deliver, platform: ReceivingPlatform, settings: dict[str, str], status: int, word: str
) -> None:
    platform.answers += [403] if status == 403 else []
    with pytest.raises(ConnectorError) as caught:
        deliver(**settings).ingest([batch(0)])
    assert caught.value.kind is ErrorKind.FATAL
    assert str(status) in caught.value.message_en
    assert word in caught.value.message_zh
    assert "mistyped" not in caught.value.message_en


def test_no_platform_is_a_retryable_error(deliver: Deliver) -> None:
    with pytest.raises(ConnectorError) as caught:
        deliver(base_url="http://127.0.0.1:9", patience_s=0).ingest([batch(0)])
    assert caught.value.kind is ErrorKind.RETRY


def test_a_heartbeat_arrives_as_the_interface_says(deliver: Deliver, platform: ReceivingPlatform) -> None:
    deliver().heartbeat("line-1", Heartbeat(state=RunState.RUNNING, counts={"received": 3}))
    beat = platform.heartbeats[-1]
    assert beat["state"] == "running"
    assert beat["signals"] == {"subscribed": 0, "failed": [], "silent": []}
    assert set(beat) == {"state", "message_zh", "message_en", "counts", "spool_hours_left", "signals"}


@pytest.fixture
def forward(tmp_path: Path, deliver: Deliver) -> Iterator[Forward]:
    spool = Spool(tmp_path / "spool")
    counters = Counters()
    made = Forwarder(spool, deliver(), counters, request_bytes=1_000_000, rejected=tmp_path / "rejected")
    yield spool, counters, made
    made.stop()
    spool.close()


def test_nothing_leaves_the_spool_while_the_platform_refuses(
    forward: Forward, platform: ReceivingPlatform
) -> None:
    spool, _, forwarder = forward
    platform.answers += [401] * 100
    spool.append([encode_batch(batch(0))])
    forwarder.start()
    while forwarder.trouble is None:
        time.sleep(0.01)
    forwarder.stop()
    assert forwarder.trouble.kind is ErrorKind.FATAL
    assert spool.delivered == 0
    assert len(spool.read(10**6)) == 1


def test_the_forwarder_empties_the_spool_and_counts(forward: Forward, platform: ReceivingPlatform) -> None:
    spool, counters, forwarder = forward
    platform.answers += [503]
    forwarder.start()
    for at in range(30):
        spool.append([encode_batch(batch(at * 10))])
        counters.add(received=10)
    while spool.delivered < 30:
        time.sleep(0.01)
    forwarder.stop()
    platform.signals["p"] = 1
    assert list(platform.rows("p").values()) == [float(at) for at in range(300)]
    assert counters.as_dict() == {"received": 300, "queued": 0, "dropped": 0, "sent": 300}
    assert forwarder.trouble is None


def test_one_bad_record_is_set_aside_and_does_not_block_the_rest(
    forward: Forward, platform: ReceivingPlatform, tmp_path: Path
) -> None:
    spool, counters, forwarder = forward
    spool.append([encode_batch(batch(0)), b"no batch at all", encode_batch(batch(10))])
    counters.add(received=20)
    forwarder.start()
    while spool.delivered < 3:
        time.sleep(0.01)
    forwarder.stop()
    platform.signals["p"] = 1
    assert len(platform.rows("p")) == 20
    (rejected,) = (tmp_path / "rejected").iterdir()
    assert rejected.read_bytes() == b"no batch at all"


def test_too_large_requests_are_halved(forward: Forward, platform: ReceivingPlatform) -> None:
    spool, _, forwarder = forward
    platform.largest_body = 3 * len(encode_batch(batch(0)))
    spool.append([encode_batch(batch(at * 10)) for at in range(16)])
    forwarder.start()
    while spool.delivered < 16:
        time.sleep(0.01)
    forwarder.stop()
    platform.signals["p"] = 1
    assert list(platform.rows("p").values()) == [float(at) for at in range(160)]
