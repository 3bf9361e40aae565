from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.audit import all_entries
from tundish_platform.people.grants import HeldRole
from tundish_platform.people.invitations import (
    LIFETIME,
    accept_as,
    accept_as_new,
    invite,
    list_invitations,
    look_at,
    withdraw,
)
from tundish_platform.people.members import give_role, list_members, remove_member, take_role
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import AccessDenied, Permission, Role
from tundish_platform.tenancy.accounts import check_password, create_user, principal_of_user

if TYPE_CHECKING:
    from conftest import Plant

LINE = "Works/Melt/L1"
VIEWER, OWNER = HeldRole(role=Role.VIEWER), HeldRole(role=Role.OWNER)
AT_LINE = HeldRole(role=Role.ENGINEER, place=LINE)


def actions(plant: Plant) -> list[tuple[str, str, str]]:
    with plant.metadata.session() as session:
        return [(entry.actor, entry.tenant, entry.action) for entry in all_entries(session)]


def test_an_invited_colleague_comes_in_once_with_the_roles_given(plant: Plant) -> None:
    with plant.metadata.session() as session:
        view, token = invite(session, plant.scope(), " Li@Steel ", [VIEWER, AT_LINE], plant.now)
    assert (view.login, view.state) == ("li@steel", "open")
    with plant.metadata.session() as session:
        offered = look_at(session, token, plant.now)
        assert (offered.tenant, offered.login, offered.invited_by, offered.known) == (
            "steel", "li@steel", "王", False,
        )  # fmt: skip
        person = accept_as_new(session, token, "李", "a long password", plant.now)
    with plant.metadata.session() as session:
        li = check_password(session, "li@steel", "a long password")
        assert li.id == person
        assert li.held("steel") == {
            Permission.READ: None, Permission.HANDLE: {LINE}, Permission.CONFIGURE: {LINE},
        }  # fmt: skip
        assert [one.state for one in list_invitations(session, plant.scope(), plant.now)] == ["accepted"]
        with pytest.raises(PeopleRefused) as caught:
            look_at(session, token, plant.now)
    assert caught.value.missing
    with pytest.raises(PeopleRefused), plant.metadata.session() as session:
        accept_as(session, token, plant.owner, plant.now)
    assert actions(plant) == [
        ("王", "steel", "invitation.made"), ("李", "steel", "invitation.accepted"),
    ]  # fmt: skip


def test_the_token_is_kept_as_a_digest_only(plant: Plant) -> None:
    with plant.metadata.session() as session:
        _, token = invite(session, plant.scope(), "li", [VIEWER], plant.now)
        kept = session.connection().exec_driver_sql("SELECT * FROM invitation").all()
    assert token not in str(kept)
    assert token.removeprefix("tni_") not in str(kept)


def test_a_person_of_another_tenant_comes_in_and_keeps_both(plant: Plant) -> None:
    with plant.metadata.session() as session:
        neighbour = check_password(session, "owner@power", "tap hole 43").id
        _, token = invite(session, plant.scope(), "owner@power", [VIEWER], plant.now)
        assert look_at(session, token, plant.now).known
    with pytest.raises(PeopleRefused, match="Log in first"), plant.metadata.session() as session:
        accept_as_new(session, token, "刘", "a long password", plant.now)
    with plant.metadata.session() as session:
        assert accept_as(session, token, neighbour, plant.now) == "steel"
        both = principal_of_user(session, neighbour)
    assert both.permissions("steel") == {Permission.READ}
    assert Permission.MANAGE in both.permissions("power")


def test_an_invitation_ends_when_withdrawn_or_old_and_a_refused_one_stays_open(plant: Plant) -> None:
    with plant.metadata.session() as session:
        first, gone = invite(session, plant.scope(), "a", [VIEWER], plant.now)
        _, old = invite(session, plant.scope(), "b", [VIEWER], plant.now)
        assert withdraw(session, plant.scope(), first.id, plant.now)
        assert not withdraw(session, plant.scope(), first.id, plant.now)
    later = plant.now + LIFETIME
    for token, now in ((gone, plant.now), (old, later), ("tni_nothing", plant.now)):
        with pytest.raises(PeopleRefused, match="worth nothing"), plant.metadata.session() as session:
            accept_as_new(session, token, "A", "a long password", now)
    with pytest.raises(PeopleRefused, match="10"), plant.metadata.session() as session:
        accept_as_new(session, old, "B", "short", plant.now)
    with plant.metadata.session() as session:
        accept_as_new(session, old, "B", "a long password", later - timedelta(seconds=1))
        states = {one.login: one.state for one in list_invitations(session, plant.scope(), later)}
    assert states == {"a": "withdrawn", "b": "accepted"}


def test_only_owners_invite_and_nobody_gives_more_than_they_may(plant: Plant) -> None:
    with plant.metadata.session() as session:
        manager = create_user(session, "m", "M", "a long password", {"steel": [Role.PLANT_MANAGER]})
    with pytest.raises(AccessDenied), plant.metadata.session() as session:
        invite(session, plant.scope(manager, Permission.READ), "x", [VIEWER], plant.now)
    refused = [
        [HeldRole(role=Role.BUREAU_OFFICER)], [HeldRole(role=Role.PLATFORM_OPERATOR)],
        [HeldRole(role=Role.OWNER, place=LINE)], [HeldRole(role=Role.VIEWER, place="a/b/c/d")], [],
    ]  # fmt: skip
    for roles in refused:
        with pytest.raises(PeopleRefused), plant.metadata.session() as session:
            invite(session, plant.scope(), "x", roles, plant.now)
    with plant.metadata.session() as session:
        assert list_invitations(session, plant.scope(), plant.now) == []


