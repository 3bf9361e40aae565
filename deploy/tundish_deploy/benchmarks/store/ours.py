"""Our store in the benchmark: the only file that knows how it is opened and asked."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_deploy.benchmarks.store.engine import Engine, disk_bytes
from tundish_deploy.benchmarks.store.sql import HOLD_PERIODS
from tundish_deploy.benchmarks.store.workload import SIGNALS, START, START_MS
from tundish_platform.migrations.tables import target
from tundish_platform.store import Telemetry
from tundish_platform.store.query.queries import Thinning
from tundish_platform.store.write.sealer import SealSettings
from tundish_platform.tenancy import Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa

    from tundish_deploy.benchmarks.store.workload import Workload
    from tundish_platform.samples import SampleBatch, SignalInfo

_READ_AT_ONCE: Final = 10_000_000
_US: Final = timedelta(microseconds=1)
_NEVER: Final = timedelta(days=1)


class Ours(Engine):
    """Tundish's own store.

    Args:
        folder: a fresh one.
        workload: whose signals it is asked for.
        tenants: how many it has.
        background: seal in a thread of its own, as in life.
    """

    name = "tundish"

    def __init__(
        self, folder: Path, workload: Workload, tenants: int = 1, *, background: bool = True
    ) -> None:
        self.folder = folder / "store"
        self._workload = workload
        self._signals = workload.signals()
        self._metadata = database(folder, tenants)
        self.scopes = scopes(self._metadata)
        self._store = Telemetry(self.folder, self._metadata, background=background)

    def encode(self, batch: SampleBatch) -> SampleBatch:
        """As it is."""
        return batch

    def write(self, encoded: SampleBatch) -> None:
        """One durable append."""
        self.write_to(0, encoded)

    def write_to(self, tenant: int, batch: SampleBatch) -> None:
        """The same for one of several tenants."""
        self._store.append(self.scopes[tenant], [batch])

    def settle(self) -> float:
        """Everything into compacted Parquet."""
        self._store.seal()
        return time.perf_counter()

    def rows(self) -> int:
        """Rows that queries give, in pieces: the real ones, not what the manifest says."""
        return sum(self.rows_of(tenant) for tenant in range(len(self.scopes)))

    def rows_of(self, tenant: int) -> int:
        """Rows of one tenant."""
        every = range(1, SIGNALS + 1)
        behind = self._workload.end + (self._workload.end - START)
        each = max(1, min(SIGNALS, SIGNALS * _READ_AT_ONCE // self._workload.rows))
        return sum(
            self.read(every[at : at + each], START, behind, tenant).num_rows for at in range(0, SIGNALS, each)
        )

    def read(self, signals: range, start: datetime, end: datetime, tenant: int = 0) -> pa.Table:
        """Rows as they are."""
        return self._store.read(self.scopes[tenant], signals, start, end)

    def disk_bytes(self) -> int:
        """Segments, rollups and the table; without the log, which is let go behind them."""
        return disk_bytes(self.folder / "tenants")

    def reopen(self) -> None:
        """Forget what is in memory; what was not sealed comes back from the log, and stays in the buffer."""
        self._store.close()
        self._store = Telemetry(self.folder, self._metadata, settings=SealSettings(seal_after=_NEVER))

    def close(self) -> None:
        """Stop writing."""
        self._store.close()
        self._metadata.close()

    def latest(self) -> pa.Table:
        """The newest sample of all signals."""
        return self._store.latest(self.scopes[0])

    def aggregate(self, signals: list[int], start: datetime, end: datetime, width: timedelta) -> pa.Table:
        """Time-weighted aggregates of windows of equal width."""
        first = START_MS * 1000 + (start - START) // _US + np.arange((end - start) // width) * (width // _US)
        windows = np.stack([first, first + width // _US], axis=1)
        return self._store.aggregate(self.scopes[0], self._infos(signals), windows)

    def summary(self, signals: list[int], start: datetime, end: datetime) -> pa.Table:
        """The same of one window, by the simplest code there is."""
        return self._store.summary(self.scopes[0], self._infos(signals), start, end)

    def chart(self, signal: int, start: datetime, end: datetime, points: int) -> pa.Table:
        """A trend as a screen asks for it."""
        return self._store.trend(self.scopes[0], self._infos([signal]), start, end, points)

    def chart_raw(self, signal: int, start: datetime, end: datetime, points: int) -> pa.Table:
        """The same from samples alone."""
        infos, thinning = self._infos([signal]), Thinning.RAW_EXTREMES
        return self._store.trend(self.scopes[0], infos, start, end, points, thinning=thinning)

    def grid(self, signals: list[int], start: datetime, end: datetime, step: timedelta) -> pa.Table:
        """Signals side by side, each value for three periods at most."""
        age = hold(self._workload)
        return self._store.wide(self.scopes[0], self._infos(signals), start, end, step, max_age=age)

    def _infos(self, signals: list[int]) -> list[SignalInfo]:
        return [self._signals[number - 1] for number in signals]


def hold(workload: Workload) -> timedelta:
    """How long a sample speaks."""
    return timedelta(milliseconds=HOLD_PERIODS * workload.period_ms)


def database(folder: Path, tenants: int) -> Metadata:
    """A metadata database with so many tenants; it is made where it is not there yet."""
    file = folder / "metadata.sqlite"
    made = file.exists()
    metadata = Metadata(f"sqlite:///{file}")
    if made:
        return metadata
    target.create_all(metadata.engine)
    with metadata.session() as session:
        session.add_all(
            Tenant(
                slug=f"bench-{number:05}", name_zh="基准", name_en="Bench", timezone="Asia/Shanghai",
                next_signal=1, created_at=utc_now(),
            )
            for number in range(tenants)
        )  # fmt: skip
    return metadata


def scopes(metadata: Metadata) -> list[TenantScope]:
    """A scope of each tenant, for an analyst's service account."""
    with metadata.session() as session:
        numbers = {tenant.slug: tenant.id for tenant in session.query(Tenant).order_by(Tenant.id)}
    who = Principal(1, "bench", {slug: (id_, frozenset({Role.ANALYST})) for slug, id_ in numbers.items()})
    return [access_tenant(who, slug, Permission.INGEST) for slug in numbers]
