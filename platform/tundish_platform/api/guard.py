"""Default deny: a route below the API answers only what its mark allows, and a route without a mark nothing.

The check runs before the view, whatever the method, so that a view cannot forget it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import structlog
from flask import current_app, g, request

from tundish_platform.api.addresses import caller_address
from tundish_platform.api.context import platform
from tundish_platform.api.errors import API_ROOT, Problem
from tundish_platform.api.rates import rates
from tundish_platform.assets import seen
from tundish_platform.tenancy import (
    AccessDenied,
    Permission,
    Principal,
    TenantScope,
    access_programme,
    access_tenant,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.tenancy.principals import Principals

    View = Callable[..., Any]

EXTENSION: Final = "tundish_principals"
_MARK: Final = "tundish_access"
_HEADER: Final = "Authorization"
_BEARER: Final = "Bearer "
JSON_BODY_LIMIT: Final = 8 * 1024 * 1024

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of its caller.

    Attributes:
        open: nothing at all, not even a token.
        tenant: a permission in the tenant that the address names.
        above: a permission above tenants.
        person: whether services are refused.
        body_limit: bytes of body it takes.
        door: whether it lets people in for a secret, so that an address may try only so often.
        probe: whether it is answered however many ask.
    """

    open: bool = False
    door: bool = False
    probe: bool = False
    tenant: Permission | None = None
    above: Permission | None = None
    person: bool = False
    body_limit: int = JSON_BODY_LIMIT


def open_to_all(view: View) -> View:
    """Mark a view that anybody may call; it must not tell anything of any tenant."""
    setattr(view, _MARK, Access(open=True))
    return view


def open_as_door(view: View) -> View:
    """Mark a view that anybody may call to come in with a secret: a password, a passkey, an invitation."""
    setattr(view, _MARK, Access(open=True, door=True))
    return view


def open_to_probes(view: View) -> View:
    """Mark a view that anybody may call at any rate: who watches the platform must not be turned away."""
    setattr(view, _MARK, Access(open=True, probe=True))
    return view


def authenticated(view: View) -> View:
    """Mark ``view(principal, …)``: any valid token."""

    @wraps(view)
    def checked(**values: object) -> object:
        return view(current_principal(), **values)

    setattr(checked, _MARK, Access())
    return checked


def of_person(view: View) -> View:
    """Mark ``view(principal, …)``: a person's session; services have neither second factor nor invitation."""
    marked = authenticated(view)
    setattr(marked, _MARK, Access(person=True))
    return marked


