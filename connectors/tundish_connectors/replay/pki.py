"""Application certificates of servers and clients, and which of them trust each other.

A folder per application: ``own/certificate.der``, ``own/private_key.pem`` (mode 0600) and ``trusted/*.der``.
Trust is by pinning: a peer is trusted if the very certificate that it shows lies in ``trusted``.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_private_key,
    generate_self_signed_app_certificate,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


_VALID_DAYS = 5 * 365
_RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Identity:
    """One application's place for keys.

    Attributes:
        folder: the folder described above.
        uri: ApplicationURI, also in the certificate; a client must state the same one.
    """

    folder: Path
    uri: str

    @property
    def certificate(self) -> Path:
        """The application's own certificate, DER."""
        return self.folder / "own" / "certificate.der"

    @property
    def private_key(self) -> Path:
        """The application's own key, PEM, readable by its owner only."""
        return self.folder / "own" / "private_key.pem"

    @property
    def trusted(self) -> Path:
        """Folder of the peers' certificates."""
        return self.folder / "trusted"

    def trusts(self, certificate: bytes) -> bool:
        """Whether this very certificate (DER) lies in the folder, which is read anew each time."""
        digest = hashlib.sha256(certificate).digest()
        return any(
            hashlib.sha256(path.read_bytes()).digest() == digest for path in self.trusted.glob("*.der")
        )


def make_identity(folder: Path, uri: str, name: str, hosts: Sequence[str] = ()) -> Identity:
    """Key and self-signed certificate of an application, made where missing, expired or of another URI.

    Args:
        folder: where they live.
        uri: ApplicationURI, such as ``urn:plant:tundish:gateway``.
        name: common name.
        hosts: further names and addresses by which a server is reached; this machine's are always in.

    Returns:
        The identity. Its certificate may serve as a server's and as a client's.
    """
    identity = Identity(folder, uri)
    for place in (identity.certificate.parent, identity.trusted):
        place.mkdir(parents=True, exist_ok=True)
    if identity.private_key.exists():
        key = _read_key(identity.private_key)
    else:
        key = generate_private_key()
        _write_private(identity.private_key, dump_private_key_as_pem(key))
    names = _names(uri, hosts)
    if not _still_good(identity.certificate, names):
        identity.certificate.write_bytes(_certificate(key, name, names).public_bytes(Encoding.DER))
    return identity


def trust(owner: Identity, peer: Identity) -> None:
    """Let `owner` accept `peer` from now on."""
    data = peer.certificate.read_bytes()
    name = hashlib.sha256(data).hexdigest()[:32]
    (owner.trusted / f"{name}.der").write_bytes(data)


def _read_key(path: Path) -> RSAPrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(
            f"{path} holds no RSA key; delete it, and a new one is made / {path} 不是 RSA 密钥,请删除后重试"
        )
    return key


def _write_private(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _names(uri: str, hosts: Sequence[str]) -> list[x509.GeneralName]:
    every = dict.fromkeys(("localhost", "127.0.0.1", socket.gethostname(), *hosts))
    return [x509.UniformResourceIdentifier(uri), *(_general_name(host) for host in every)]


def _still_good(path: Path, names: Sequence[x509.GeneralName]) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_der_x509_certificate(path.read_bytes())
    stated = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names) <= set(stated) and certificate.not_valid_after_utc > datetime.now(UTC) + _RENEW_BEFORE


def _certificate(key: RSAPrivateKey, name: str, names: list[x509.GeneralName]) -> x509.Certificate:
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return generate_self_signed_app_certificate(
        key, name, {"organizationName": "Tundish"}, names, usages, days=_VALID_DAYS
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
