"""Roles and the places they are held at, in words and as things to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dash_mantine_components as dmc

from tundish_dashboards import wishes
from tundish_platform.assets import list_places
from tundish_platform.people.grants import HeldRole
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.scope import PLACEABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView

FOR_PEOPLE: Final = (
    Role.VIEWER, Role.SHIFT_OPERATOR, Role.ENGINEER, Role.PLANT_MANAGER, Role.OWNER, Role.APP_DEVELOPER,
)  # fmt: skip
FOR_KEYS: Final = (
    Role.COLLECTOR, Role.ANALYST, Role.APP_DEVELOPER, Role.VIEWER, Role.SHIFT_OPERATOR, Role.ENGINEER,
    Role.PLANT_MANAGER,
)  # fmt: skip
# Mantine takes an empty value for no choice at all.
_WHOLE: Final = "*"
_LONGEST: Final = 400

Names = dict[str, str]


def place_names(view: TenantView, *, machines: bool = False) -> Names:
    """By path the sites, areas and lines of the equipment tree (and machines), as the reader calls them."""
    with view.context.metadata.session() as session:
        found = list_places(session, view.scope, machines=machines)
    own = {place.path: view.t.of(place.name_zh, place.name_en) for place in found}
    return {path: _whole_name(own, path) for path in own}


def _whole_name(own: Mapping[str, str], path: str) -> str:
    levels = path.split("/")
    above = ["/".join(levels[: at + 1]) for at in range(len(levels))]
    return " / ".join(own.get(one, level) for one, level in zip(above, levels, strict=True))


def place_name(view: TenantView, names: Names, path: str) -> str:
    """A place in words; one that left the tree is called by its path."""
    return names.get(path, path) if path else view.t("people.everywhere")


def role_name(view: TenantView, names: Names, held: HeldRole) -> str:
    """A role with its place."""
    role = view.t(f"role.{held.role}")
    return f"{role} · {place_name(view, names, held.place)}" if held.place else role


def held_fields(view: TenantView, prefix: str, roles: Sequence[Role], names: Names) -> list[Component]:
    """Fields for a role and the place it is held at; both have ``prefix`` before their ids."""
    t = view.t
    known = [{"value": role.value, "label": t(f"role.{role}")} for role in roles]
    places = [{"value": _WHOLE, "label": t("people.everywhere")}]
    places += [{"value": path, "label": name} for path, name in names.items()]
    return [
        dmc.Select(
            id=f"{prefix}-role", label=t("people.role"), data=known, value=roles[0].value, allowDeselect=False
        ),
        dmc.Select(
            id=f"{prefix}-place",
            label=t("people.place"),
            data=places,
            value=_WHOLE,
            allowDeselect=False,
            searchable=True,
            disabled=roles[0] not in PLACEABLE,
            nothingFoundMessage=t("people.no_place"),
        ),
    ]


def held_of(role: object, place: object, roles: Sequence[Role]) -> HeldRole:
    """The role that the fields name; a place counts only for roles that can be held at one.

    Raises:
        PeopleRefused: the place is none.
    """
    chosen = wishes.one_of(role, "the role", roles, roles[0])
    path = wishes.word(place, "the place", _LONGEST)
    if path == _WHOLE or chosen not in PLACEABLE:
        path = ""
    return HeldRole(role=chosen, place=path)


def held_word(held: HeldRole) -> str:
    """A role in the id of a button."""
    return f"{held.role}@{held.place}"


def held_of_word(value: object) -> HeldRole:
    """The role that `held_word` wrote.

    Raises:
        PeopleRefused: it wrote no such thing.
    """
    role, _, place = wishes.word(value, "the role", _LONGEST + 40).partition("@")
    if role not in tuple(Role) or len(place) > _LONGEST:
        raise PeopleRefused("role_refused", "没有该角色。", "There is no such role.")
    return HeldRole(role=Role(role), place=place)
