"""Registering callbacks that check who asks: there is no other way for a page to answer the browser.

Each kind of callback resolves the person and, where it shows a tenant, goes through `access_tenant` itself.
What the browser sends, the address with the tenant included, is only a wish.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from dash import ClientsideFunction, State
from dash.exceptions import PreventUpdate
from flask import abort
from werkzeug.exceptions import HTTPException

from tundish_dashboards.formats import Formats
from tundish_dashboards.guard import CallbackFailedError
from tundish_dashboards.i18n import Language, Texts, texts
from tundish_dashboards.routes import find_route
from tundish_dashboards.sessions import current_language
from tundish_platform.assets import seen
from tundish_platform.store.lifecycle.quota import OverQuota
from tundish_platform.tenancy import (
    AccessDenied,
    Permission,
    Principal,
    TenantScope,
    access_programme,
    access_tenant,
)
from tundish_platform.tenancy.accounts import tenant_of_scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from dash import Dash
    from dash.dependencies import DashDependency

    from tundish_dashboards.sessions import Sessions
    from tundish_dashboards.settings import DashboardSettings
    from tundish_platform.api.context import PlatformContext

# The bureau's own calendar: programme reports use months of this zone.
BUREAU_ZONE = ZoneInfo("Asia/Shanghai")
LOCATION = "location"
# Name of the mark that says what a callback asks of its caller: a permission in the page's tenant, or these.
ACCESS = "tundish_access"
ANY_PERSON, PROGRAMME, OPERATOR = "person", "programme", "operator"
# Whether a callback runs when its page appears; "shared" for one whose output has other writers too.
Initially = bool | Literal["shared"]


class NoTenantAddressed(AccessDenied):
    """The address is that of a page which shows no tenant."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who looks at the page, and in which language."""

    principal: Principal
    language: Language

    @property
    def t(self) -> Texts:
        """The catalogue of the person's language."""
        return texts(self.language)

    @property
    def formats(self) -> Formats:
        """Numbers and times above tenants, in the bureau's zone."""
        return Formats(self.language, BUREAU_ZONE)


@dataclass(frozen=True, slots=True)
class TenantView:
    """A person's granted look at one tenant.

    Attributes:
        person: who looks.
        context: the platform's parts.
        scope: the proof of access, taken for the permission that the callback needs.
        name: the tenant's name in the person's language.
        formats: numbers, and times in the plant's zone.
        app: the app that the address names; empty on pages that are about none.
    """

    person: Person
    context: PlatformContext
    scope: TenantScope
    name: str
    formats: Formats
    app: str = ""

    @property
    def t(self) -> Texts:
        """The catalogue of the person's language."""
        return self.person.t

    def may(self, permission: Permission) -> bool:
        """Whether the person could also do this here."""
        return permission in self.scope.permissions


class Pages:
    """What callbacks and layouts need: the platform, the sessions, and the Dash they belong to."""

    def __init__(
        self, dash: Dash, context: PlatformContext, sessions: Sessions, settings: DashboardSettings
    ) -> None:
        self.dash = dash
        self.context = context
        self.sessions = sessions
        self.settings = settings

    def person(self) -> Person:
        """The person of the current request; ends it with 401 when there is none."""
        principal = self.sessions.principal()
        if principal is None:
            abort(401)
        return Person(principal, current_language())

    def view(self, path: object, permission: Permission = Permission.READ) -> TenantView:
        """The granted look at the tenant that an address names.

        Raises:
            AccessDenied: no such page, no such tenant, or not for this person.
            NoTenantAddressed: a page of ours, but of no tenant.
        """
        person = self.person()
        route = find_route(path) if isinstance(path, str) else None
        if route is None:
            raise AccessDenied(f"{person.principal.name} asked for an address that no page has")
        if route.tenant is None:
            raise NoTenantAddressed(f"{person.principal.name} asked for an address without a tenant")
        return self._look(person, route.tenant, permission, route.app)

    def look(self, principal: Principal, language: Language, tenant: str) -> TenantView:
        """The granted look of somebody who need not be asking at this moment; to read, and no more.

        Raises:
            AccessDenied: no such tenant, or not for this person.
        """
        return self._look(Person(principal, language), tenant, Permission.READ, "")

    def _look(self, person: Person, slug: str, permission: Permission, app: str) -> TenantView:
        scope = access_tenant(person.principal, slug, permission)
        context = self.context.of(scope)
        with context.metadata.session() as database:
            tenant = tenant_of_scope(database, scope)
            scope = seen(database, scope)
        name = person.t.of(tenant.name_zh, tenant.name_en)
        formats = Formats(person.language, ZoneInfo(tenant.timezone))
        return TenantView(person, context, scope, name, formats, app)

    def in_browser(self, name: str, *spec: DashDependency, initially: bool = True) -> None:
        """Register a function of ``tundish.js``; it runs in the browser and asks the server nothing."""
        function = ClientsideFunction("tundish", name)
        register: Callable[..., None] = self.dash.clientside_callback
        register(function, *spec, prevent_initial_call=not initially)

    def on_person(self, *spec: DashDependency, initially: Initially = True) -> Callable[..., Any]:
        """Decorate ``f(person, *values)``: any person who is logged in."""
        return self._register(
            spec, initially, ANY_PERSON, lambda function, values: function(self.person(), *values)
        )

    def on_tenant(
        self,
        *spec: DashDependency,
        permission: Permission = Permission.READ,
        initially: Initially = True,
    ) -> Callable[..., Any]:
        """Decorate ``f(view, *values)``: the tenant of the page's address, if granted."""

        def call(function: Callable[..., Any], values: tuple[object, ...]) -> object:
            *given, path = values
            try:
                view = self.view(path, permission)
            except NoTenantAddressed:
                # The tick of a plant's page that came when the person had just opened a page of their own.
                raise PreventUpdate from None
            return function(view, *given)

        return self._register((*spec, State(LOCATION, "pathname")), initially, permission, call)

    def on_programme(self, *spec: DashDependency, initially: Initially = True) -> Callable[..., Any]:
        """Decorate ``f(person, *values)``: people of the bureau."""

        def call(function: Callable[..., Any], values: tuple[object, ...]) -> object:
            person = self.person()
            access_programme(person.principal)
            return function(person, *values)

        return self._register(spec, initially, PROGRAMME, call)

    def on_operator(self, *spec: DashDependency, initially: Initially = True) -> Callable[..., Any]:
        """Decorate ``f(person, *values)``: whoever runs the platform."""

        def call(function: Callable[..., Any], values: tuple[object, ...]) -> object:
            person = self.person()
            access_programme(person.principal, Permission.OPERATE)
            return function(person, *values)

        return self._register(spec, initially, OPERATOR, call)

    def _register(
        self,
        spec: tuple[DashDependency, ...],
        initially: Initially,
        access: str,
        call: Callable[[Callable[..., Any], tuple[object, ...]], object],
    ) -> Callable[..., Any]:
        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(function)
            def guarded(*values: object) -> object:
                try:
                    return call(function, values)
                except AccessDenied:
                    # The same answer for a foreign tenant and for none, so that nobody learns which exist.
                    abort(404)
                except OverQuota:
                    # What the page shows stays; it asks again by itself.
                    abort(429)
                except (HTTPException, PreventUpdate):
                    raise
                except Exception as error:
                    raise CallbackFailedError(f"{function.__qualname__} failed") from error

            setattr(guarded, ACCESS, access)
            skipped = "initial_duplicate" if initially == "shared" else not initially
            self.dash.callback(*spec, prevent_initial_call=skipped)(guarded)
            return function

        return decorate
