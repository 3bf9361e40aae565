"""`Client` where things go wrong or on: lost answers, pages, streams, wrong rows."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pyarrow as pa
import pytest

from tundish_platform.api import live, rates
from tundish_platform.api.live import StreamLimits, Streams
from tundish_platform.api.rates import Rate, RateLimits, Rates
from tundish_platform.samples import SampleKind, SignalSpec
from tundish_platform.sdk import ApiError, Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import World

    from tundish_platform.samples import SampleBatch

pytestmark = pytest.mark.integration

START = datetime(2026, 4, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Losing(httpx.HTTPTransport):
    """The real network, but the first answers are lost on their way back."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost = lost
        self.sent = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        answer = super().handle_request(request)
        if self.sent <= self.lost:
            answer.read()
            raise httpx.ReadError("lost by the test", request=request)
        return answer


@pytest.fixture
def client(world: World, served: str) -> Iterator[Client]:
    limits = StreamLimits(most=2, of_tenant=2, poll_s=0.01, alive_s=0.05, recheck_s=1.0)
    world.app.extensions[live.EXTENSION] = Streams(limits)
    with Client(served, world.tokens["all"]) as connected:
        yield connected


def losing(client: Client, lost: int) -> Losing:
    transport, before = Losing(lost), client._http
    before.close()
    client._http = httpx.Client(transport=transport, base_url=before.base_url, headers=before.headers)
    return transport


def rule(world: World) -> dict[str, object]:
    names = {"name_zh": "高", "name_en": "High"}
    return {"signal": world.ids["pressure"], "kind": "high", "threshold": 5.0, **names}


def test_a_request_whose_answer_was_lost_is_sent_again_and_done_once(world: World, client: Client) -> None:
    before = len(list(client.alarm_rules("steel")))
    transport = losing(client, 2)
    made = client.make_alarm_rule("steel", rule(world))
    assert transport.sent == 3
    after = list(client.alarm_rules("steel"))
    assert len(after) == before + 1
    assert after[-1]["id"] == made["id"]
    losing(client, 9)
    with pytest.raises(ApiError) as caught:
        client.me()
    assert caught.value.code == "unreachable"


def test_who_is_told_to_come_again_does(world: World, client: Client) -> None:
    world.app.extensions[rates.EXTENSION] = Rates(RateLimits(Rate(2.0, 1), Rate(100, 100)))
    transport = losing(client, 0)
    for _ in range(2):
        assert client.me()["name"] == "all"
    assert transport.sent >= 3


def test_a_rule_that_somebody_changed_is_not_overwritten(world: World, client: Client) -> None:
    made = client.make_alarm_rule("steel", rule(world))
    client.change_alarm_rule("steel", made["id"], 1, rule(world) | {"threshold": 6.0})
    with pytest.raises(ApiError) as caught:
        client.change_alarm_rule("steel", made["id"], 1, rule(world) | {"threshold": 7.0})
    assert (caught.value.status, caught.value.code) == (412, "changed_meanwhile")


def test_rows_and_tables_are_sent_and_wrong_rows_come_back(world: World, client: Client) -> None:
    number = world.ids["pressure"]
    rows = [{"signal": number, "ts": (START + n * SECOND).isoformat(), "value": n} for n in range(10)]
    assert client.send("steel", rows) == 10
    table = pa.table(
        {
            "signal": pa.array([number] * 3, pa.uint32()),
            "ts": pa.array([START + (20 + n) * SECOND for n in range(3)], pa.timestamp("us", tz="UTC")),
            "value": pa.array([1.0, 2.0, 3.0]),
        }
    )
    assert client.send("steel", table, origin="import") == 3
    read = client.samples("steel", [number], START, START + 60 * SECOND)
    assert read["value"].to_pylist() == [float(n) for n in range(10)] + [1.0, 2.0, 3.0]
    with pytest.raises(ApiError) as caught:
        client.send("steel", [*rows, {"signal": 999, "ts": START.isoformat(), "value": 1}])
    assert caught.value.code == "bad_rows"
    assert [row["row"] for row in caught.value.detail["rows"]] == [10]


def test_every_page_is_fetched(client: Client) -> None:
    specs = [SignalSpec(path=f"p/{n:04}", name_zh="n", name_en="n", semantic="s") for n in range(1_100)]
    client.put_signals("steel", "bulk", specs)
    found = client.signals("steel")
    assert len(found) == 1_107
    assert len({signal.id for signal in found}) == 1_107


def test_a_stream_goes_on_where_the_line_broke(
    world: World, client: Client, make_batch: Callable[..., SampleBatch]
) -> None:
    number, later = world.ids["pressure"], datetime.now(UTC) + timedelta(minutes=2)
    events = client.stream("steel", [number])
    first = next(events)
    assert len(first.samples) == 1
    # All streams end, as when the server is started anew; the client comes back to the new places.
    old: Streams = world.app.extensions[live.EXTENSION]
    world.app.extensions[live.EXTENSION] = Streams(old.limits)
    old.close()
    batch = make_batch(SampleKind.NUMERIC, number, [1.0, 2.0], later)
    sender = threading.Thread(target=world.context.telemetry.append, args=(world.scopes["steel"], [batch]))
    sender.start()
    got: list[float] = []
    while len(got) < 2:
        got += [row["value"] for row in next(events).samples]
    assert got == [1.0, 2.0]
    sender.join()
    events.close()
    world.app.extensions[live.EXTENSION].close()


def test_a_stream_that_is_refused_says_why(client: Client) -> None:
    with pytest.raises(ApiError) as caught:
        next(client.stream("steel", [999_999]))
    assert caught.value.code == "unknown_signals"
