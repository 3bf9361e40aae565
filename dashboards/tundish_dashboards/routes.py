"""The addresses of the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from tundish_platform.tenancy import AccessDenied, Permission, Principal, access_programme


class Page(StrEnum):
    """The pages, named as in their address."""

    PLANT = "plant"
    ALARMS = "alarms"
    MARKET = "market"
    BUREAU = "bureau"


@dataclass(frozen=True, slots=True)
class Route:
    """A page, and the tenant that the address wishes for; whether it may be seen is not decided here."""

    page: Page
    tenant: str | None = None

    @property
    def path(self) -> str:
        """The address."""
        return f"/{self.page}/{self.tenant}" if self.tenant else f"/{self.page}"


_TENANT_PAGE = re.compile(r"/(plant|alarms|market)/([a-z0-9][a-z0-9-]{0,62})/?")


def find_route(path: str) -> Route | None:
    """The page of an address; ``None`` where there is none."""
    if path.rstrip("/") == f"/{Page.BUREAU}":
        return Route(Page.BUREAU)
    match = _TENANT_PAGE.fullmatch(path)
    return Route(Page(match[1]), match[2]) if match else None


def is_bureau(principal: Principal) -> bool:
    """Whether the person may see the programme's pages."""
    try:
        access_programme(principal)
    except AccessDenied:
        return False
    return True


def home_path(principal: Principal) -> str:
    """Where a person starts: the bureau's page, else the first tenant's plant page."""
    if is_bureau(principal):
        return Route(Page.BUREAU).path
    readable = sorted(slug for slug in principal.tenants if Permission.READ in principal.permissions(slug))
    return Route(Page.PLANT, readable[0]).path if readable else "/nothing"
