from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind, SignalInfo
from tundish_platform.store.query.chart import chart
from tundish_platform.store.query.queries import Thinning
from tundish_platform.store.rows import STORED, micros

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from conftest import World

GOOD, UNCERTAIN, BAD = 0, 0x40000000, 0x80000000
SECOND = 1_000_000


def stored(values: list[float | None], statuses: list[int], signal: int = 1) -> pa.Table:
    n = len(values)
    columns = [[signal] * n, [i * SECOND for i in range(n)], values, statuses, [0] * n, [True] * n]
    schema = STORED[SampleKind.NUMERIC]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


class Rows:
    """A source that has raw rows alone."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def raw(self, _kind: object, _signals: object, start_us: int, end_us: int) -> pa.Table:
        ts = micros(self.table["ts"])
        return self.table.filter(pa.array((ts >= start_us) & (ts < end_us)))

    def only_rolled_up(self, *_: object) -> bool:
        return False


def thinned(table: pa.Table, start_us: int, end_us: int, max_points: int) -> pa.Table:
    info = SignalInfo(
        id=1, source="c", path="S/A/L/M/C/V", name_zh="量", name_en="v", semantic="x.y", period_s=1.0
    )
    source: Any = Rows(table)
    return chart(source, [info], start_us, end_us, max_points, rollups=False)


samples = st.lists(
    st.tuples(
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from([GOOD, GOOD, GOOD, UNCERTAIN, BAD]),
    ),
    min_size=1,
    max_size=300,
)


@settings(max_examples=150, deadline=None)
@given(samples, st.integers(5, 60))
def test_no_peak_and_no_worst_status_gets_lost(rows: list[tuple[float | None, int]], max_points: int) -> None:
    values, statuses = [list(column) for column in zip(*rows, strict=True)]
    table = stored(values, statuses)  # type: ignore[arg-type]
    thin = thinned(table, 0, len(rows) * SECOND, max_points)
    assert thin.num_rows <= max_points
    # What stays are samples as they were, in their order.
    every = table.select(thin.column_names).to_pylist()
    kept = thin.to_pylist()
    assert [row for row in every if row in kept] == kept
    assert (kept[0], kept[-1]) == (every[0], every[-1])
    assert max(row["status"] for row in kept) == max(statuses)
    numbers = [row["value"] for row in every if row["value"] is not None and row["status"] != BAD]
    thin_numbers = [row["value"] for row in kept if row["value"] is not None and row["status"] != BAD]
    if numbers:
        assert (min(thin_numbers), max(thin_numbers)) == (min(numbers), max(numbers))


def test_a_bad_spike_does_not_hide_a_good_peak_beside_it() -> None:
    values: list[float | None] = [0.0] * 100
    statuses = [GOOD] * 100
    values[40], values[41], statuses[41] = 10.0, 9999.0, BAD
    kept = thinned(stored(values, statuses), 0, 100 * SECOND, 5).to_pylist()
    assert {(row["value"], row["status"]) for row in kept} == {(0.0, GOOD), (10.0, GOOD), (9999.0, BAD)}


def test_each_bucket_keeps_its_own_extremes() -> None:
    values = [float(v) for v in np.random.default_rng(1).normal(size=1000)]
    kept = {row["value"] for row in thinned(stored(values, [GOOD] * 1000), 0, 1000 * SECOND, 50).to_pylist()}
    for first in range(0, 1000, 100):
        part = values[first : first + 100]
        assert {part[0], part[-1], min(part), max(part)} <= kept


def test_a_window_of_centuries_does_not_overflow() -> None:
    century = 100 * 366 * 86_400 * SECOND
    thin = thinned(stored([1.0, 2.0, 3.0], [GOOD] * 3), 0, 2 * century, 2)
    assert thin["value"].to_pylist() == [1.0, 3.0]


def test_a_trend_asks_for_numbers_of_both_kinds(
    world: World, at: Callable[[float], datetime], make_spec: Callable[..., SignalInfo]
) -> None:
    world.append([(1, s, float(s)) for s in range(50)])
    world.append([(2, s, 2**60 + s) for s in range(3)], "integer")
    specs = [make_spec(1), make_spec(2, kind="integer"), make_spec(3)]
    table = world.telemetry.trend(world.scopes["steel"], specs, at(0), at(50), 10)
    assert table["signal"].to_pylist().count(1) <= 10
    assert table["signal"].to_pylist()[-3:] == [2, 2, 2]
    assert table["value"].to_pylist()[-1] == float(2**60)


@pytest.mark.parametrize("thinning", list(Thinning))
def test_signals_are_thinned_apart(
    world: World, at: Callable[[float], datetime], make_spec: Callable[..., SignalInfo], thinning: Thinning
) -> None:
    world.append([(1, s, float(s)) for s in range(100)])
    world.append([(2, 5, 7.0)])
    specs = [make_spec(1), make_spec(2)]
    table = world.telemetry.trend(world.scopes["steel"], specs, at(0), at(100), 10, thinning=thinning)
    assert 2 <= table["signal"].to_pylist().count(1) <= 10
    assert table.filter(pa.compute.equal(table["signal"], 2))["value"].to_pylist() == [7.0]
