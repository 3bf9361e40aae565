"""Alarms of a real server: what already stands is told first, then each change; acknowledging reaches it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.alarms import AlarmState, AlarmWatch, acknowledge, alarm_batch, alarm_spec
from tundish_connectors.opcua.connector import leave, open_client
from tundish_connectors.opcua.control import call_method

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

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
            assert json.loads(over.text())["active"] is False
            check_batch([standing, worse, over])
        finally:
            await leave(client)

    asyncio.run(work())
    done = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()]
    asked = [one for one in done if one.get("action") == "acknowledge"]
    assert [one["who"] for one in asked] == ["李工", "李工"]


def check_batch(states: list[AlarmState]) -> None:
    spec = alarm_spec("Site/Area/Line", states[0])
    assert spec.path == "Site/Area/Line/Alarms/1:Tank/LevelAlarm"
    batch = alarm_batch("Site/Area/Line", states, {spec.path: 7})
    assert batch.table["signal"].to_pylist() == [7, 7, 7]
    assert batch.table["ts"].to_pylist() == [one.time for one in states]
    assert [json.loads(text)["active"] for text in batch.table["value"].to_pylist()] == [True, True, False]
