"""A platform in memory that keeps samples as the store does, and the shipped recordings as tables."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tundish_analytics.tables import HydraulicData
from tundish_platform.samples import GOOD, SCHEMAS, SampleBatch, SampleKind, SignalInfo, SignalSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RECORDINGS = Path(__file__).parents[2] / "connectors" / "tundish_connectors" / "replay" / "recordings"


class MemoryPlatform:
    """Keeps the newest sample of each (signal, ts), per tenant, and answers like `Client`."""

    def __init__(self) -> None:
        self._signals: defaultdict[str, dict[str, SignalInfo]] = defaultdict(dict)
        self._rows: dict[tuple[str, int], pd.DataFrame] = {}
        self.ingested: list[tuple[int, int]] = []

    def signals(self, tenant: str) -> list[SignalInfo]:
        return list(self._signals[tenant].values())

    def put_signals(self, tenant: str, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        known = self._signals[tenant]
        for spec in specs:
            number = known[spec.path].id if spec.path in known else len(known) + 1
            known[spec.path] = SignalInfo(**spec.model_dump(), id=number, source=source)
        return {spec.path: known[spec.path].id for spec in specs}

    def ingest(self, tenant: str, batches: Sequence[SampleBatch]) -> int:
        kinds = {signal.id: signal.kind for signal in self.signals(tenant)}
        for batch in batches:
            frame = batch.table.to_pandas()
            frame["ts"] = batch.table["ts"].cast("int64").to_numpy()
            for signal, rows in frame.groupby("signal"):
                assert kinds[signal] is batch.kind
                self._merge((tenant, int(signal)), rows[["ts", "value", "status"]])
            self.ingested += list(zip(frame["signal"], frame["ts"], strict=True))
        return sum(len(batch) for batch in batches)

    def put(
        self,
        tenant: str,
        path: str,
        ts: Sequence[int],
        values: Sequence[Any],
        status: Sequence[int] | None = None,
    ) -> None:
        """Store samples of one declared signal, times in whole seconds since 1970."""
        times = np.asarray(ts, dtype=np.int64) * 1_000_000
        columns = {"ts": times, "value": list(values), "status": list(status or [GOOD] * len(times))}
        self._merge((tenant, self._signals[tenant][path].id), pd.DataFrame(columns))

    def _merge(self, key: tuple[str, int], rows: pd.DataFrame) -> None:
        old = [self._rows[key]] if key in self._rows else []
        merged = pd.concat([*old, rows]).drop_duplicates("ts", keep="last")
        self._rows[key] = merged.sort_values("ts")

    def stored(self, tenant: str, path: str) -> list[Any]:
        """All values of a signal, by time."""
        key = (tenant, self._signals[tenant][path].id)
        return self._rows[key]["value"].tolist() if key in self._rows else []

    def samples(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> pa.Table:
        low, high = (int(instant.timestamp() * 1_000_000) for instant in (start, end))
        tables = [SCHEMAS[kind].empty_table()]
        for signal in sorted(set(signals)):
            rows = self._rows.get((tenant, signal))
            if rows is not None:
                rows = rows[(rows["ts"] >= low) & (rows["ts"] < high)].assign(signal=signal)
                columns = [pa.Array.from_pandas(rows[f.name], type=f.type, safe=False) for f in SCHEMAS[kind]]
                tables.append(pa.Table.from_arrays(columns, schema=SCHEMAS[kind]))
        table = pa.concat_tables(tables)
        return table.append_column("arrival", table["ts"])

    def latest(self, tenant: str, signals: Iterable[int] | None = None) -> list[dict[str, Any]]:
        wanted = [s.id for s in self.signals(tenant)] if signals is None else list(signals)
        found = []
        for signal in wanted:
            rows = self._rows.get((tenant, signal))
            if rows is not None:
                ts, value, status = rows.iloc[-1][["ts", "value", "status"]]
                instant = datetime.fromtimestamp(ts / 1_000_000, UTC).isoformat()
                found.append({"signal": signal, "ts": instant, "value": value, "status": status})
        return found


@pytest.fixture(scope="session")
def new_platform() -> type[MemoryPlatform]:
    return MemoryPlatform


@pytest.fixture
def memory_platform() -> MemoryPlatform:
    return MemoryPlatform()


@pytest.fixture(scope="session")
def hydraulic_data() -> HydraulicData:
    return HydraulicData.from_tables(
        pd.read_parquet(RECORDINGS / "hydraulic.parquet"),
        pd.read_parquet(RECORDINGS / "hydraulic_profile.parquet"),
    )


@pytest.fixture(scope="session")
def plates() -> pd.DataFrame:
    return pd.read_parquet(RECORDINGS / "steel_plates.parquet")


@pytest.fixture(scope="session")
def mosfet_records() -> pd.DataFrame:
    return pd.read_parquet(RECORDINGS / "mosfet.parquet")


@pytest.fixture(scope="session")
def igbt_seconds() -> pd.DataFrame:
    return pd.read_parquet(RECORDINGS / "igbt.parquet")
