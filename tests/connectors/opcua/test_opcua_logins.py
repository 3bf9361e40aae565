"""Log-ins with a certificate and with every policy, signed and encrypted, at a real server."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import ValidationError

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.connector import leave, open_client
from tundish_connectors.opcua.doctor import diagnose
from tundish_connectors.opcua.keys import make_pair
from tundish_connectors.opcua.security import load_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration
POLICIES = ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")


class KnownCertificate(UserManager):
    """Lets in whoever holds one certificate; asyncua's server checks the signature itself."""

    def __init__(self, known: Path) -> None:
        self._known = load_certificate(known).public_bytes(Encoding.DER)

    def get_user(
        self, *_: object, username: str | None = None, certificate: bytes | None = None, **__: object
    ) -> User | None:
        return User(role=UserRole.User) if username is None and certificate == self._known else None


async def serve(port: int, folder: Path, ready: threading.Event, stop: threading.Event) -> None:
    server = Server(user_manager=KnownCertificate(folder / "user" / "cert.der"))
    await server.init()
    await server.set_application_uri("urn:tundish:test:logins")
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy(
        [
            ua.SecurityPolicyType[f"{policy}_{mode}"]
            for policy in POLICIES
            for mode in ("Sign", "SignAndEncrypt")
        ]
    )
    server.set_identity_tokens([ua.X509IdentityToken])
    await server.load_certificate(folder / "server" / "cert.der")
    await server.load_private_key(folder / "server" / "key.pem")
    async with server:
        ready.set()
        await asyncio.to_thread(stop.wait)


@pytest.fixture(scope="module")
def server(unused_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    folder = tmp_path_factory.mktemp("logins")
    make_pair(folder / "server", "urn:tundish:test:logins", "127.0.0.1")
    for who in ("user", "stranger"):
        make_pair(folder / who, f"urn:tundish:test:{who}", "127.0.0.1")
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(unused_port, folder, ready, stop)))
    thread.start()
    assert ready.wait(60)
    yield unused_port, folder
    stop.set()
    thread.join()


def connection(server: tuple[int, Path], state: Path, who: str, **more: object) -> OpcUaConnection:
    port, folder = server
    settings: dict[str, object] = {
        "name": "line-1",
        "url": f"opc.tcp://127.0.0.1:{port}/",
        "state_dir": state,
        "trust": folder / "server" / "cert.der",
        "user_certificate": folder / who / "cert.der",
        "user_private_key": folder / who / "key.pem",
    }
    return OpcUaConnection.model_validate({**settings, **more})


async def try_out(chosen: OpcUaConnection) -> None:
    client, session = await open_client(chosen)
    try:
        (state,) = await session.read_attributes([ua.NodeId(ua.Int32(2259))], ua.AttributeIds.Value)
        assert state.Value is not None
        assert state.Value.Value == 0
    finally:
        await leave(client)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
def test_a_certificate_logs_in_with_every_policy(
    server: tuple[int, Path], tmp_path: Path, policy: str, mode: str
) -> None:
    chosen = connection(server, tmp_path, "user", security_policy=policy, security_mode=mode)
    asyncio.run(try_out(chosen))


def test_the_doctor_knows_the_policies_by_both_spellings(server: tuple[int, Path], tmp_path: Path) -> None:
    chosen = connection(server, tmp_path, "user", security_policy="Aes256Sha256RsaPss")
    findings = {one.check: one for one in diagnose(chosen)}
    assert findings["policies"].ok
    assert findings["login"].ok


def test_a_strangers_certificate_is_refused_for_good(server: tuple[int, Path], tmp_path: Path) -> None:
    with pytest.raises(ConnectorError) as caught:
        asyncio.run(try_out(connection(server, tmp_path, "stranger")))
    assert caught.value.kind is ErrorKind.FATAL


def test_one_log_in_at_a_time_and_with_its_key(server: tuple[int, Path], tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="not with both"):
        connection(server, tmp_path, "user", user="op")
    with pytest.raises(ValidationError, match="belong together"):
        connection(server, tmp_path, "user", user_private_key=None)
    odd = tmp_path / "odd.pem"
    odd.write_text("no key")
    with pytest.raises(ConnectorError, match="cannot be read"):
        asyncio.run(try_out(connection(server, tmp_path, "user", user_private_key=odd)))
