"""Settings of the web server: where it listens, who stands in front of it, how much it takes."""

from __future__ import annotations

import ipaddress
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class RateSettings(BaseModel):
    """How many requests may come.

    Attributes:
        per_s: a second, for ever.
        burst: at once after a rest.
    """

    model_config = ConfigDict(extra="forbid")

    per_s: float = Field(gt=0)
    burst: int = Field(ge=1)


class ServerSettings(BaseModel):
    """The web server with API and dashboards.

    Attributes:
        host: address to listen on.
        port: TCP port.
        threads: worker threads for requests, in each process.
        processes: of API and pages on the same port; several need a store whose writer runs apart.
        streams: live streams, in each process; each has a thread of its own beside `threads`.
        tenant_streams: of them for one tenant.
        pages: open pages with values that move, in each process; all of them share one thread.
        tenant_pages, person_pages: of them for one tenant, and for one person.
        behind_tls: a reverse proxy in front ends TLS; needed for any address that others can reach.
        proxy: address of the proxy in front, whose ``X-Forwarded-For`` says where a request comes from; the
            header of anybody else is thrown away, and without it the proxy is all that limits see. A network,
            ``10.244.0.0/16``, where its address changes; all that can connect from there are believed.
        address: where parts on other machines reach the server, ``https://tundish.example``; if absent, they
            run on this machine.
        allow_insecure: permit an address without encryption.
        key_rate, tenant_rate: requests of a key, and of a tenant's keys together, in each process.
        stranger_rate: requests from an address without a token or with a bad one.
        door_rate: attempts from an address to log in or to come in with an invitation.
    """

    model_config = ConfigDict(extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8050, ge=1, le=65535)
    threads: int = Field(default=8, ge=2, le=64)
    processes: int = Field(default=1, ge=1, le=32)
    streams: int = Field(default=16, ge=1, le=256)
    tenant_streams: int = Field(default=4, ge=1, le=256)
    pages: int = Field(default=256, ge=1, le=4096)
    tenant_pages: int = Field(default=128, ge=1, le=4096)
    person_pages: int = Field(default=12, ge=1, le=4096)
    behind_tls: bool = False
    proxy: str | None = None
    address: str | None = Field(default=None, pattern=r"^https?://[^/]+/?$")
    allow_insecure: bool = False
    key_rate: RateSettings = Field(default_factory=lambda: RateSettings(per_s=200, burst=2_000))
    tenant_rate: RateSettings = Field(default_factory=lambda: RateSettings(per_s=400, burst=4_000))
    stranger_rate: RateSettings = Field(default_factory=lambda: RateSettings(per_s=20, burst=200))
    door_rate: RateSettings = Field(default_factory=lambda: RateSettings(per_s=2, burst=60))

    @property
    def url(self) -> str:
        """Where parts on the same machine reach the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def reached(self) -> str:
        """Where parts reach the server, whichever machine they run on."""
        return self.url if self.address is None else self.address.rstrip("/")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, address: str | None) -> str | None:
        if address is None:
            return None
        return str(ipaddress.ip_network(address) if "/" in address else ipaddress.ip_address(address))

    @model_validator(mode="after")
    def _refuse_open_plain_http(self) -> Self:
        if not self.loopback and not self.behind_tls:
            raise ValueError(
                f"host {self.host} can be reached by others, and passwords would cross the network in clear "
                "text. Put a reverse proxy with TLS in front and set behind_tls = true, or use 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _refuse_tokens_in_clear_text(self) -> Self:
        parts = urlsplit(self.address or "")
        if parts.scheme == "http" and not is_loopback(parts.hostname or "") and not self.allow_insecure:
            raise ValueError(
                f"tokens would cross the network to {self.address} in clear text; use https://, or "
                "allow_insecure = true if nobody else is in that network"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own; a name other than ``localhost`` is not."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
