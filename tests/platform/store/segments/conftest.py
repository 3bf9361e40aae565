"""Segments of random rows, with row groups so small that a few hundred rows make many."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tundish_platform.samples import SampleKind
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.rows import STORED, TIMESTAMP
from tundish_platform.store.segments import encoding, segment
from tundish_platform.store.segments.reader import Readers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tundish_platform.store.segments.reader import SegmentReader
    from tundish_platform.store.segments.segment import SegmentFile

DAY = date(2026, 3, 1)
DAY_US = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
SIGNALS = (1, 2, 3, 7, 2**31 + 5, 2**32 - 1)
STATUSES = (0, 0, 0, 0, 0x40000000, 0x80000000)


def random_rows(kind: SampleKind, seed: int, size: int, signals: Sequence[int] = SIGNALS) -> pa.Table:
    """`STORED` rows, sorted, each once; values with nulls and, of numbers, with NaN and both zeros."""
    rng = np.random.default_rng(seed)
    signal = np.sort(rng.choice(signals, size)).astype(np.uint32)
    # Some within the first minutes, some all over the day; some at the very edge of an hour.
    ts = DAY_US + rng.choice([1_000, 1_000_000, 60_000_000], size) * rng.integers(0, 1440, size)
    key = np.unique(np.stack([signal.astype(np.int64), ts]), axis=1)
    size = key.shape[1]
    arrival = ts.max(initial=DAY_US) + rng.integers(0, 200, size) * 1_000_000
    columns: dict[str, Any] = {
        "signal": key[0].astype(np.uint32),
        "ts": pa.array(key[1]).cast(TIMESTAMP),
        "value": _values(kind, rng, size),
        "status": rng.choice(STATUSES, size).astype(np.uint32),
        "end": pa.array(key[1] + rng.integers(1, 10**9, size)).cast(TIMESTAMP),
        "reason": pa.array(rng.choice(["disconnected", "overflow"], size).tolist()),
        "arrival": pa.array(arrival).cast(TIMESTAMP),
        "live": rng.random(size) < 0.7,
    }
    schema = STORED[kind]
    return pa.table([pa.array(columns[name]).cast(schema.field(name).type) for name in schema.names], schema)


def _values(kind: SampleKind, rng: np.random.Generator, size: int) -> pa.Array:
    missing = rng.random(size) < 0.1
    if kind is SampleKind.NUMERIC:
        odd = rng.choice([np.nan, np.inf, -0.0, 0.0], size)
        return pa.array(np.where(rng.random(size) < 0.1, odd, rng.normal(size=size).round(2)), mask=missing)
    if kind is SampleKind.INTEGER:
        return pa.array(rng.integers(-(2**62), 2**62, size), mask=missing)
    if kind is SampleKind.ARRAY:
        return pa.array([[float(n)] * (n % 4) for n in range(size)], pa.list_(pa.float64()))
    return pa.array([f"v{n}" for n in range(size)], mask=missing)


class QuickFiles(LocalFiles):
    """No power is cut in these tests."""

    def sync(self, path: Path) -> None:
        """Nothing."""


@dataclass
class Place:
    """A tenant's folder with segments.

    Attributes:
        folder: of the tenant.
        files: written so far.
    """

    folder: Path
    files: list[SegmentFile] = field(default_factory=list)
    readers: Readers = field(default_factory=Readers)

    @property
    def reader(self) -> SegmentReader:
        return self.readers.of(self.folder)

    def write(self, kind: SampleKind, table: pa.Table) -> SegmentFile:
        number = len(self.files) + 1
        found = segment.write(
            LocalObjects(self.folder.parent, QuickFiles()),
            self.folder.name,
            kind,
            DAY,
            table,
            (number, number),
        )
        self.files.append(found)
        return found

    def random(self, kind: SampleKind, seed: int, files: int, most: int = 300) -> Place:
        rng = np.random.default_rng(seed)
        for _ in range(files):
            signals = rng.choice(SIGNALS, rng.integers(1, len(SIGNALS) + 1), replace=False).tolist()
            self.write(kind, random_rows(kind, int(rng.integers(2**31)), int(rng.integers(1, most)), signals))
        return self

    @staticmethod
    def at(seconds: float) -> datetime:
        """So many seconds into the day."""
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=seconds)

    def naive(
        self,
        file: SegmentFile,
        signals: Sequence[int] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pa.Table:
        """All of the file, then what is wanted of it."""
        table = pq.read_table(self.folder / file.path)
        if signals is not None:
            table = table.filter(pc.is_in(table["signal"], pa.array(signals, pa.uint32())))
        if start is not None:
            table = table.filter(pc.greater_equal(table["ts"], pa.scalar(start, TIMESTAMP)))
        if end is not None:
            table = table.filter(pc.less(table["ts"], pa.scalar(end, TIMESTAMP)))
        return table.sort_by([("signal", "ascending"), ("ts", "ascending")])


@pytest.fixture(autouse=True, scope="module")
def _small_row_groups() -> Any:  # noqa: ANN401 - pytest's generator
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "ROW_GROUP", 32)
        yield


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / "steel"
    folder.mkdir()
    return Place(folder)


@pytest.fixture(scope="session")
def new_place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Place]:
    """Folders for tests that need one for each example."""
    return lambda: Place(tmp_path_factory.mktemp("steel"))


@pytest.fixture(scope="session")
def rows_of() -> Callable[..., pa.Table]:
    return random_rows
