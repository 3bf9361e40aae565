"""Cuts, restarts, lost items and slow servers, against real servers; the connector runs in this process."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from asyncua import Server, ua

from tundish_connectors.opcua import deaf as deaf_module
from tundish_connectors.opcua import keeper
from tundish_deploy.campaigns.opcua_relay import Cut, Relay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.connectors.opcua.conftest import Kit, Peer

pytestmark = pytest.mark.integration
BOUND_S = 60.0


@dataclass
class Plant:
    """An asyncua server in this loop, with counters that are written by hand."""

    port: int
    history: bool = False
    namespaces: int = 0
    written: dict[int, dict[int, int]] = field(default_factory=dict)

    async def start(self) -> None:
        self.server = Server()
        await self.server.init()
        self.server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}/")
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        for at in range(self.namespaces):
            await self.server.register_namespace(f"urn:tundish:test:before:{at}")
        index = await self.server.register_namespace("urn:tundish:test:counters")
        parent = self.server.nodes.objects
        for name in ("Plant", "Line", "Machine"):
            parent = await parent.add_object(index, name)
        self.nodes = [
            await parent.add_variable(index, f"Counter{at}", ua.Variant(0, ua.VariantType.Int64))
            for at in range(2)
        ]
        if self.history:
            for node in self.nodes:
                await self.server.historize_node_data_change(node, period=None, count=10_000)
        await self.server.start()

    async def write(self, count: int = 1) -> None:
        """Count on; what was written is remembered by signal number and time."""
        for _ in range(count):
            for at, node in enumerate(self.nodes):
                now = datetime.now(UTC)
                mine = self.written.setdefault(at + 1, {})
                value = len(mine) + 1
                mine[round(now.timestamp() * 1e6)] = value
                variant = ua.Variant(value, ua.VariantType.Int64)
                await node.write_value(ua.DataValue(variant, SourceTimestamp=now, ServerTimestamp=now))
            await asyncio.sleep(0.002)

    @property
    def subscriptions(self) -> dict[int, Any]:
        found: dict[int, Any] = self.server.iserver.subscription_service.subscriptions
        return found


@pytest.mark.parametrize("cut", list(Cut))
def test_a_broken_line_loses_nothing_while_the_server_keeps_its_queues(
    cut: Cut, tmp_path: Path, kit: type[Kit]
) -> None:
    async def scenario() -> None:
        plant = Plant(kit.free_port())
        await plant.start()
        relay = Relay(plant.port, "1")
        bench = kit.bench(tmp_path, relay.port)
        async with bench.running():
            await kit.until("items", lambda: len(bench.granted) == 2)
            await plant.write(5)
            await kit.until("first values", lambda: bench.has(plant.written))
            (number,) = plant.subscriptions
            relay.break_line(cut)
            await plant.write(20)
            await kit.until("what was written meanwhile", lambda: bench.has(plant.written))
            assert list(plant.subscriptions) == [number]
        assert bench.gaps() == bench.gaps(2) == {}
        relay.close()
        await plant.server.stop()

    asyncio.run(scenario())


def test_a_hole_is_filled_from_the_servers_history(tmp_path: Path, kit: type[Kit]) -> None:
    async def scenario() -> None:
        plant = Plant(kit.free_port(), history=True)
        await plant.start()
        relay = Relay(plant.port, "1")
        bench = kit.bench(tmp_path, relay.port)
        async with bench.running():
            await kit.until("items", lambda: len(bench.granted) == 2)
            await plant.write(5)
            await kit.until("first values", lambda: bench.has(plant.written))
            relay.accepting = False
            relay.reset()
            # The server loses the subscription and everything it would have kept for us.
            old = bench.connector._subscription.number  # type: ignore[union-attr]
            await plant.server.iserver.subscription_service.delete_subscriptions([old])
            await plant.write(20)
            relay.accepting = True
            await kit.until("new items", lambda: bench.number not in {0, old} and len(bench.granted) == 2)
            await plant.write(5)
            await kit.until("the late rows", lambda: bench.has(plant.written))
            await kit.until(
                "the amended record", lambda: all(start == end for start, (end, _) in bench.gaps().items())
            )
        assert {reason for _, reason in bench.gaps().values()} == {"disconnected"}
        relay.close()
        await plant.server.stop()

    asyncio.run(scenario())


def test_a_restarted_server_with_other_namespace_indices_goes_on_under_the_same_signals(
    tmp_path: Path, kit: type[Kit]
) -> None:
    async def scenario() -> None:
        plant = Plant(kit.free_port())
        await plant.start()
        bench = kit.bench(tmp_path, plant.port)
        async with bench.running():
            await kit.until("items", lambda: len(bench.granted) == 2)
            await plant.write(5)
            await kit.until("first values", lambda: bench.has(plant.written))
            before = {item.node.NamespaceIndex for item in bench.granted.values()}
            await plant.server.stop()
            plant.namespaces = 3
            await plant.start()
            await plant.write(3)
            await kit.until("a new subscription", lambda: plant.subscriptions and len(bench.granted) == 2)
            await plant.write(5)
            last = max(plant.written[1])
            await kit.until("values of the new server", lambda: last in bench.rows())
            after = {item.node.NamespaceIndex for item in bench.granted.values()}
        assert before != after
        lacking = [ts for ts in plant.written[1] if ts not in bench.rows()]
        holes = bench.gaps()
        assert [ts for ts in lacking if not any(start <= ts < end for start, (end, _) in holes.items())] == []
        assert {reason for _, reason in holes.values()} == {"disconnected"}
        await plant.server.stop()

    asyncio.run(scenario())


def test_an_item_that_went_deaf_is_found_by_its_own_rate_and_made_anew(
    tmp_path: Path, kit: type[Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deaf_module, "_LEAST_S", 0.2)
    monkeypatch.setattr(deaf_module, "_LEAST_PATIENCE_S", 0.2)
    monkeypatch.setattr(keeper, "_TICK_S", 0.1)

    async def scenario() -> None:
        plant = Plant(kit.free_port())
        await plant.start()
        bench = kit.bench(tmp_path, plant.port)
        async with bench.running():
            await kit.until("items", lambda: len(bench.granted) == 2)
            await plant.write(5)
            await kit.until("first values", lambda: bench.has(plant.written))
            (subscription,) = plant.subscriptions.values()
            subscription.monitored_item_srv.delete_all_monitored_items()
            deadline = time.monotonic() + BOUND_S
            while bench.connector.standing.renewed < 2 and time.monotonic() < deadline:
                await plant.write()
                await asyncio.sleep(0.05)
            assert bench.connector.standing.renewed >= 2
            await plant.write(5)
            last = max(plant.written[1])
            await kit.until("values of the new items", lambda: last in bench.rows())
        holes = bench.gaps()
        lacking = [ts for ts in plant.written[1] if ts not in bench.rows()]
        assert lacking
        assert [ts for ts in lacking if not any(start <= ts < end for start, (end, _) in holes.items())] == []
        assert {reason for _, reason in holes.values()} == {"silent"}
        await plant.server.stop()

    asyncio.run(scenario())


def test_keep_alives_without_news_and_a_slow_server_are_no_loss(tmp_path: Path, kit: type[Kit]) -> None:
    async def scenario() -> None:
        plant = Plant(kit.free_port())
        await plant.start()
        relay = Relay(plant.port, "1")
        bench = kit.bench(tmp_path, relay.port)
        async with bench.running():
            await kit.until("items", lambda: len(bench.granted) == 2)
            (number,) = plant.subscriptions
            relay.delay_s = 0.15
            # Six keep-alive periods, in which nothing happens.
            await asyncio.sleep(3.0)
            assert list(plant.subscriptions) == [number]
            await plant.write(5)
            await kit.until("values", lambda: bench.has(plant.written))
        assert bench.gaps() == {}
        relay.close()
        await plant.server.stop()

    asyncio.run(scenario())


def test_what_the_server_lost_of_the_items_is_told_by_it_and_made_anew(
    tmp_path: Path, kit: type[Kit], start_peer: Callable[..., Peer]
) -> None:
    peer = start_peer("open62541", period_s=0.05)

    async def scenario() -> None:
        bench = kit.bench(tmp_path, peer.port)
        async with bench.running():
            await kit.until("values", lambda: len(bench.granted) == 3 and len(bench.rows(3)) > 5)
            items = bench.connector._subscription.items  # type: ignore[union-attr]
            old = items.granted[0].number
            # Behind the list's back, as a server does that loses an item.
            await items._delete([old])
            await kit.until(
                "a new item", lambda: bench.granted[0].number != old if 0 in bench.granted else False
            )
            since = max(peer.journal())
            await kit.until("its values", lambda: all(max(bench.rows(at)) > since for at in (1, 2, 3)))
        for at in (1, 2, 3):
            gaps = [(start, end, reason) for start, (end, reason) in bench.gaps(at).items()]
            assert kit.missing(peer.journal(), bench.rows(at), gaps) == []

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["open62541", "node-opcua"])
def test_the_overflow_bit_becomes_a_gap_record(
    kind: str, tmp_path: Path, kit: type[Kit], start_peer: Callable[..., Peer]
) -> None:
    peer = start_peer(kind, period_s=0.06 if kind == "node-opcua" else 0.01)

    async def scenario() -> None:
        bench = kit.bench(tmp_path, peer.port, publishing_interval_ms=1000, keep_alive_s=2.0, queue_size=3)
        async with bench.running():
            await kit.until("overflows", lambda: sum(r == "overflow" for _, r in bench.gaps().values()) >= 2)
        gaps = [(start, end, reason) for start, (end, reason) in bench.gaps().items()]
        # node-opcua samples, so only that the records are there is told of it.
        if kind == "open62541":
            assert kit.missing(peer.journal(), bench.rows(), gaps) == []
            assert kit.missing(peer.journal(), bench.rows(), []) != []

    asyncio.run(scenario())
