"""Who of a tenant can be reached, who tells them, and what becomes of those who leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_platform.alarms.notify import (
    Contact,
    ContactSpec,
    UnknownPerson,
    find_contact,
    list_contacts,
    set_contact,
)
from tundish_platform.tenancy import AccessDenied, Role
from tundish_platform.tenancy.accounts import create_user

if TYPE_CHECKING:
    from conftest import Office

NONE = ContactSpec()


def listed(office: Office, search: str = "", after: int = 0, limit: int = 1_000) -> list[Contact]:
    with office.plant.metadata.session() as session:
        return list_contacts(session, office.plant.engineer, search=search, after=after, limit=limit)


def test_people_are_found_by_name_and_those_who_can_be_reached_are_listed(office: Office) -> None:
    wang, li = office.person("wang", "plant_manager"), office.person("li", "engineer")
    with office.plant.metadata.session() as session:
        zhao = create_user(session, "z@steel", "Zhao 值班", "a password 2026", {"steel": [Role.VIEWER]})
        create_user(session, "z@power", "Zhao", "a password 2026", {"power": [Role.VIEWER]})
    assert [one.user for one in listed(office)] == [wang, li]
    assert [one.user for one in listed(office, after=wang)] == [li]
    assert [one.user for one in listed(office, limit=1)] == [wang]
    (found,) = listed(office, " ZHAO")
    assert (found.user, found.mail, found.member) == (zhao, "", True)
    assert [one.mail for one in listed(office, "wan")] == ["wang@plant.example"]
    assert listed(office, "z@steel") == [], "the log-in name is nobody's business here"


def test_a_contact_names_the_policies_that_tell_it(office: Office) -> None:
    wang, li, sun = (
        office.person("wang", "plant_manager"),
        office.person("li", "engineer"),
        office.person("sun", "viewer"),
    )
    channel = office.channel()
    by_name = office.policy([{"after_minutes": 0, "channels": [channel], "people": [wang, li]}])
    by_role = office.policy(
        [
            {"after_minutes": 0, "channels": [channel]},
            {"after_minutes": 5, "channels": [channel], "roles": ["plant_manager", "owner"]},
        ]
    )
    told = {one.user: one.policies for one in listed(office)}
    assert told == {wang: (by_name, by_role), li: (by_name,), sun: ()}


def test_who_has_left_is_listed_until_removed_and_never_set_again(office: Office) -> None:
    wang = office.person("wang", "engineer")
    office.policy([{"after_minutes": 0, "channels": [office.channel()], "roles": ["engineer"]}])
    office.leave(wang, "engineer")
    (left,) = listed(office)
    assert (left.member, left.policies) == (False, ())
    assert listed(office, "wang") == []
    scope = office.plant.engineer
    with office.plant.metadata.session() as session:
        with pytest.raises(UnknownPerson):
            set_contact(session, scope, wang, ContactSpec(mobile="13800001234"), office.now)
        assert set_contact(session, scope, wang, NONE, office.now).mail == ""
        assert find_contact(session, scope, wang) is None
        with pytest.raises(UnknownPerson):
            set_contact(session, scope, wang, NONE, office.now)
    assert listed(office) == []


def test_who_may_not_configure_finds_nobody(office: Office) -> None:
    wang = office.person("wang", "engineer")
    with office.plant.metadata.session() as session:
        for ask in (
            lambda: list_contacts(session, office.plant.viewer, search="wang"),
            lambda: find_contact(session, office.plant.viewer, wang),
        ):
            with pytest.raises(AccessDenied):
                ask()
