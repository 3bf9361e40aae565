"""Databases of tests: a real PostgreSQL, started once for all that want one, and migrated SQLite files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from tundish_platform.migrations import upgrade
from tundish_platform.tenancy.metadata import Metadata

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
        self._command = [*self._prefix, postgres_program("postgres"), "-D", data, *options]
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                self._command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
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

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """As after a crash, and started again at the end of the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def stop(self) -> None:
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(timeout=30)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database that others are copied from: migrating is most of a short test."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    metadata = Metadata(f"sqlite:///{path}")
    upgrade(metadata)
    metadata.close()
    return path


@pytest.fixture
def sqlite_at(sqlite_template: Path) -> Callable[[Path], Metadata]:
    """Makes a migrated, empty SQLite database at a path; who asks closes it."""

    def make(path: Path) -> Metadata:
        shutil.copyfile(sqlite_template, path)
        return Metadata(f"sqlite:///{path}")

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="tundish-pg-", dir=_in_memory()))
    cluster = Cluster(folder)
    yield cluster
    cluster.stop()
    # Hundreds of databases are very many files; Python would take a minute over them.
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def _in_memory() -> str | None:
    """Where files lie in memory, if there is room: a database is some 300 files, made and removed."""
    shared = Path("/dev/shm")  # noqa: S108 - a name by chance below it, as anywhere else
    roomy = shared.is_dir() and shutil.disk_usage(shared).free > 8 << 30
    return str(shared) if roomy else None
