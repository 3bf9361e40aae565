"""On PostgreSQL a query that forgot its filter still sees one tenant's rows only; shown on a real server."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, Table, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from tundish_platform import migrations
from tundish_platform.migrations import rowsecurity, upgrade
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import find_tenant, job_principal
from tundish_platform.tenancy.metadata import Base, Metadata
from tundish_platform.tenancy.reach import ABOVE_ROLE, TENANT_ROLE, Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alembic.config import Config
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MINE, CANARY = "mine", "canary-9c1e"


class World:
    """Two tenants on a PostgreSQL whose tables `keeper` owns and to which `server` connects."""

    def __init__(self, cluster: Any, template: str, fill: Callable[[Session, str], int]) -> None:  # noqa: ANN401 - the conftest's
        self.cluster = cluster
        self.name = cluster.new_database(template)
        self.server = Metadata(cluster.url(self.name, "server"))
        self.keeper = Metadata(cluster.url(self.name, "keeper"))
        with self.server.above(Above.OPERATOR).session() as session:
            self.mine, self.theirs = fill(session, MINE), fill(session, CANARY)
            slugs = list(session.scalars(text("SELECT slug FROM tenant ORDER BY id")))
            job = job_principal(session, "test", Role.ANALYST)
        self.scope, self.foreign = (access_tenant(job, slug, Permission.READ) for slug in slugs)

    def seen(self, metadata: Metadata, table: Table) -> str:
        with metadata.session() as session:
            return str(session.execute(select(table)).all())

    def close(self) -> None:
        self.server.close()
        self.keeper.close()


@pytest.fixture
def world(request: pytest.FixtureRequest, fill: Callable[[Session, str], int]) -> Iterator[World]:
    made = World(request.getfixturevalue("postgres"), request.getfixturevalue("postgres_template"), fill)
    yield made
    made.close()


def spots(metadata: Metadata) -> list[str]:
    with metadata.engine.connect() as connection:
        return rowsecurity.weak_spots(connection)


def test_every_table_with_an_owner_is_protected_and_nothing_passes_by(
    world: World, owned: list[Table]
) -> None:
    with world.server.engine.connect() as connection:
        assert {table.name for table in owned} <= set(rowsecurity.owned_tables(connection))
    assert spots(world.server) == spots(world.keeper) == []


def test_without_a_filter_a_tenant_sees_its_own_rows_and_nothing_of_another(
    world: World, owned: list[Table]
) -> None:
    for table in owned:
        seen = world.seen(world.server.of(world.scope), table)
        assert CANARY not in seen, table.name
        with world.server.of(world.scope).session() as session:
            assert session.scalar(select(func.count()).select_from(table)) == 1, table.name
            assert session.scalar(select(table.c.tenant_id)) == world.mine


def test_the_canary_is_seen_where_security_is_off(world: World, owned: list[Table]) -> None:
    found = set()
    for table in owned:
        world.cluster.run(world.name, f"ALTER TABLE {table.name} DISABLE ROW LEVEL SECURITY")
        with world.server.of(world.scope).session() as session:
            found |= {table.name} & {
                table.name for number in session.scalars(select(table.c.tenant_id)) if number == world.theirs
            }
        assert any(spot.startswith(f"{table.name} ") for spot in spots(world.server))
    assert found == {table.name for table in owned}
    assert CANARY in world.seen(world.server.of(world.scope), Base.metadata.tables["signal"])


def test_who_forgets_to_say_whose_rows_sees_none(world: World, owned: list[Table]) -> None:
    for table in owned:
        assert world.seen(world.server, table) == "[]", table.name
        with world.server.engine.connect() as connection:
            assert connection.execute(select(table)).all() == [], "a log-in that inherits both roles"


def test_rows_cannot_be_changed_removed_or_put_under_another_tenant(world: World, owned: list[Table]) -> None:
    for table in owned:
        with world.server.of(world.scope).session() as session:
            assert session.execute(table.delete().where(table.c.tenant_id == world.theirs)).rowcount == 0  # type: ignore[attr-defined]
        with (
            pytest.raises(DBAPIError, match="row-level security"),
            world.server.of(world.scope).session() as session,
        ):
            session.execute(table.update().values(tenant_id=world.theirs))
    with world.server.above(Above.OPERATOR).session() as session:
        for table in owned:
            assert session.scalar(select(func.count()).select_from(table)) == 2, table.name


def test_the_owner_of_the_tables_is_kept_out_too(world: World, owned: list[Table]) -> None:
    for table in owned:
        with world.keeper.engine.connect() as connection:
            assert connection.execute(select(table)).all() == [], table.name
            connection.execute(text("SET row_security = off"))
            with pytest.raises(DBAPIError, match="row-level security"):
                connection.execute(select(table))


def test_a_connection_that_goes_back_to_the_pool_takes_no_tenant_along(world: World) -> None:
    signal = Base.metadata.tables["signal"]
    pid = select(func.pg_backend_pid())
    for metadata in (world.server.of(world.foreign), world.server.above(Above.STORE)):
        with metadata.session() as session:
            before = session.scalar(pid)
            assert CANARY in str(session.execute(select(signal)).all())
        with world.server.session() as session:
            assert session.scalar(pid) == before, "the pool gives the same connection again"
            assert session.execute(select(signal)).all() == []
        with world.server.engine.connect() as connection:
            assert connection.scalar(pid) == before
            assert connection.execute(select(signal)).all() == []
            assert connection.scalar(text("SELECT current_user")) == "server"
    with pytest.raises(ZeroDivisionError), world.server.of(world.foreign).session():
        raise ZeroDivisionError
    assert world.seen(world.server, signal) == "[]"


def test_a_savepoint_that_is_rolled_back_keeps_the_tenant(world: World) -> None:
    numbers = select(Base.metadata.tables["signal"].c.tenant_id)
    with world.server.of(world.scope).session() as session:
        session.begin_nested().rollback()
        assert list(session.scalars(numbers)) == [world.mine]


def test_threads_on_one_pool_see_each_their_own(world: World) -> None:
    signal = Base.metadata.tables["signal"]
    wrong: list[str] = []

    def look(scope: TenantScope, tenant: int) -> None:
        for _ in range(30):
            with world.server.of(scope).session() as session:
                wrong.extend(str(n) for n in session.scalars(select(signal.c.tenant_id)) if n != tenant)

    pairs = [(world.scope, world.mine), (world.foreign, world.theirs)] * 2
    threads = [threading.Thread(target=look, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_views_functions_and_roles_that_pass_by_are_found(world: World) -> None:
    traps = {
        "leak": "CREATE VIEW leak AS SELECT * FROM signal",
        "frozen": "CREATE MATERIALIZED VIEW frozen AS SELECT * FROM signal",
        "reveal": "CREATE FUNCTION reveal() RETURNS SETOF signal LANGUAGE sql SECURITY DEFINER "
        "AS 'SELECT * FROM signal'",
    }
    for made in traps.values():
        world.cluster.run(world.name, made)
    world.cluster.run(world.name, f"GRANT SELECT ON leak, frozen TO {TENANT_ROLE}")
    with world.server.of(world.scope).session() as session:
        # Positive control: they belong to a superuser, so they do leak.
        assert CANARY in str(session.execute(text("SELECT * FROM leak")).all())
        assert CANARY in str(session.execute(text("SELECT * FROM reveal()")).all())
    assert {spot.split()[0] for spot in spots(world.server)} == set(traps)
    for kind, name in (("VIEW", "leak"), ("MATERIALIZED VIEW", "frozen"), ("FUNCTION", "reveal")):
        world.cluster.run(world.name, f"DROP {kind} {name}")
    world.cluster.run(world.name, "CREATE VIEW honest WITH (security_invoker = true) AS SELECT * FROM signal")
    world.cluster.run(world.name, f"GRANT SELECT ON honest TO {TENANT_ROLE}")
    with world.server.of(world.scope).session() as session:
        assert CANARY not in str(session.execute(text("SELECT * FROM honest")).all())
    assert spots(world.server) == []


WEAKENED = {
    "ALTER TABLE signal NO FORCE ROW LEVEL SECURITY": "ALTER TABLE signal FORCE ROW LEVEL SECURITY",
    "CREATE POLICY open ON signal USING (true)": "DROP POLICY open ON signal",
    f"ALTER ROLE {TENANT_ROLE} BYPASSRLS": f"ALTER ROLE {TENANT_ROLE} NOBYPASSRLS",
    f"GRANT {ABOVE_ROLE} TO {TENANT_ROLE}": f"REVOKE {ABOVE_ROLE} FROM {TENANT_ROLE}",
    "ALTER ROLE server BYPASSRLS": "ALTER ROLE server NOBYPASSRLS",
}


def test_each_way_of_weakening_it_is_found(world: World) -> None:
    for broken, mended in WEAKENED.items():
        world.cluster.run(world.name, broken)
        try:
            assert len(spots(world.server)) == 1, broken
        finally:
            # Roles are the whole cluster's, and other tests use them.
            world.cluster.run(world.name, mended)
        assert spots(world.server) == []


def test_a_table_without_a_policy_is_named(world: World) -> None:
    world.cluster.run(
        world.name,
        "CREATE TABLE forgotten (tenant_id integer NOT NULL REFERENCES tenant (id))",
    )
    assert spots(world.server) == ["forgotten has rows of tenants and no protection"]


def test_work_above_tenants_reaches_all_and_says_its_name(world: World, owned: list[Table]) -> None:
    name = text("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")
    for work in Above:
        with world.server.above(work).session() as session:
            for table in owned:
                assert session.scalar(select(func.count()).select_from(table)) == 2, table.name
            assert session.scalar(name) == f"tundish:{work.name.lower()}"


def test_removing_a_tenant_takes_all_its_rows_and_no_others(world: World, owned: list[Table]) -> None:
    with world.server.above(Above.OPERATOR).session() as session:
        session.delete(find_tenant(session, world.foreign.slug))
    with world.server.above(Above.OPERATOR).session() as session:
        for table in owned:
            assert list(session.scalars(select(table.c.tenant_id))) == [world.mine], table.name


def test_a_server_may_start_with_the_log_in_that_owns_nothing(world: World) -> None:
    upgrade(world.server)
    with pytest.raises(DBAPIError), world.server.engine.begin() as connection:
        connection.execute(text("ALTER TABLE signal DISABLE ROW LEVEL SECURITY"))


def test_an_owner_who_may_make_no_roles_migrates_where_they_are_there(world: World) -> None:
    world.cluster.run(
        world.name, "CREATE ROLE plain LOGIN", f"GRANT {TENANT_ROLE}, {ABOVE_ROLE} TO plain",
        "CREATE DATABASE plain OWNER plain",
    )  # fmt: skip
    metadata = Metadata(world.cluster.url("plain", "plain"))
    upgrade(metadata)
    assert spots(metadata) == []
    metadata.close()


def test_migrations_reach_all_rows_although_their_log_in_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int | None] = []
    configured = migrations.configuration

    def look(connection: Connection) -> Config:
        counted.append(connection.scalar(text("SELECT count(*) FROM signal")))
        return configured(connection)

    monkeypatch.setattr("tundish_platform.migrations.configuration", look)
    monkeypatch.setattr("alembic.command.upgrade", lambda *_: None)
    upgrade(world.keeper)
    assert set(counted) == {2}
    assert world.seen(world.keeper, Base.metadata.tables["signal"]) == "[]"


def test_sqlite_has_the_same_handles_and_no_weak_spots(
    new_sqlite: Callable[[], Metadata], fill: Callable[[Session, str], int]
) -> None:
    metadata = new_sqlite()
    with metadata.above(Above.OPERATOR).session() as session:
        fill(session, MINE)
        job = job_principal(session, "test")
    scope = access_tenant(job, next(iter(job.tenants)), Permission.READ)
    with metadata.of(scope).session() as session:
        assert session.scalar(text("SELECT count(*) FROM signal")) == 1
    assert spots(metadata) == []
    assert "signal" in inspect(metadata.engine).get_table_names()
