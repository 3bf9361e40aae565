"""No sample missing without a gap record, whatever is killed, against servers of three makers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.connectors.conftest import ReceivingPlatform
    from tests.connectors.opcua.conftest import Gateway, Kit, Peer

    StartPeer = Callable[..., Peer]

pytestmark = pytest.mark.integration


def first_samples(platform: ReceivingPlatform, kit: type[Kit], count: int = 20) -> None:
    kit.wait_until("first samples", lambda: len(platform.rows(kit.path(0))) >= count)


def check_promise(platform: ReceivingPlatform, peer: Peer, kit: type[Kit]) -> None:
    journal = peer.journal()
    for at in range(peer.signals):
        rows = platform.rows(kit.path(at))
        assert {ts: value for ts, value in rows.items() if ts in journal} == {
            ts: journal[ts] for ts in rows if ts in journal
        }
        assert kit.missing(journal, rows, platform.gaps(kit.path(at))) == []


@pytest.mark.parametrize("kind", ["asyncua", "python-opcua", "node-opcua"])
def test_a_killed_server_costs_nothing_that_is_not_recorded(
    kind: str, start_peer: StartPeer, gateway: Gateway, platform: ReceivingPlatform, kit: type[Kit]
) -> None:
    # node-opcua looks at its variables every 50 ms at most, and says so when it creates the item.
    peer = start_peer(kind, period_s=0.12 if kind == "node-opcua" else 0.02)
    gateway.settings["connection"]["url"] = f"opc.tcp://127.0.0.1:{peer.port}"
    gateway.start()
    first_samples(platform, kit, 10)
    with gateway.held():
        # The server counts on while nobody listens, so that there is something to be missed.
        peer.kill()
        peer.start()
        counted = len(peer.journal())
        kit.wait_until("values that nobody hears", lambda: len(peer.journal()) > counted + 3)
    restarted = time.time() * 1e6
    kit.wait_until(
        "samples after the restart",
        lambda: len([ts for ts in platform.rows(kit.path(0)) if ts > restarted]) >= 10,
    )
    # Heartbeats come by the clock, samples as soon as they can.
    kit.wait_until(
        "a heartbeat of a running gateway",
        lambda: any(beat["state"] == "running" for beat in platform.heartbeats),
    )
    assert gateway.stop() == 0
    check_promise(platform, peer, kit)
    gaps = platform.gaps(kit.path(0))
    assert len(peer.journal()) > 30
    assert "disconnected" in {reason for _, _, reason in gaps}
    # Positive control: the checker sees the outage when the records are left out.
    assert kit.missing(peer.journal(), platform.rows(kit.path(0)), []) != []
    assert platform.heartbeats[-1]["counts"]["queued"] == 0
    assert platform.heartbeats[-1]["state"] == "down"


def test_a_killed_collector_loses_nothing_of_its_spool(
    start_peer: StartPeer, gateway: Gateway, platform: ReceivingPlatform, kit: type[Kit]
) -> None:
    peer = start_peer("asyncua")
    gateway.settings["connection"]["url"] = f"opc.tcp://127.0.0.1:{peer.port}"
    gateway.start()
    first_samples(platform, kit)
    with platform.lock:
        platform.answers += [503] * 10_000
    kit.wait_until("a backlog", lambda: _backlog(platform.heartbeats[-1:]) > 100)
    gateway.kill()
    from tundish_connectors.spool import Spool  # noqa: PLC0415 - opened only once its owner is dead

    spool = Spool(gateway.folder / "state" / "spool")
    waiting = spool.last - spool.delivered
    spool.close()
    assert waiting > 0
    with platform.lock:
        platform.answers.clear()
    cut = max(peer.journal())
    gateway.start()
    kit.wait_until("samples after the cut", lambda: max(platform.rows(kit.path(0))) > cut + 500_000)
    assert gateway.stop() == 0
    check_promise(platform, peer, kit)
    assert "collector_stopped" in {reason for _, _, reason in platform.gaps(kit.path(0))}
    assert kit.missing(peer.journal(), platform.rows(kit.path(0)), []) != []


def _backlog(newest: list[dict[str, Any]]) -> int:
    """Rows queued according to a heartbeat that also tells of the refusing platform."""
    return sum(beat["counts"]["queued"] for beat in newest if "503" in beat["message_en"])
