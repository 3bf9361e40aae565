from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from cryptography import x509

from tundish_connectors.replay import make_identity, trust

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> x509.Certificate:
    return x509.load_der_x509_certificate(path.read_bytes())


def test_the_certificate_states_uri_hosts_and_uses(tmp_path: Path) -> None:
    one = make_identity(tmp_path, "urn:plant:server", "Server", ("bench.plant", "10.1.2.3"))
    names = read(one.certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:plant:server"]
    assert "bench.plant" in names.get_values_for_type(x509.DNSName)
    assert "10.1.2.3" in [str(address) for address in names.get_values_for_type(x509.IPAddress)]


def test_the_key_is_its_owners_only_and_stays(tmp_path: Path) -> None:
    one = make_identity(tmp_path, "urn:plant:server", "Server")
    assert stat.S_IMODE(one.private_key.stat().st_mode) == 0o600
    before = one.private_key.read_bytes(), one.certificate.read_bytes()
    make_identity(tmp_path, "urn:plant:server", "Server")
    assert (one.private_key.read_bytes(), one.certificate.read_bytes()) == before


def test_another_uri_or_host_makes_another_certificate_with_the_same_key(tmp_path: Path) -> None:
    one = make_identity(tmp_path, "urn:plant:server", "Server")
    first, key = one.certificate.read_bytes(), one.private_key.read_bytes()
    make_identity(tmp_path, "urn:plant:server", "Server", ("new.plant",))
    second = one.certificate.read_bytes()
    assert second != first
    make_identity(tmp_path, "urn:plant:other", "Server", ("new.plant",))
    assert one.certificate.read_bytes() != second
    assert one.private_key.read_bytes() == key


def test_trust_is_for_the_very_certificate(tmp_path: Path) -> None:
    server = make_identity(tmp_path / "s", "urn:s", "Server")
    client = make_identity(tmp_path / "c", "urn:c", "Client")
    other = make_identity(tmp_path / "o", "urn:c", "Client")
    assert not server.trusts(client.certificate.read_bytes())
    trust(server, client)
    assert server.trusts(client.certificate.read_bytes())
    assert not server.trusts(other.certificate.read_bytes())
