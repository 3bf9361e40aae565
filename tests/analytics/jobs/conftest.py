"""A platform with one plant behind a real HTTP server, for workers that take its jobs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from waitress import wasyncore
from waitress.server import create_server

from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.marketplace import Catalogue
from tundish_platform.migrations import upgrade
from tundish_platform.sdk.client import Client
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_token
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Served:
    """Where the platform is, and two who use it."""

    address: str
    token: str
    engineer: Client
    worker: Client


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = tmp_path_factory.mktemp("platform")
    metadata = Metadata(f"sqlite:///{place / 'metadata.sqlite'}")
    upgrade(metadata)
    with metadata.session() as session:
        create_tenant(session, "plant", "厂", "Plant")
        token = create_token(session, "worker", {"plant": [Role.ANALYST]})
        engineer = create_token(session, "engineer", {"plant": [Role.ENGINEER]})
    telemetry = Telemetry(place / "store", metadata)
    sockets: dict[int, object] = {}
    app = create_app(PlatformContext(metadata, telemetry, Catalogue()))
    server = create_server(app, map=sockets, host="127.0.0.1", port=0, threads=4)
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            wasyncore.loop(timeout=0.05, map=sockets, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    address = f"http://127.0.0.1:{server.effective_port}"
    with Client(address, engineer) as asks, Client(address, token) as works:
        yield Served(address, token, asks, works)
    stopped.set()
    thread.join(timeout=10)
    server.task_dispatcher.shutdown()
    wasyncore.close_all(map=sockets)
    telemetry.close()
    metadata.close()
