"""Which certificates a connection trusts, how one is taken up, and how the gateway's own one is renewed."""

from __future__ import annotations

import shutil
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.opcua.keys import CERTIFICATE, KEY, make_pair
from tundish_connectors.opcua.security import application_uri, fingerprint, load_certificate, own_certificate

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_connectors.opcua.config import OpcUaConnection

EXPIRY_WARNING_DAYS = 60


@dataclass(frozen=True, slots=True)
class CertificateState:
    """What a person has to know of a certificate.

    Attributes:
        days_left: until it runs out; negative afterwards.
        next: the one made to replace it, which servers may learn meanwhile; None without a renewal under way.
    """

    file: Path
    sha256: str
    uri: str
    valid_until: datetime
    days_left: int
    next: Path | None = None

    @property
    def ends_soon(self) -> bool:
        """Whether it should be renewed now."""
        return self.days_left < EXPIRY_WARNING_DAYS


def state_of(certificate: Path, successor: Path | None = None) -> CertificateState:
    """The state of a certificate file.

    Raises:
        ConnectorError: fatal; the file cannot be read.
    """
    read = load_certificate(certificate)
    until = read.not_valid_after_utc
    return CertificateState(
        certificate,
        fingerprint(read.public_bytes(Encoding.DER)),
        application_uri(read) or "",
        until,
        (until - datetime.now(UTC)).days,
        successor if successor is not None and successor.exists() else None,
    )


async def own_state(connection: OpcUaConnection) -> CertificateState:
    """The state of the connection's own certificate, which is made if there is none.

    Raises:
        ConnectorError: fatal; the configured file cannot be used.
    """
    own = await own_certificate(connection)
    return state_of(own.certificate, _next(connection) / CERTIFICATE)


async def prepare_renewal(connection: OpcUaConnection) -> CertificateState:
    """Make the next certificate beside the present one, which stays in use while servers learn the new one.

    Raises:
        ConnectorError: fatal; the certificate is configured as a file of its own, so it is not ours to renew.
    """
    own = await own_certificate(connection)
    _ours(connection)
    folder = _next(connection)
    certificate = folder / CERTIFICATE
    if not certificate.exists():
        make_pair(folder, own.application_uri, socket.gethostname())
    return state_of(certificate)


async def finish_renewal(connection: OpcUaConnection) -> CertificateState:
    """Use the next certificate from now on; the former one is kept in ``own/former``.

    Raises:
        ConnectorError: fatal; no renewal is under way.
    """
    own = await own_certificate(connection)
    _ours(connection)
    folder = _next(connection)
    if not (folder / CERTIFICATE).exists():
        raise ConnectorError(
            ErrorKind.FATAL,
            "No renewal is under way. Begin one first; the servers then learn the new certificate.",
            "没有正在进行的更新。请先开始更新,并让各服务器信任新证书。",
        )
    former = own.certificate.parent / "former" / state_of(own.certificate).sha256[:16]
    if (folder / KEY).exists():
        former.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in (own.certificate, own.private_key):
            shutil.copy2(file, former / file.name)
        # The key first: cut off here, the same call takes it up again as long as the certificate waits.
        (folder / KEY).replace(own.private_key)
    (folder / CERTIFICATE).replace(own.certificate)
    folder.rmdir()
    return state_of(own.certificate)


def trust_certificate(connection: OpcUaConnection, der: bytes) -> Path:
    """Trust this very certificate of a server from now on; returns its file.

    Raises:
        ConnectorError: fatal; the connection names a single trusted file, which is not replaced silently.
    """
    place = connection.trust or connection.pki_dir / "trusted"
    if place.is_file():
        raise ConnectorError(
            ErrorKind.FATAL,
            f"The connection trusts the single file {place}. Replace that file, or name a folder instead.",
            f"该连接只信任文件 {place}。请替换该文件,或改为指定一个目录。",
        )
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{fingerprint(der)[:40]}.der"
    file.write_bytes(der)
    return file


def _next(connection: OpcUaConnection) -> Path:
    return connection.pki_dir / "own" / "next"


def _ours(connection: OpcUaConnection) -> None:
    if connection.certificate is not None:
        raise ConnectorError(
            ErrorKind.FATAL,
            f"The certificate {connection.certificate} was given to this connection; its maker renews it.",
            f"证书 {connection.certificate} 由外部提供,请由其签发方更新。",
        )
