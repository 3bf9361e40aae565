from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind
from tundish_platform.store.query.grid import COMPLETENESS_KEY, wide

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import MemorySource

    from tundish_platform.samples import SignalInfo

BAD = 0x80310000
SECOND = 1_000_000


@pytest.fixture(scope="session")
def ask(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> Callable[..., pa.Table]:
    """The grid of signals 1 and 2 from ``first`` to ``end`` by ``step``, in seconds."""

    def grid(
        rows: list[tuple[Any, ...]],
        first: float,
        end: float,
        step: float,
        age: float | None = None,
        gaps: list[tuple[int, float, float]] = (),  # type: ignore[assignment]
        **options: Any,  # noqa: ANN401 - of `wide`
    ) -> pa.Table:
        bounds = tuple(
            int(start_us * (i < 2) + second * SECOND) for i, second in enumerate((first, end, step))
        )
        max_age = None if age is None else int(age * SECOND)
        infos = [make_info(2), make_info(1)]
        return wide(make_source(rows, gaps=gaps), infos, bounds, max_age, **options)

    return grid


ROWS = [(1, -3, 1.0), (1, 10, 2.0), (1, 19, 3.0), (1, 20, None, BAD), (1, 31, 9.0, BAD), (1, 50, 13.0)]


def test_each_instant_has_the_newest_good_value(ask: Callable[..., pa.Table], start_us: int) -> None:
    table = ask(ROWS, 0, 40, 10)
    assert table.column_names == ["ts", "s2", "s1"]
    assert table["ts"].cast(pa.int64()).to_pylist() == [start_us + t * SECOND for t in (0, 10, 20, 30)]
    assert table["s1"].to_pylist() == [1.0, 2.0, 3.0, 3.0]
    assert table["s2"].to_pylist() == [None] * 4
    assert json.loads(table.schema.metadata[COMPLETENESS_KEY]) == {"s2": 0.0, "s1": 1.0}


def test_an_old_value_is_no_value(ask: Callable[..., pa.Table]) -> None:
    table = ask(ROWS, 0, 40, 10, age=9)
    assert table["s1"].to_pylist() == [1.0, 2.0, 3.0, None]
    assert json.loads(table.schema.metadata[COMPLETENESS_KEY])["s1"] == 0.75
    assert ask(ROWS, 10, 30, 10, age=0)["s1"].to_pylist() == [2.0, None]


def test_a_value_is_not_carried_over_a_recorded_gap(ask: Callable[..., pa.Table]) -> None:
    held = [1.0, 2.0, 2.0, None, None, None, None]
    assert ask(ROWS[:2], 0, 70, 10, gaps=[(1, 25, 26)])["s1"].to_pylist() == held
    # A gap that begins at an instant takes it away; one of another signal does not.
    assert ask(ROWS[:2], 0, 70, 10, gaps=[(1, 20, 26), (2, 5, 6)])["s1"].to_pylist()[:3] == [1.0, 2.0, None]


def test_lines_run_between_good_neighbours_only(ask: Callable[..., pa.Table]) -> None:
    rows = [(1, 0, 0.0), (1, 20, 2.0), (1, 30, None, BAD), (1, 40, 4.0), (1, 100, 10.0)]
    lines = {1: False}
    assert ask(rows, 0, 60, 10, age=30, interpolation=lines)["s1"].to_pylist() == [0, 1, 2, 2, 4, 4]
    assert ask(rows, 0, 30, 10, age=15, interpolation=lines)["s1"].to_pylist() == [0, 0, 2]
    across = ask(rows, 0, 30, 10, age=30, gaps=[(1, 12, 13)], interpolation=lines)
    assert across["s1"].to_pylist() == [0, 0, 2]


def test_a_line_goes_on_to_the_sample_behind_the_grid(ask: Callable[..., pa.Table]) -> None:
    rows = [(1, 0, 0.0), (1, 20, 2.0)]
    assert ask(rows, 0, 20, 5, interpolation={1: False})["s1"].to_pylist() == [0.0, 0.5, 1.0, 1.5]


@pytest.mark.parametrize("step", [0, -1, 1e-6])
def test_a_grid_that_nobody_can_hold_is_refused(ask: Callable[..., pa.Table], step: float) -> None:
    with pytest.raises(ValueError, match="longer step"):
        ask([], 0, 3600, step)


def test_texts_are_refused_and_whole_numbers_taken(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    grid = (start_us, start_us + 2, 1)
    with pytest.raises(ValueError, match="V1 has no numbers"):
        wide(make_source([]), [make_info(kind=SampleKind.TEXT)], grid)
    source = make_source([(1, 0, 2**55)], kind=SampleKind.INTEGER)
    found = wide(source, [make_info(kind=SampleKind.INTEGER)], grid)
    assert found["s1"].to_pylist() == [float(2**55)] * 2
    assert wide(source, [make_info(kind=SampleKind.INTEGER)], (5, 5, 1)).num_rows == 0


SAMPLES = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.integers(-40, 140),
        st.none() | st.floats(-100, 100),
        st.sampled_from([0, 0, 0, BAD]),
    ),
    max_size=30,
    unique_by=lambda row: row[:2],
)
GAPS = st.lists(st.tuples(st.integers(1, 2), st.integers(-40, 140), st.integers(0, 20)), max_size=3)


def cell(
    rows: list[tuple[Any, ...]], gaps: list[tuple[int, int]], now: float, age: float, line: bool
) -> float | None:
    """One cell, as the docstring says it; rows of one signal, sorted."""
    sound = [r for r in rows if r[3] == 0 and r[2] is not None]
    past = [r for r in sound if r[1] <= now]
    if not past or now - past[-1][1] > age:
        return None
    _, t, value, _ = past[-1]
    if any(b > a and a <= now and b > t for a, b in gaps):
        return None
    following = next((r for r in rows if r[1] > t), None)
    near = line and following in sound and following[1] - t <= age
    if near and not any(b > a and a < following[1] and b > t for a, b in gaps):
        value += (following[2] - value) * (now - t) / (following[1] - t)
    return float(value)


@settings(max_examples=150, deadline=None)
@given(
    rows=SAMPLES,
    gaps=GAPS,
    step=st.sampled_from([1, 7, 30]),
    age=st.sampled_from([0, 5, 40, 400]),
    line=st.booleans(),
)
def test_each_cell_is_what_looking_it_up_finds(
    ask: Callable[..., pa.Table],
    rows: list[tuple[Any, ...]],
    gaps: list[tuple[int, int, int]],
    step: int,
    age: int,
    line: bool,
) -> None:
    recorded = [(s, a, a + n) for s, a, n in gaps]
    table = ask(rows, 0, 100, step, age=age, gaps=recorded, interpolation={1: not line, 2: not line})
    for signal in (1, 2):
        own = sorted((r for r in rows if r[0] == signal), key=lambda r: r[1])
        cut = [(a, b) for s, a, b in recorded if s == signal]
        expected = [cell(own, cut, now, age, line) for now in np.arange(0, 100, step).tolist()]
        got = table[f"s{signal}"].to_pylist()
        assert got == [None if v is None else pytest.approx(v, abs=1e-9) for v in expected]
