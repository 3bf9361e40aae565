"""A metadata database of either kind: SQLite, and a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_platform.migrations import upgrade
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Cluster


@pytest.fixture(scope="session")
def postgres_template(postgres: Cluster) -> str:
    """A migrated, empty database that others are copied from."""
    name = postgres.new_database()
    metadata = Metadata(postgres.url(name))
    upgrade(metadata)
    metadata.close()
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
def metadata(request: pytest.FixtureRequest, dialect: str, tmp_path: Path) -> Iterator[Metadata]:
    """A migrated, empty metadata database; tests that use it run on both kinds."""
    if dialect == "sqlite":
        url = f"sqlite:///{tmp_path / 'metadata.sqlite'}"
    else:
        cluster: Cluster = request.getfixturevalue("postgres")
        url = cluster.url(cluster.new_database(request.getfixturevalue("postgres_template")))
    database = Metadata(url)
    if dialect == "sqlite":
        upgrade(database)
    yield database
    database.close()


@pytest.fixture
def new_sqlite(tmp_path: Path) -> Iterator[Callable[[], Metadata]]:
    """Makes migrated SQLite databases, for suites to which the kind of database does not matter."""
    made: list[Metadata] = []

    def make() -> Metadata:
        database = Metadata(f"sqlite:///{tmp_path / f'metadata-{len(made)}.sqlite'}")
        upgrade(database)
        made.append(database)
        return database

    yield make
    for database in made:
        database.close()
