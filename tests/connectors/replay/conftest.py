"""A replay server in a thread of its own, and clients that connect to it as a gateway would."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from tundish_connectors.replay import Identity, ReplayConfig, make_identity, serve, server_identity, trust

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

USER, PASSWORD = "gateway", "a-long-password"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Bench:
    """One server's configuration and a client that it trusts."""

    config: ReplayConfig
    client: Identity

    @asynccontextmanager
    async def connect(
        self, user: str | None = USER, password: str = PASSWORD, identity: Identity | None = None
    ) -> AsyncIterator[Client]:
        me = identity or self.client
        client = Client(self.config.url, timeout=10)
        client.application_uri = me.uri
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            str(me.certificate),
            str(me.private_key),
            server_certificate=str(server_identity(self.config).certificate),
            mode=ua.MessageSecurityMode.SignAndEncrypt,
        )
        if user is not None:
            client.set_user(user)
            client.set_password(password)
        async with client:
            yield client


@contextmanager
def run_server(config: ReplayConfig) -> Iterator[None]:
    started = threading.Event()
    loop = asyncio.new_event_loop()
    failure: list[BaseException] = []

    async def main() -> None:
        ready = asyncio.Event()
        task = asyncio.create_task(serve(config, ready))
        waiting = asyncio.create_task(ready.wait())
        tasks.append(task)
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        started.set()
        waiting.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return
        except OSError as error:
            failure.append(error)

    tasks: list[asyncio.Task[None]] = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), name="replay-server")
    thread.start()
    assert started.wait(60)
    try:
        if failure:
            raise failure[0]
        yield
    finally:
        loop.call_soon_threadsafe(tasks[0].cancel)
        thread.join(30)
        loop.close()


@pytest.fixture(scope="module")
def running() -> Callable[[ReplayConfig], AbstractContextManager[None]]:
    return run_server


@pytest.fixture(scope="module")
def make_bench(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Bench]:
    def make(kit: str, folder: Path | None = None, speed: float = 60.0) -> Bench:
        base = folder or tmp_path_factory.mktemp(kit)
        config = ReplayConfig(
            kit=kit,
            port=free_port(),
            speed=speed,
            state_dir=base / "state",
            pki_dir=base / "server",
            users={USER: PASSWORD},
        )
        client = make_identity(base / "client", "urn:test:tundish:gateway", "Gateway")
        server = server_identity(config)
        trust(server, client)
        trust(client, server)
        return Bench(config, client)

    return make
