"""Who may run a job over several tenants, and over which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tundish_platform.tenancy.scope import AccessDenied, Permission, access_programme

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tundish_platform.tenancy.scope import Principal

_ISSUED: Final = object()
_ABOVE_TENANTS: Final = (Permission.OPERATE, Permission.PROGRAMME)


@dataclass(frozen=True, slots=True)
class CityAccess:
    """Proof that a job may read these tenants. No role inside a tenant gives it.

    Attributes:
        principal: name of who asked, for the audit trail.
        tenants: slugs of the only tenants that the job may read.
        permissions: what the principal may do above tenants.
    """

    principal: str
    tenants: frozenset[str]
    permissions: frozenset[Permission]
    issued: object = None

    def __post_init__(self) -> None:
        if self.issued is not _ISSUED:
            raise TypeError("a CityAccess comes from access_city(), never from its constructor")

    def require(self, slugs: Iterable[str], permission: Permission | None = None) -> None:
        """Raise `AccessDenied` if a tenant was not named, or the permission is missing."""
        if permission is not None and permission not in self.permissions:
            raise AccessDenied(f"{self.principal} lacks {permission}")
        if foreign := sorted(set(slugs) - self.tenants):
            raise AccessDenied(f"{self.principal} did not name {', '.join(foreign)} for this job")


def access_city(principal: Principal, tenants: Iterable[str]) -> CityAccess:
    """The one way to a job over several tenants.

    Args:
        principal: who asks, already authenticated; needs a permission above tenants.
        tenants: slugs, each named; there is no word for all of them.

    Raises:
        AccessDenied: the principal may neither operate nor run the programme.
        ValueError: no tenant is named.
    """
    found = []
    for permission in _ABOVE_TENANTS:
        try:
            access_programme(principal, permission)
        except AccessDenied:
            continue
        found.append(permission)
    if not found:
        raise AccessDenied(f"{principal.name} has no permission above tenants, which a city-wide job needs")
    if not (named := frozenset(tenants)):
        raise ValueError("a city-wide job needs the tenants it reads, each by name")
    return CityAccess(principal.name, named, frozenset(found), _ISSUED)
