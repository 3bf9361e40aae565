"""Servers that change or refuse: another certificate, no session left, limits, a clock that is set."""

from __future__ import annotations

import asyncio
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from asyncua import Client

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.opcua.batching import Batching
from tundish_connectors.opcua.keys import make_pair
from tundish_connectors.opcua.security import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.connectors.opcua.conftest import Bench, Kit, Peer

    StartPeer = Callable[..., Peer]

pytestmark = pytest.mark.integration
HOUR_US = 3_600_000_000
PER_CALL = {"maxNodesPerRead": 1, "maxNodesPerBrowse": 5, "maxMonitoredItemsPerCall": 4}


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates of the gateway, of a server, and of the same server later."""
    folder = tmp_path_factory.mktemp("identities")
    make_pair(folder / "ours", "urn:tundish:test:gateway", "127.0.0.1")
    for server in ("first", "second"):
        make_pair(folder / server, "urn:tundish:test:counters", "127.0.0.1")
    return folder


def security(folder: Path, server: str) -> dict[str, Any]:
    """What a peer is told of its own certificate and of ours."""
    return {
        "certificate": str(folder / server / "cert.der"),
        "private_key": str(folder / server / "key.pem"),
        "uri": "urn:tundish:test:counters",
        "trusted": [str(folder / "ours" / "cert.der")],
        "user": "op",
        "password": "right-one",
    }


@pytest.mark.parametrize("kind", ["open62541", "python-opcua"])
def test_another_certificate_is_refused_by_name_until_a_person_trusts_it(
    kind: str, tmp_path: Path, kit: type[Kit], start_peer: StartPeer, identities: Path
) -> None:
    first, second = security(identities, "first"), security(identities, "second")
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    shutil.copy(first["certificate"], trusted / "first.der")
    peer = start_peer(kind, signals=1, period_s=0.05, extra={"security": first})
    secured = {
        "security_policy": "Basic256Sha256",
        "certificate": identities / "ours" / "cert.der",
        "private_key": identities / "ours" / "key.pem",
        "trust": trusted,
    }

    async def scenario() -> None:
        bench = kit.bench(tmp_path / "state", peer.port, **secured)
        async with bench.running() as task:
            await kit.until("values", lambda: len(bench.rows()) > 5)
            peer.kill()
            stopped = max(peer.journal())
            peer.extra["security"] = second
            await asyncio.to_thread(peer.start)
            await kit.until("the end", task.done)
        error = task.exception()
        assert isinstance(error, ConnectorError)
        assert error.kind is ErrorKind.FATAL
        shown = fingerprint((identities / "second" / "cert.der").read_bytes())
        assert shown in error.message_en
        assert shown in error.message_zh
        await kit.until("values that nobody takes", lambda: max(peer.journal()) > stopped)
        assert max(bench.rows()) <= stopped
        # The person moves the certificate, as the message says, and the gateway is started again.
        (copy,) = (tmp_path / "state" / "pki" / "rejected").iterdir()
        copy.rename(trusted / copy.name)
        since = max(peer.journal())
        bench = kit.bench(tmp_path / "state", peer.port, **secured)
        async with bench.running():
            await kit.until("values again", lambda: max(bench.rows()) > since)
        gaps = [(start, end, reason) for start, (end, reason) in bench.gaps().items()]
        assert kit.missing(peer.journal(), bench.rows(), gaps) == []
        assert {reason for _, _, reason in gaps} == {"collector_stopped"}

    asyncio.run(scenario())


def test_a_server_without_a_free_session_is_named_waited_out_and_taken(
    tmp_path: Path, kit: type[Kit], start_peer: StartPeer
) -> None:
    peer = start_peer("node-opcua", signals=1, period_s=0.06, extra={"limits": {"maxSessions": 1}})

    async def scenario() -> None:
        other = Client(f"opc.tcp://127.0.0.1:{peer.port}")
        await other.connect()
        bench = kit.bench(tmp_path, peer.port)
        waits: list[float] = []
        bench.backoff.spread = lambda: 1.0
        ask = bench.backoff.wait_s
        bench.backoff.wait_s = lambda least=None: waits.append(ask(least)) or waits[-1]  # type: ignore[method-assign,func-returns-value]
        async with bench.running():
            await kit.until("four refusals", lambda: len(waits) >= 4)
            assert bench.rows() == {}
            await other.disconnect()
            await kit.until("values", lambda: len(bench.rows()) > 3)
        assert waits[:4] == [0.05, 0.1, 0.2, 0.2]
        for error in bench.errors[:4]:
            assert error.kind is ErrorKind.RETRY
            assert "no session left (BadTooManySessions)" in error.message_en
            assert "会话数已达上限" in error.message_zh

    asyncio.run(scenario())


@pytest.fixture
def halved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Operations of each call that was refused as too large."""
    seen: list[int] = []
    halve = Batching._halve

    def counted(batching: Batching, operations: int, error: BaseException) -> None:
        seen.append(operations)
        halve(batching, operations, error)

    monkeypatch.setattr(Batching, "_halve", counted)
    return seen


