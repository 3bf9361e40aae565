"""A store in memory: chunks as segments would hold them, the later ones written later."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tundish_platform.samples import SCHEMAS, SampleKind, SignalInfo
from tundish_platform.store.query.rollup import MINUTE_US, rollup
from tundish_platform.store.query.source import Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tundish_platform.store.query.source import Pieces

START_US = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
GAPS = SCHEMAS[SampleKind.GAP].empty_table()


@dataclass
class MemorySource:
    """What `Source` asks for, from tables in memory; counts what was read.

    Attributes:
        chunks: by kind, in the order of writing.
        gap_table: recorded gaps.
        minutes: which chunks have the 60 s level.
        read: rows handed out, by what they were.
    """

    chunks: dict[SampleKind, list[pa.Table]] = field(default_factory=dict)
    gap_table: pa.Table = field(default_factory=lambda: GAPS)
    minutes: Sequence[bool] = (True,) * 100
    read: dict[str, int] = field(default_factory=lambda: {"raw": 0, "pieces": 0})

    def rows(self, kind: SampleKind) -> pa.Table:
        tables = [
            table.append_column("order", pa.array(np.full(len(table), i)))
            for i, table in enumerate(self.chunks.get(kind, []))
        ]
        if not tables:
            return SCHEMAS[kind].empty_table()
        table = pa.concat_tables(tables).combine_chunks()
        signal, ts = table["signal"].to_numpy(), table["ts"].cast(pa.int64()).to_numpy()
        order = np.lexsort((table["order"].to_numpy(), ts, signal))
        signal, ts = signal[order], ts[order]
        newest = np.append((signal[1:] != signal[:-1]) | (ts[1:] != ts[:-1]), True)[: len(ts)]
        return table.take(pa.array(order[newest])).drop_columns(["order"])

    def raw(self, kind: SampleKind, signals: Sequence[int], start_us: int, end_us: int) -> pa.Table:
        table = _within(self.rows(kind), signals, start_us, end_us)
        self.read["raw"] += len(table)
        return table

    def only_rolled_up(self, kind: SampleKind, start_us: int, end_us: int) -> bool:
        del kind, start_us, end_us
        return False

    def pieces(
        self, width_us: int, signals: Sequence[int], start_us: int, end_us: int, columns: Sequence[str]
    ) -> list[Pieces]:
        found = [
            rollup(chunk.sort_by([("signal", "ascending"), ("ts", "ascending")]), width_us)
            for kind in (SampleKind.NUMERIC, SampleKind.INTEGER)
            for chunk, fine in zip(self.chunks.get(kind, []), self.minutes, strict=False)
            if fine or width_us > MINUTE_US
        ]
        first = start_us // width_us * width_us
        tables = [_within(table, signals, first, end_us) for table in found]
        table = pa.concat_tables(tables or [rollup(SCHEMAS[SampleKind.NUMERIC].empty_table(), width_us)])
        self.read["pieces"] += len(table)
        return [Whole(table.select(columns))]

    def gaps(self, signals: Sequence[int], start_us: int, end_us: int) -> pa.Table:
        ts, end = (self.gap_table[name].cast(pa.int64()) for name in ("ts", "end"))
        near = pc.and_(pc.less(ts, end_us), pc.greater(end, start_us))
        return self.gap_table.filter(pc.and_(near, _of(self.gap_table, signals)))

    def before(self, kind: SampleKind, signals: Sequence[int], at_us: int) -> pa.Table:
        table = _within(self.rows(kind), signals, 0, at_us)
        signal = table["signal"].to_numpy()
        return table.filter(pa.array(np.append(signal[1:] != signal[:-1], True)[: len(signal)]))


def _of(table: pa.Table, signals: Sequence[int]) -> pa.Array:
    return pc.is_in(table["signal"], pa.array(signals, pa.uint32()))


def _within(table: pa.Table, signals: Sequence[int], start_us: int, end_us: int) -> pa.Table:
    ts = table["ts"].cast(pa.int64())
    near = pc.and_(pc.greater_equal(ts, start_us), pc.less(ts, end_us))
    return table.filter(pc.and_(near, _of(table, signals)))


def rows_of(kind: SampleKind, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows of (signal, second, value[, status]), of gaps (signal, second, second), once and sorted."""
    full = {
        (row[0], START_US + round(row[1] * 1e6)): (
            (START_US + round(row[2] * 1e6), "silent")
            if kind is SampleKind.GAP
            else (row[2], row[3] if len(row) > 3 else 0)
        )
        for row in rows
    }
    columns = list(zip(*[(*key, *full[key]) for key in sorted(full)], strict=True)) or [[]] * 4
    arrays = [pa.array(list(c), f.type) for c, f in zip(columns, SCHEMAS[kind], strict=True)]
    return pa.table(arrays, schema=SCHEMAS[kind])


@pytest.fixture(scope="session")
def start_us() -> int:
    return START_US


@pytest.fixture(scope="session")
def make_rows() -> Callable[..., pa.Table]:
    return rows_of


@pytest.fixture(scope="session")
def make_source() -> Callable[..., MemorySource]:
    """Makes a source of one kind from chunks of rows, gaps in seconds."""

    def make(
        *chunks: Sequence[tuple[Any, ...]],
        kind: SampleKind = SampleKind.NUMERIC,
        gaps: Sequence[tuple[int, float, float]] = (),
        minutes: Sequence[bool] = (True,) * 100,
    ) -> MemorySource:
        tables = {kind: [rows_of(kind, chunk) for chunk in chunks]}
        # One by one, because gaps may begin together.
        recorded = pa.concat_tables([GAPS, *(rows_of(SampleKind.GAP, [gap]) for gap in gaps)])
        return MemorySource(tables, recorded, minutes)

    return make


@pytest.fixture(scope="session")
def make_info() -> Callable[..., SignalInfo]:
    def make(signal: int = 1, **settings: Any) -> SignalInfo:  # noqa: ANN401 - fields of `SignalInfo`
        fields = {"path": f"S/A/L/M/C/V{signal}", "name_zh": "量", "name_en": "v", "semantic": "x.y"}
        return SignalInfo.model_validate(
            fields | {"period_s": 1.0, "id": signal, "source": "test"} | settings
        )

    return make
