"""The socket by itself: what is said arrives as it was, from whom it should, and from nobody else."""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import threading
from typing import TYPE_CHECKING

import pytest

from tundish_platform.store.remote import server as server_module
from tundish_platform.store.remote.errors import WriterAway
from tundish_platform.store.remote.pool import WriterLines
from tundish_platform.store.remote.protocol import (
    MARK,
    NONCE_BYTES,
    REQUEST,
    Channel,
)
from tundish_platform.store.remote.seals import new_key, read_key
from tundish_platform.store.remote.server import peer_uid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Wire

BOUND_S = 60.0
LENGTHS = struct.Struct("<4sIQ")


@pytest.mark.parametrize("size", [0, 1, 5_000_001])
def test_what_is_said_arrives_as_it_was(wire: Wire, size: int) -> None:
    body = os.urandom(size)
    answer = wire.client().ask({"say": "溶"}, [body[: size // 3], b"", body[size // 3 :]], seconds=BOUND_S)
    assert answer.head == {"told": "溶"}
    assert bytes(answer.body) == body


def test_a_folder_of_any_depth_has_a_socket(new_wire: Callable[..., Wire]) -> None:
    wire = new_wire(below="/".join(["a-long-name-of-a-folder"] * 8))
    assert len(str(wire.root)) > 108
    assert wire.client().ask({"say": 1}, seconds=BOUND_S).head == {"told": 1}


def test_only_the_same_user_gets_at_it(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("writer.sock", "writer.key"):
        assert stat.S_IMODE((wire.root / name).stat().st_mode) == 0o600
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        assert peer_uid(left) == os.geteuid()
    monkeypatch.setattr(server_module, "peer_uid", lambda _: os.geteuid() + 1)
    with pytest.raises(WriterAway):
        wire.client().ask({"say": 1}, seconds=BOUND_S)
    assert wire.echo.heard == []


def test_a_client_refuses_a_socket_of_another_user(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tundish_platform.store.remote.pool.peer_uid", lambda _: os.geteuid() + 1)
    with pytest.raises(WriterAway, match="another user"):
        wire.client().ask({"say": 1}, seconds=BOUND_S)


@pytest.mark.parametrize("bit", [1, 4])
def test_no_byte_of_a_message_can_be_changed(wire: Wire, bit: int) -> None:
    """The body's length is 4, so the bits make it longer and nothing."""
    head = {"say": 1}
    length = len(wire.recorded(bytes(32), bytes(16), head)) - len(b"body")
    for place in range(length):
        connection, nonce = wire.connect()
        message = wire.recorded(read_key(wire.root), nonce, head)
        message[place] ^= bit
        # Were a length made longer, the writer would wait for more: end our side.
        try:
            connection.sendall(message)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b"", place
        except ConnectionError:
            pass
    assert wire.echo.heard == []
    connection, nonce = wire.connect()
    assert wire.outcome(connection, wire.recorded(read_key(wire.root), nonce, head)) == MARK[:1]


def test_a_message_counts_once_and_on_its_own_connection(wire: Wire) -> None:
    connection, nonce = wire.connect()
    message = wire.recorded(read_key(wire.root), nonce, {"say": 1})
    connection.sendall(message)
    channel = Channel(connection, read_key(wire.root), nonce, REQUEST)
    answer = channel.receive(limit=1000, idle_s=BOUND_S, seconds=BOUND_S)
    assert answer is not None
    assert answer.head == {"told": 1}
    assert wire.outcome(connection, message) == b""
    other, _ = wire.connect()
    assert wire.outcome(other, message) == b""
    assert len(wire.echo.heard) == 1


def test_a_key_of_another_time_seals_nothing(wire: Wire) -> None:
    old = read_key(wire.root)
    wire.restart()
    assert read_key(wire.root) != old
    connection, nonce = wire.connect()
    assert wire.outcome(connection, wire.recorded(old, nonce, {"say": 1})) == b""
    assert wire.echo.heard == []


def test_a_client_believes_only_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's socket in the writer's place cannot seal its answers."""
    new_key(tmp_path)
    monkeypatch.chdir(tmp_path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    lines = WriterLines(tmp_path)

    def impostor() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(MARK + bytes(NONCE_BYTES))
            connection.recv(100_000)
            told = json.dumps({"told": 1}).encode()
            connection.sendall(LENGTHS.pack(MARK, len(told), 0) + bytes(32) + told)

    with listener:
        listener.bind("writer.sock")
        listener.listen()
        thread = threading.Thread(target=impostor)
        thread.start()
        with pytest.raises(WriterAway, match="seal"):
            lines.ask({"say": 1}, seconds=BOUND_S)
        thread.join()
