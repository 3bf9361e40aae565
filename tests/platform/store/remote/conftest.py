"""Stores with a writer's socket: in this process, or with writer and clients in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.store.remote.client import RemoteTelemetry
from tundish_platform.store.remote.pool import WriterLines
from tundish_platform.store.remote.protocol import MARK, NONCE_BYTES, REQUEST, Channel, Message
from tundish_platform.store.remote.seals import read_key
from tundish_platform.store.remote.server import Limits, WriterSocket, socket_address
from tundish_platform.store.remote.writer import open_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tundish_platform.store import Telemetry

BOUND_S = 60.0


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


def greeted(root: Path) -> tuple[socket.socket, bytes]:
    """A connection by hand, and its nonce."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(BOUND_S)
    folder = os.open(root, os.O_RDONLY)
    try:
        connection.connect(socket_address(folder))
    finally:
        os.close(folder)
    greeting = connection.recv(len(MARK) + NONCE_BYTES, socket.MSG_WAITALL)
    return connection, greeting[len(MARK) :]


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
        connection, nonce = greeted(self.root)
        self.raw.append(connection)
        return connection, nonce

    def channel(self) -> tuple[socket.socket, Channel]:
        connection, nonce = self.connect()
        return connection, Channel(connection, read_key(self.root), nonce, REQUEST)

    @staticmethod
    def recorded(key: bytes, nonce: bytes, head: dict[str, Any]) -> bytearray:
        """A sealed message as it goes over the wire."""
        left, right = socket.socketpair()
        with left, right:
            Channel(left, key, nonce, REQUEST).send(head, [b"body"], seconds=BOUND_S)
            return bytearray(right.recv(100_000))

    @staticmethod
    def outcome(connection: socket.socket, sent: bytes) -> bytes:
        """What comes back: nothing where the writer hung up."""
        try:
            connection.sendall(sent)
            return connection.recv(1)
        except ConnectionError:
            return b""

    @staticmethod
    def eventually(condition: Callable[[], bool]) -> bool:
        until = time.monotonic() + BOUND_S
        while not condition() and time.monotonic() < until:
            time.sleep(0.005)
        return condition()

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


class Pair:
    """One store seen from inside the writer and from outside.

    Attributes:
        inside: the `World` of the writer.
        outside: a `World` whose telemetry goes through the socket.
    """

    def __init__(self, world: Any) -> None:  # noqa: ANN401 - another conftest's class
        self.inside = world
        self.outside = type(world)(world.root, world.metadata, world.scopes)
        self.socket: WriterSocket | None = None
        self.outside.telemetry = RemoteTelemetry(world.root, world.metadata, answer_s=BOUND_S)
        self.open()

    def open(self, **settings: Any) -> Telemetry:  # noqa: ANN401 - whatever `Telemetry` takes
        """Start the writer, again if it runs; the client stays."""
        self.stop()
        telemetry: Telemetry = self.inside.open(**settings)
        self.socket = open_socket(self.inside.root, telemetry)
        return telemetry

    def connect(self) -> tuple[socket.socket, bytes]:
        """A connection by hand, and its nonce; whoever asks closes it."""
        return greeted(self.inside.root)

    def stop(self) -> None:
        """End the writer."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
            self.inside.telemetry.close()
            self.inside.telemetry = None

    def close(self) -> None:
        self.outside.telemetry.close()
        self.stop()


@pytest.fixture
def new_pair(new_world: Callable[..., Any]) -> Iterator[Callable[[], Pair]]:
    made: list[Pair] = []

    def make() -> Pair:
        made.append(Pair(new_world(in_memory=False)))
        return made[-1]

    yield make
    for pair in made:
        pair.close()


@pytest.fixture
def pair(new_pair: Callable[[], Pair]) -> Pair:
    return new_pair()


# Real processes, but children of one that has imported everything: a start costs no seconds.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tundish_platform.store.remote.client", "tundish_platform.store.remote.writer"])
PROGRAMS = Path(__file__).parent


class Child:
    """A process that is told and tells one thing at a time."""

    def __init__(self, program: str, *arguments: object) -> None:
        self._pipe, theirs = FORKS.Pipe()
        told = {"PIPE": theirs, "ARGUMENTS": arguments}
        self.process = FORKS.Process(target=runpy.run_path, args=(str(PROGRAMS / program), told, "child"))
        self.process.start()
        theirs.close()

    def tell(self, **order: Any) -> None:  # noqa: ANN401 - whatever can be sent
        self._pipe.send(order)

    def hear(self) -> Any:  # noqa: ANN401 - whatever can be sent
        assert self._pipe.poll(BOUND_S), "the child says nothing"
        return self._pipe.recv()

    def ask(self, **order: Any) -> Any:  # noqa: ANN401 - whatever can be sent
        self.tell(**order)
        return self.hear()

    def signal(self, number: int) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self.process.kill()
        self.process.join()

    def end(self) -> None:
        self.kill()
        self.process.close()
        self._pipe.close()


class Plant:
    """A store whose writer and users are all processes of their own."""

    def __init__(self, world: Any) -> None:  # noqa: ANN401 - another conftest's class
        self.root = world.root
        self.url = str(world.metadata.engine.url)
        self._tenant = world.scopes["steel"].tenant_id
        self._children: list[Child] = []

    def start(self, program: str, *arguments: object) -> Child:
        self._children.append(Child(program, self.root, self.url, *arguments))
        return self._children[-1]

    def writer(self, seal_rows: int = 500_000) -> Child:
        """A writer that takes appends."""
        child = self.start("remote_writer.py", seal_rows)
        assert child.hear() == "ready"
        return child

    def member(self, answer_s: float = BOUND_S) -> Child:
        """A user of the store."""
        return self.start("remote_member.py", self._tenant, answer_s)

    def end(self) -> None:
        for child in self._children:
            child.end()


@pytest.fixture
def plant(new_world: Callable[..., Any]) -> Iterator[Plant]:
    made = Plant(new_world(in_memory=False))
    yield made
    made.end()
