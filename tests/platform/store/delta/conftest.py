from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from tundish_platform.samples import SCHEMAS, SampleKind
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.segments.delta import (
    DataFile,
    DeltaTables,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NUMERIC = SampleKind.NUMERIC
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
BAD = 0x8035_0000
VALUES = {
    SampleKind.NUMERIC: [0.5, None],
    SampleKind.INTEGER: [2**53 + 1, -1],
    SampleKind.TEXT: ["运行", ""],
    SampleKind.ARRAY: [[1.0, 2.5], []],
}


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def rows_of(kind: SampleKind, day: date, seconds: list[int]) -> pa.Table:
    """A row a second, of signals 1 and 2^32 - 1 in turn."""
    signals = [1 if second % 2 else 2**32 - 1 for second in seconds]
    starts = [midnight(day) + timedelta(seconds=second, microseconds=7) for second in seconds]
    columns: dict[str, Any] = {"signal": signals, "ts": starts}
    if kind is SampleKind.GAP:
        columns |= {"end": [ts + timedelta(seconds=1) for ts in starts], "reason": ["silent"] * len(seconds)}
    else:
        values = VALUES[kind]
        columns |= {"value": [values[s % 2] for s in seconds], "status": [BAD * (s % 2) for s in seconds]}
    known = [pa.array(columns[field.name], field.type) for field in SCHEMAS[kind]]
    arrival = pa.array([midnight(day)] * len(seconds), pa.timestamp("us", "UTC"))
    table = pa.table(
        [*known, arrival, pa.array([True] * len(seconds))], [*SCHEMAS[kind].names, "arrival", "live"]
    )
    return table.sort_by([("signal", "ascending"), ("ts", "ascending")])


class Tenant:
    """A tenant's folder with segments that nobody has published yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0
        folder.mkdir(parents=True)

    def segment(self, day: date, seconds: list[int], kind: SampleKind = NUMERIC) -> DataFile:
        self.made += 1
        path = f"{kind}/day={day}/{self.made:020d}.parquet"
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        table = rows_of(kind, day, seconds)
        pq.write_table(table, file, compression="zstd")
        ends = pc.min_max(table["ts"]).as_py()
        return DataFile(path, table.num_rows, file.stat().st_size, ends["min"], ends["max"])

    def table(self, version: int | None = None) -> DeltaTable:
        return DeltaTable(self.folder / NUMERIC, version=version)

    def seconds(self, version: int | None = None) -> list[tuple[date, int]]:
        """Day and second of each row in a version, repetitions included."""
        rows = self.table(version).to_pyarrow_table(columns=["ts", "day"])
        pairs = zip(rows["ts"].to_pylist(), rows["day"].to_pylist(), strict=True)
        return sorted((day, int((ts - midnight(day)).total_seconds())) for ts, day in pairs)

    def log(self, name: str = "") -> Path:
        return self.folder / NUMERIC / "_delta_log" / name

    def commit_lines(self, version: int) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log(f"{version:020d}.json").read_text().splitlines()]


@pytest.fixture
def make_rows() -> Callable[..., pa.Table]:
    return rows_of


@pytest.fixture(scope="session")
def new_tenant() -> type[Tenant]:
    return Tenant


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    return Tenant(tmp_path / "steel")


@pytest.fixture
def tables() -> DeltaTables:
    return DeltaTables(LocalFiles())
