"""What a server offers before anyone has logged in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from asyncua.client.client import Client
from cryptography import x509

from tundish_connectors.opcua.security import first_certificate

if TYPE_CHECKING:
    from asyncua import ua


@dataclass(frozen=True, slots=True)
class Offer:
    """One endpoint.

    Attributes:
        policy: name of the security policy, such as ``Basic256Sha256``.
        mode: ``None``, ``Sign`` or ``SignAndEncrypt``.
        der: the server's certificate, empty where it shows none.
        logins: kinds of login it takes, such as ``Anonymous`` and ``UserName``.
    """

    url: str
    policy: str
    mode: str
    der: bytes
    application_uri: str
    logins: tuple[str, ...]

    @property
    def host(self) -> str:
        """Host name in the endpoint's url."""
        return urlsplit(self.url).hostname or ""

    def certificate(self) -> x509.Certificate | None:
        """The server's certificate, or None where there is none to read."""
        try:
            return x509.load_der_x509_certificate(self.der)
        except ValueError:
            return None


async def read_offers(url: str, timeout_s: float) -> list[Offer]:
    """The endpoints of a server, asked without security as the standard wants it.

    Raises:
        asyncua.ua.UaError: the server does not answer as an OPC UA server.
        OSError: it cannot be reached.
    """
    endpoints = await Client(url, timeout=timeout_s).connect_and_get_server_endpoints()
    return [_offer(endpoint) for endpoint in endpoints]


def _offer(endpoint: ua.EndpointDescription) -> Offer:
    tokens = endpoint.UserIdentityTokens or []
    return Offer(
        url=str(endpoint.EndpointUrl),
        policy=str(endpoint.SecurityPolicyUri).rpartition("#")[2],
        mode=_mode(endpoint.SecurityMode),
        der=first_certificate(endpoint.ServerCertificate) if endpoint.ServerCertificate else b"",
        application_uri=str(endpoint.Server.ApplicationUri) if endpoint.Server else "",
        logins=tuple(sorted({token.TokenType.name for token in tokens})),
    )


def _mode(mode: ua.MessageSecurityMode) -> str:
    return mode.name.rstrip("_")
