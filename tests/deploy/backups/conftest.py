"""A platform with two tenants on either database, what is written to it, and a place for backups."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from tundish_deploy.backups.create import create_backup
from tundish_deploy.backups.place import BackupPlace
from tundish_deploy.backups.sealing import BackupKey, new_key_file
from tundish_deploy.settings import Settings
from tundish_platform.audit import record
from tundish_platform.migrations import upgrade
from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind
from tundish_platform.store import SealSettings, Telemetry
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_token, create_user, job_principal
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from conftest import Cluster

    from tundish_deploy.backups.manifest import Manifest
    from tundish_platform.tenancy import TenantScope

START = datetime(2026, 3, 1, tzinfo=UTC)
ARRIVAL = datetime(2026, 3, 3, 8, tzinfo=UTC)
SLUGS = ("steel", "power")
CANARY = "canary-7a41"
FAR, ALL = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def batch(kind: SampleKind, rows: Sequence[tuple[Any, ...]]) -> SampleBatch:
    """Rows of (signal, second, value), of gaps (signal, second, second, reason)."""
    schema = SCHEMAS[kind]
    if kind is SampleKind.GAP:
        full = [(s, START + timedelta(seconds=a), START + timedelta(seconds=b), why) for s, a, b, why in rows]
    else:
        full = [(s, START + timedelta(seconds=at), value, 0) for s, at, value in rows]
    arrays = [pa.array(list(c), f.type) for c, f in zip(zip(*full, strict=True), schema, strict=True)]
    return SampleBatch(kind, pa.table(arrays, schema=schema), ARRIVAL, Origin.LIVE)


@dataclass
class Plant:
    """A platform in a folder of its own, its writer open in this process."""

    settings: Settings
    metadata: Metadata
    scopes: dict[str, TenantScope] = field(default_factory=dict)
    store: Telemetry = None  # type: ignore[assignment]

    def begin(self) -> None:
        above = self.metadata.above(Above.OPERATOR)
        with above.session() as session:
            for slug in SLUGS:
                create_tenant(session, slug, slug, slug)
            create_user(session, "wang", "王", f"{CANARY}-password", {"steel": [Role.OWNER]})
            create_token(session, "collector", {slug: [Role.COLLECTOR] for slug in SLUGS})
            record(session, "wang", "plant.begun", "steel", tenant="steel", now=START)
        self.look_up()
        self.open()

    def look_up(self) -> None:
        with self.metadata.above(Above.OPERATOR).session() as session:
            who = job_principal(session, "tester", Role.ANALYST)
            for slug in SLUGS:
                self.scopes[slug] = access_tenant(who, slug, Permission.READ)

    def open(self, **settings: Any) -> Telemetry:  # noqa: ANN401 - of `SealSettings`
        if self.store is not None:
            self.store.close()
        self.store = Telemetry(
            self.settings.data_dir / "store",
            self.metadata.above(Above.STORE),
            background=False,
            settings=SealSettings(**settings),
        )
        return self.store

    def append(
        self, rows: Sequence[tuple[Any, ...]], kind: SampleKind = SampleKind.NUMERIC, slug: str = "steel"
    ) -> int:
        return self.store.append(self.scopes[slug], [batch(kind, rows)])

    def values(
        self, signal: int = 1, slug: str = "steel", kind: SampleKind = SampleKind.NUMERIC
    ) -> list[Any]:
        found: list[Any] = self.store.read(self.scopes[slug], [signal], FAR, ALL, kind)["value"].to_pylist()
        return found

    def write(self) -> None:
        """The same for both tenants but for the values: in segments, in the first level, in the log."""
        for number, slug in enumerate(SLUGS):
            self.append([(1, at, float(at + number)) for at in range(500)], slug=slug)
            self.store.seal()
            self.append([(1, at, -1.0) for at in range(490, 510)], slug=slug)
            self.store.spill()
            self.append([(1, 90_000, 5.0)], slug=slug)
            self.append([(3, 0, "läuft")], SampleKind.TEXT, slug)

    def close(self) -> None:
        if self.store is not None:
            self.store.close()
        self.metadata.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def server_template(postgres: Cluster) -> str:
    """A migrated, empty database, owned and used by a log-in that is no superuser."""
    name = postgres.new_database()
    postgres.run(
        name,
        "DO $$ BEGIN CREATE ROLE keeper2 LOGIN CREATEROLE; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"ALTER DATABASE {name} OWNER TO keeper2",
        "GRANT CREATE ON SCHEMA public TO keeper2",
    )
    metadata = Metadata(postgres.url(name, "keeper2"))
    upgrade(metadata)
    metadata.close()
    return name


@pytest.fixture
def new_server_url(postgres: Cluster, server_template: str) -> Callable[..., str]:
    """Makes databases of a server, empty ones or copies of another."""

    assert server_template

    def make(template: str = "template1") -> str:
        name = postgres.new_database(template)
        postgres.run(
            name, f"ALTER DATABASE {name} OWNER TO keeper2", "GRANT CREATE ON SCHEMA public TO keeper2"
        )
        return postgres.url(name, "keeper2")

    return make


@pytest.fixture
def new_plant(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_at: Callable[[Path], Metadata]
) -> Iterator[Callable[..., Plant]]:
    """Makes platforms, with tenants or without."""
    made: list[Plant] = []

    def make(dialect: str = "sqlite", *, begin: bool = True) -> Plant:
        data_dir = tmp_path / f"platform-{len(made)}" / "data"
        data_dir.mkdir(parents=True)
        if dialect == "sqlite":
            settings = Settings(data_dir=data_dir)
            metadata = sqlite_at(data_dir / "metadata.sqlite")
        else:
            url = request.getfixturevalue("new_server_url")(request.getfixturevalue("server_template"))
            settings = Settings(data_dir=data_dir, metadata_url=url)
            metadata = Metadata(url)
        made.append(Plant(settings, metadata))
        if begin:
            made[-1].begin()
        return made[-1]

    yield make
    for plant in made:
        plant.close()


@pytest.fixture
def plant(new_plant: Callable[..., Plant]) -> Plant:
    return new_plant()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "backup.key"
    new_key_file(file)
    return file


@pytest.fixture
def place(tmp_path: Path, key_file: Path) -> BackupPlace:
    return BackupPlace.make(tmp_path / "backups", BackupKey.of_file(key_file))


@pytest.fixture
def back_up(place: BackupPlace) -> Callable[..., Manifest]:
    def make(plant: Plant, tenant: str | None = None) -> Manifest:
        return create_backup(plant.settings, place, tenant)

    return make


@pytest.fixture
def back_up_settings(place: BackupPlace) -> Callable[[Settings], Manifest]:
    return lambda settings: create_backup(settings, place)


@pytest.fixture
def make_batch() -> Callable[[Sequence[tuple[Any, ...]]], SampleBatch]:
    return lambda rows: batch(SampleKind.NUMERIC, rows)


class Filler:
    """Puts rows into any table, and rows into those that it refers to."""

    def __init__(self, connection: sa.Connection, own: dict[str, Any]) -> None:
        self._connection = connection
        self._numbers = count(1000 + int.from_bytes(os.urandom(2), "big") * 1000)
        self._rows: dict[str, dict[str, Any]] = own

    def row(self, table: sa.Table) -> dict[str, Any]:
        if table.name not in self._rows:
            values = {column.name: self._value(column) for column in table.columns}
            self._connection.execute(table.insert().values(values))
            self._rows[table.name] = values
        return self._rows[table.name]

    def second(self, table: sa.Table) -> None:
        """Another row, below the first where the table is a tree, and empty wherever it may be."""
        first = self.row(table)
        values = {}
        for column in table.columns:
            values[column.name] = self._value(column)
            refers = [key.column for key in column.foreign_keys]
            if any(other.table is table for other in refers):
                values[column.name] = first["id"]
            elif column.nullable and not refers:
                values[column.name] = sa.null()
        self._connection.execute(table.insert().values(values))

    def _value(self, column: sa.Column[Any]) -> Any:  # noqa: ANN401 - of whatever type the column has
        for key in column.foreign_keys:
            return None if key.column.table is column.table else self.row(key.column.table)[key.column.name]
        number = next(self._numbers)
        kind = column.type
        made: list[tuple[Any, Callable[[], Any]]] = [
            (sa.JSON, lambda: {"文": [number, 0.1, None], "b": CANARY}),
            (sa.DateTime, lambda: START + timedelta(microseconds=number)),
            (sa.Date, lambda: date(2026, 3, 1) + timedelta(days=number % 5000)),
            (sa.Boolean, lambda: bool(number % 2)),
            (sa.LargeBinary, lambda: bytes([0, 255, number % 256])),
            (sa.Integer, lambda: 1 if column.name == "left_fen" else number),
            (sa.Numeric, lambda: number / 7),
            (sa.Float, lambda: number / 7),
            (sa.String, lambda: f"钢{number}"[-(getattr(kind, "length", None) or 99) :]),
        ]
        return next(make() for type_, make in made if isinstance(kind, type_))


def once(table: sa.Table) -> bool:
    """Whether there can be one row only for what it refers to."""
    refers = {key.parent.name for key in table.foreign_keys if key.column.table is not table}
    keys = [{c.name for c in table.primary_key}]
    keys += [
        {c.name for c in one.columns} for one in table.constraints if isinstance(one, sa.UniqueConstraint)
    ]
    keys += [{c.name for c in one.columns} for one in table.indexes if one.unique]
    return any(key <= refers for key in keys if key)


@pytest.fixture
def fill() -> Callable[..., None]:
    """Puts two rows into every table of a database; into those with an owner, rows of a given tenant."""

    def make(
        connection: sa.Connection, tables: Sequence[sa.Table], tenant: dict[str, Any] | None = None
    ) -> None:
        filler = Filler(connection, {} if tenant is None else {"tenant": tenant})
        for table in tables:
            owned = "tenant_id" in table.columns
            alone = once(table) or table.name in {"register_head", "log_head", "simulated_city"}
            if tenant is not None and not owned:
                continue
            if table.name in {"audit_head", "audit_entry", "identity_version"}:
                continue
            filler.row(table)
            if not alone and table.name != "tenant":
                filler.second(table)

    return make
