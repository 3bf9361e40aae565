"""Refused items, calls that are too large, and the watches over clocks and retries."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.uaerrors import (
    BadNodeIdInvalid,
    BadTooManyMonitoredItems,
    BadTooManyOperations,
    BadTooManySessions,
)

from tundish_connectors.connector import ErrorKind
from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.batching import Batching
from tundish_connectors.opcua.errors import classify
from tundish_connectors.opcua.gaps import GapTracker
from tundish_connectors.opcua.items import Items
from tundish_connectors.opcua.limits import Limits, Profile
from tundish_connectors.opcua.pulse import Pulse
from tundish_connectors.opcua.retries import Retries
from tundish_connectors.opcua.slots import SlotTable
from tundish_platform.samples import GapReason, SignalSpec

if TYPE_CHECKING:
    from pathlib import Path

START = 1_750_000_000_000_000
BAD_NODE = 13


class PickyServer:
    """Creates items as servers with limits do: few a call, few in all, and one node spoils its whole call."""

    def __init__(self, *, most_a_call: int = 1000, most: int = 1000) -> None:
        self.most_a_call, self.most = most_a_call, most
        self.created: list[int] = []
        self.calls = 0

    async def create_monitored_items(
        self, parameters: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        self.calls += 1
        handles = [int(one.RequestedParameters.ClientHandle) for one in parameters.ItemsToCreate]
        if len(handles) > self.most_a_call:
            raise BadTooManyOperations
        if BAD_NODE in handles:
            raise BadNodeIdInvalid
        if len(self.created) + len(handles) > self.most:
            raise BadTooManyMonitoredItems
        self.created += handles
        return [
            ua.MonitoredItemCreateResult(
                MonitoredItemId=ua.IntegerId(100 + handle), RevisedQueueSize=ua.Counter(10)
            )
            for handle in handles
        ]


def add(server: PickyServer, count: int, folder: Path, batching: Batching) -> tuple[Items, dict[int, str]]:
    connection = OpcUaConnection(name="x", url="opc.tcp://127.0.0.1:1", state_dir=folder)
    items = Items(server, connection, batching)  # type: ignore[arg-type]
    return items, asyncio.run(items.add([(slot, ua.NodeId(ua.Int32(slot))) for slot in range(count)]))


def test_one_node_that_spoils_its_call_costs_only_itself(tmp_path: Path) -> None:
    items, failed = add(PickyServer(), 40, tmp_path, Batching(1000))
    assert failed == {BAD_NODE: "BadNodeIdInvalid"}
    assert set(items.granted) == set(range(40)) - {BAD_NODE}


def test_a_server_that_is_full_keeps_what_it_took_and_is_not_asked_for_each_of_the_rest(
    tmp_path: Path,
) -> None:
    server = PickyServer(most=10)
    items, failed = add(server, BAD_NODE - 1, tmp_path, Batching(4))
    assert len(items.granted) == 10
    assert set(failed.values()) == {"BadTooManyMonitoredItems"}
    server = PickyServer(most=0)
    _, failed = add(server, 5000, tmp_path, Batching(1000))
    assert len(failed) == 5000
    assert server.calls < 20


def test_a_refused_size_is_learned_and_outlives_the_subscription(tmp_path: Path) -> None:
    profile = Profile()
    server = PickyServer(most_a_call=3)
    _, failed = add(server, BAD_NODE, tmp_path, profile.items)
    assert failed == {}
    assert profile.items.size <= 3
    profile.state(Limits(items=500))
    assert profile.items.size <= 3
    fresh = Profile()
    fresh.state(Limits(items=500, read=7))
    assert (fresh.items.size, fresh.read.size) == (500, 7)


def test_too_many_sessions_is_waited_out() -> None:
    assert classify(BadTooManySessions(), "opc.tcp://x").kind is ErrorKind.RETRY


def test_retries_become_rarer_and_end_with_the_trouble() -> None:
    retries = Retries(first_s=5.0, limit_s=60.0)
    assert not retries.due(1e9)
    waits = []
    for _ in range(6):
        retries.note(failing=True, now=0.0)
        waits.append(next(second for second in range(1000) if retries.due(float(second))))
    assert waits == [5, 10, 20, 40, 60, 60]
    retries.note(failing=False, now=0.0)
    assert not retries.due(1e9)


class Clocks:
    """A server's clock that can be stepped, and ours."""

    def __init__(self) -> None:
        self.here = 0.0
        self.there = datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.here

    def run(self, seconds: float, server_s: float) -> None:
        self.here += seconds
        self.there += timedelta(seconds=server_s)

    async def read(self, _: ua.ReadParameters) -> list[ua.DataValue]:
        return [ua.DataValue(ua.Variant(moment)) for moment in (self.there, datetime(2025, 1, 1, tzinfo=UTC))]


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 86_400.0, -86_400.0, -5.0])
def test_a_step_of_the_servers_clock_is_seen_and_a_coarse_clock_is_none(step_s: float) -> None:
    clocks = Clocks()
    pulse = Pulse(1.0, Batching(2), clocks.monotonic)

    async def steps() -> list[float]:
        seen = []
        for seconds, server_s in ((0.0, 0.0), (1.0, 0.0), (1.0, 2.0), (1.0, 1.0 + step_s), (1.0, 1.0)):
            clocks.run(seconds, server_s)
            seen.append((await pulse.beat(clocks)).step_s)  # type: ignore[arg-type]
        return seen

    assert asyncio.run(steps()) == [0.0, 0.0, 0.0, step_s, 0.0]


def test_after_a_clock_was_put_back_a_loss_is_still_recorded() -> None:
    table = SlotTable()
    table.add(SignalSpec(path="a/b/c", name_zh="a", name_en="a", semantic="unclassified"), 7)
    hour = 3_600_000_000

    def gaps(*, rewind: bool) -> list[tuple[int, int, int, str]]:
        tracker = GapTracker(table)
        tracker.grow()
        slot, good = np.zeros(1, np.uint32), np.zeros(1, np.uint32)
        tracker.observe(slot, np.array([START + hour]), good, START + hour)
        if rewind:
            tracker.rewind(START)
        tracker.mark(GapReason.DISCONNECTED)
        tracker.observe(slot, np.array([START + 500]), good, START + hour)
        return tracker.take_rows()

    assert gaps(rewind=True) == [(7, START + 1, START + 500, "disconnected")]
    # Control: measured by the time before the step, nothing would ever seem to be missing.
    assert gaps(rewind=False) == []
