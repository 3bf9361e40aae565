"""A line that is cut again and again, in the middle of frames, from a seed."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.connectors.conftest import ReceivingPlatform
    from tests.connectors.opcua.conftest import Gateway, Kit, Peer

pytestmark = pytest.mark.integration
RESET = struct.pack("ii", 1, 0)


class CuttingProxy:
    """Passes bytes on; ``cut`` resets every connection, ``freeze`` swallows what would pass."""

    def __init__(self, target: int, seed: int) -> None:
        self.target = target
        self.random = random.Random(seed)  # noqa: S311 - repeatable faults, no secrets
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.frozen = False
        self.budget: int | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self.frozen, self.budget = False, None
                self.pairs.append((client, server))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.frozen:
                    continue
                if self.budget is not None:
                    data, self.budget = data[: self.budget], max(0, self.budget - len(data))
                    sink.sendall(data)
                    if not self.budget:
                        self.reset()
                    continue
                sink.sendall(data)

    def cut_in_a_frame(self) -> None:
        """Let a few more bytes through, then reset: the frame under way stays torn."""
        self.budget = self.random.randrange(5, 400)

    def reset(self) -> None:
        pairs, self.pairs = self.pairs, []
        for sock in (one for pair in pairs for one in pair):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                sock.close()

    def close(self) -> None:
        self.listener.close()
        self.reset()


def test_a_cut_and_a_half_open_line_cost_nothing_that_is_not_recorded(
    start_peer: Callable[..., Peer], gateway: Gateway, platform: ReceivingPlatform, kit: type[Kit]
) -> None:
    peer = start_peer("asyncua")
    proxy = CuttingProxy(peer.port, seed=20_240_501)
    try:
        gateway.settings["connection"]["url"] = f"opc.tcp://127.0.0.1:{proxy.port}"
        gateway.start()
        for fault in ("cut", "freeze"):
            since = time.time() * 1e6
            kit.wait_until(
                "samples before the next fault",
                lambda since=since: max(platform.rows(kit.path(0)), default=0) > since + 300_000,
            )
            if fault == "cut":
                proxy.cut_in_a_frame()
            else:
                proxy.frozen = True
        frozen_at = time.time() * 1e6
        kit.wait_until(
            "samples after the half-open line was noticed",
            lambda: max(platform.rows(kit.path(0))) > frozen_at + 1_000_000,
        )
        assert gateway.stop() == 0
    finally:
        proxy.close()
    journal = peer.journal()
    for at in range(peer.signals):
        rows, gaps = platform.rows(kit.path(at)), platform.gaps(kit.path(at))
        assert kit.missing(journal, rows, gaps) == []
        # Positive control: without the records the checker finds what the faults cost.
        assert kit.missing(journal, rows, []) != []
        assert {reason for _, _, reason in gaps} == {"disconnected"}
