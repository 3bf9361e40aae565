"""Every log and every object store, each behind the same few handles.

A new implementation is named in `LOGS` or `OBJECTS`; `test_conformance_subjects.py` fails until it is.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.store.log import records
from tundish_platform.store.log.filelog import FileLog
from tundish_platform.store.log.jetstream import JetStreamLog, StreamSettings
from tundish_platform.store.log.link import NatsLink
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.objects_cache import ObjectCache
from tundish_platform.store.objects_s3 import S3Objects
from tundish_platform.store.testing.bucket import BucketServer
from tundish_platform.store.testing.nodes import NatsNodes
from tundish_platform.store.testing.places import FaultyFiles, LogPlace, ObjectsPlace
from tundish_platform.store.testing.relay import Relay, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Places:
    """What places stand on; servers are started when the first place asks for them, and are shared.

    Args:
        root: a new folder.
        ask: for another fixture.
    """

    def __init__(self, root: Path, ask: Callable[[str], Any]) -> None:
        self.root = root
        self._ask = ask

    @property
    def nodes(self) -> NatsNodes:
        nodes: NatsNodes = self._ask("nats_nodes")
        return nodes

    @property
    def bucket(self) -> BucketServer:
        bucket: BucketServer = self._ask("bucket_server")
        return bucket


_numbers = count(1)


@contextmanager
def faulty(layer: FaultyFiles, error: int) -> Iterator[None]:
    layer.error = error
    yield
    layer.error = 0


@contextmanager
def file_log(places: Places) -> Iterator[LogPlace]:
    layer = FaultyFiles()
    yield LogPlace(
        "FileLog",
        lambda: FileLog(places.root / "log", layer, file_bytes=4096),
        lambda: faulty(layer, errno.ENOSPC),
        lambda: faulty(layer, errno.EIO),
        records.MAX_PAYLOAD + 1,
    )


@contextmanager
def jetstream_log(places: Places) -> Iterator[LogPlace]:
    nodes, partition = places.nodes, next(_numbers)
    link = NatsLink(nodes.urls)
    opened_logs: list[JetStreamLog] = []

    def opened() -> JetStreamLog:
        opened_logs.append(JetStreamLog(link, partition, StreamSettings(replicas=3), patience_s=60))
        return opened_logs[-1]

    @contextmanager
    def full() -> Iterator[None]:
        link.run(_limit(link, partition, 1))
        yield
        link.run(_limit(link, partition, -1))

    @contextmanager
    def broken() -> Iterator[None]:
        leader = nodes.leader(f"TUNDISH_LOG_{partition}")
        others = [index for index in range(3) if index != leader]
        for index in others:
            nodes.kill(index)
        for log in opened_logs:
            log._publisher._patience_s = 1.0
        yield
        for index in others:
            nodes.start(index)

    yield LogPlace("JetStreamLog", opened, full, broken, link.max_payload + 1)
    link.close()


async def _limit(link: NatsLink, partition: int, size: int) -> None:
    name = f"TUNDISH_LOG_{partition}"
    info = await link.streams.stream_info(name)
    await link.streams.update_stream(replace(info.config, max_bytes=size))


@contextmanager
def local_objects(places: Places) -> Iterator[ObjectsPlace]:
    layer = FaultyFiles()
    yield ObjectsPlace(
        "LocalObjects",
        lambda: LocalObjects(places.root / "objects", layer),
        lambda: faulty(layer, errno.ENOSPC),
        lambda: faulty(layer, errno.EIO),
    )


@contextmanager
def s3_objects(places: Places) -> Iterator[ObjectsPlace]:
    access = places.bucket.access
    port = int((access.endpoint or "").rpartition(":")[2])
    prefix = f"{access.url}/place-{next(_numbers)}"
    with Relay(port) as relay:
        through = replace(access, url=prefix, endpoint=f"http://127.0.0.1:{relay.port}")

        @contextmanager
        def turned(way: Way, limit: int = 0) -> Iterator[None]:
            relay.turn(way, limit)
            yield
            relay.turn(Way.ON)

        yield ObjectsPlace(
            "S3Objects",
            lambda: S3Objects(through, ObjectCache(places.root / f"cache-{next(_numbers)}", 100_000_000)),
            lambda: turned(Way.FULL),
            lambda: turned(Way.CUT, 3000),
        )


LOGS: dict[str, Callable[[Places], Any]] = {"FileLog": file_log, "JetStreamLog": jetstream_log}
OBJECTS: dict[str, Callable[[Places], Any]] = {"LocalObjects": local_objects, "S3Objects": s3_objects}
# What asks for servers.
SERVED = {"JetStreamLog", "S3Objects"}


def named(subjects: dict[str, Callable[[Places], Any]]) -> list[Any]:
    marks = {name: [pytest.mark.integration] if name in SERVED else [] for name in subjects}
    return [pytest.param(subjects[name], id=name, marks=marks[name]) for name in subjects]


@pytest.fixture(scope="session")
def nats_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsNodes]:
    with NatsNodes(tmp_path_factory.mktemp("nats"), 3, max_payload=1024 * 1024) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def bucket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    with BucketServer(tmp_path_factory.mktemp("bucket")) as server:
        yield server


@pytest.fixture
def places(tmp_path: Path, request: pytest.FixtureRequest) -> Places:
    return Places(tmp_path, request.getfixturevalue)


@pytest.fixture(params=named(LOGS))
def log_place(request: pytest.FixtureRequest, places: Places) -> Iterator[LogPlace]:
    with request.param(places) as place:
        yield place
        place.close()


@pytest.fixture(params=named(OBJECTS))
def objects_place(request: pytest.FixtureRequest, places: Places) -> Iterator[ObjectsPlace]:
    with request.param(places) as place:
        yield place


@pytest.fixture
def log_names() -> set[str]:
    return set(LOGS)


@pytest.fixture
def objects_names() -> set[str]:
    return set(OBJECTS)
