"""Rows on their way into segments: in order, each once, nothing changed; one day behind the other."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind
from tundish_platform.store.rows import STORED, TIMESTAMP, merged
from tundish_platform.store.segments.encoding import write_options
from tundish_platform.store.write.ahead import one_behind
from tundish_platform.store.write.chunks import chunk_of
from tundish_platform.store.write.days import by_day

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 2_400
START = 1_772_323_200_000_000
DAY = 86_400_000_000


def table(rng: np.random.Generator, kind: SampleKind, signals: list[int], **constant: Any) -> pa.Table:  # noqa: ANN401 - of any column
    """Rows round after round, so that each signal's are in order of time."""
    rounds = ROWS // len(signals)
    columns: dict[str, Any] = {
        "signal": np.tile(np.array(signals, dtype=np.uint32), rounds),
        "ts": START + np.repeat(np.arange(rounds), len(signals)) * 1_000_000,
        "value": [0.0, -0.0, float("nan"), None, 1.5] * (ROWS // 5),
        "status": rng.choice(np.array([0, 0x40000000, 0x80000000], dtype=np.uint32), ROWS),
        "arrival": rng.integers(START, START + DAY, ROWS),
        "live": rng.random(ROWS) < 0.5,
    }
    if kind is SampleKind.INTEGER:
        columns["value"] = [0, None, -(2**63), 2**63 - 1, 2**53 + 1] * (ROWS // 5)
    columns |= {name: [value] * ROWS for name, value in constant.items()}
    arrays = [pa.array(columns[field.name]).cast(field.type, safe=False) for field in STORED[kind]]
    return pa.table(arrays, schema=STORED[kind])


def bits(of: pa.Table) -> list[tuple[Any, ...]]:
    """Rows by which -0.0 and numbers that are none are told apart."""
    times = of.set_column(1, "ts", of["ts"].cast(pa.int64()))
    return [tuple(repr(value) for value in row.values()) for row in times.to_pylist()]


@pytest.mark.parametrize("kind", [SampleKind.NUMERIC, SampleKind.INTEGER])
@pytest.mark.parametrize("signals", [[7], [3, 1, 2], [2**32 - 1, 5, 2**20], [70_000, 70_001, 69_999, 4_500]])
@pytest.mark.parametrize("constant", [{}, {"status": 0x80000000, "live": False}])
@pytest.mark.parametrize("disorder", [0.0, 0.3])
def test_rows_are_in_order_and_the_last_of_equal_ones_is_kept_bit_by_bit(
    kind: SampleKind, signals: list[int], constant: dict[str, Any], disorder: float
) -> None:
    rng = np.random.default_rng(len(signals))
    tables = [table(rng, kind, signals, **constant) for _ in range(2)]
    if disorder:
        moved = rng.permutation(ROWS)[: int(disorder * ROWS)]
        rows = np.arange(ROWS)
        rows[np.sort(moved)] = moved
        tables = [of.take(pa.array(rows)) for of in tables]
    truth = {row[:2]: row for of in tables for row in bits(of)}
    expected = sorted(truth.values(), key=lambda row: (int(row[0]), int(row[1])))
    assert bits(merged(tables, kind)) == expected


def test_numbers_that_only_count_as_equal_stay_apart() -> None:
    numeric = SampleKind.NUMERIC
    values = pa.array([0.0, -0.0, float("nan")] * (ROWS // 3))
    rows = table(np.random.default_rng(5), numeric, [1, 2]).set_column(
        2, STORED[numeric].field("value"), values
    )
    found = merged([rows.slice(0, 2), rows, rows.slice(0, 2_000)], numeric)
    assert bits(found) == sorted(bits(rows), key=lambda row: (int(row[0]), int(row[1])))


def test_batches_across_midnight_are_cut_and_of_equal_rows_the_last_batch_holds() -> None:
    rng = np.random.default_rng(1)
    whole = table(rng, SampleKind.NUMERIC, [1, 2], status=0)
    across = np.concatenate([np.arange(START - DAY // 2, START + 3 * DAY, DAY // 200)] * 3)[:1500]
    batches = []
    for turn in range(3):
        ts = pa.array(rng.permutation(across) if turn == 2 else np.sort(across)).view(TIMESTAMP)
        part = whole.slice(0, len(ts)).set_column(1, STORED[SampleKind.NUMERIC].field("ts"), ts)
        value = pa.array(turn * 10_000.0 + np.arange(len(ts)))
        batches.append(part.set_column(2, STORED[SampleKind.NUMERIC].field("value"), value))
    found = dict(by_day(batches, SampleKind.NUMERIC))
    assert list(found) == [date(2026, 2, 28), *(date(2026, 3, day) for day in (1, 2, 3))]
    for day, of in found.items():
        assert {at.date() for at in of["ts"].to_pylist()} == {day}
    last = {(row["signal"], row["ts"]): row["value"] for batch in batches for row in batch.to_pylist()}
    rows = [row for of in found.values() for row in of.to_pylist()]
    assert len(rows) == len(last)
    assert {(row["signal"], row["ts"]): row["value"] for row in rows} == last


def test_a_batch_kept_as_it_came_has_its_arrival_and_origin_in_each_row() -> None:
    schema = SCHEMAS[SampleKind.NUMERIC]
    arrival = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    rows = table(np.random.default_rng(2), SampleKind.NUMERIC, [1]).select(schema.names).cast(schema)
    found = chunk_of(SampleBatch(SampleKind.NUMERIC, rows, arrival)).rows()
    assert found.schema == STORED[SampleKind.NUMERIC]
    assert set(found["arrival"].to_pylist()) == {arrival}
    assert found["live"].to_pylist() == [True] * ROWS


@pytest.mark.parametrize("batches", [1, 100])
def test_arrivals_come_back_whether_they_repeat_or_not(batches: int, tmp_path: Any) -> None:  # noqa: ANN401 - a path
    rows = table(np.random.default_rng(3), SampleKind.NUMERIC, [1], status=0)
    arrival = pa.array(START + np.arange(ROWS) % batches * 1_000_003).view(TIMESTAMP)
    rows = rows.set_column(4, STORED[SampleKind.NUMERIC].field("arrival"), arrival)
    file = tmp_path / "rows.parquet"
    pq.write_table(rows, file, **write_options(SampleKind.NUMERIC, rows))
    encodings = pq.read_metadata(file).row_group(0).column(4).encodings
    assert ("RLE_DICTIONARY" in encodings) == (batches == 1)
    assert pq.read_table(file)["arrival"].to_pylist() == arrival.to_pylist()


def test_the_next_one_is_made_while_one_is_written() -> None:
    begun, made = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 0
        assert begun.wait(60)
        made.set()
        yield 1

    def work(item: int) -> int:
        begun.set()
        assert made.wait(60)
        return item * 10

    assert list(one_behind(work, items())) == [0, 10]


def test_after_an_error_nothing_further_is_begun_and_what_was_done_is_told() -> None:
    worked: list[int] = []

    def work(item: int) -> int:
        worked.append(item)
        if item == 1:
            raise OSError("full")
        return item

    told: list[int] = []
    with pytest.raises(OSError, match="full"):
        told.extend(one_behind(work, iter(range(5))))
    assert (told, worked) == ([0], [0, 1])
    assert not list(one_behind(work, iter(())))
