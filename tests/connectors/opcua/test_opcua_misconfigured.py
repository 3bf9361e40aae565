"""The doctor against a real server with many faults at once: each is named, with its remedy."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from asyncua import Server, ua
from asyncua.crypto.cert_gen import dump_private_key_as_pem, generate_private_key
from asyncua.crypto.cert_gen import generate_self_signed_app_certificate as self_signed
from asyncua.ua.object_ids import ObjectIds
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.choose import best_offer
from tundish_connectors.opcua.doctor import Finding, diagnose
from tundish_connectors.opcua.endpoints import Offer, reachable, read_offers, read_servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration
FOREIGN_HOST = "plc-17.no-such-host.invalid"
LIMIT = 4


def identity(folder: Path, uri: str, days: int) -> None:
    key = generate_private_key()
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri), x509.DNSName("127.0.0.1")]
    certificate = self_signed(key, uri, {}, names, [ExtendedKeyUsageOID.SERVER_AUTH], days=days)
    (folder / "key.pem").write_bytes(dump_private_key_as_pem(key))
    (folder / "cert.der").write_bytes(certificate.public_bytes(Encoding.DER))


async def serve(port: int, folder: Path, ready: threading.Event, stop: threading.Event) -> None:
    identity(folder, "urn:made:for:another:server", days=20)
    server = Server()
    await server.init()
    await server.set_application_uri("urn:tundish:test:wrong")
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_Sign, ua.SecurityPolicyType.NoSecurity])
    await server.load_certificate(folder / "cert.der")
    await server.load_private_key(folder / "key.pem")
    browse = server.get_node(ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse)
    await browse.write_value(ua.Variant(LIMIT, ua.VariantType.UInt32))
    index = await server.register_namespace("urn:tundish:test:wrong")
    for at in range(3):
        await server.nodes.objects.add_variable(index, f"Frozen{at}", float(at))
    # As a controller would that knows nothing of where it stands in the network.
    server.iserver.match_discovery_endpoint_url = server.iserver.match_discovery_source_ip = False
    async with server:
        server.iserver._time_task_stop = True
        await server.iserver.time_task
        clock = server.get_node(ObjectIds.Server_ServerStatus_CurrentTime)
        await clock.write_value(datetime.now(UTC) + timedelta(hours=8))
        for endpoint in server.iserver.endpoints:
            endpoint.EndpointUrl = f"opc.tcp://{FOREIGN_HOST}:{port}/"
            endpoint.Server.DiscoveryUrls = [endpoint.EndpointUrl]
        ready.set()
        await asyncio.to_thread(stop.wait)


@pytest.fixture(scope="module")
def wrong(unused_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("wrong")
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(unused_port, folder, ready, stop)))
    thread.start()
    assert ready.wait(60)
    yield f"opc.tcp://127.0.0.1:{unused_port}/", folder
    stop.set()
    thread.join()


@pytest.fixture(scope="module")
def findings(wrong: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    url, folder = wrong
    connection = OpcUaConnection(
        name="line-1",
        url=url,
        state_dir=tmp_path_factory.mktemp("state"),
        trust=folder / "cert.der",
        security_mode="Sign",
    )
    return {one.check: one for one in diagnose(connection, watch_s=0.2)}


@pytest.mark.parametrize(
    ("check", "found", "remedy"),
    [
        ("host", FOREIGN_HOST, "host name"),
        ("application uri", "urn:made:for:another:server", "certificate anew"),
        ("server certificate", "days left", "valid"),
        ("clock", "clock is +28", "NTP"),
        ("limits", "browse 4", "limit"),
        ("changes", "3 of 3 measurements never changed", "sensors"),
    ],
)
def test_each_fault_is_named_with_its_remedy(
    findings: dict[str, Finding], check: str, found: str, remedy: str
) -> None:
    finding = findings[check]
    assert not finding.ok
    assert found in finding.message_en
    assert remedy in finding.advice_en
    assert finding.message_zh
    assert finding.advice_zh


def test_what_is_right_is_not_complained_of(findings: dict[str, Finding]) -> None:
    good = {
        "name",
        "port",
        "endpoints",
        "policies",
        "own certificate",
        "trust",
        "login",
        "nodes",
        "node states",
    }
    assert {check for check, finding in findings.items() if finding.ok} == good


def test_no_offered_policy_is_told_before_the_login(wrong: tuple[str, Path], tmp_path: Path) -> None:
    connection = OpcUaConnection(name="line-1", url=wrong[0], state_dir=tmp_path)
    last = diagnose(connection)[-1]
    assert (last.check, last.ok) == ("policies", False)


def test_a_foreign_host_name_is_replaced_by_the_asked_one(wrong: tuple[str, Path]) -> None:
    url, _ = wrong
    (found,) = asyncio.run(read_servers(url, 10))
    assert found.urls == (url,)
    assert found.application_uri == "urn:tundish:test:wrong"
    assert asyncio.run(reachable(f"opc.tcp://{FOREIGN_HOST}/x", "10.0.0.5")) == "opc.tcp://10.0.0.5/x"
    assert asyncio.run(reachable(url, "10.0.0.5")) == url


def test_the_best_offer_is_never_clear_text(wrong: tuple[str, Path]) -> None:
    offers = asyncio.run(read_offers(wrong[0], 10))
    best = best_offer(offers)
    assert best is not None
    assert (best.policy, best.mode) == ("Basic256Sha256", "Sign")
    assert {one.policy for one in offers} == {"Basic256Sha256", "None"}
    strong = Offer("", "Aes256_Sha256_RsaPss", "SignAndEncrypt", b"", "", ())
    assert best_offer([*offers, strong]) is strong
    assert best_offer([one for one in offers if one.policy == "None"]) is None
