"""Tenants with many machines, as the Delta tables that each tenant publishes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tundish_analytics.city.tables import TenantTables
from tundish_platform.samples import GOOD, SampleKind, SignalInfo
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.segments.delta import DataFile, DeltaTables
from tundish_platform.store.segments.encoding import write_options

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

TARGET: Final = "power.active"
FIRST_DAY: Final = date(2026, 3, 2)
_SEMANTICS: Final = (
    "flow.hydraulic", "pressure.hydraulic", "temperature.oil.hydraulic", "vibration.velocity.rms", TARGET,
)  # fmt: skip
SIGNALS: Final = len(_SEMANTICS)
MINUTES: Final = 1440
_TIME: Final = pa.timestamp("us", tz="UTC")


def publish(root: Path, tenants: int, machines: int, days: int, seed: int = 14) -> list[TenantTables]:
    """Tables of so many tenants with so many machines each: five signals a machine, a sample a minute."""
    rng, made = np.random.default_rng(seed), []
    for tenant in range(tenants):
        place = root / f"plant-{tenant}"
        for day in range(days):
            _publish_day(place, FIRST_DAY + timedelta(days=day), _values(rng, machines))
        made.append(TenantTables(f"plant-{tenant}", str(place), _signals(machines)))
    return made


def _signals(machines: int) -> tuple[SignalInfo, ...]:
    return tuple(
        SignalInfo(
            path=f"S/A/L/M{machine}/C/V{number}", name_zh="量", name_en="value", semantic=semantic,
            period_s=60.0, step=True, id=machine * SIGNALS + number + 1, source="bench",
        )
        for machine in range(machines)
        for number, semantic in enumerate(_SEMANTICS)
    )  # fmt: skip


def _values(rng: Generator, machines: int) -> NDArray[np.float64]:
    """``(machines, signals, minutes)``: two hidden states a machine, of which each signal shows a mixture."""
    state = np.cumsum(rng.normal(size=(machines, 2, MINUTES)), axis=2)
    mixture = rng.normal(size=(machines, SIGNALS, 2))
    noise = rng.normal(size=(machines, SIGNALS, MINUTES))
    # A sensor has a resolution.
    shown: NDArray[np.float64] = np.einsum("msk,mkt->mst", mixture, state)
    return np.round(50 + shown + 0.5 * noise, 2)


def _publish_day(place: Path, day: date, values: NDArray[np.float64]) -> None:
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    minutes = int(begin.timestamp()) * 1_000_000 + 60_000_000 * np.arange(MINUTES)
    count = values.shape[0] * SIGNALS
    ts = pa.array(np.tile(minutes, count)).view(_TIME)
    table = pa.table({
        "signal": pa.array(np.repeat(np.arange(1, count + 1, dtype=np.uint32), MINUTES)),
        "ts": ts,
        "value": values.ravel(),
        "status": pa.array(np.full(len(ts), GOOD, np.uint32)),
        "arrival": ts,
        "live": pa.array(np.ones(len(ts), np.bool_)),
    })  # fmt: skip
    path = f"{SampleKind.NUMERIC}/day={day}/{0:020d}.parquet"
    file = place / path
    file.parent.mkdir(parents=True)
    pq.write_table(table, file, **write_options(SampleKind.NUMERIC, table))
    last = begin + timedelta(days=1, microseconds=-1)
    data = DataFile(path, len(table), file.stat().st_size, begin, last)
    DeltaTables(LocalFiles()).publish(place, SampleKind.NUMERIC, {day: [data]})