def test_an_invitation_of_another_tenant_is_neither_listed_nor_withdrawn(plant: Plant) -> None:
    with plant.metadata.session() as session:
        view, _ = invite(session, plant.scope(), "a", [VIEWER], plant.now)
        neighbour = principal_of_user(session, plant.owner + 1)
        from tundish_platform.tenancy import access_tenant  # noqa: PLC0415 - one use

        foreign = access_tenant(neighbour, "power", Permission.MANAGE)
        assert list_invitations(session, foreign, plant.now) == []
        assert not withdraw(session, foreign, view.id, plant.now)
        assert list_members(session, foreign)[0].login == "owner@power"
        with pytest.raises(PeopleRefused, match="no such person"):
            give_role(session, foreign, plant.owner, VIEWER, plant.now)


def test_roles_are_given_changed_and_taken_and_the_trail_says_so(plant: Plant) -> None:
    with plant.metadata.session() as session:
        li = create_user(session, "li", "李", "a long password", {"steel": [Role.VIEWER]})
        assert give_role(session, plant.scope(), li, AT_LINE, plant.now)
        assert not give_role(session, plant.scope(), li, AT_LINE, plant.now)
        roles = {one.login: one.roles for one in list_members(session, plant.scope())}
        assert roles == {"owner@steel": (OWNER,), "li": (AT_LINE, VIEWER)}
        assert take_role(session, plant.scope(), li, VIEWER, plant.now)
        assert not take_role(session, plant.scope(), li, VIEWER, plant.now)
        assert remove_member(session, plant.scope(), li, plant.now) == 1
        assert [one.login for one in list_members(session, plant.scope())] == ["owner@steel"]
    assert [action for _, _, action in actions(plant)] == ["role.given", "role.taken", "role.taken"]


def test_the_last_owner_stays(plant: Plant) -> None:
    for change in (
        lambda session: take_role(session, plant.scope(), plant.owner, OWNER, plant.now),
        lambda session: remove_member(session, plant.scope(), plant.owner, plant.now),
    ):
        with pytest.raises(PeopleRefused, match="last owner"), plant.metadata.session() as session:
            change(session)
    with plant.metadata.session() as session:
        second = create_user(session, "b", "B", "a long password", {"steel": [Role.OWNER]})
        assert take_role(session, plant.scope(), plant.owner, OWNER, plant.now)
    with pytest.raises(PeopleRefused, match="last owner"), plant.metadata.session() as session:
        take_role(session, plant.scope(second), second, OWNER, plant.now)


def test_two_owners_who_take_each_other_s_role_at_once_leave_one(plant: Plant) -> None:
    with plant.metadata.session() as session:
        second = create_user(session, "b", "B", "a long password", {"steel": [Role.OWNER]})
    scopes = {plant.owner: plant.scope(second), second: plant.scope()}
    start, refused = threading.Barrier(2), []

    def take(person: int) -> None:
        start.wait(timeout=60)
        try:
            with plant.metadata.session() as session:
                take_role(session, scopes[person], person, OWNER, plant.now)
        except PeopleRefused as error:
            refused.append(error.code)

    threads = [threading.Thread(target=take, args=(person,)) for person in scopes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert refused == ["last_owner"]


def test_one_invitation_taken_by_two_at_once_lets_one_in(plant: Plant) -> None:
    with plant.metadata.session() as session:
        people = [create_user(session, name, name, "a long password") for name in ("a", "b")]
        _, token = invite(session, plant.scope(), "x", [VIEWER], plant.now)
    start, came, refused = threading.Barrier(2), [], []

    def come(person: int) -> None:
        start.wait(timeout=60)
        try:
            with plant.metadata.session() as session:
                came.append(accept_as(session, token, person, plant.now))
        except PeopleRefused as error:
            refused.append(error.code)

    threads = [threading.Thread(target=come, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert (came, refused) == (["steel"], ["invitation_worthless"])


def test_people_are_found_by_name_page_by_page(plant: Plant) -> None:
    with plant.metadata.session() as session:
        for number in range(5):
            roles = {"steel": [Role.VIEWER]}
            create_user(session, f"caster-{number}", f"李 100%_{number}", "tap hole 42", roles)
        create_user(session, "li@power", "李", "tap hole 42", {"power": [Role.VIEWER]})
    with plant.metadata.session() as session:
        scope = plant.scope()

        def found(search: str, after: int = 0) -> list[str]:
            return [one.login for one in list_members(session, scope, search=search, after=after, limit=3)]

        assert found("李") == found(" CASTER-") == ["caster-0", "caster-1", "caster-2"]
        last = list_members(session, scope, search="李", limit=3)[-1].person
        assert found("李", last) == ["caster-3", "caster-4"]
        assert found("0%_3") == ["caster-3"]
        assert found("1%0") == found("nobody") == found("\0") == []
        assert found("owner@") == ["owner@steel"]
