"""Identity providers (OpenID Connect) as the operator describes them."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import check_place


class RoleMapping(BaseModel):
    """A value of the provider's claim that stands for a role here.

    Attributes:
        value: as it stands in the claim.
        role: what it gives; owners are made by invitation only.
        tenant: slug; absent for a role above tenants.
        place: path of a site, area or line; empty for the whole tenant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: str
    role: Role
    tenant: str | None = None
    place: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_place(self.role, self.place, above=self.tenant is None)
        if self.role is Role.OWNER:
            raise ValueError("a provider's claim makes nobody an owner; invite them")
        return self


class Provider(BaseModel):
    """One identity provider.

    Attributes:
        name: short, in addresses.
        label_zh, label_en: on the log-in page's button.
        issuer: its address; ``/.well-known/openid-configuration`` below it says the rest.
        client_id, client_secret: as whom this platform is known there.
        scopes: asked for, ``openid`` among them.
        roles_claim: claim with words that `mapping` turns into roles; nothing is taken from claims if absent.
        mapping: what the words stand for; words that are not here give nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    label_zh: str
    label_en: str
    issuer: str
    client_id: str
    client_secret: SecretStr | None = None
    scopes: tuple[str, ...] = ("openid", "profile")
    roles_claim: str | None = None
    mapping: tuple[RoleMapping, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
            raise ValueError("issuer must be an https address")
        if "openid" not in self.scopes:
            raise ValueError("scopes must name openid")
        if bool(self.mapping) != (self.roles_claim is not None):
            raise ValueError("roles_claim and mapping go together")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
