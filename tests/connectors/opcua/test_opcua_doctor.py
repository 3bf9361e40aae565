"""The doctor and discovery against a secured server, with one thing wrong at a time."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager
from cryptography.x509.oid import ExtendedKeyUsageOID

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.discover import discover, propose_kit
from tundish_connectors.opcua.doctor import Finding, diagnose
from tundish_platform.samples.kits import kit as line_kit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.connectors.opcua.conftest import Kit

pytestmark = pytest.mark.integration
MISSING = "HPU1/Cooler/Power"


class OneUser(UserManager):
    def get_user(
        self, *_: object, username: str | None = None, password: str | None = None, **__: object
    ) -> User | None:
        return User(role=UserRole.User) if (username, password) == ("op", "right-one") else None


async def serve(port: int, folder: Path, ready: threading.Event, stop: threading.Event) -> None:
    """The hydraulic line without one signal, one bad value, and one variable that nothing can hold."""
    key, certificate = folder / "key.pem", folder / "cert.der"
    uri = "urn:tundish:test:secured"
    await setup_self_signed_certificate(
        key, certificate, uri, "127.0.0.1", [ExtendedKeyUsageOID.SERVER_AUTH], {}
    )
    server = Server(user_manager=OneUser())
    await server.init()
    await server.set_application_uri(uri)
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    server.set_identity_tokens([ua.UserNameIdentityToken])
    await server.load_certificate(certificate)
    await server.load_private_key(key)
    index = await server.register_namespace(uri)
    folders: dict[str, Any] = {"": server.nodes.objects}
    for spec in line_kit("hydraulic-bench").specs():
        if spec.path.endswith(MISSING):
            continue
        *above, name = spec.path.split("/")
        for depth in range(1, len(above) + 1):
            path = "/".join(above[:depth])
            if path not in folders:
                parent = folders["/".join(above[: depth - 1])]
                folders[path] = await parent.add_object(index, above[depth - 1])
        node = await folders["/".join(above)].add_variable(index, name, 0.0)
        if spec.path.endswith("Flow1"):
            bad = ua.StatusCode(ua.UInt32(0x80310000))
            await node.write_value(ua.DataValue(ua.Variant(0.0), bad))
    await folders["SY-Site"].add_variable(index, "Blob", b"\x00", ua.VariantType.ByteString)
    async with server:
        ready.set()
        await asyncio.to_thread(stop.wait)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    import socket  # noqa: PLC0415 - only to find a free port

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder = tmp_path_factory.mktemp("server")
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(port, folder, ready, stop)))
    thread.start()
    assert ready.wait(30)
    yield port, folder
    stop.set()
    thread.join()


@pytest.fixture
def settings(secured: tuple[int, Path], tmp_path: Path) -> dict[str, object]:
    port, folder = secured
    return {
        "name": "line-1",
        "url": f"opc.tcp://127.0.0.1:{port}/",
        "state_dir": tmp_path,
        "trust": folder / "cert.der",
        "user": "op",
        "password": "right-one",
        "kit": "hydraulic-bench",
    }


def examine(settings: dict[str, object], **changed: object) -> dict[str, Finding]:
    findings = diagnose(OpcUaConnection.model_validate({**settings, **changed}))
    for finding in findings:
        assert finding.message_zh
        assert finding.message_en
        assert finding.ok or finding.advice_zh or finding.check in {"login", "services"}
    return {finding.check: finding for finding in findings}


def failed(findings: dict[str, Finding]) -> set[str]:
    return {check for check, finding in findings.items() if not finding.ok}


def test_a_sound_connection_shows_only_what_the_line_lacks(settings: dict[str, object]) -> None:
    findings = examine(settings)
    assert failed(findings) == {"kit", "node states"}
    assert MISSING in findings["kit"].message_zh
    assert "Flow1" in findings["node states"].message_en
    assert "Blob" in findings["node states"].message_en
    assert {"name", "port", "endpoints", "host", "policies", "trust", "login", "clock", "limits"} <= set(
        findings
    )


def test_a_wrong_password_is_told_at_the_login(settings: dict[str, object]) -> None:
    findings = examine(settings, password="wrong-one")
    assert failed(findings) == {"login"}
    assert "密码" in findings["login"].message_zh
    assert "wrong-one" not in str(findings)


def test_an_untrusted_server_is_named_with_its_fingerprint(
    settings: dict[str, object], tmp_path: Path
) -> None:
    findings = examine(settings, trust=tmp_path / "nothing")
    assert "trust" in failed(findings)
    assert "login" in failed(findings)
    (copy,) = (tmp_path / "pki" / "rejected").iterdir()
    assert copy.name.removesuffix(".der") in findings["trust"].message_en


def test_a_policy_that_is_not_offered_is_told(settings: dict[str, object]) -> None:
    findings = examine(settings, security_policy="Aes256Sha256RsaPss")
    assert failed(findings) == {"policies"}
    assert "Basic256Sha256/SignAndEncrypt" in findings["policies"].message_en


def test_a_closed_port_and_an_unknown_name(settings: dict[str, object], kit: type[Kit]) -> None:
    assert failed(examine(settings, url=f"opc.tcp://127.0.0.1:{kit.free_port()}")) == {"port"}
    assert failed(examine(settings, url="opc.tcp://no-such-host.invalid:4840")) == {"name"}


def test_discovery_proposes_the_kit_and_its_line(settings: dict[str, object]) -> None:
    found = discover(OpcUaConnection.model_validate({**settings, "kit": None}))
    assert found.proposal is not None
    assert (found.proposal.kit, found.proposal.line) == ("hydraulic-bench", "SY-Site/CylinderShop/CYL1")
    assert found.proposal.found == found.proposal.expected - 1
    assert found.logins == ["UserName"]
    assert "SY-Site/Blob" in found.unusable


def test_discovery_does_not_reach_an_untrusted_server(settings: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ConnectorError) as caught:
        discover(OpcUaConnection.model_validate({**settings, "trust": tmp_path / "nothing"}))
    assert caught.value.kind is ErrorKind.FATAL


def test_no_kit_is_proposed_for_a_foreign_tree() -> None:
    assert propose_kit(["A/B/C", "A/B/HPU1/Cooler/Power"]) is None
