"""Roles as people write them: the name of one, and the place it is held at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import Permission, Role
from tundish_platform.tenancy.accounts import MAX_PLACE, check_place
from tundish_platform.tenancy.scope import ROLE_PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tundish_platform.tenancy import TenantScope

# An owner neither sends samples nor runs apps, and yet has to let services do it.
_GIVEN_BY_MANAGERS: Final = frozenset({Permission.INGEST, Permission.ANALYSE, Permission.TRAIN})
MAX_GRANTS: Final = 50


class HeldRole(BaseModel):
    """A role in the tenant.

    Attributes:
        role: which.
        place: path of the site, area or line it is held at; empty for the whole tenant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    place: Annotated[str, Field(max_length=MAX_PLACE)] = ""


def may_give(scope: TenantScope, wanted: Iterable[HeldRole], *, to_key: bool = False) -> None:
    """Whether whoever has the scope may give these roles.

    Args:
        scope: with the permission to manage.
        wanted: the roles.
        to_key: they are for a key, which never manages: one that leaks must not make others.

    Raises:
        AccessDenied: the scope may not manage.
        PeopleRefused: a role cannot be held there, is more than the giver has, or not for keys.
    """
    scope.require(Permission.MANAGE)
    scope.require_all_signals()
    for one in wanted:
        try:
            check_place(one.role, one.place)
        except ValueError as error:
            raise PeopleRefused("role_refused", f"角色无法授予: {error}。", f"{error}.") from None
        given = ROLE_PERMISSIONS[one.role]
        if to_key and Permission.MANAGE in given:
            raise PeopleRefused(
                "role_refused", "密钥不能具有企业管理权限。",
                "A key cannot manage the tenant. Give it the roles that its work needs.",
            )  # fmt: skip
        if not given <= scope.permissions | _GIVEN_BY_MANAGERS:
            raise PeopleRefused(
                "role_refused", f"您不能授予角色 {one.role}: 其权限超出您自己的权限。",
                f"You may not give {one.role}: it allows more than your own roles do.",
            )  # fmt: skip
