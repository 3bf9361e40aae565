"""What clients may take of the writer, slow and dead ones, lost connections, and refusals."""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING

import pytest

from tundish_platform.samples import CodecError
from tundish_platform.store import StoreFailed, StoreFull, TimeOutOfRange
from tundish_platform.store.lifecycle.quota import OverQuota, QueryTooLong, QuotaExceeded
from tundish_platform.store.remote.errors import WriterAway, WriterFault
from tundish_platform.store.remote.pool import WriterLines
from tundish_platform.store.remote.protocol import (
    MARK,
    NONCE_BYTES,
    Broken,
    Message,
)
from tundish_platform.store.remote.seals import new_key, read_key
from tundish_platform.store.remote.server import Limits, WriterSocket
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Wire

BOUND_S = 60.0
LENGTHS = struct.Struct("<4sIQ")


def test_a_body_beyond_the_limit_is_not_read(new_wire: Callable[..., Wire]) -> None:
    wire = new_wire(Limits(request_bytes=1000))
    lines = wire.client()
    assert lines.ask({}, [bytes(1000)], seconds=BOUND_S).body.nbytes == 1000
    with pytest.raises(WriterAway):
        lines.ask({}, [bytes(1001)], seconds=BOUND_S)
    assert len(wire.echo.heard) == 1


def test_requests_hold_only_so_many_bytes_together(new_wire: Callable[..., Wire]) -> None:
    wire = new_wire(Limits(held_bytes=3_000_000))
    wire.echo.hold.clear()
    lines = wire.client()
    first = threading.Thread(target=lines.ask, args=({}, [bytes(2_000_000)]), kwargs={"seconds": BOUND_S})
    first.start()
    assert wire.eventually(lambda: len(wire.echo.heard) == 1)
    with pytest.raises(WriterAway):
        lines.ask({}, [bytes(2_000_000)], seconds=BOUND_S)
    wire.echo.hold.set()
    first.join()
    # What was held is free again, also what the refused one had taken.
    assert lines.ask({}, [bytes(2_900_000)], seconds=BOUND_S).body.nbytes == 2_900_000


def test_more_connections_than_allowed_are_told_so_and_may_come_again(new_wire: Callable[..., Wire]) -> None:
    wire = new_wire(Limits(connections=2))
    taken = [wire.connect()[0] for _ in range(2)]
    assert wire.eventually(lambda: wire.socket.connections == 2)
    with pytest.raises(WriterAway, match="as many connections"):
        wire.client(busy_s=0.05).ask({}, seconds=BOUND_S)
    patient = wire.client(busy_s=BOUND_S)
    found: list[Message] = []
    asking = threading.Thread(target=lambda: found.append(patient.ask({"say": 1}, seconds=BOUND_S)))
    asking.start()
    taken[0].close()
    asking.join()
    assert found[0].head == {"told": 1}


def stall(wire: Wire, part: float) -> socket.socket:
    """Send a part of a message and no more."""
    connection, nonce = wire.connect()
    message = wire.recorded(read_key(wire.root), nonce, {"say": 1})
    connection.sendall(message[: max(1, int(part * (len(message) - 1)))])
    return connection


@pytest.mark.parametrize("part", [0.0, 0.2, 0.6, 1.0])
def test_who_stops_within_a_message_holds_up_nobody(wire: Wire, part: float) -> None:
    stall(wire, part)
    # Its thread waits for the rest, another answers us.
    assert wire.client().ask({"say": 2}, seconds=BOUND_S).head == {"told": 2}
    assert wire.socket.connections == 2


@pytest.mark.parametrize("part", [0.0, 0.2, 0.6, 1.0])
def test_who_stops_within_a_message_is_cut_off(new_wire: Callable[..., Wire], part: float) -> None:
    wire = new_wire(Limits(message_s=0.05))
    assert wire.outcome(stall(wire, part), b"") == b""
    assert wire.echo.heard == []


def test_who_does_not_take_its_answer_holds_up_nobody(wire: Wire) -> None:
    _, channel = wire.channel()
    channel.send({"size": 50_000_000}, seconds=BOUND_S)
    assert wire.client().ask({"say": 2}, seconds=BOUND_S).head == {"told": 2}
    assert wire.socket.connections == 2


def test_who_does_not_take_its_answer_is_cut_off(new_wire: Callable[..., Wire]) -> None:
    wire = new_wire(Limits(message_s=0.5))
    _, channel = wire.channel()
    channel.send({"size": 50_000_000}, seconds=BOUND_S)
    assert wire.eventually(lambda: wire.socket.connections == 0)


def test_who_dies_within_a_message_leaves_nothing(wire: Wire) -> None:
    connection, nonce = wire.connect()
    message = wire.recorded(read_key(wire.root), nonce, {"say": 1})
    connection.sendall(message[:-1])
    connection.close()
    assert wire.eventually(lambda: wire.socket.connections == 0)
    assert wire.echo.heard == []


