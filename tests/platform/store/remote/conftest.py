"""Stores with a writer's socket: in this process, or with writer and clients in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.store.remote.client import RemoteTelemetry
from tundish_platform.store.remote.writer import open_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tundish_platform.store import Telemetry
    from tundish_platform.store.remote.server import WriterSocket

BOUND_S = 60.0


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
