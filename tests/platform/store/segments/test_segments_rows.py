"""Rows of segments: the same as a reader finds that reads everything, from as few row groups as can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind
from tundish_platform.store.query.facts import live_minutes
from tundish_platform.store.rows import STORED, merged
from tundish_platform.store.segments import reader as reader_module

if TYPE_CHECKING:
    from datetime import datetime

    import pytest

NUMERIC = SampleKind.NUMERIC
ASKED = st.none() | st.lists(st.sampled_from([0, 1, 2, 3, 5, 7, 2**31 + 5, 2**32 - 1]), max_size=6)
SECONDS = st.none() | st.integers(-10, 90_000)
Make = Any
Place = Any
"""See conftest."""


@given(
    kind=st.sampled_from(SampleKind),
    seed=st.integers(0, 2**31),
    files=st.integers(1, 4),
    signals=ASKED,
    window=st.tuples(SECONDS, SECONDS),
)
@settings(max_examples=60, deadline=None)
def test_rows_are_those_of_a_reader_that_reads_everything(
    new_place: Make,
    kind: SampleKind,
    seed: int,
    files: int,
    signals: list[int] | None,
    window: tuple[int | None, int | None],
) -> None:
    place = new_place().random(kind, seed, files)
    start, end = (None if second is None else place.at(second) for second in window)
    found = place.reader.rows(kind, place.files, signals, start, end)
    expected = [place.naive(file, signals, start, end) for file in place.files]
    expected = [table for table in expected if table.num_rows]
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.schema == STORED[kind]
        assert repr(ours.to_pylist()) == repr(theirs.to_pylist())


def test_many_signals_are_found_as_few_are(place: Place, rows_of: Make) -> None:
    place.write(NUMERIC, rows_of(NUMERIC, 1, 4000, range(1000)))
    wanted = list(range(0, 2000, 3))
    (found,) = place.reader.rows(NUMERIC, place.files, wanted, place.at(3), place.at(50_000))
    expected = place.naive(place.files[0], wanted, place.at(3), place.at(50_000))
    assert expected.num_rows > 100
    assert repr(found.to_pylist()) == repr(expected.to_pylist())


def test_columns_come_as_asked(place: Place) -> None:
    place.random(NUMERIC, 3, 1)
    (found,) = place.reader.rows(NUMERIC, place.files, None, columns=["value", "signal"])
    assert found.schema.names == ["value", "signal"]


def test_one_signal_decodes_only_the_row_groups_that_can_hold_it(
    place: Place,
    rows_of: Make,
) -> None:
    table = rows_of(NUMERIC, 5, 6000, range(40))
    place.write(NUMERIC, table)
    groups = -(-table.num_rows // 32)
    before = place.readers.decoded_groups
    (found,) = place.reader.rows(NUMERIC, place.files, [17])
    most = found.num_rows // 32 + 2
    assert found.num_rows > 0
    assert place.readers.decoded_groups - before <= most < groups / 10
    before = place.readers.decoded_groups
    assert place.reader.rows(NUMERIC, place.files, [99]) == []
    assert place.readers.decoded_groups == before


def test_a_short_window_decodes_fewer_row_groups_than_a_long_one(
    place: Place,
    rows_of: Make,
) -> None:
    place.write(NUMERIC, rows_of(SampleKind.NUMERIC, 5, 6000, [1, 2]))
    decoded = []
    for end in (100_000, 4000):
        before = place.readers.decoded_groups
        assert place.reader.rows(NUMERIC, place.files, [1, 2], place.at(3000), place.at(end))
        decoded.append(place.readers.decoded_groups - before)
    assert 0 < decoded[1] < decoded[0] / 2


@given(kind=st.sampled_from([k for k in SampleKind if k is not SampleKind.GAP]), seed=st.integers(0, 2**31),
       files=st.integers(1, 4), signals=ASKED, before=SECONDS)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_the_newest_rows_decide_what_is_newest_in_all(
    new_place: Make,
    kind: SampleKind,
    seed: int,
    files: int,
    signals: list[int] | None,
    before: int | None,
) -> None:
    place = new_place().random(kind, seed, files)
    until = None if before is None else place.at(before)
    found = merged(place.reader.newest(kind, place.files, signals, until), kind)
    rows = merged([place.naive(file, signals, None, until) for file in place.files], kind)
    number = rows["signal"].to_numpy()
    last = np.flatnonzero(np.append(number[1:] != number[:-1], True)) if len(number) else []
    assert repr(found.to_pylist()) == repr(rows.take(pa.array(last, pa.int64())).to_pylist())


def test_newest_rows_open_no_file_that_is_older_than_all_that_was_found(
    place: Place,
    rows_of: Make,
) -> None:
    table = rows_of(SampleKind.TEXT, 1, 900, [1, 2, 3])
    middle = pa.scalar(place.at(7200), table["ts"].type)
    place.write(SampleKind.TEXT, table.filter(pc.less(table["ts"], middle)))
    place.write(SampleKind.TEXT, table.filter(pc.greater_equal(table["ts"], middle)))
    (place.folder / place.files[0].path).unlink()
    (found,) = place.reader.newest(SampleKind.TEXT, place.files, [1, 2, 3])
    assert found["signal"].to_pylist() == [1, 2, 3]


@given(seed=st.integers(0, 2**31), files=st.integers(1, 3), signals=ASKED,
       window=st.tuples(st.integers(0, 90_000), st.integers(0, 400)))  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_live_minutes_are_counted_as_the_buffer_counts_them(
    new_place: Make,
    seed: int,
    files: int,
    signals: list[int] | None,
    window: tuple[int, int],
) -> None:
    place = new_place().random(NUMERIC, seed, files)
    start, end = place.at(window[0]), place.at(window[0] + window[1])
    found = place.reader.live_minutes(place.files, signals, start, end)
    rows = pa.concat_tables([place.naive(file, signals) for file in place.files])
    expected = live_minutes(rows, start, end)
    assert found.schema == expected.schema
    assert _sorted(found) == _sorted(expected)


def test_counting_goes_block_by_block(place: Place, rows_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "_BLOCK_ROWS", 64)
    table = rows_of(NUMERIC, 8, 3000)
    place.write(NUMERIC, table)
    found = place.reader.live_minutes(place.files, None, place.at(0), place.at(200_000))
    assert _sorted(found) == _sorted(live_minutes(table, place.at(0), place.at(200_000)))
    (newest,) = place.reader.newest(NUMERIC, place.files)
    assert newest.num_rows == 6


def _sorted(table: pa.Table) -> list[dict[str, datetime]]:
    found: list[dict[str, Any]] = table.sort_by(
        [("signal", "ascending"), ("minute", "ascending")]
    ).to_pylist()
    return found


def test_the_last_row_of_a_row_group_is_found_and_late_arrivals_are_counted(
    place: Place, rows_of: Make
) -> None:
    table = rows_of(NUMERIC, 4, 64, [1])
    file = place.write(NUMERIC, table.slice(0, 32))
    (found,) = place.reader.rows(NUMERIC, [file], [1], file.max_ts, place.at(100_000))
    assert found["ts"].to_pylist() == [file.max_ts]
    (found,) = place.reader.rows(NUMERIC, [file], [1], place.at(-1), file.min_ts + timedelta(microseconds=1))
    assert found["ts"].to_pylist() == [file.min_ts]
    start, end = file.max_ts + timedelta(microseconds=1), place.at(200_000)
    expected = live_minutes(place.naive(file), start, end)
    assert expected.num_rows > 0
    assert _sorted(place.reader.live_minutes([file], None, start, end)) == _sorted(expected)


def test_of_equal_newest_times_each_file_gives_its_own(place: Place, rows_of: Make) -> None:
    for _ in range(3):
        place.write(NUMERIC, rows_of(NUMERIC, 4, 50, [1]))
    found = place.reader.newest(NUMERIC, place.files, [1])
    assert [table["signal"].to_pylist() for table in found] == [[1], [1], [1]]


def test_with_statistics_of_arrival_only_row_groups_that_came_then_are_decoded(
    place: Place, rows_of: Make
) -> None:
    table = rows_of(NUMERIC, 4, 4000, [1])
    file = place.write(NUMERIC, table)
    slow = place.reader.live_minutes([file], None, place.at(0), place.at(86_400 * 2))
    late = table.set_column(4, table.schema.field("arrival"), table["ts"])
    pq.write_table(late, place.folder / file.path, row_group_size=32)
    file = replace(file, bytes=(place.folder / file.path).stat().st_size)
    before = place.readers.decoded_groups
    found = place.reader.live_minutes([file], None, place.at(3600 * 20), place.at(3600 * 20 + 60))
    assert _sorted(found) == _sorted(live_minutes(late, place.at(3600 * 20), place.at(3600 * 20 + 60)))
    assert 0 < place.readers.decoded_groups - before <= 4
    assert slow.num_rows > found.num_rows > 0
