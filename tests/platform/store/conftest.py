"""A store with two tenants, and batches in few words."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tundish_platform.migrations.tables import target
from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind, SignalInfo
from tundish_platform.store import SealSettings, Telemetry
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tundish_platform.tenancy import TenantScope

START = datetime(2026, 3, 1, tzinfo=UTC)
ARRIVAL = datetime(2026, 3, 2, 8, tzinfo=UTC)
FIRST, *SLUGS = "first", "steel", "power"
SEAL_SETTINGS = {field.name for field in fields(SealSettings)}


def instant(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def batch(
    kind: SampleKind | str,
    rows: Sequence[tuple[Any, ...]],
    arrival: datetime = ARRIVAL,
    origin: Origin = Origin.LIVE,
) -> SampleBatch:
    """Rows of (signal, second, value[, status]), of gaps (signal, second, second, reason)."""
    schema = SCHEMAS[SampleKind(kind)]
    if kind == SampleKind.GAP:
        full = [(s, instant(a), instant(b), reason) for s, a, b, reason in rows]
    else:
        full = [(row[0], instant(row[1]), row[2], row[3] if len(row) > 3 else 0) for row in rows]
    columns = zip(*full, strict=True) if full else [[]] * len(schema)
    arrays = [pa.array(list(c), f.type) for c, f in zip(columns, schema, strict=True)]
    return SampleBatch(SampleKind(kind), pa.table(arrays, schema=schema), arrival, origin)


@dataclass
class World:
    """A store that can be closed and opened again, with scopes of two tenants."""

    root: Path
    metadata: Metadata
    scopes: dict[str, TenantScope]
    settings: dict[str, Any] = field(default_factory=lambda: {"background": False})
    telemetry: Telemetry = None  # type: ignore[assignment]

    def open(self, **settings: Any) -> Telemetry:  # noqa: ANN401 - whatever `Telemetry` takes
        if self.telemetry is not None:
            self.telemetry.close()
        when = {name: settings.pop(name) for name in SEAL_SETTINGS & settings.keys()}
        if when:
            settings["settings"] = SealSettings(**when)
        self.telemetry = Telemetry(self.root, self.metadata, **(self.settings | settings))
        return self.telemetry

    def append(self, rows: Sequence[tuple[Any, ...]], kind: str = "numeric", tenant: str = "steel") -> int:
        return self.telemetry.append(self.scopes[tenant], [batch(kind, rows)])

    def rows(
        self, signals: Sequence[int], kind: str = "numeric", tenant: str = "steel"
    ) -> list[dict[str, Any]]:
        window = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
        table = self.telemetry.read(self.scopes[tenant], signals, *window, SampleKind(kind))
        found: list[dict[str, Any]] = table.to_pylist()
        return found

    def values(self, signal: int, kind: str = "numeric") -> list[Any]:
        return [row["value"] for row in self.rows([signal], kind)]


@pytest.fixture
def make_batch() -> Callable[..., SampleBatch]:
    return batch


@pytest.fixture
def at() -> Callable[[float], datetime]:
    return instant


@pytest.fixture
def new_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes stores, each with a database of its own: in a file, or in memory where one thread does it all."""
    made: list[World] = []

    def make(*, in_memory: bool = True) -> World:
        root = tmp_path / f"world-{len(made)}"
        root.mkdir()
        metadata = Metadata("sqlite://" if in_memory else f"sqlite:///{root / 'metadata.sqlite'}")
        target.create_all(metadata.engine)
        with metadata.session() as session:
            # A number in the place of a tenant's own is then wrong for each of them.
            create_tenant(session, FIRST, FIRST, FIRST)
            numbers = {slug: create_tenant(session, slug, slug, slug).id for slug in SLUGS}
        who = Principal(1, "tester", {s: (n, frozenset({Role.ANALYST})) for s, n in numbers.items()})
        scopes = {slug: access_tenant(who, slug, Permission.READ) for slug in SLUGS}
        made.append(World(root / "store", metadata, scopes))
        return made[-1]

    yield make
    for world in made:
        if world.telemetry is not None:
            world.telemetry.close()
        world.metadata.close()


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    made = new_world()
    made.open()
    return made


@pytest.fixture
def make_spec() -> Callable[..., SignalInfo]:
    def make(signal: int = 1, **settings: Any) -> SignalInfo:  # noqa: ANN401 - fields of `SignalInfo`
        fields = {"path": f"S/A/L/M/C/V{signal}", "name_zh": "量", "name_en": "v", "semantic": "x.y"}
        return SignalInfo.model_validate(
            fields | {"period_s": 1.0, "id": signal, "source": "test"} | settings
        )

    return make
