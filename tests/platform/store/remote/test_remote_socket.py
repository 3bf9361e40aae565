"""The socket by itself: framing, seals, bounds, slow and dead clients."""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.samples import CodecError
from tundish_platform.store import StoreFailed, StoreFull, TimeOutOfRange
from tundish_platform.store.lifecycle.quota import OverQuota, QueryTooLong, QuotaExceeded
from tundish_platform.store.remote import server as server_module
from tundish_platform.store.remote.errors import WriterAway, WriterFault
from tundish_platform.store.remote.pool import WriterLines
from tundish_platform.store.remote.protocol import (
    MARK,
    NONCE_BYTES,
    REQUEST,
    Broken,
    Channel,
    Message,
)
from tundish_platform.store.remote.seals import new_key, read_key
from tundish_platform.store.remote.server import Limits, WriterSocket, peer_uid
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

BOUND_S = 60.0
LENGTHS = struct.Struct("<4sIQ")


class Echo:
    """Answers with what it was asked; remembers it."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.raises: Exception | None = None
        self.hold = threading.Event()
        self.hold.set()

    def __call__(self, message: Message) -> tuple[dict[str, Any], Sequence[Any]]:
        self.heard.append(dict(message.head))
        self.hold.wait(BOUND_S)
        if self.raises is not None:
            raise self.raises
        body = bytes(message.head["size"]) if "size" in message.head else bytes(message.body)
        return {"told": message.head.get("say")}, [body]


class Wire:
    """A socket that answers with `Echo`, and its clients."""

    def __init__(self, root: Path, limits: Limits | None = None) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.limits = limits or Limits()
        self.echo = Echo()
        self.socket = WriterSocket(root, self.echo, self.limits)
        self.lines: list[WriterLines] = []
        self.raw: list[socket.socket] = []

    def client(self, **settings: Any) -> WriterLines:  # noqa: ANN401 - whatever `WriterLines` takes
        self.lines.append(WriterLines(self.root, **settings))
        return self.lines[-1]

    def connect(self) -> tuple[socket.socket, bytes]:
        """A connection by hand, and its nonce."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.raw.append(connection)
        connection.settimeout(BOUND_S)
        connection.connect(str(self.root / "writer.sock"))
        greeting = connection.recv(len(MARK) + NONCE_BYTES, socket.MSG_WAITALL)
        return connection, greeting[len(MARK) :]

    def channel(self) -> tuple[socket.socket, Channel]:
        connection, nonce = self.connect()
        return connection, Channel(connection, read_key(self.root), nonce, REQUEST)

    def restart(self) -> None:
        self.socket.close()
        self.socket = WriterSocket(self.root, self.echo, self.limits)

    def close(self) -> None:
        self.echo.hold.set()
        for connection in self.raw:
            connection.close()
        for lines in self.lines:
            lines.close()
        self.socket.close()


@pytest.fixture
def new_wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Wire]]:
    made: list[Wire] = []

    def make(limits: Limits | None = None, below: str = "store") -> Wire:
        made.append(Wire(tmp_path_factory.mktemp("wire") / below, limits))
        return made[-1]

    yield make
    for wire in made:
        wire.close()


@pytest.fixture
def wire(new_wire: Callable[..., Wire]) -> Wire:
    return new_wire()


