"""One server for what needs no majority."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tundish_platform.store.log.link import NatsLink
from tundish_platform.store.testing.bucket import BucketServer
from tundish_platform.store.testing.nodes import NatsNodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_partitions = count(1)


@pytest.fixture(scope="session")
def one_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsNodes]:
    with NatsNodes(tmp_path_factory.mktemp("nats-alone"), 1) as nodes:
        yield nodes


@pytest.fixture
def three_nodes(tmp_path: Path) -> Iterator[NatsNodes]:
    with NatsNodes(tmp_path / "nats", 3) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    """Each test has a prefix of its own in it."""
    with BucketServer(tmp_path_factory.mktemp("bucket")) as server:
        yield server


@pytest.fixture
def new_link(one_node: NatsNodes) -> Iterator[Callable[[], NatsLink]]:
    links: list[NatsLink] = []

    def make() -> NatsLink:
        links.append(NatsLink(one_node.urls))
        return links[-1]

    yield make
    for link in links:
        link.close()


@pytest.fixture
def partition() -> int:
    """One that no other test uses."""
    return next(_partitions)