def guarded(
    permission: Permission, body_limit: int = JSON_BODY_LIMIT, *, person: bool = False
) -> Callable[[View], View]:
    """Mark ``view(scope, …)`` below ``/tenants/<tenant>``: the permission in that tenant.

    The view gets the `TenantScope` in place of the tenant's name.

    Args:
        permission: what is needed.
        body_limit: bytes of body it takes.
        person: whether services are refused, for what somebody must answer for.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def checked(tenant: str, **values: object) -> object:
            scope: TenantScope = g.tundish_scope
            if scope.slug != tenant:
                raise AccessDenied(f"{scope.principal} was checked for another tenant")
            return view(scope, **values)

        setattr(checked, _MARK, Access(tenant=permission, body_limit=body_limit, person=person))
        return checked

    return mark


def guarded_above(
    permission: Permission, body_limit: int = JSON_BODY_LIMIT, *, person: bool = False
) -> Callable[[View], View]:
    """Mark ``view(principal, …)``: a permission above tenants, the bureau's or the operator's.

    Args:
        permission: which.
        body_limit: bytes of body it takes.
        person: only people may, for somebody must answer for what is decided.
    """

    def mark(view: View) -> View:
        marked = authenticated(view)
        setattr(marked, _MARK, Access(above=permission, body_limit=body_limit, person=person))
        return marked

    return mark


def access_of(view: View) -> Access | None:
    """The mark of a view; ``None`` for a view nobody marked, which is refused."""
    found: Access | None = getattr(view, _MARK, None)
    return found


def current_principal() -> Principal:
    """Who was authenticated for this request."""
    principal: Principal = g.tundish_principal
    return principal


def deny_by_default() -> None:
    """Check the request against its route's mark; runs before every request below the API's root."""
    rule = request.url_rule
    if rule is None or not (request.path.startswith(API_ROOT) or rule.rule.startswith(API_ROOT)):
        return
    access = access_of(current_app.view_functions[rule.endpoint])
    if access is None:
        _log.error("route_without_mark_refused", endpoint=rule.endpoint)
        raise Problem(404)
    request.max_content_length = access.body_limit
    _refuse_control_characters()
    if access.open:
        _count_stranger(access)
        return
    g.tundish_principal = principal = _authenticate()
    rates().take_for(principal)
    if access.above is not None:
        access_programme(principal, access.above)
    if access.tenant is not None:
        scope = _scope(principal, access.tenant)
        rates().take_in(scope)
        g.tundish_scope = scope
    # Last, so that a service cannot tell a tenant of others from one that does not exist.
    if access.person and not principal.person:
        raise Problem(
            403, "This is for people. Log in with POST /sessions and send the session in place of a key.",
            "此操作仅限个人账户。请通过 POST /sessions 登录, 并使用会话令牌。", "people_only",
        )  # fmt: skip


def _refuse_control_characters() -> None:
    # No name or parameter of ours has any, and PostgreSQL fails on a zero character.
    if not all(str(value).isprintable() for value in (request.view_args or {}).values()):
        raise Problem(404)
    if not all(text.isprintable() for pair in request.args.items(multi=True) for text in pair):
        raise Problem(400)


def asked_again() -> Callable[[], TenantScope]:
    """For an answer that goes on: the current request's check, to be made again after the request.

    What it gives raises `AccessDenied` once the token or its roles are gone.
    """
    header, context, scope = request.headers.get(_HEADER, ""), platform(), g.tundish_scope
    principals = _principals()
    access = access_of(current_app.view_functions[request.endpoint or ""])
    if access is None or access.tenant is None:
        raise AccessDenied("the route asks for no permission in a tenant")
    permission = access.tenant

    def check() -> TenantScope:
        again = access_tenant(principals.of(_bearer_of(header)), scope.slug, permission)
        return _with_places(context, again)

    return check


def bearer() -> str:
    """The token that came with the current request, which was let in with it."""
    return _bearer_of(request.headers.get(_HEADER, ""))


def _count_stranger(access: Access) -> None:
    if access.door:
        rates().take_at_door(caller_address())
    elif not access.probe:
        rates().take_stranger(caller_address())


def _authenticate() -> Principal:
    try:
        return _principals().of(_bearer_of(request.headers.get(_HEADER, "")))
    except AccessDenied:
        # Only who is refused is counted: a good token opens, whatever its neighbours at the address do.
        rates().take_stranger(caller_address())
        raise Problem(401) from None


def _principals() -> Principals:
    found: Principals = current_app.extensions[EXTENSION]
    return found


def _bearer_of(header: str) -> str:
    if not header.startswith(_BEARER):
        raise AccessDenied("no token")
    return header.removeprefix(_BEARER).strip()


def _scope(principal: Principal, permission: Permission) -> TenantScope:
    tenant = (request.view_args or {}).get("tenant", "")
    if tenant not in principal.tenants:
        # The same answer for a tenant of others and for one that does not exist.
        raise Problem(404)
    return _with_places(platform(), access_tenant(principal, tenant, permission))


def _with_places(context: PlatformContext, scope: TenantScope) -> TenantScope:
    """The scope with the signals that lie where it may read, where that is not the whole tenant."""
    if Permission.READ not in scope.limits:
        return scope
    with context.metadata.of(scope).session() as session:
        return seen(session, scope)
