"""Who asks is remembered between requests, and what is taken away is gone with the next one all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tundish_platform.migrations.identity import WATCHED
from tundish_platform.migrations.tables import target
from tundish_platform.tenancy import AccessDenied, Permission, Role, passwords, principals
from tundish_platform.tenancy.accounts import (
    create_tenant,
    create_token,
    create_user,
    grant_role,
    revoke_role,
    revoke_token,
)
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.models import ApiToken, IdentityVersion, PersonSession, Tenant, TokenGrant, User
from tundish_platform.tenancy.principals import Principals
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.sessions import SESSION_PREFIX, end_session, open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy.orm import Session

    Fill = Callable[[sa.Connection, Iterable[sa.Table]], None]

PASSWORD = "tap hole 42"
CHANGES = [(table, change) for table, changes in WATCHED.items() for change in changes]


class Plant:
    """A tenant with a key and a person who is logged in, and their holders as two processes know them."""

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        with metadata.session() as session:
            create_tenant(session, "steel", "钢厂", "Steel")
            create_tenant(session, "power", "电厂", "Power")
            self.key = create_token(session, "key", {"steel": [Role.ANALYST]})
            self.person = create_user(session, "li", "Li", PASSWORD, {"steel": [Role.VIEWER]})
            self.secret = open_session(session, self.person, timedelta(hours=1), passwords.utc_now())
        self.other = Metadata(metadata.engine.url.render_as_string(hide_password=False))
        self.processes = [Principals(metadata), Principals(self.other)]

    @property
    def session(self) -> str:
        return SESSION_PREFIX + self.secret

    def change(self, what: Callable[[Session], object]) -> None:
        with self.metadata.session() as session:
            what(session)

    def asked(self, token: str) -> list[set[Permission] | None]:
        """What the token may do in the plant, by each process; ``None`` where it is nobody's."""
        found: list[set[Permission] | None] = []
        for process in self.processes:
            try:
                found.append(set(process.of(token).permissions("steel")))
            except AccessDenied:
                found.append(None)
        return found


