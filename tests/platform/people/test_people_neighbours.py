"""Two tenants side by side: invitations, keys and people of one neither count nor show in the other."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from tundish_platform.people import invitations, keys
from tundish_platform.people.grants import HeldRole, may_give
from tundish_platform.people.invitations import invite, list_invitations, withdraw
from tundish_platform.people.keys import list_keys, make_key
from tundish_platform.people.members import give_role, list_members, remove_member, take_role
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_token, create_user, principal_of_user
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.scope import ROLE_PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Plant
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

VIEWER, OWNER = HeldRole(role=Role.VIEWER), HeldRole(role=Role.OWNER)
COLLECTOR = HeldRole(role=Role.COLLECTOR)
YEAR = timedelta(days=365)


@pytest.fixture
def neighbour(plant: Plant) -> TenantScope:
    """What the owner of "power" may do."""
    with plant.metadata.session() as session:
        return access_tenant(principal_of_user(session, plant.owner + 1), "power", Permission.MANAGE)


def test_open_invitations_are_counted_by_tenant(
    plant: Plant, neighbour: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MAX_OPEN", 2)
    with plant.metadata.session() as session:
        for scope in (neighbour, plant.scope()):
            for login in ("a", "b"):
                invite(session, scope, login, [VIEWER], plant.now)
        with pytest.raises(PeopleRefused) as caught:
            invite(session, plant.scope(), "c", [VIEWER], plant.now)
    assert caught.value.code == "too_many"


def test_a_log_in_name_that_nobody_could_type_is_not_invited(plant: Plant) -> None:
    with plant.metadata.session() as session:
        for login in ("", "  ", "x" * 121, "li\0wei", "li\nwei"):
            with pytest.raises(PeopleRefused) as caught:
                invite(session, plant.scope(), login, [VIEWER], plant.now)
            assert caught.value.code == "login_refused", login
        assert list_invitations(session, plant.scope(), plant.now) == []


def test_standing_keys_are_counted_by_tenant(
    plant: Plant, neighbour: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MAX_KEYS", 2)
    with plant.metadata.session() as session:
        for scope in (neighbour, plant.scope()):
            for name in ("a", "b"):
                make_key(session, scope, name, [COLLECTOR], YEAR, plant.now)
        with pytest.raises(PeopleRefused) as caught:
            make_key(session, plant.scope(), "c", [COLLECTOR], YEAR, plant.now)
    assert caught.value.code == "too_many"


def test_a_key_and_a_person_of_both_show_in_each_the_roles_held_there(
    plant: Plant, neighbour: TenantScope
) -> None:
    held = {"steel": [Role.VIEWER], "power": [Role.ENGINEER]}
    with plant.metadata.session() as session:
        create_token(session, "worker", held)
        create_user(session, "li", "李", "a long password", held)
        for scope, role in ((plant.scope(), Role.VIEWER), (neighbour, Role.ENGINEER)):
            (key,) = list_keys(session, scope)
            (person,) = list_members(session, scope, search="li")
            assert key.roles == person.roles == (HeldRole(role=role),)


def test_who_may_not_manage_learns_and_changes_nothing_of_people(plant: Plant) -> None:
    with plant.metadata.session() as session:
        li = create_user(session, "li", "李", "a long password", {"steel": [Role.VIEWER]})
        invitation, _ = invite(session, plant.scope(), "a", [VIEWER], plant.now)
    reader = plant.scope(li, Permission.READ)
    acts: list[Callable[[Session], object]] = [
        lambda session: list_members(session, reader),
        lambda session: give_role(session, reader, li, OWNER, plant.now),
        lambda session: take_role(session, reader, li, VIEWER, plant.now),
        lambda session: remove_member(session, reader, li, plant.now),
        # Nor whether somebody with that number is here.
        lambda session: remove_member(session, reader, plant.owner + 1, plant.now),
        lambda session: list_invitations(session, reader, plant.now),
        lambda session: withdraw(session, reader, invitation.id, plant.now),
    ]
    for act in acts:
        with pytest.raises(AccessDenied), plant.metadata.session() as session:
            act(session)
    with plant.metadata.session() as session:
        assert [one.state for one in list_invitations(session, plant.scope(), plant.now)] == ["open"]
        assert [one.roles for one in list_members(session, plant.scope(), search="li")] == [(VIEWER,)]


def test_who_reaches_some_signals_only_gives_no_roles(plant: Plant) -> None:
    narrow = plant.scope().narrowed(frozenset({1}), frozenset(Permission))
    assert Permission.MANAGE in narrow.permissions
    with pytest.raises(AccessDenied, match="some signals"):
        may_give(narrow, [VIEWER])


def test_nobody_gives_more_than_they_have_whatever_roles_there_will_be(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Today only owners manage, and they have all that they can give; a clerk would not."""
    monkeypatch.setitem(
        ROLE_PERMISSIONS,  # type: ignore[arg-type] # a dict, though nobody else may change it
        Role.SHIFT_OPERATOR,
        frozenset({Permission.READ, Permission.MANAGE}),
    )
    with plant.metadata.session() as session:
        person = create_user(session, "clerk", "C", "a long password", {"steel": [Role.SHIFT_OPERATOR]})
    clerk = plant.scope(person)
    may_give(clerk, [VIEWER, COLLECTOR])
    for role in (Role.OWNER, Role.ENGINEER, Role.PLANT_MANAGER, Role.APP_DEVELOPER):
        with pytest.raises(PeopleRefused, match="more than your own"):
            may_give(clerk, [HeldRole(role=role)])


def test_a_tenant_whose_people_change_keeps_no_other_waiting(
    plant_on_postgres: Plant,
) -> None:
    """SQLite has one lock for all of it, so only PostgreSQL can tell."""
    plant = plant_on_postgres
    with plant.metadata.session() as session:
        take_role(session, plant.scope(), plant.owner, VIEWER, plant.now)
        with plant.metadata.session() as beside:
            free = select(Tenant.slug).with_for_update(skip_locked=True)
            assert set(beside.scalars(free)) == {"power"}
