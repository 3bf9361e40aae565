"""A metadata database of either kind: SQLite, and a real PostgreSQL started for the tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from tundish_platform.migrations import upgrade
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEBIAN_BINARIES = Path("/usr/lib/postgresql")
INSTALL = "PostgreSQL's server programs are missing; install them with: apt-get install -y postgresql"


def postgres_program(name: str) -> str:
    packaged = sorted(DEBIAN_BINARIES.glob(f"*/bin/{name}"), reverse=True)
    program = str(packaged[0]) if packaged else shutil.which(name)
    if program is None:
        pytest.fail(INSTALL)
    return program


class Cluster:
    """A PostgreSQL of its own in a temporary folder, reached over a unix socket only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count()
        data = str(folder / "data")
        # The server's programs refuse to run as root; and whatever ends the tests ends the server too.
        self._prefix = ["setpriv", "--pdeathsig", "QUIT"]
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            self._prefix += ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        made = self._run(
            "initdb", "-D", data, "-U", "tundish", "--auth=trust", "--encoding=UTF8", "--no-sync"
        )
        assert made.returncode == 0, made.stdout
        options = ["-c", "listen_addresses=", "-k", str(folder), "-c", "fsync=off"]
        with (folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                [*self._prefix, postgres_program("postgres"), "-D", data, *options],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._wait()

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._prefix, postgres_program(program), *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while self._run("pg_isready", "-q", "-h", str(self.folder)).returncode != 0:
            alive = self._server.poll() is None and time.monotonic() < deadline
            assert alive, (self.folder / "log").read_text()
            time.sleep(0.05)

    def url(self, database: str, login: str = "tundish") -> str:
        return f"postgresql+psycopg://{login}@/{database}?host={self.folder}"

    def run(self, database: str, *statements: str) -> None:
        """As the cluster's superuser."""
        engine = create_engine(self.url(database), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def new_database(self, template: str = "template1") -> str:
        name = f"t{next(self._numbers)}"
        self.run("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def stop(self) -> None:
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(timeout=30)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="tundish-pg-"))
    cluster = Cluster(folder)
    yield cluster
    cluster.stop()
    shutil.rmtree(folder)


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
    made: list[Metadata] = []

    def make() -> Metadata:
        made.append(Metadata(postgres.url(postgres.new_database(postgres_template), "server")))
        return made[-1]

    yield make
    for database in made:
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
