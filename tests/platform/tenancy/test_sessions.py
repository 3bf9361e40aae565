from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_user, job_principal
from tundish_platform.tenancy.models import PersonSession, User
from tundish_platform.tenancy.sessions import (
    end_session,
    end_sessions,
    logins_between,
    open_session,
    open_sessions,
    principal_of_session,
)

if TYPE_CHECKING:
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def people(metadata: Metadata) -> tuple[int, int]:
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        create_tenant(session, "power", "电厂", "Power")
        words = "correct horse battery"
        return (
            create_user(session, "li", "李", words, {"steel": [Role.OWNER, Role.VIEWER]}),
            create_user(session, "wang", "王", words, {"power": [Role.OWNER]}),
        )


def test_a_session_lasts_until_it_expires_or_is_ended(metadata: Metadata, people: tuple[int, int]) -> None:
    li, wang = people
    with metadata.session() as session:
        first = open_session(session, li, 10 * HOUR, NOW, "Firefox\x00" + "x" * 500)
        second = open_session(session, li, 10 * HOUR, NOW + HOUR)
        other = open_session(session, wang, 10 * HOUR, NOW)
        assert principal_of_session(session, first, NOW).name == "李"
        assert [s.agent[:8] for s in open_sessions(session, li, NOW + HOUR)] == ["", "Firefoxx"]
        for secret, when in ((first, NOW + 10 * HOUR), ("guessed", NOW), ("", NOW), ("\ud800", NOW)):
            with pytest.raises(AccessDenied):
                principal_of_session(session, secret, when)
        end_session(session, first, NOW + HOUR)
        end_session(session, first, NOW + HOUR)
        with pytest.raises(AccessDenied):
            principal_of_session(session, first, NOW + HOUR)
        (left,) = open_sessions(session, li, NOW + HOUR)
        assert end_sessions(session, wang, NOW + HOUR, left.number) == 0, "not one of theirs"
        assert principal_of_session(session, second, NOW + HOUR).name == "李"
        assert end_sessions(session, li, NOW + HOUR) == 1
        with pytest.raises(AccessDenied):
            principal_of_session(session, second, NOW + HOUR)
        assert principal_of_session(session, other, NOW + HOUR).name == "王"


def test_the_secret_is_kept_nowhere_and_use_is_noted_by_the_minute(
    metadata: Metadata, people: tuple[int, int]
) -> None:
    with metadata.session() as session:
        secret = open_session(session, people[0], 10 * HOUR, NOW)
        row = session.query(PersonSession).one()
        assert secret not in str(vars(row))
        for seconds, noted in ((59, 0), (61, 61), (100, 61)):
            principal_of_session(session, secret, NOW + timedelta(seconds=seconds))
            assert row.seen_at == NOW + timedelta(seconds=noted)


def test_a_disabled_person_has_no_session(metadata: Metadata, people: tuple[int, int]) -> None:
    with metadata.session() as session:
        secret = open_session(session, people[0], 10 * HOUR, NOW)
        session.get_one(User, people[0]).disabled_at = NOW
        with pytest.raises(AccessDenied):
            principal_of_session(session, secret, NOW)


def test_a_tenants_log_ins_are_those_of_its_own_people_once_each(
    metadata: Metadata, people: tuple[int, int]
) -> None:
    li, wang = people
    with metadata.session() as session:
        for user, hours in ((li, 0), (wang, 0), (li, 1), (li, 5)):
            open_session(session, user, 10 * HOUR, NOW + hours * HOUR)
        viewer = job_principal(session, "v", Role.VIEWER)
        steel = access_tenant(viewer, "steel", Permission.READ)
        assert logins_between(session, steel, NOW, NOW + 5 * HOUR) == [(li, NOW), (li, NOW + HOUR)]
        collector = job_principal(session, "c", Role.COLLECTOR)
        with pytest.raises(AccessDenied):
            logins_between(session, access_tenant(collector, "steel", Permission.INGEST), NOW, NOW + HOUR)


def test_after_a_year_nobody_knows_who_logged_in(metadata: Metadata, people: tuple[int, int]) -> None:
    with metadata.session() as session:
        open_session(session, people[0], HOUR, NOW)
        open_session(session, people[1], HOUR, NOW + timedelta(days=401))
        assert session.query(PersonSession).one().user_id == people[1]