def eventually(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + BOUND_S
    while not condition() and time.monotonic() < until:
        time.sleep(0.005)
    return condition()


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


def recorded(key: bytes, nonce: bytes, head: dict[str, Any]) -> bytearray:
    """A sealed message as it goes over the wire."""
    left, right = socket.socketpair()
    with left, right:
        Channel(left, key, nonce, REQUEST).send(head, [b"body"], seconds=BOUND_S)
        return bytearray(right.recv(100_000))


def outcome(connection: socket.socket, sent: bytes) -> bytes:
    """What comes back: nothing where the writer hung up."""
    try:
        connection.sendall(sent)
        return connection.recv(1)
    except ConnectionError:
        return b""


@pytest.mark.parametrize("bit", [1, 4])
def test_no_byte_of_a_message_can_be_changed(wire: Wire, bit: int) -> None:
    """The body's length is 4, so the bits make it longer and nothing."""
    head = {"say": 1}
    length = len(recorded(bytes(32), bytes(16), head)) - len(b"body")
    for place in range(length):
        connection, nonce = wire.connect()
        message = recorded(read_key(wire.root), nonce, head)
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
    assert outcome(connection, recorded(read_key(wire.root), nonce, head)) == MARK[:1]


def test_a_message_counts_once_and_on_its_own_connection(wire: Wire) -> None:
    connection, nonce = wire.connect()
    message = recorded(read_key(wire.root), nonce, {"say": 1})
    connection.sendall(message)
    channel = Channel(connection, read_key(wire.root), nonce, REQUEST)
    answer = channel.receive(limit=1000, idle_s=BOUND_S, seconds=BOUND_S)
    assert answer is not None
    assert answer.head == {"told": 1}
    assert outcome(connection, message) == b""
    other, _ = wire.connect()
    assert outcome(other, message) == b""
    assert len(wire.echo.heard) == 1


def test_a_key_of_another_time_seals_nothing(wire: Wire) -> None:
    old = read_key(wire.root)
    wire.restart()
    assert read_key(wire.root) != old
    connection, nonce = wire.connect()
    assert outcome(connection, recorded(old, nonce, {"say": 1})) == b""
    assert wire.echo.heard == []


def test_a_client_believes_only_the_writer(tmp_path: Path) -> None:
    """Somebody else's socket in the writer's place cannot seal its answers."""
    new_key(tmp_path)
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
        listener.bind(str(tmp_path / "writer.sock"))
        listener.listen()
        thread = threading.Thread(target=impostor)
        thread.start()
        with pytest.raises(WriterAway, match="seal"):
            lines.ask({"say": 1}, seconds=BOUND_S)
        thread.join()


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
    assert eventually(lambda: len(wire.echo.heard) == 1)
    with pytest.raises(WriterAway):
        lines.ask({}, [bytes(2_000_000)], seconds=BOUND_S)
    wire.echo.hold.set()
    first.join()
    # What was held is free again, also what the refused one had taken.
    assert lines.ask({}, [bytes(2_900_000)], seconds=BOUND_S).body.nbytes == 2_900_000


def test_more_connections_than_allowed_are_told_so_and_may_come_again(new_wire: Callable[..., Wire]) -> None:
    wire = new_wire(Limits(connections=2))
    taken = [wire.connect()[0] for _ in range(2)]
    assert eventually(lambda: wire.socket.connections == 2)
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
    message = recorded(read_key(wire.root), nonce, {"say": 1})
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
    assert outcome(stall(wire, part), b"") == b""
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
    assert eventually(lambda: wire.socket.connections == 0)


def test_who_dies_within_a_message_leaves_nothing(wire: Wire) -> None:
    connection, nonce = wire.connect()
    message = recorded(read_key(wire.root), nonce, {"say": 1})
    connection.sendall(message[:-1])
    connection.close()
    assert eventually(lambda: wire.socket.connections == 0)
    assert wire.echo.heard == []


def test_an_idle_connection_is_closed_by_both_sides(new_wire: Callable[..., Wire]) -> None:
    wire = new_wire(Limits(idle_s=0.05))
    connection, _ = wire.connect()
    assert connection.recv(1) == b""
    other = new_wire()
    lines = other.client(idle_s=0.0)
    lines.ask({}, seconds=BOUND_S)
    assert eventually(lambda: other.socket.connections == 0)


def test_a_pool_opens_no_more_than_it_may(wire: Wire) -> None:
    wire.echo.hold.clear()
    lines = wire.client(most=3)
    threads = [threading.Thread(target=lines.ask, args=({},), kwargs={"seconds": BOUND_S}) for _ in range(9)]
    for thread in threads:
        thread.start()
    assert eventually(lambda: len(wire.echo.heard) == 3)
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
def test_only_what_changes_nothing_is_asked_again(tmp_path: Path, again: bool, times: int) -> None:
    """The writer dies after it has the request; nobody knows what became of it."""
    new_key(tmp_path)
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
        listener.bind(str(tmp_path / "writer.sock"))
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
    assert eventually(lambda: len(wire.echo.heard) == 1)
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


def test_a_dead_writers_socket_file_is_no_writer(tmp_path: Path) -> None:
    with pytest.raises(WriterAway):
        WriterLines(tmp_path).ask({}, seconds=BOUND_S)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / "writer.sock"))
    with pytest.raises(WriterAway):
        WriterLines(tmp_path).ask({}, seconds=BOUND_S)
    WriterSocket(tmp_path, Echo()).close()


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
