from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.audit import all_entries
from tundish_platform.people.grants import HeldRole
from tundish_platform.people.keys import MAX_LIFETIME, list_keys, make_key, revoke_key
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant, passwords
from tundish_platform.tenancy.accounts import check_token, create_token, principal_of_user

if TYPE_CHECKING:
    from conftest import Plant

COLLECTOR = HeldRole(role=Role.COLLECTOR)
YEAR = timedelta(days=365)


@pytest.fixture(autouse=True)
def clock(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "utc_now", lambda: plant.now)


def test_a_key_opens_what_it_was_made_for_until_it_expires(plant: Plant) -> None:
    reader = HeldRole(role=Role.VIEWER, place="Works/Melt/L1")
    with plant.metadata.session() as session:
        view, key = make_key(session, plant.scope(), "gateway", [COLLECTOR, reader], YEAR, plant.now)
        found = check_token(session, key)
        kept = session.connection().exec_driver_sql("SELECT * FROM api_token").all()
    assert key not in str(kept)
    assert (view.name, view.created_by, view.own) == ("gateway", "王", True)
    assert found.held("steel") == {Permission.INGEST: None, Permission.READ: {"Works/Melt/L1"}}
    assert not found.person
    with plant.metadata.session() as session:
        (listed,) = list_keys(session, plant.scope())
    assert listed.last_used_at == plant.now
    assert listed.expires_at == plant.now + YEAR
    assert listed.roles == (COLLECTOR, reader)
    plant.now += YEAR
    with pytest.raises(AccessDenied), plant.metadata.session() as session:
        check_token(session, key)


def test_a_revoked_key_is_worthless_and_its_name_free_again(plant: Plant) -> None:
    with plant.metadata.session() as session:
        view, key = make_key(session, plant.scope(), "gateway", [COLLECTOR], YEAR, plant.now)
    with pytest.raises(PeopleRefused, match="of that name"), plant.metadata.session() as session:
        make_key(session, plant.scope(), "gateway", [COLLECTOR], YEAR, plant.now)
    with plant.metadata.session() as session:
        assert revoke_key(session, plant.scope(), view.id, plant.now)
        assert not revoke_key(session, plant.scope(), view.id, plant.now)
    with pytest.raises(AccessDenied), plant.metadata.session() as session:
        check_token(session, key)
    with plant.metadata.session() as session:
        make_key(session, plant.scope(), "gateway", [COLLECTOR], YEAR, plant.now)
        states = {one.name: one.revoked_at is None for one in list_keys(session, plant.scope())}
        trail = [entry.action for entry in all_entries(session)]
    assert states == {f"gateway#{view.id}": False, "gateway": True}
    assert trail == ["key.made", "key.revoked", "key.made"]


def test_a_key_never_manages_and_no_role_above_tenants_is_given(plant: Plant) -> None:
    for role in (Role.OWNER, Role.BUREAU_OFFICER, Role.PLATFORM_OPERATOR):
        with pytest.raises(PeopleRefused), plant.metadata.session() as session:
            make_key(session, plant.scope(), "k", [HeldRole(role=role)], YEAR, plant.now)
    for name, roles, lifetime in (
        ("", [COLLECTOR], YEAR), ("k\n", [COLLECTOR], YEAR), ("k", [], YEAR),
        ("k", [COLLECTOR], timedelta()), ("k", [COLLECTOR], MAX_LIFETIME + timedelta(seconds=1)),
    ):  # fmt: skip
        with pytest.raises(PeopleRefused), plant.metadata.session() as session:
            make_key(session, plant.scope(), name, roles, lifetime, plant.now)
    with plant.metadata.session() as session:
        assert list_keys(session, plant.scope()) == []


def test_who_may_not_manage_has_nothing_to_do_with_keys(plant: Plant) -> None:
    reading = plant.scope(permission=Permission.READ).narrowed(frozenset(), frozenset({Permission.READ}))
    for act in (
        lambda session: list_keys(session, reading),
        lambda session: make_key(session, reading, "k", [COLLECTOR], YEAR, plant.now),
        lambda session: revoke_key(session, reading, 1, plant.now),
    ):
        with pytest.raises(AccessDenied), plant.metadata.session() as session:
            act(session)


def test_tenants_name_their_keys_alike_and_see_their_own(plant: Plant) -> None:
    with plant.metadata.session() as session:
        foreign = access_tenant(principal_of_user(session, plant.owner + 1), "power", Permission.MANAGE)
        mine, _ = make_key(session, plant.scope(), "gateway", [COLLECTOR], YEAR, plant.now)
        theirs, key = make_key(session, foreign, "gateway", [COLLECTOR], YEAR, plant.now)
        assert [one.id for one in list_keys(session, plant.scope())] == [mine.id]
        assert not revoke_key(session, plant.scope(), theirs.id, plant.now)
        assert check_token(session, key).permissions("power") == {Permission.INGEST}


def test_a_key_of_the_operator_s_loses_this_tenant_only(plant: Plant) -> None:
    roles = [Role.ANALYST]
    with plant.metadata.session() as session:
        key = create_token(session, "worker", {"steel": roles, "power": roles})
        (shown,) = list_keys(session, plant.scope())
        assert (shown.name, shown.own) == ("worker", False)
        assert revoke_key(session, plant.scope(), shown.id, plant.now)
        assert list_keys(session, plant.scope()) == []
        assert set(check_token(session, key).tenants) == {"power"}
