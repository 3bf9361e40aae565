"""Alarms of a real server: what already stands is told first, then each change; acknowledging reaches it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.alarm_collector import AlarmPart
from tundish_connectors.opcua.alarms import AlarmState, AlarmWatch, acknowledge
from tundish_connectors.opcua.connector import leave, open_client
from tundish_connectors.opcua.control import call_method

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from tundish_platform.samples import AlarmReport

pytestmark = pytest.mark.integration
BOUND_S = 60
METHOD = "Plant/Tank/SetLevel"


async def until(states: AsyncIterator[AlarmState], **wanted: object) -> AlarmState:
    """The next state that is as wanted."""

    async def look() -> AlarmState:
        async for state in states:
            if all(getattr(state, name) == value for name, value in wanted.items()):
                return state
        raise AssertionError("the stream ended")

    return await asyncio.wait_for(look(), BOUND_S)


def test_alarms_come_with_their_states_and_are_acknowledged(
    start_peer: Callable[..., Any], tmp_path: Path
) -> None:
    peer = start_peer("node-plant")
    connection = OpcUaConnection(
        name="line-1",
        url=f"opc.tcp://127.0.0.1:{peer.port}/",
        state_dir=tmp_path,
        security_policy="None",
        callable=(METHOD,),
    )

    async def work() -> None:
        await call_method(connection, METHOD, [92.0], "王工")
        client, session = await open_client(connection)
        try:
            watch = AlarmWatch(session)
            await watch.start()
            assert watch.refreshed
            states = watch.states()
            # The alarm was there before anybody listened.
            standing = await until(states, active=True, acknowledged=False)
            # node-opcua writes the number of the namespace before the source's name.
            assert (standing.source, standing.name) == ("1:Tank", "LevelAlarm")
            assert standing.severity > 0
            assert standing.message
            assert standing.retain
            await call_method(connection, METHOD, [97.0], "王工")
            worse = await until(states, active=True)
            assert worse.condition == standing.condition
            assert worse.event != standing.event
            # Nobody has seen what the newer event says, so the elder one cannot be acknowledged any more.
            assert await acknowledge(session, standing, "seen", "李工", tmp_path) == "BadEventIdUnknown"
            assert await acknowledge(session, worse, "已派人处理", "李工", tmp_path) == "Good"
            await until(states, acknowledged=True)
            await call_method(connection, METHOD, [50.0], "王工")
            over = await until(states, active=False)
            assert over.condition == standing.condition
        finally:
            await leave(client)

    asyncio.run(work())
    done = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()]
    asked = [one for one in done if one.get("action") == "acknowledge"]
    assert [one["who"] for one in asked] == ["李工", "李工"]


class Waiting:
    """The platform's side: keeps reports, asks for one acknowledgement until it was given."""

    def __init__(self) -> None:
        self.reports: list[AlarmReport] = []
        self.wanted: list[tuple[int, str]] = []

    def report_alarms(self, _source: str, reports: Sequence[AlarmReport]) -> None:
        self.reports += reports

    def acknowledgements(self, _source: str) -> list[tuple[int, str]]:
        return list(self.wanted)

    def settle_acknowledgement(self, _source: str, number: int) -> None:
        self.wanted = [one for one in self.wanted if one[0] != number]


def test_alarms_reach_the_platform_and_its_acknowledgements_the_server(
    start_peer: Callable[..., Any], tmp_path: Path
) -> None:
    peer = start_peer("node-plant")
    connection = OpcUaConnection(
        name="line-1",
        url=f"opc.tcp://127.0.0.1:{peer.port}/",
        state_dir=tmp_path,
        security_policy="None",
        prefix="Site/Area",
        callable=(METHOD,),
    )
    platform = Waiting()

    async def seen(what: Callable[[AlarmReport], bool]) -> AlarmReport:
        async def look() -> AlarmReport:
            # The reports come from the sender's thread.
            while not (found := [one for one in platform.reports if what(one)]):  # noqa: ASYNC110 - as said
                await asyncio.sleep(0.05)
            return found[-1]

        return await asyncio.wait_for(look(), BOUND_S)

    async def work() -> None:
        await call_method(connection, METHOD, [99.0], "王工")
        part = asyncio.create_task(AlarmPart(connection, platform).run())
        try:
            high = await seen(lambda one: one.active and one.acknowledged is False)
            assert (high.name_en, high.path) == ("LevelAlarm", "Site/Area/1:Tank")
            platform.wanted = [(1, "no such alarm"), (2, high.key)]
            await seen(lambda one: one.key == high.key and one.acknowledged is True)
            await call_method(connection, METHOD, [50.0], "王工")
            await seen(lambda one: one.key == high.key and not one.active)
        finally:
            part.cancel()
            await asyncio.gather(part, return_exceptions=True)
        # What the source does not know is asked for again, not settled.
        assert platform.wanted == [(1, "no such alarm")]

    asyncio.run(work())
