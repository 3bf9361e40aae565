"""What a server offers before anyone has logged in."""

from __future__ import annotations

import asyncio
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


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server that another one, such as a discovery server, knows of.

    Attributes:
        urls: where it is said to be; host names that cannot be resolved here are replaced by the asked one.
    """

    name: str
    application_uri: str
    kind: str
    urls: tuple[str, ...]


async def read_servers(url: str, timeout_s: float) -> list[FoundServer]:
    """The servers that the one at ``url`` knows of, itself among them (FindServers).

    Raises:
        asyncua.ua.UaError: the server does not answer as an OPC UA server.
        OSError: it cannot be reached.
    """
    asked = urlsplit(url).hostname or ""
    servers = await Client(url, timeout=timeout_s).connect_and_find_servers()
    return [
        FoundServer(
            str(one.ApplicationName.Text or ""),
            str(one.ApplicationUri or ""),
            one.ApplicationType.name,
            tuple([await reachable(str(place), asked) for place in one.DiscoveryUrls or []]),
        )
        for one in servers
    ]


async def reachable(url: str, asked: str) -> str:
    """The url, or the same at the host that was asked, where this machine cannot resolve its host name.

    A controller often names itself as its engineers did, which no other machine knows.
    """
    parts = urlsplit(url)
    try:
        await asyncio.get_running_loop().getaddrinfo(parts.hostname, None)
    except OSError:
        host = f"[{asked}]" if ":" in asked else asked
        port = f":{parts.port}" if parts.port else ""
        return parts._replace(netloc=f"{host}{port}").geturl()
    return url


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