def test_an_idle_connection_is_closed_by_both_sides(new_wire: Callable[..., Wire]) -> None:
    wire = new_wire(Limits(idle_s=0.05))
    connection, _ = wire.connect()
    assert connection.recv(1) == b""
    other = new_wire()
    lines = other.client(idle_s=0.0)
    lines.ask({}, seconds=BOUND_S)
    assert wire.eventually(lambda: other.socket.connections == 0)


def test_a_pool_opens_no_more_than_it_may(wire: Wire) -> None:
    wire.echo.hold.clear()
    lines = wire.client(most=3)
    threads = [threading.Thread(target=lines.ask, args=({},), kwargs={"seconds": BOUND_S}) for _ in range(9)]
    for thread in threads:
        thread.start()
    assert wire.eventually(lambda: len(wire.echo.heard) == 3)
    assert wire.socket.connections == 3
    wire.echo.hold.set()
    for thread in threads:
        thread.join()
    assert len(wire.echo.heard) == 9
    assert wire.socket.connections == 3


def test_clients_find_the_writer_again(wire: Wire) -> None:
    lines = wire.client()
    for turn in range(3):
        assert lines.ask({"say": turn}, seconds=BOUND_S).head == {"told": turn}
        wire.restart()
    wire.socket.close()
    with pytest.raises(WriterAway):
        lines.ask({"say": 1}, seconds=BOUND_S)


@pytest.mark.parametrize(("again", "times"), [(False, 1), (True, 2)])
def test_only_what_changes_nothing_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool, times: int
) -> None:
    """The writer dies after it has the request; nobody knows what became of it."""
    new_key(tmp_path)
    monkeypatch.chdir(tmp_path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    heard: list[bytes] = []

    def die_each_time() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(MARK + bytes(NONCE_BYTES))
                heard.append(connection.recv(100_000))

    lines = WriterLines(tmp_path)
    thread = threading.Thread(target=die_each_time)
    with listener:
        listener.bind("writer.sock")
        listener.listen()
        thread.start()
        with pytest.raises(WriterAway):
            lines.ask({}, seconds=BOUND_S, again=again)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert len(heard) == times


@pytest.mark.parametrize(
    "error",
    [
        AccessDenied("steel lacks ingest"),
        CodecError("a frame is torn"),
        OverQuota("queries", 2.5),
        QueryTooLong("a year of all signals"),
        QuotaExceeded("rows", 12.5),
        StoreFailed("no sync"),
        StoreFull("no space"),
        TimeOutOfRange("signal 7"),
        ValueError("column ts has nulls"),
    ],
)
def test_refusals_come_over_with_type_and_text(wire: Wire, error: Exception) -> None:
    wire.echo.raises = error
    lines = wire.client()
    with pytest.raises(type(error)) as caught:
        lines.ask({}, seconds=BOUND_S)
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
    assert vars(caught.value) == vars(error)
    wire.echo.raises = None
    assert lines.ask({"say": 1}, seconds=BOUND_S).head == {"told": 1}
    assert wire.socket.connections == 1


def test_the_inside_of_a_fault_stays_inside(wire: Wire) -> None:
    wire.echo.raises = KeyError("canary")
    with pytest.raises(WriterFault) as caught:
        wire.client().ask({}, seconds=BOUND_S)
    assert "canary" not in str(caught.value)


def test_closing_finishes_what_is_under_way(wire: Wire) -> None:
    wire.echo.hold.clear()
    lines = wire.client()
    found: list[Message] = []
    asking = threading.Thread(target=lambda: found.append(lines.ask({"say": 1}, seconds=BOUND_S)))
    asking.start()
    assert wire.eventually(lambda: len(wire.echo.heard) == 1)
    closing = threading.Thread(target=wire.socket.close)
    closing.start()
    wire.echo.hold.set()
    asking.join()
    closing.join()
    assert found[0].head == {"told": 1}
    assert wire.socket.connections == 0


def test_a_head_beyond_the_limit_is_refused_before_it_is_sent(wire: Wire) -> None:
    with pytest.raises(ValueError, match="head"):
        wire.client().ask({"say": "x" * 5_000_000}, seconds=BOUND_S)


def test_a_dead_writers_socket_file_is_no_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WriterAway):
        WriterLines(tmp_path).ask({}, seconds=BOUND_S)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind("writer.sock")
    with pytest.raises(WriterAway):
        WriterLines(tmp_path).ask({}, seconds=BOUND_S)
    WriterSocket(tmp_path, lambda _: ({}, ())).close()


def test_a_channel_takes_one_message_at_a_time(wire: Wire) -> None:
    _, channel = wire.channel()
    for turn in range(5):
        channel.send({"say": turn}, seconds=BOUND_S)
    for turn in range(5):
        message = channel.receive(limit=0, idle_s=BOUND_S, seconds=BOUND_S)
        assert message is not None
        assert message.head == {"told": turn}
    with pytest.raises(Broken):
        channel.receive(limit=0, idle_s=0.01, seconds=BOUND_S)
