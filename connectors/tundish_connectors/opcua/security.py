"""Certificates: the gateway's own, and which servers it trusts."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.crypto import security_policies, uacrypto
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.opcua.keys import CERTIFICATE, KEY, make_pair

if TYPE_CHECKING:
    from pathlib import Path

    from asyncua.client.client import Client

    from tundish_connectors.opcua.config import OpcUaConnection


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """Files of the gateway's certificate and key, and the application URI that stands in it."""

    certificate: Path
    private_key: Path
    application_uri: str


async def own_certificate(connection: OpcUaConnection) -> OwnCertificate:
    """The configured certificate, or one made here at first; it is never replaced without being told to.

    Raises:
        ConnectorError: fatal; a configured file cannot be read or names no application URI.
    """
    if connection.certificate is not None and connection.private_key is not None:
        uri = application_uri(load_certificate(connection.certificate))
        if uri is None:
            raise _unusable(connection.certificate, "no application URI in the subject alternative names")
        return OwnCertificate(connection.certificate, connection.private_key, uri)
    folder = connection.pki_dir / "own"
    host = socket.gethostname()
    certificate, key = folder / CERTIFICATE, folder / KEY
    if not (certificate.exists() and key.exists()):
        make_pair(folder, f"urn:{host}:tundish:{connection.name}", host)
    # As it stands in the certificate: this machine may have been given another name since.
    uri = application_uri(load_certificate(certificate)) or ""
    return OwnCertificate(certificate, key, uri)


def load_certificate(path: Path) -> x509.Certificate:
    """A certificate from a DER or PEM file.

    Raises:
        ConnectorError: fatal; the file cannot be read or is no certificate.
    """
    try:
        data = path.read_bytes()
        if data.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except (OSError, ValueError) as error:
        raise _unusable(path, str(error)) from error


def application_uri(certificate: x509.Certificate) -> str | None:
    """The application URI of a certificate, or None."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0] if uris else None


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, as people compare it."""
    return hashlib.sha256(der).hexdigest()


def is_trusted(connection: OpcUaConnection, der: bytes) -> bool:
    """Whether exactly this certificate is the trusted file or lies in the trusted folder."""
    trust = connection.trust or connection.pki_dir / "trusted"
    files = [trust] if trust.is_file() else sorted(trust.glob("*")) if trust.is_dir() else []
    return any(_der_of(path) == der for path in files)


def _der_of(path: Path) -> bytes | None:
    try:
        return load_certificate(path).public_bytes(Encoding.DER)
    except ConnectorError:
        return None


def check_trust(connection: OpcUaConnection, der: bytes) -> None:
    """Refuse a server whose certificate nobody has trusted; a copy is laid beside for that.

    Raises:
        ConnectorError: fatal, with the fingerprint and what to do.
    """
    if is_trusted(connection, der):
        return
    rejected = connection.pki_dir / "rejected"
    rejected.mkdir(parents=True, exist_ok=True)
    copy = rejected / f"{fingerprint(der)[:40]}.der"
    copy.write_bytes(der)
    raise ConnectorError(
        ErrorKind.FATAL,
        f"The certificate of the server at {connection.url} is not trusted (SHA-256 {fingerprint(der)}). "
        f"Compare the fingerprint at the server; if it is the same, move {copy} to "
        f"{connection.trust or connection.pki_dir / 'trusted'}.",
        f"服务器 {connection.url} 的证书未受信任(SHA-256 {fingerprint(der)})。请在服务器上核对指纹,"
        f"一致后把 {copy} 移到 {connection.trust or connection.pki_dir / 'trusted'}。",
    )


def first_certificate(chain: bytes) -> bytes:
    """The leading certificate of a DER blob that may hold a chain."""
    length = int.from_bytes(chain[2:4], "big") + 4
    return chain[:length]


def policy_class(connection: OpcUaConnection) -> type[security_policies.SecurityPolicy]:
    """The class that asyncua has for the configured policy."""
    found: type[security_policies.SecurityPolicy] = getattr(
        security_policies, f"SecurityPolicy{connection.security_policy}"
    )
    return found


async def secure(client: Client, connection: OpcUaConnection, own: OwnCertificate) -> None:
    """Set policy and certificates on a client, having checked the server's certificate.

    Raises:
        ConnectorError: the server is not trusted.
        asyncua.ua.UaError: the wanted policy is not offered.
        OSError: the server cannot be reached.
    """
    policy = policy_class(connection)
    mode = ua.MessageSecurityMode[connection.security_mode]
    endpoint = client.find_endpoint(await client.connect_and_get_server_endpoints(), mode, policy.URI)
    der = first_certificate(endpoint.ServerCertificate)
    check_trust(connection, der)
    await client.set_security(
        policy,
        uacrypto.CertProperties(own.certificate),
        uacrypto.CertProperties(own.private_key),
        server_certificate=uacrypto.CertProperties(der, "DER"),
        mode=mode,
    )


def _unusable(path: Path, why: str) -> ConnectorError:
    return ConnectorError(
        ErrorKind.FATAL,
        f"The certificate file {path} cannot be used ({why}). Give a DER or PEM file of an OPC UA "
        "application instance certificate.",
        f"证书文件 {path} 无法使用({why})。请提供 DER 或 PEM 格式的 OPC UA 应用实例证书。",
    )
