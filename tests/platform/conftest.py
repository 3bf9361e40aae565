"""A metadata database of either kind: SQLite, and a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_platform.migrations import upgrade
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Cluster


@pytest.fixture(scope="session")
def postgres_template(postgres: Cluster) -> str:
    """A migrated, empty database that others are copied from."""
    name = postgres.new_database()
    # As operators are told to: one log-in owns the tables, and the server has another.
    postgres.run(
        name,
        "CREATE ROLE keeper LOGIN CREATEROLE",
        "CREATE ROLE server LOGIN",
        f"ALTER DATABASE {name} OWNER TO keeper",
        "GRANT CREATE ON SCHEMA public TO keeper",
    )
    metadata = Metadata(postgres.url(name, "keeper"))
    upgrade(metadata)
    metadata.close()
    postgres.run(name, "GRANT tundish_tenant, tundish_above TO server")
    return name


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, dialect: str, tmp_path: Path) -> str:
    """URL of a database without any tables."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path / 'metadata.sqlite'}"
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.url(cluster.new_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def metadata(request: pytest.FixtureRequest, dialect: str) -> Metadata:
    """A migrated, empty metadata database; tests that use it run on both kinds."""
    make: Callable[[], Metadata] = request.getfixturevalue(
        "new_sqlite" if dialect == "sqlite" else "new_postgres"
    )
    # What tests prepare belongs to several tenants; what they try goes through handles of its own.
    return make().above(Above.OPERATOR)


@pytest.fixture
def new_postgres(postgres: Cluster, postgres_template: str) -> Iterator[Callable[[], Metadata]]:
    """Makes migrated PostgreSQL databases, reached with the log-in of a server."""
    made: dict[str, Metadata] = {}

    def make() -> Metadata:
        name = postgres.new_database(postgres_template)
        made[name] = Metadata(postgres.url(name, "server"))
        return made[name]

    yield make
    for name, database in made.items():
        database.close()
        postgres.run("postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def new_sqlite(tmp_path: Path, sqlite_at: Callable[[Path], Metadata]) -> Iterator[Callable[[], Metadata]]:
    """Makes migrated SQLite databases, for suites to which the kind of database does not matter."""
    made: list[Metadata] = []

    def make() -> Metadata:
        made.append(sqlite_at(tmp_path / f"metadata-{len(made)}.sqlite"))
        return made[-1]

    yield make
    for database in made:
        database.close()
