"""Browsing many nodes of a real server that allows only small answers, and calls in bounded numbers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from tundish_connectors.opcua.batching import Batching
from tundish_connectors.opcua.browse import Tree, browse_tree
from tundish_connectors.opcua.connector import leave
from tundish_connectors.opcua.session import build_client

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncua import ua


FOLDERS, EACH = 4, 1005


def parts_of(calls: list[Sequence[int]]) -> list[int]:
    return [len(part) for part in calls]


def test_calls_run_beside_each_other_and_shrink_when_refused() -> None:
    calls: list[Sequence[int]] = []
    running = most = 0

    async def call(part: Sequence[int]) -> list[int]:
        nonlocal running, most
        calls.append(part)
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        if len(part) > 7:
            raise UaStatusCodeError(StatusCodes.BadTooManyOperations)
        return [2 * item for item in part]

    batching = Batching(20, at_once=3)
    assert asyncio.run(batching.run(range(50), call)) == [2 * item for item in range(50)]
    assert batching.size <= 7
    assert most == 3
    assert max(parts_of(calls[4:])) <= 10


def test_a_late_answer_shrinks_calls_and_a_dead_server_ends_them() -> None:
    async def slow(part: Sequence[int]) -> list[int]:
        if len(part) > 10:
            raise TimeoutError
        return list(part)

    async def dead(_part: Sequence[int]) -> list[int]:
        raise TimeoutError

    assert asyncio.run(Batching(40, at_once=2).run(range(90), slow)) == list(range(90))
    with pytest.raises(TimeoutError):
        asyncio.run(Batching(40).run(range(90), dead))


def test_a_refusal_for_another_reason_ends_it() -> None:
    async def call(_part: Sequence[int]) -> list[int]:
        raise UaStatusCodeError(StatusCodes.BadUserAccessDenied)

    with pytest.raises(UaStatusCodeError):
        asyncio.run(Batching(5, at_once=2).run(range(20), call))
    assert asyncio.run(Batching(5).run([], call)) == []


@pytest.mark.integration
def test_a_tree_behind_small_limits_is_found_whole(start_peer: Callable[..., Any]) -> None:
    """More children than an answer holds, in more folders than the server keeps continuation points for."""
    peer = start_peer("node-plant", extra={"folders": FOLDERS, "each": EACH})
    told: list[tuple[int, int]] = []
    nexts = 0

    async def walk() -> Tree:
        client, session = build_client(f"opc.tcp://127.0.0.1:{peer.port}/", "urn:tundish:test", 20)
        await client.connect()
        browse_next = session.browse_next

        async def watched(parameters: ua.BrowseNextParameters) -> list[ua.BrowseResult]:
            nonlocal nexts
            nexts += 1
            return await browse_next(parameters)

        session.browse_next = watched  # type: ignore[method-assign]  # the test listens in
        try:
            return await browse_tree(
                session,
                Batching(200, at_once=4),
                100_000,
                lambda found, waiting: told.append((found, waiting)),
            )
        finally:
            await leave(client)

    tree = asyncio.run(walk())
    paths = {one.path for one in tree.variables}
    assert {f"Plant/M{folder}/V{at}" for folder in range(FOLDERS) for at in range(EACH)} <= paths
    assert len(paths) == len(tree.variables)
    assert tree.bad == {}
    assert nexts >= FOLDERS - 1
    assert told[-1] == (len(tree.variables), 0)
    assert len(told) > 2
