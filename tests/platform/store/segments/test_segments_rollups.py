"""Rollup files: what was rolled up comes back bit by bit, and is made again where it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.query.rollup import HOUR_US, MINUTE_US, ROLLUP_SCHEMA, rollup
from tundish_platform.store.query.source import TableColumns
from tundish_platform.store.rows import TIMESTAMP, micros
from tundish_platform.store.segments import rollups
from tundish_platform.store.segments.reader import FileVanished, SegmentDamaged
from tundish_platform.store.segments.rollupfile import decoded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NUMBERS = st.sampled_from([SampleKind.NUMERIC, SampleKind.INTEGER])
DAY_US = 1_772_323_200_000_000
EVER = 2**60
Make = Any
Place = Any
"""See conftest."""


def bits(table: pa.Table) -> list[list[Any]]:
    """Columns with floats as their bits: NaN equals NaN, and zero is not minus zero."""
    found = []
    for name in table.schema.names:
        column = table[name].combine_chunks()
        if pa.types.is_floating(column.type):
            missing = column.is_null().to_pylist()
            numbers = column.fill_null(0.0).to_numpy().view(np.uint64).tolist()
            found.append([None if gone else number for gone, number in zip(missing, numbers, strict=True)])
        else:
            found.append(column.to_pylist())
    return found


def by_row(table: pa.Table) -> list[tuple[Any, ...]]:
    """Rows with floats as their bits, in an order of their own."""
    return sorted(zip(*bits(table), strict=True), key=repr)


def expected_pieces(
    place: Place,
    width: int,
    signals: list[int] | None,
    window: tuple[int, int],
) -> pa.Table:
    tables = [ROLLUP_SCHEMA.empty_table()]
    for file in place.files:
        table = rollup(place.naive(file), width)
        ts = micros(table["ts"])
        wanted = (ts < window[1]) & (ts + width > window[0])
        if signals is not None:
            wanted &= np.isin(table["signal"].to_numpy(), signals)
        tables.append(table.filter(pa.array(wanted)))
    return pa.concat_tables(tables)


@given(kind=NUMBERS, seed=st.integers(0, 2**31), files=st.sampled_from([0, 1, 2, 3, 18]),
       signals=st.none() | st.lists(st.sampled_from([0, 1, 2, 3, 5, 7, 2**31 + 5, 2**32 - 1]), max_size=6),
       window=st.just((0, EVER)) | st.tuples(st.integers(-9, 90_000), st.integers(-9, 90_000)).map(
           lambda seconds: (DAY_US + seconds[0] * 1_000_000, DAY_US + seconds[1] * 1_000_000)))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_pieces_are_the_rollups_of_each_segment(
    new_place: Make,
    kind: SampleKind,
    seed: int,
    files: int,
    signals: list[int] | None,
    window: tuple[int, int],
) -> None:
    place = new_place().random(kind, seed, files, most=200)
    found = place.reader.pieces(HOUR_US, place.files, signals, *window)
    expected = expected_pieces(place, HOUR_US, signals, window)
    assert found.schema == ROLLUP_SCHEMA
    assert by_row(found) == by_row(expected)


@pytest.mark.parametrize("wanted", [None, range(0, 300, 2), range(100, 200), [5], [400]])
@pytest.mark.parametrize("hours", [(0, 24), (5, 7)])
def test_pieces_of_many_signals(
    place: Place,
    rows_of: Make,
    wanted: range | None,
    hours: tuple[int, int],
) -> None:
    for seed in range(2):
        place.write(SampleKind.NUMERIC, rows_of(SampleKind.NUMERIC, seed, 4000, range(300)))
    window = (DAY_US + hours[0] * HOUR_US, DAY_US + hours[1] * HOUR_US)
    signals = None if wanted is None else list(wanted)
    found = place.reader.pieces(HOUR_US, place.files, signals, *window)
    assert by_row(found) == by_row(expected_pieces(place, HOUR_US, signals, window))


def steady(rows: int, period_us: int, signal: int) -> pa.Table:
    """One row a period with good values."""
    ts = DAY_US + np.arange(rows) * period_us
    columns = [
        np.full(rows, signal, np.uint32),
        pa.array(ts).cast(TIMESTAMP),
        np.sin(np.arange(rows)).round(2),
        np.zeros(rows, np.uint32),
        pa.array(ts).cast(TIMESTAMP),
        np.ones(rows, bool),
    ]
    return pa.table(columns, names=["signal", "ts", "value", "status", "arrival", "live"])


def test_minutes_are_kept_of_dense_signals_only(place: Place, rows_of: Make) -> None:
    kinds = rows_of(SampleKind.NUMERIC, 1, 1).schema
    table = pa.concat_tables([steady(7200, 1_000_000, 4), steady(277, 26_000_000, 5)]).cast(kinds)
    place.write(SampleKind.NUMERIC, table)
    minutes = place.reader.pieces(MINUTE_US, place.files, None, 0, EVER)
    expected = rollup(table.filter(pc.equal(table["signal"], 4)), MINUTE_US)
    assert minutes.num_rows == 120
    assert bits(minutes) == bits(expected)
    assert set(place.reader.pieces(HOUR_US, place.files, None, 0, EVER)["signal"].to_pylist()) == {4, 5}


def test_files_that_leave_out_different_columns_come_together_in_order(place: Place, rows_of: Make) -> None:
    kinds = rows_of(SampleKind.NUMERIC, 1, 1).schema
    rng = np.random.default_rng(5)
    for period in (26_000_000, 9_000_000, 26_000_001):
        table = pa.concat_tables([steady(2000, period, signal) for signal in (3, 5, 9)])
        at, status = table.schema.get_field_index("status"), np.zeros(table.num_rows, np.uint32)
        status[rng.integers(0, table.num_rows, 300)] = 0x40000000
        table = table.set_column(at, "status", pa.array(status))
        if period == 9_000_000:
            value = table.schema.get_field_index("value")
            table = table.set_column(value, "value", pa.array(rng.normal(size=table.num_rows)))
        place.write(SampleKind.NUMERIC, table.cast(kinds))
    contents = [rollups.paths(place.folder / file.path)[0].read_bytes() for file in place.files]
    assert len({decoded(content)[HOUR_US].layout for content in contents}) > 1
    for signals in (None, [5], [3, 9]):
        found = place.reader.pieces(HOUR_US, place.files, signals, 0, EVER)
        assert by_row(found) == by_row(expected_pieces(place, HOUR_US, signals, (0, EVER)))
        assert found["signal"].to_pylist() == sorted(found["signal"].to_pylist())


def test_rollups_are_small_and_columns_come_as_asked(place: Place, rows_of: Make) -> None:
    kinds = rows_of(SampleKind.NUMERIC, 1, 1).schema
    table = pa.concat_tables([steady(3323, 26_000_000, signal) for signal in range(50)]).cast(kinds)
    file = place.write(SampleKind.NUMERIC, table)
    (beside,) = rollups.paths(place.folder / file.path)
    assert beside.stat().st_size / table.num_rows < 0.5
    names = ["held", "signal", "ts"]
    assert place.reader.pieces(HOUR_US, place.files, [3], 0, EVER, names).schema.names == names


@pytest.mark.parametrize("value", [-0.0, 21.5, np.nan])
def test_what_is_the_same_everywhere_comes_back_as_it_was(place: Place, rows_of: Make, value: float) -> None:
    for seed in range(2):
        table = rows_of(SampleKind.NUMERIC, seed, 500)
        at = table.schema.get_field_index("value")
        numbers = pa.array(np.full(table.num_rows, value))
        place.write(SampleKind.NUMERIC, table.set_column(at, table.schema.field(at), numbers))
        found = place.reader.pieces(HOUR_US, place.files, None, 0, EVER)
        assert by_row(found) == by_row(expected_pieces(place, HOUR_US, None, (0, EVER)))


def test_other_kinds_have_none_and_other_widths_are_refused(place: Place) -> None:
    place.random(SampleKind.TEXT, 1, 2)
    assert place.reader.pieces(HOUR_US, place.files, None, 0, EVER).num_rows == 0
    assert not list(place.folder.rglob("*.rollup"))
    with pytest.raises(ValueError, match="no rollups of 5"):
        place.reader.pieces(5, place.files, None, 0, EVER)


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_anywhere(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 4
    path.write_bytes(content)


def another_version(path: Path) -> None:
    path.write_bytes(b"TNDROL9\n" + path.read_bytes()[8:])


@pytest.mark.parametrize("harm", [remove, cut, empty, flip_anywhere, another_version])
@pytest.mark.parametrize("known", [False, True])
def test_lost_or_damaged_rollups_are_made_again_from_the_segment(
    place: Place,
    harm: Callable[[Path], None],
    known: bool,
) -> None:
    place.random(SampleKind.NUMERIC, 5, 2)
    expected = bits(place.reader.pieces(HOUR_US, place.files, None, 0, EVER))
    if not known:
        place.readers.close()
    (beside,) = rollups.paths(place.folder / place.files[0].path)
    harm(beside)
    assert bits(place.reader.pieces(HOUR_US, place.files, None, 0, EVER)) == expected
    before = place.readers.decoded_groups
    assert bits(place.reader.pieces(HOUR_US, place.files, None, 0, EVER)) == expected
    assert place.readers.decoded_groups == before
    content = place.reader.remade(place.files[0])
    assert content is not None
    rollups.put(place.folder / place.files[0].path, LocalFiles(), content)
    assert place.reader.remade(place.files[0]) is None
    place.readers.close()
    before = place.readers.decoded_groups
    assert bits(place.reader.pieces(HOUR_US, place.files, None, 0, EVER)) == expected
    assert place.readers.decoded_groups == before


@given(
    kind=NUMBERS,
    seed=st.integers(0, 2**31),
    files=st.sampled_from([1, 2, 7]),
    bounds=st.tuples(st.sampled_from([0, 2, 3, 7]), st.sampled_from([2, 6, 7, 2**31 + 5, 2**32 - 1])),
)
@settings(max_examples=30, deadline=None)
def test_rows_of_some_signals_are_what_the_whole_table_has_of_them(
    new_place: Make, kind: SampleKind, seed: int, files: int, bounds: tuple[int, int]
) -> None:
    place, names = new_place().random(kind, seed, files), ROLLUP_SCHEMA.names
    (rows,) = place.reader.gathered(HOUR_US, place.files, None, 0, EVER, names)
    whole = rows.table()
    signal = whole["signal"].to_numpy()
    assert (signal[1:] >= signal[:-1]).all()
    expected = TableColumns(whole.filter(pa.array((signal >= bounds[0]) & (signal <= bounds[1]))))
    found = rows.of(*bounds, names)
    assert found.num_rows == expected.num_rows
    some = np.arange(0, found.num_rows, 3)
    for name in names:
        # Zero is not minus zero.
        column = expected.numbers(name)
        assert found.numbers(name).tobytes() == column.tobytes()
        assert found.numbers(name, some).tobytes() == column[some].tobytes()
    # A question looks at a few of them only; the others are not even decoded.
    few = rows.of(*bounds, ["signal", "ts", "good_us"])
    assert few.numbers("good_us").tobytes() == expected.numbers("good_us").tobytes()


@given(seed=st.integers(0, 2**31), where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=40, deadline=None)
def test_no_flipped_bit_changes_an_answer(new_place: Make, seed: int, where: float, bit: int) -> None:
    place = new_place().random(SampleKind.NUMERIC, seed, 1)
    expected = bits(place.reader.pieces(HOUR_US, place.files, None, 0, EVER))
    (beside,) = rollups.paths(place.folder / place.files[0].path)
    content = bytearray(beside.read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    beside.write_bytes(content)
    place.readers.close()
    assert bits(place.reader.pieces(HOUR_US, place.files, None, 0, EVER)) == expected


def test_without_segment_and_rollups_it_is_gone_and_with_a_damaged_one_damaged(place: Place) -> None:
    place.random(SampleKind.NUMERIC, 5, 2)
    for file in place.files:
        rollups.paths(place.folder / file.path)[0].unlink()
    (place.folder / place.files[0].path).unlink()
    cut(place.folder / place.files[1].path)
    with pytest.raises(FileVanished):
        place.reader.pieces(HOUR_US, place.files[:1], None, 0, EVER)
    with pytest.raises(SegmentDamaged):
        place.reader.pieces(HOUR_US, place.files[1:], None, 0, EVER)


class FailingFiles(LocalFiles):
    """A disk that cannot make rollups durable."""

    def sync(self, path: Path) -> None:
        """Fail for them."""
        if ".rollup" in path.name:
            raise OSError(28, "no space left")
        super().sync(path)


def test_what_cannot_be_made_durable_leaves_nothing(place: Place, rows_of: Make) -> None:
    table = rows_of(SampleKind.NUMERIC, 1, 50)
    with pytest.raises(OSError, match="no space"):
        rollups.write(place.folder / "1.parquet", FailingFiles(), SampleKind.NUMERIC, table)
    assert list(place.folder.iterdir()) == []
