"""`Client` against a real server on loopback."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.samples import SampleKind, SignalSpec
from tundish_platform.sdk.client import ApiError, Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import World

    from tundish_platform.samples import SampleBatch

pytestmark = pytest.mark.integration

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def client(world: World, served: str) -> Iterator[Client]:
    with Client(served, world.tokens["all"]) as connected:
        yield connected


def test_a_round_of_a_collector_and_a_reader(client: Client, make_batch: Callable[..., SampleBatch]) -> None:
    assert client.health()["status"] == "ready"
    assert client.me()["tenants"][0]["slug"] == "steel"
    path = "厂区/车间/L2/M/C/温度"
    spec = SignalSpec(path=path, name_zh="温度", name_en="T", semantic="temperature", period_s=1)
    number = client.put_signals("steel", "files", [spec])[path]
    values = [float(n) for n in range(60)]
    assert client.ingest("steel", [make_batch(SampleKind.NUMERIC, number, values, START)]) == 60
    assert next(s for s in client.signals("steel") if s.id == number).path == path
    table = client.samples("steel", [number], START, START + MINUTE)
    assert table["value"].to_pylist() == values
    assert set(table.column_names) == {"signal", "ts", "value", "status", "arrival"}
    (newest,) = client.latest("steel", [number])
    assert newest["value"] == 59.0
    assert datetime.fromisoformat(newest["ts"]) == START + timedelta(seconds=59)
    (figures,) = client.summary("steel", [number], START, START + MINUTE)
    assert (figures["min"], figures["max"], figures["count"]) == (0.0, 59.0, 60)
    (trend,) = client.trend("steel", [number], START, START + MINUTE, 10)
    assert {point["value"] for point in trend["points"]} >= {0.0, 59.0}
    grid = client.wide("steel", [number], START, START + MINUTE, timedelta(seconds=10))
    assert grid.column_names == ["ts", f"s{number}"]
    assert grid.num_rows == 6


def test_text_and_arrays_and_large_integers_arrive_unharmed(world: World, client: Client) -> None:
    now = datetime.now(UTC)
    window = (now - timedelta(hours=1), now + timedelta(hours=1))
    counts = client.samples("steel", [world.ids["count"]], *window, SampleKind.INTEGER)
    assert counts["value"].to_pylist() == [2**53 + 1, 2**53 + 3]
    waves = client.samples("steel", [world.ids["wave"]], *window, SampleKind.ARRAY)
    assert waves["value"].to_pylist()[0][:2] == [1.0, 2.0]
    newest = {row["signal"]: row["value"] for row in client.latest("steel")}
    assert newest[world.ids["count"]] == 2**53 + 3
    assert newest[world.ids["wave"]] == [1.0, 2.0, None], "JSON has no NaN"


def test_sources_gaps_and_predictions(world: World, client: Client) -> None:
    client.put_source("steel", "gateway 2 北", {"state": "down", "message_zh": "停机"})
    sources = {source["name"]: source for source in client.sources("steel")}
    assert set(sources) == {"opc", "gateway 2 北"}
    now = datetime.now(UTC)
    gaps = client.gaps("steel", [world.ids["flow"]], now - timedelta(hours=1), now + timedelta(hours=1))
    assert [gap["reason"] for gap in gaps] == ["silent"]
    (line,) = client.lines("steel")
    assert line["completeness"] < 1
    assert line["sources"] == ["opc"]
    assert set(line["signals"]) >= {world.ids["pressure"], world.ids["flow"]}
    (prediction,) = client.predictions("steel")
    assert prediction["target"] == "cooler"


# waitress leaves the file that a large answer overflowed into to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed file <_io.BufferedRandom:ResourceWarning")
def test_a_large_answer_comes_in_pieces_and_whole(
    world: World, client: Client, make_batch: Callable[..., SampleBatch]
) -> None:
    number, rows = world.ids["pressure"], 200_000
    client.ingest("steel", [make_batch(SampleKind.NUMERIC, number, [1.5] * rows, START)])
    table = client.samples("steel", [number], START, START + timedelta(seconds=rows))
    assert table.num_rows == rows


def test_refusals_carry_status_code_and_both_languages(world: World, served: str, client: Client) -> None:
    with pytest.raises(ApiError) as caught:
        client.signals("power")
    assert (caught.value.status, caught.value.code) == (404, "not_found")
    assert caught.value.message_zh
    with Client(served, "tnd_wrong") as stranger, pytest.raises(ApiError) as caught:
        stranger.me()
    assert caught.value.status == 401
    with Client(served, world.tokens["viewer"]) as viewer, pytest.raises(ApiError) as caught:
        viewer.put_signals("steel", "x", [])
    assert caught.value.status == 403


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", "tnd_x") as client, pytest.raises(ApiError) as caught:
        client.me()
    assert (caught.value.status, caught.value.code) == (0, "unreachable")
    assert str(port) in caught.value.message


def test_marketplace_and_programme(client: Client) -> None:
    assert client.catalogue() == []
    assert client.subscriptions("steel") == []
    assert client.runs("steel") == []
    with pytest.raises(ApiError) as caught:
        client.subscribe("steel", "no-such-app")
    assert caught.value.code == "unknown_app"
    with pytest.raises(ApiError) as caught:
        client.grants("steel", "no-such-app")
    assert caught.value.code == "not_subscribed"
    assert client.enterprises() == []
