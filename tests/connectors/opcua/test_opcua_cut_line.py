"""A line that is broken again and again, from a seed, under a whole gateway."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tundish_deploy.campaigns.opcua_relay import Cut, Relay

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.connectors.conftest import ReceivingPlatform
    from tests.connectors.opcua.conftest import Gateway, Kit, Peer

pytestmark = pytest.mark.integration


def test_broken_lines_cost_nothing_that_is_not_recorded(
    start_peer: Callable[..., Peer], gateway: Gateway, platform: ReceivingPlatform, kit: type[Kit]
) -> None:
    peer = start_peer("asyncua")
    proxy = Relay(peer.port, "20240501")
    try:
        gateway.settings["connection"]["url"] = f"opc.tcp://127.0.0.1:{proxy.port}"
        gateway.start()
        for fault in Cut:
            since = time.time() * 1e6
            kit.wait_until(
                "samples before the next fault",
                lambda since=since: max(platform.rows(kit.path(0)), default=0) > since + 300_000,
            )
            proxy.break_line(fault)
        broken_at = time.time() * 1e6
        kit.wait_until(
            "samples after the half-open line was noticed",
            lambda: max(platform.rows(kit.path(0))) > broken_at + 1_000_000,
        )
        assert gateway.stop() == 0
    finally:
        proxy.close()
    journal = peer.journal()
    for at in range(peer.signals):
        rows, gaps = platform.rows(kit.path(at)), platform.gaps(kit.path(at))
        assert kit.missing(journal, rows, gaps) == []
        # Positive control: the checker finds a sample that is not there.
        second = sorted(rows)[1]
        assert kit.missing(journal, {ts: one for ts, one in rows.items() if ts != second}, []) != []
