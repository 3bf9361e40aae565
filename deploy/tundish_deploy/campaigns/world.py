"""A store and its database on one simulated machine, that can crash, lose its power, and start again."""

from __future__ import annotations

import random
import secrets
import shutil
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from unittest import mock

from tundish_deploy.campaigns.database import MachineMetadata
from tundish_deploy.campaigns.disk import Disk
from tundish_deploy.campaigns.machine import Machine, MachineFiles, PowerLost
from tundish_platform.migrations import upgrade
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tundish_platform.store import SealSettings
    from tundish_platform.tenancy import TenantScope

SLUGS: Final = ("power", "steel")


def new_database(path: Path, slugs: Sequence[str] = SLUGS) -> Path:
    """A migrated database with tenants."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_migrated(tuple(slugs)))
    return path


@lru_cache
def _migrated(slugs: tuple[str, ...]) -> bytes:
    """Migrating takes a second, so it is done once a process."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "metadata.sqlite"
        metadata = Metadata(f"sqlite:///{path}")
        upgrade(metadata)
        with metadata.session() as session:
            for slug in slugs:
                create_tenant(session, slug, slug, slug)
        metadata.close()
        return path.read_bytes()


def scopes_of(slugs: Sequence[str] = SLUGS) -> dict[str, TenantScope]:
    """Scopes of the tenants of a new database, which numbers them from 1."""
    roles = frozenset({Role.ANALYST})
    who = Principal(1, "campaign", {slug: (number, roles) for number, slug in enumerate(slugs, 1)})
    return {slug: access_tenant(who, slug, Permission.READ) for slug in slugs}


class World:
    """One machine's life.

    Args:
        root: its folder; made, and removed by `end`.
        seed: of everything that is left to chance.
        settings: of the store.
        image: another machine's folder to begin with.
    """

    def __init__(
        self, root: Path, seed: str, settings: SealSettings | None = None, image: Path | None = None
    ) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - chance, not secrecy
        self.root = root
        self.scopes = scopes_of()
        self._settings = settings
        self._database = root / "database" / "metadata.sqlite"
        if image is None:
            new_database(self._database)
        else:
            shutil.copytree(image, root)
        self.disk = Disk(root, self.chance)
        self.disk.settle()
        self.machine = Machine(self.disk)
        self._metadata: Metadata | None = None
        self._telemetry: Telemetry | None = None

    @property
    def telemetry(self) -> Telemetry:
        """The open store."""
        assert self._telemetry is not None, "the store is not open"  # noqa: S101 - the campaign's own mistake
        return self._telemetry

    def start(self, machine: Machine) -> Telemetry:
        """Open the store as a new process would."""
        self.crash()
        self.machine = machine
        self._metadata = MachineMetadata(self._database, machine)
        store = self.root / "store"
        self._telemetry = Telemetry(
            store, self._metadata, files=MachineFiles(machine), settings=self._settings, background=False
        )
        return self._telemetry

    def crash(self) -> None:
        """End the process where it is; what it wrote is in the system's memory and not lost."""
        self.machine.dead = True
        with suppress(PowerLost):
            if self._telemetry is not None:
                self._telemetry.close()
        if self._metadata is not None:
            self._metadata.close()
        self._telemetry = self._metadata = None
        # A process that is gone holds no lock; this one lives on and might.
        (self.root / "store" / "writer.lock").unlink(missing_ok=True)

    def cut(self, *, worst: bool = False) -> None:
        """Lose the power; at worst with all that was not safe."""
        self.crash()
        self.disk.cut(worst=worst)

    def end(self) -> None:
        """Remove everything."""
        self.crash()
        self.disk.close()
        shutil.rmtree(self.root, ignore_errors=True)


@contextmanager
def seeded_names(seed: str) -> Iterator[None]:
    """Names that the store makes up come from a seed, so that a run can be repeated exactly."""
    chance = random.Random(f"names {seed}")  # noqa: S311 - chance, not secrecy
    with (
        mock.patch.object(secrets, "token_hex", lambda n=4: chance.randbytes(n).hex()),
        mock.patch.object(secrets, "token_bytes", lambda n=8: chance.randbytes(n)),
    ):
        yield