@pytest.fixture
def plant(metadata: Metadata) -> Iterable[Plant]:
    made = Plant(metadata)
    yield made
    made.other.close()


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tokens whose rows were read."""
    found: list[str] = []
    read = principals.token_holder

    def counted(session: Session, token: str) -> object:
        found.append(token)
        return read(session, token)

    monkeypatch.setattr(principals, "token_holder", counted)
    return found


def test_a_key_that_asks_again_is_not_looked_up_again(plant: Plant, looked_up: list[str]) -> None:
    before = plant.asked(plant.key)
    assert before == [{Permission.READ, Permission.INGEST, Permission.ANALYSE, Permission.TRAIN}] * 2
    assert [plant.asked(plant.key) for _ in range(5)] == [before] * 5
    assert looked_up == [plant.key] * 2


@pytest.mark.parametrize(
    "taken",
    [
        lambda session, _: revoke_token(session, "key"),
        lambda session, _: session.execute(sa.delete(TokenGrant)),
        lambda session, _: session.execute(sa.delete(ApiToken)),
        lambda session, _: session.execute(sa.delete(Tenant).where(Tenant.slug == "steel")),
        lambda session, _: session.execute(sa.update(TokenGrant).values(role="collector")),
        lambda session, now: session.execute(sa.update(ApiToken).values(expires_at=now)),
    ],
    ids=["revoked", "grants deleted", "key deleted", "tenant deleted", "role changed", "ended"],
)
def test_what_is_taken_from_a_key_is_gone_with_its_next_request_in_every_process(
    plant: Plant, taken: Callable[[Session, datetime], object]
) -> None:
    before = plant.asked(plant.key)
    plant.change(lambda session: taken(session, passwords.utc_now()))
    after = plant.asked(plant.key)
    assert after[0] == after[1] != before[0]
    assert after[0] is None or Permission.READ not in after[0]


@pytest.mark.parametrize(
    "taken",
    [
        lambda session, plant: end_session(session, plant.secret, passwords.utc_now()),
        lambda session, plant: revoke_role(session, plant.person, Role.VIEWER, "steel"),
        lambda session, _: session.execute(sa.update(User).values(disabled_at=datetime.now(UTC))),
        lambda session, _: session.execute(sa.delete(User)),
        lambda session, _: session.execute(sa.delete(PersonSession)),
    ],
    ids=["ended", "role taken", "disabled", "removed", "session deleted"],
)
def test_what_is_taken_from_a_person_is_gone_with_the_next_request_in_every_process(
    plant: Plant, taken: Callable[[Session, Plant], object]
) -> None:
    assert plant.asked(plant.session) == [{Permission.READ}] * 2
    plant.change(lambda session: taken(session, plant))
    assert all(not left for left in plant.asked(plant.session))


def test_what_is_given_is_there_with_the_next_request(plant: Plant) -> None:
    assert plant.asked(plant.session) == [{Permission.READ}] * 2
    plant.change(lambda session: grant_role(session, plant.person, Role.ENGINEER, "steel"))
    assert all(found and Permission.CONFIGURE in found for found in plant.asked(plant.session))


@pytest.mark.parametrize(("table", "change"), CHANGES, ids=[f"{t} {c.split()[0]}" for t, c in CHANGES])
def test_every_change_that_matters_is_counted(
    metadata: Metadata, fill_tables: Fill, table: str, change: str
) -> None:
    with metadata.engine.begin() as connection:
        connection.execute(sa.text("SELECT set_config('role', 'tundish_above', true)")) if (
            connection.dialect.name == "postgresql"
        ) else None
        fill_tables(connection, [target.tables[name] for name in WATCHED])
    before = metadata.value(sa.select(IdentityVersion.version))
    verb, _, columns = change.partition(" OF ")
    for column in columns.split(", ") if columns else [""]:
        with metadata.session() as session:
            if verb == "DELETE":
                session.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of our own
            elif verb == "UPDATE":
                name = column or "role"
                session.execute(sa.text(f"UPDATE {table} SET {name} = {name}"))  # noqa: S608 - names of our own
            else:
                rows = session.execute(sa.select(target.tables[table])).mappings().all()
                new = dict(rows[0]) | {"role": "viewer"}
                session.execute(target.tables[table].insert().values(new))
        after = metadata.value(sa.select(IdentityVersion.version))
        assert after > before, column
        before = after


def test_work_that_changes_nobodys_rights_is_not_counted(plant: Plant) -> None:
    version = sa.select(IdentityVersion.version)
    before, now = plant.metadata.value(version), passwords.utc_now()
    plant.change(lambda session: session.execute(sa.update(ApiToken).values(last_used_at=now)))
    plant.change(lambda session: session.execute(sa.update(PersonSession).values(seen_at=now)))
    plant.change(lambda session: session.execute(sa.update(Tenant).values(next_signal=7)))
    plant.change(lambda session: open_session(session, plant.person, timedelta(hours=1), now))
    assert plant.metadata.value(version) == before


def test_a_key_ends_with_its_time_though_nothing_changes(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, looked_up: list[str]
) -> None:
    start = passwords.utc_now()
    plant.change(lambda s: s.execute(sa.update(ApiToken).values(expires_at=start + timedelta(seconds=30))))
    assert None not in plant.asked(plant.key)
    monkeypatch.setattr(passwords, "utc_now", lambda: start + timedelta(seconds=30))
    assert plant.asked(plant.key) == [None, None]
    # A clock that was set back makes nothing older live longer.
    monkeypatch.setattr(passwords, "utc_now", lambda: start - timedelta(hours=1))
    looked_up.clear()
    plant.asked(plant.key)
    assert looked_up == [plant.key] * 2


def test_its_use_is_noted_again_after_a_minute(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.asked(plant.key)
    later = passwords.utc_now() + timedelta(minutes=1)
    monkeypatch.setattr(passwords, "utc_now", lambda: later)
    plant.asked(plant.key)
    assert plant.metadata.value(sa.select(ApiToken.last_used_at)) == later


def test_nothing_is_remembered_where_nothing_is_counted(plant: Plant, looked_up: list[str]) -> None:
    plant.change(lambda session: session.execute(sa.delete(IdentityVersion)))
    for _ in range(3):
        plant.asked(plant.key)
    assert looked_up == [plant.key] * 6


def test_those_who_asked_longest_ago_are_forgotten_first(plant: Plant, looked_up: list[str]) -> None:
    with plant.metadata.session() as session:
        keys = [create_token(session, f"k{n}", {"power": [Role.VIEWER]}) for n in range(3)]
    few = Principals(plant.metadata.above(Above.IDENTITY), most=2)
    for key in (keys[0], keys[1], keys[0], keys[2], keys[0], keys[1]):
        assert set(few.of(key).tenants) == {"power"}
    assert looked_up == [keys[0], keys[1], keys[2], keys[1]]
    assert len(few) == 2


def test_a_token_of_nobody_is_refused_each_time(plant: Plant) -> None:
    for wrong in ("", "tnd_x", SESSION_PREFIX, plant.key + " ", "\ud800"):
        assert plant.asked(wrong) == [None, None]
    assert len(plant.processes[0]) == 0
