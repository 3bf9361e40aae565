"""Plants with lines whose shift is known to the minute, for the pages that judge shifts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tundish_dashboards.callbacks import Person, TenantView
from tundish_dashboards.formats import Formats
from tundish_dashboards.i18n import Language
from tundish_platform.api.context import PlatformContext
from tundish_platform.assets import list_signals, seen, upsert_signals
from tundish_platform.handover import ShiftPlanSpec, set_plan
from tundish_platform.marketplace import Catalogue, subscribe
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalRole, SignalSpec
from tundish_platform.store import Telemetry
from tundish_platform.store.query.queries import Queries
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

# Ten o'clock of a Tuesday in Shanghai, two hours into the early shift.
WALL = datetime(2026, 5, 12, 2, tzinfo=UTC)
START = WALL - timedelta(hours=2)
MINUTES = 120
SHELF = Path(__file__).parents[3] / "apps-marketplace"


@dataclass(frozen=True)
class Plant:
    """A tenant with its store."""

    context: PlatformContext
    tenant_id: int

    def view(self, *, places: Iterable[str] = (), language: Language = Language.EN) -> TenantView:
        """What an owner sees, or a shift operator of some places."""
        place = frozenset((Role.SHIFT_OPERATOR, one) for one in places)
        roles = frozenset() if place else frozenset({Role.OWNER})
        person = Principal(
            1,
            "Ann",
            {"steel": (self.tenant_id, roles)},
            placed={"steel": place} if place else {},
            person=True,
        )
        scope = access_tenant(person, "steel", Permission.READ)
        context = self.context.of(scope)
        if place:
            with context.metadata.session() as session:
                scope = seen(session, scope)
        formats = Formats(language, ZoneInfo("Asia/Shanghai"))
        return TenantView(Person(person, language), context, scope, "Steel", formats)

    def scope(self, permission: Permission) -> TenantScope:
        """What the platform's own jobs may do."""
        role = Role.COLLECTOR if permission is Permission.INGEST else Role.OWNER
        with self.context.metadata.session() as session:
            return access_tenant(job_principal(session, "job", role), "steel", permission)

    def declare(self, specs: Iterable[SignalSpec]) -> dict[str, int]:
        """Signals by path."""
        scope = self.scope(Permission.INGEST)
        with self.context.of(scope).metadata.session() as session:
            return upsert_signals(session, scope, "s", list(specs))

    def send(self, kind: SampleKind, rows: list[tuple[Any, ...]], arrival: datetime = WALL) -> None:
        """Samples ``signal, ts, value, status``, or gaps ``signal, ts, end, reason``."""
        schema = SCHEMAS[kind]
        columns = list(zip(*rows, strict=True))
        table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
        self.context.telemetry.append(self.scope(Permission.INGEST), [SampleBatch(kind, table, arrival)])

    def plan(self, settings: Mapping[str, float | str]) -> None:
        """Write the shifts down, as a subscriber of the app does."""
        scope = self.scope(Permission.SUBSCRIBE)
        with self.context.of(scope).metadata.session() as session:
            signals = list_signals(session, scope)
            subscribe(session, scope, self.context.catalogue, "oee-pareto", signals, settings)

    def shifts(self, path: str, begins: str, ends: str, **more: object) -> None:
        """Write down the only shift of a place, as its hand-over page does."""
        shift = {"code": "early", "name_zh": "早班", "name_en": "Early", "begins": begins, "ends": ends}
        spec = ShiftPlanSpec.model_validate({"path": path, "zone": "Asia/Shanghai", "shifts": [shift]} | more)
        scope = self.scope(Permission.CONFIGURE)
        with self.context.of(scope).metadata.session() as session:
            set_plan(session, scope, spec, 0, START)

    @staticmethod
    def specs(line: str, *, told: float | None = 60.0) -> list[SignalSpec]:
        """A machine with a pressure, a state and two counters; ``told`` is the state's period."""
        names = {"name_zh": "信号", "name_en": "signal"}
        text = {"kind": SampleKind.TEXT, "role": SignalRole.STATE, "step": True, "period_s": told}
        count = {"role": SignalRole.COUNTER, "unit": "1", "period_s": 60.0}
        bar = {"unit": "bar", "period_s": 10.0}
        return [
            SignalSpec(path=f"{line}/M/C/P", semantic="pressure.hydraulic", **names, **bar),
            SignalSpec(path=f"{line}/M/C/State", semantic="state.packml", **names, **text),
            SignalSpec(path=f"{line}/M/C/Total", semantic="count.processed", **names, **count),
            SignalSpec(path=f"{line}/M/C/Rejects", semantic="count.defective", **names, **count),
        ]

    def run(self, line: str, ids: Mapping[str, int], *, until: int = MINUTES) -> None:
        """Ninety minutes of a piece a minute, every tenth one bad, then a fault; nothing after ``until``."""
        at = [START + timedelta(minutes=n) for n in range(until)]
        tens = [START + timedelta(seconds=10 * n) for n in range(6 * until)]
        self.send(
            SampleKind.NUMERIC,
            [
                *((ids[f"{line}/M/C/P"], ts, 100.0, 0) for ts in tens),
                *((ids[f"{line}/M/C/Total"], ts, float(min(n, 90)), 0) for n, ts in enumerate(at)),
                *((ids[f"{line}/M/C/Rejects"], ts, float(min(n, 90) // 10), 0) for n, ts in enumerate(at)),
            ],
        )
        state = ids[f"{line}/M/C/State"]
        words = [(state, ts, "Execute" if n < 90 else "Aborted", 0) for n, ts in enumerate(at)]
        self.send(SampleKind.TEXT, words)


def _made(metadata: Metadata, folder: Path) -> Plant:
    """An empty plant; whoever asks closes its store and database."""
    with metadata.above(Above.OPERATOR).session() as session:
        tenant = create_tenant(session, "steel", "钢厂", "Steel").id
    catalogue = Catalogue.find(SHELF, installed=False)
    return Plant(PlatformContext(metadata, Telemetry(folder, metadata), catalogue), tenant)


@pytest.fixture
def plant(tmp_path: Path, sqlite_at: Callable[[Path], Metadata]) -> Iterator[Plant]:
    metadata = sqlite_at(tmp_path / "metadata.sqlite")
    made = _made(metadata, tmp_path / "store")
    yield made
    made.context.telemetry.close()
    metadata.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], tuple[int, int]]:
    """How many statements the database and questions the store are asked while something is done."""

    def count(done: Callable[[], object]) -> tuple[int, int]:
        counts = [0, 0]

        def statement(*_: object) -> None:
            counts[0] += 1

        def counting(name: str) -> Callable[..., Any]:
            own = getattr(Queries, name)

            def call(*given: Any, **more: Any) -> Any:  # noqa: ANN401 - whatever it is called with
                counts[1] += 1
                return own(*given, **more)

            return call

        with monkeypatch.context() as patch:
            for name in ("latest", "read", "summary", "gaps"):
                patch.setattr(Queries, name, counting(name))
            event.listen(Engine, "before_cursor_execute", statement)
            done()
            event.remove(Engine, "before_cursor_execute", statement)
        return counts[0], counts[1]

    return count


@pytest.fixture
def running(plant: Plant) -> Plant:
    """A line that ran and broke, and one that fell silent after an hour, each on its own site."""
    ids = plant.declare([*plant.specs("S1/A/L1"), *plant.specs("S2/A/L2", told=None)])
    plant.run("S1/A/L1", ids)
    plant.run("S2/A/L2", ids, until=60)
    return plant
