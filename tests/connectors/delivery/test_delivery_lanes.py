"""Live data is not starved by a backlog, nor the backlog by live data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_connectors.delivery.lanes import Lanes, Load
from tundish_connectors.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUEST = 1000


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path, max_bytes=10**7, segment_bytes=2000)
    yield made
    made.close()


def numbers(load: Load) -> list[int]:
    return [record.number for record in load.records]


def deliver(lanes: Lanes) -> Load:
    load = lanes.next()
    if load.records:
        lanes.delivered(load)
    return load


def test_without_a_backlog_there_is_one_lane_in_order(spool: Spool) -> None:
    lanes = Lanes(spool, REQUEST)
    spool.append([b"x" * 100] * 12)
    assert numbers(deliver(lanes)) == list(range(1, 11))
    assert numbers(deliver(lanes)) == [11, 12]
    assert not lanes.next().records


def test_live_data_goes_next_beside_a_backlog_and_the_oldest_follow_in_order(spool: Spool) -> None:
    spool.append([b"x" * 500] * 60)
    lanes = Lanes(spool, REQUEST)
    assert numbers(deliver(lanes)) == [1, 2]
    spool.append([b"live"])
    assert numbers(deliver(lanes)) == [61]
    assert numbers(deliver(lanes)) == [3, 4]
    backlog = []
    while (load := deliver(lanes)).records:
        backlog += numbers(load)
    assert backlog == list(range(5, 61))
    assert spool.delivered == 61


def test_a_flood_of_live_data_leaves_the_backlog_its_quarter(spool: Spool) -> None:
    spool.append([b"x" * 500] * 400)
    lanes = Lanes(spool, REQUEST)
    deliver(lanes)
    sent = {True: 0, False: 0}
    for _ in range(120):
        spool.append([b"x" * 500] * 2)
        load = deliver(lanes)
        sent[load.live_after is not None] += load.size
    assert sent[True] / sum(sent.values()) == pytest.approx(0.75, abs=0.05)


def test_nothing_is_sent_twice_or_left_out_over_restarts_in_the_middle(spool: Spool, tmp_path: Path) -> None:
    spool.append([b"x" * 500] * 40)
    seen: list[int] = []
    current, lanes = spool, Lanes(spool, REQUEST)
    for turn in range(60):
        if turn < 20:
            current.append([b"y" * 300])
        seen += numbers(deliver(lanes))
        if turn % 7 == 6:
            current.close()
            current = Spool(tmp_path, max_bytes=10**7, segment_bytes=2000)
            lanes = Lanes(current, REQUEST)
    assert sorted(seen) == list(range(1, 61))
    assert not current.wait(0)
    current.close()
