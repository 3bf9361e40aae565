"""A line between an OPC UA client and its server that breaks as lines do: in a frame, half-open, one-way."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from enum import StrEnum

_RESET = struct.pack("ii", 1, 0)
_LARGEST_CUT = 400


class Cut(StrEnum):
    """How a line breaks.

    ``mid_frame``: reset after a few more bytes. ``half_open``: bytes vanish both ways, the sockets stay.
    ``deaf``: what the server sends vanishes. ``dumb``: what the client sends vanishes.
    """

    MID_FRAME = "mid_frame"
    HALF_OPEN = "half_open"
    DEAF = "deaf"
    DUMB = "dumb"


class _Pair:
    """One connection. A fault belongs to it alone: the next connection is whole."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.cut: Cut | None = None
        self.budget = 0

    def reset(self) -> None:
        for sock in (self.client, self.server):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                # A close alone leaves a thread that waits in recv, and the line with it.
                sock.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                sock.close()

    def swallows(self, *, to_client: bool) -> bool:
        return self.cut is Cut.HALF_OPEN or self.cut is (Cut.DEAF if to_client else Cut.DUMB)


class Relay:
    """Passes bytes on until it is told to break the line.

    Attributes:
        port: where clients connect, on the loopback.
        delay_s: every piece waits so long, which makes a server slow.
        accepting: new connections are let through; else they are reset.
    """

    def __init__(self, target: int, seed: str) -> None:
        self._target = target
        self._random = random.Random(seed)  # noqa: S311 - repeatable faults, no secrets
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[_Pair] = []
        self.delay_s = 0.0
        self.accepting = True
        threading.Thread(target=self._accept, name="relay", daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._join(client)

    def _join(self, client: socket.socket) -> None:
        try:
            if not self.accepting:
                raise ConnectionRefusedError
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        pair = _Pair(client, server)
        self._pairs.append(pair)
        for to_client in (False, True):
            threading.Thread(target=self._pass, args=(pair, to_client), daemon=True).start()

    def _pass(self, pair: _Pair, to_client: bool) -> None:
        source, sink = (pair.server, pair.client) if to_client else (pair.client, pair.server)
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.delay_s:
                    time.sleep(self.delay_s)
                if pair.swallows(to_client=to_client):
                    continue
                if pair.cut is Cut.MID_FRAME:
                    sink.sendall(data[: pair.budget])
                    pair.budget -= len(data)
                    if pair.budget <= 0:
                        break
                    continue
                sink.sendall(data)
        if pair.cut in {None, Cut.MID_FRAME}:
            pair.reset()

    def break_line(self, cut: Cut) -> None:
        """Break every connection there is."""
        for pair in self._pairs:
            pair.budget = self._random.randrange(5, _LARGEST_CUT)
            pair.cut = cut

    def reset(self) -> None:
        """End all connections, at once."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.reset()

    def close(self) -> None:
        """End everything."""
        self._listener.close()
        self.reset()
