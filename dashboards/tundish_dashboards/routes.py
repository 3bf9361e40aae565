"""The addresses of the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tundish_platform.tenancy import AccessDenied, Permission, Principal, access_programme


class Page(StrEnum):
    """The pages, named as in their address."""

    OVERVIEW = "overview"
    PLANT = "plant"
    MACHINE = "machine"
    QUALITY = "quality"
    ENERGY = "energy"
    EXPLORER = "explorer"
    ALARMS = "alarms"
    ALERTS = "alerts"
    ALARM_SETTINGS = "alarm_settings"
    HANDOVER = "handover"
    MODELS = "models"
    JOBS = "jobs"
    MARKET = "market"
    APP = "app"
    STATEMENTS = "statements"
    TRIALS = "trials"
    DEVELOPER = "developer"
    PEOPLE = "people"
    AUDIT = "audit"
    SHARING = "sharing"
    BUREAU = "bureau"
    COCKPIT = "cockpit"
    REGISTER = "register"
    ENTERPRISE = "enterprise"
    REGISTER_IMPORT = "register_import"
    REVIEW = "review"
    BILLING = "billing"
    ACCOUNT = "account"


# What a person needs in the tenant to find the page there at all.
NEEDED: Final = {
    Page.OVERVIEW: Permission.READ,
    Page.PLANT: Permission.READ,
    Page.MACHINE: Permission.READ,
    Page.QUALITY: Permission.READ,
    Page.ENERGY: Permission.READ,
    Page.EXPLORER: Permission.READ,
    Page.ALARMS: Permission.READ,
    Page.ALERTS: Permission.READ,
    Page.ALARM_SETTINGS: Permission.CONFIGURE,
    Page.HANDOVER: Permission.READ,
    Page.MODELS: Permission.READ,
    Page.JOBS: Permission.CONFIGURE,
    Page.MARKET: Permission.READ,
    Page.APP: Permission.READ,
    Page.STATEMENTS: Permission.SUBSCRIBE,
    Page.TRIALS: Permission.READ,
    Page.DEVELOPER: Permission.PUBLISH,
    Page.PEOPLE: Permission.MANAGE,
    Page.AUDIT: Permission.MANAGE,
    Page.SHARING: Permission.MANAGE,
}


@dataclass(frozen=True, slots=True)
class Route:
    """A page, and the tenant that the address wishes for; whether it may be seen is not decided here.

    Attributes:
        app: the app that the address names, on an app's own page.
        of: code of the enterprise, or number of the import, that the address names on the register's pages.
    """

    page: Page
    tenant: str | None = None
    app: str = ""
    of: str = ""

    @property
    def path(self) -> str:
        """The address."""
        if self.page is Page.ALARM_SETTINGS:
            return f"/{Page.ALARMS}/{self.tenant}/settings"
        if self.page is Page.APP:
            return f"/{Page.MARKET}/{self.tenant}/app/{self.app}"
        if self.page is Page.TRIALS:
            return f"/{Page.MARKET}/{self.tenant}/trials"
        if self.page in _REGISTER:
            return _REGISTER[self.page].format(self.of)
        return f"/{self.page}/{self.tenant}" if self.tenant else f"/{self.page}"


_REGISTER: Final = {
    Page.REGISTER: "/bureau/register",
    Page.ENTERPRISE: "/bureau/register/{}",
    Page.REGISTER_IMPORT: "/bureau/register/imports/{}",
}
_OF_REGISTER: Final = {
    Page.REGISTER: re.compile(r"/bureau/register()/?"),
    Page.ENTERPRISE: re.compile(r"/bureau/register/([0-9A-Z]{18})/?"),
    Page.REGISTER_IMPORT: re.compile(r"/bureau/register/imports/([0-9]{1,9})/?"),
}
_SLUG: Final = "([a-z0-9][a-z0-9-]{0,62})"
_BELOW_OTHERS: Final = {Page.ALARM_SETTINGS, Page.APP, Page.TRIALS}
_PLAIN: Final = "|".join(page for page in NEEDED if page not in _BELOW_OTHERS)
_TENANT_PAGE: Final = re.compile(rf"/({_PLAIN})/{_SLUG}/?")
_APP: Final = re.compile(rf"/market/{_SLUG}/app/([a-z][a-z0-9-]{{0,59}})/?")
_BELOW: Final = {
    Page.ALARM_SETTINGS: re.compile(rf"/alarms/{_SLUG}/settings/?"),
    Page.TRIALS: re.compile(rf"/market/{_SLUG}/trials/?"),
}


def find_route(path: str) -> Route | None:
    """The page of an address; ``None`` where there is none."""
    for page in (Page.BUREAU, Page.COCKPIT, Page.REVIEW, Page.BILLING, Page.ACCOUNT):
        if path.rstrip("/") == f"/{page}":
            return Route(page)
    if named := _APP.fullmatch(path):
        return Route(Page.APP, *named.groups())
    for page, address in _BELOW.items():
        if below := address.fullmatch(path):
            return Route(page, below[1])
    for page, address in _OF_REGISTER.items():
        if found := address.fullmatch(path):
            return Route(page, of=found[1])
    match = _TENANT_PAGE.fullmatch(path)
    return Route(Page(match[1]), match[2]) if match else None


def may_see(principal: Principal, route: Route) -> bool:
    """Whether the page is there for the person; its callbacks ask again, each for what it needs."""
    if route.tenant is not None:
        return NEEDED[route.page] in principal.permissions(route.tenant)
    if route.page in {Page.REVIEW, Page.BILLING}:
        return is_operator(principal)
    return route.page is Page.ACCOUNT or is_bureau(principal)


def is_bureau(principal: Principal) -> bool:
    """Whether the person may see the programme's pages."""
    try:
        access_programme(principal)
    except AccessDenied:
        return False
    return True


def is_operator(principal: Principal) -> bool:
    """Whether the person runs the platform."""
    try:
        access_programme(principal, Permission.OPERATE)
    except AccessDenied:
        return False
    return True


def home_path(principal: Principal) -> str:
    """Where a person starts: the bureau's page, the first tenant's, the review, or their account."""
    if is_bureau(principal):
        return Route(Page.BUREAU).path
    readable = sorted(slug for slug in principal.tenants if Permission.READ in principal.permissions(slug))
    if readable:
        return Route(Page.OVERVIEW, readable[0]).path
    return Route(Page.REVIEW if is_operator(principal) else Page.ACCOUNT).path