def test_limits_that_nobody_stated_are_learned_once_and_outlive_the_server(
    tmp_path: Path, kit: type[Kit], start_peer: StartPeer, halved: list[int]
) -> None:
    limits = {"limits": {"operationLimits": PER_CALL}, "limits_unsaid": True}
    peer = start_peer("node-opcua", signals=11, period_s=0.06, extra=limits)
    every = range(1, 12)

    async def scenario() -> None:
        bench = kit.bench(tmp_path, peer.port)
        async with bench.running():
            await kit.until("all signals", lambda: all(bench.rows(at) for at in every))
            refused = len(halved)
            assert refused
            assert within(bench)
            peer.kill()
            since = max(peer.journal())
            await asyncio.to_thread(peer.start)
            await kit.until("all again", lambda: all(max(bench.rows(at)) > since for at in every))
            assert len(halved) == refused, "a size that was refused is not tried again"
        assert bench.connector.standing.failed == {}

    asyncio.run(scenario())


def test_stated_limits_are_kept_and_what_a_full_server_does_not_take_is_listed(
    tmp_path: Path, kit: type[Kit], start_peer: StartPeer, halved: list[int]
) -> None:
    limits = {"limits": {"operationLimits": PER_CALL, "maxMonitoredItemsPerSubscription": 4}}
    peer = start_peer("node-opcua", signals=7, period_s=0.06, extra=limits)

    async def scenario() -> None:
        bench = kit.bench(tmp_path, peer.port)
        async with bench.running():
            await kit.until("values", lambda: sum(bool(bench.rows(at)) for at in range(1, 8)) == 4)
            await kit.until("the rest", lambda: len(bench.connector.standing.failed) == 3)
            assert set(bench.connector.standing.failed.values()) == {"BadTooManyMonitoredItems"}
            assert (halved, within(bench)) == ([], True)
            count = len(bench.rows())
            await kit.until("more values", lambda: len(bench.rows()) > count + 3)
        assert bench.errors == []

    asyncio.run(scenario())


def within(bench: Bench) -> bool:
    profile = bench.connector._profile
    sizes = (profile.read.size, profile.browse.size, profile.items.size)
    return all(1 <= size <= bound for size, bound in zip(sizes, PER_CALL.values(), strict=True))


@pytest.mark.parametrize("kind", ["asyncua", "node-opcua"])
def test_a_clock_that_is_set_costs_nothing_is_told_and_hides_no_later_loss(
    kind: str, tmp_path: Path, kit: type[Kit], start_peer: StartPeer
) -> None:
    peer = start_peer(kind, signals=2, period_s=0.06, clock=True)

    async def scenario() -> None:
        bench = kit.bench(tmp_path, peer.port)

        async def step(to_s: int, by_s: int) -> None:
            peer.set_clock(to_s)
            told = f"stepped by {by_s:+d} s"
            await kit.until(told, lambda: any(told in error.message_en for error in bench.errors))
            since = max(peer.journal().items(), key=lambda one: one[1])
            await kit.until("what came since", lambda: max(bench.rows(2).values()) > since[1] + 3)

        async with bench.running():
            await kit.until("values", lambda: len(bench.rows(2)) > 5)
            await step(3600, 3600)
            assert max(bench.rows()) - min(bench.rows()) > HOUR_US * 0.9
            await step(0, -3600)
            assert {state for state in bench.states if state == "down"} == set()
            for at in (1, 2):
                # The clock went back, so the newest values lie between others and may be on their way.
                sent, rows = peer.journal(), partial(bench.rows, at)
                await kit.until(
                    f"all of {at}", lambda sent=sent, rows=rows: not kit.missing(sent, rows(), [])
                )
                assert bench.gaps(at) == {}
            peer.kill()
            before = len(peer.journal())
            await asyncio.to_thread(peer.start)
            await kit.until("values of another run", lambda: len(peer.journal()) > before + 5)
            await kit.until("a record", lambda: bench.gaps() and bench.gaps(2))
        for at in (1, 2):
            ((start, (end, reason)),) = bench.gaps(at).items()
            assert reason == "disconnected"
            assert end - start < HOUR_US / 2
        assert bench.connector.details()["clock_steps"] == 2

    asyncio.run(scenario())
