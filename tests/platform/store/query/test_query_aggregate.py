"""Aggregates equal `summary`, however their samples lie in segments, windows and gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind
from tundish_platform.store.query import compose
from tundish_platform.store.query.aggregate import AGGREGATE_SCHEMA, aggregate
from tundish_platform.store.query.summary import Samples, summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conftest import MemorySource

    from tundish_platform.samples import SignalInfo

BAD, UNCERTAIN, GOOD_DETAIL = 0x80310000, 0x40000000, 0x00000400
SECOND = 1_000_000
HOUR = 3_600

STATUSES = st.sampled_from([0, 0, 0, 0, GOOD_DETAIL, UNCERTAIN, BAD])
VALUES = st.none() | st.floats(-1e3, 1e3) | st.sampled_from([1.0, 1.0, float("nan")])
PERIODS = st.sampled_from([None, 30.0, 120.0, 400.0, 1_200.0, 4_000.0])


@dataclass
class Case:
    chunks: list[list[tuple[Any, ...]]]
    gaps: list[tuple[int, float, float]]
    windows: list[tuple[int, int]]
    signals: list[dict[str, Any]]
    minutes: list[bool]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Some signals over five hours; chunks follow each other in time, overlap, or repeat samples."""
    numbers = range(1, draw(st.integers(1, 3)) + 1)
    tick = draw(st.sampled_from([5, 60, 300]))
    chunks = []
    for _ in range(draw(st.integers(1, 4))):
        first = draw(st.integers(0, 4 * HOUR // tick))
        length = draw(st.integers(1, 2 * HOUR // tick))
        rows = st.tuples(st.sampled_from(list(numbers)), st.integers(first, first + length), VALUES, STATUSES)
        chunks.append([(s, t * tick, v, q) for s, t, v, q in draw(st.lists(rows, max_size=40))])
    spans = st.tuples(st.integers(-600, 6 * HOUR), st.integers(1, 2 * HOUR))
    windows = [(a, a + n) for a, n in draw(st.lists(spans, min_size=1, max_size=4))]
    hours = draw(st.integers(1, 3))
    windows += [(h * HOUR, (h + hours) * HOUR) for h in range(draw(st.integers(0, 4)))]
    gaps = draw(
        st.lists(
            st.tuples(st.sampled_from(list(numbers)), st.integers(-600, 6 * HOUR), st.integers(0, 2 * HOUR)),
            max_size=3,
        )
    )
    signals = [{"signal": n, "period_s": draw(PERIODS), "step": draw(st.booleans())} for n in numbers]
    minutes = draw(st.lists(st.booleans(), min_size=4, max_size=4))
    return Case(chunks, [(s, a, a + n) for s, a, n in gaps], windows, signals, minutes)


def expected(source: MemorySource, info: SignalInfo, start: int, end: int) -> dict[str, Any]:
    """One row by `summary`, one signal and window after the other."""
    table = source.raw(info.kind, [info.id], 0, 2**52)
    samples = Samples.of(table, number=info.kind in compose.NUMBERS)
    recorded = source.gaps([info.id], 0, 2**52)
    gaps = np.column_stack([recorded[name].cast(pa.int64()).to_numpy() for name in ("ts", "end")])
    row = summarise(info, samples, gaps, start, end)
    said = Samples(samples.ts, samples.value, np.ones_like(samples.good))
    known = summarise(info, said, gaps, start, end)["completeness"]
    values = samples.value[(samples.ts >= start) & (samples.ts < end) & samples.good]
    good_s = None if known is None else row["completeness"] * (end - start) / SECOND
    timed = good_s is not None and row["mean"] is not None
    return row | {
        "first": values[0] if row["min"] is not None else None,
        "last": values[-1] if row["min"] is not None else None,
        "good_s": good_s,
        "integral": row["mean"] * good_s if timed else None,
        "percent_good": 100 * row["completeness"] / known if known else None,
    }


def check(source: MemorySource, infos: list[SignalInfo], windows: np.ndarray, found: pa.Table) -> None:
    rows = found.to_pylist()
    wanted = [(info, *window) for info in infos for window in windows.tolist()]
    assert len(rows) == len(wanted)
    for row, (info, start, end) in zip(rows, wanted, strict=True):
        for name, value in expected(source, info, start, end).items():
            # Products of up to 1e13 value · µs are summed in another order.
            near = 1e-5 if name == "integral" else 1e-8
            assert row[name] == (None if value is None else pytest.approx(value, rel=1e-9, abs=near)), (
                name,
                info,
                (start, end),
            )


@pytest.mark.parametrize("raw_first", [False, True])
@settings(max_examples=80, deadline=None)
@given(case=cases())
def test_windows_of_rollups_say_what_raw_rows_say(
    make_source: Callable[..., MemorySource],
    make_info: Callable[..., SignalInfo],
    start_us: int,
    raw_first: bool,
    case: Case,
) -> None:
    source = make_source(*case.chunks, gaps=case.gaps, minutes=case.minutes)
    infos = [make_info(**signal) for signal in case.signals]
    windows = start_us + np.array(case.windows, dtype=np.int64) * SECOND
    # Few samples an hour count as many here, so that minutes are read too.
    with patch.object(compose, "_raw_pays", return_value=raw_first), patch.object(compose, "DENSE", 0.1):
        found = aggregate(source, infos, windows)
    assert found.schema.equals(AGGREGATE_SCHEMA)
    check(source, infos, windows, found)


def regular(
    signal: int, seconds: float, step: float, value: Callable[[float], float]
) -> list[tuple[Any, ...]]:
    times = np.arange(0, seconds, step).tolist()
    return [(signal, t, value(t)) for t in times]


def hours(start_us: int, *bounds: float) -> np.ndarray:
    return start_us + np.array(bounds).reshape(-1, 2).astype(np.int64) * HOUR * SECOND


@pytest.fixture
def two_days(make_source: Callable[..., MemorySource]) -> MemorySource:
    """A sample every ten seconds for twelve hours, in two segments that meet at half past five."""
    rows = regular(1, 12 * HOUR, 10, lambda t: t % 700)
    middle = int(5.5 * 360)
    return make_source(rows[:middle], rows[middle:])


def test_clean_hours_need_no_raw_row(
    two_days: MemorySource, make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    windows = hours(start_us, 0, 4, 4, 8, 8, 12, 0, 12)
    info = make_info(period_s=10.0)
    found = aggregate(two_days, [info], windows)
    assert two_days.read["raw"] == 0
    assert two_days.read["pieces"] == 13
    check(two_days, [info], windows, found)


def worn(source: MemorySource, info: SignalInfo, windows: np.ndarray) -> int:
    """Raw rows read for an answer that is right."""
    found = aggregate(source, [info], windows)
    rows = source.read["raw"]
    check(source, [info], windows, found)
    return rows


def test_only_the_hour_of_late_samples_is_read_raw(
    two_days: MemorySource,
    make_rows: Callable[..., pa.Table],
    make_info: Callable[..., SignalInfo],
    start_us: int,
) -> None:
    late = make_rows(SampleKind.NUMERIC, [(1, 3 * HOUR + 1_000, 1e6), (1, 3 * HOUR + 1_005, 5.0)])
    two_days.chunks[SampleKind.NUMERIC].append(late)
    windows = hours(start_us, 0, 6, 6, 12)
    assert worn(two_days, make_info(period_s=10.0), windows) == 361


def test_only_the_hours_that_a_gap_cuts_are_read_raw(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    rows = regular(1, 12 * HOUR, 10, lambda t: t % 700)
    source = make_source(rows, gaps=[(1, 2.5 * HOUR, 2.6 * HOUR)])
    assert worn(source, make_info(period_s=10.0), hours(start_us, 0, 6, 6, 12)) == 360


def test_hours_that_begin_and_end_with_bad_samples_need_no_raw_row(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    bad = {0, 360, 719, 720, 721, 1439, 2000}
    rows = [(*row[:3], BAD if i in bad else 0) for i, row in enumerate(regular(1, 6 * HOUR, 10, float))]
    assert worn(make_source(rows), make_info(period_s=10.0), hours(start_us, 0, 2, 2, 4, 4, 6)) == 0


def test_signals_answered_apart_are_answered_as_together(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    rows = [row for signal in (2, 4, 9) for row in regular(signal, 6 * HOUR, 10, lambda t: t % 700)]
    gaps = [(2, 1.0 * HOUR, 1.5 * HOUR), (9, 2.0 * HOUR, 3.5 * HOUR)]
    infos = [make_info(signal, period_s=10.0, step=signal == 4) for signal in (2, 4, 7, 9)]
    # Long windows are answered from rollups, short ones from raw rows.
    for windows in (hours(start_us, 0, 2, 2, 4, 0, 6), hours(start_us, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5)):
        together = aggregate(make_source(rows, gaps=gaps), infos, windows)
        with patch.object(compose, "_ROWS_AT_ONCE", 1):
            assert aggregate(make_source(rows, gaps=gaps), infos, windows).equals(together)
        check(make_source(rows, gaps=gaps), infos, windows, together)


def test_a_gap_in_which_nothing_came_needs_no_raw_row(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    rows = [row for row in regular(1, 12 * HOUR, 10, lambda t: t % 700) if not 2 * HOUR <= row[1] < 4 * HOUR]
    source = make_source(rows, gaps=[(1, 2 * HOUR - 4, 4 * HOUR)])
    assert worn(source, make_info(period_s=10.0), hours(start_us, 0, 6, 6, 12)) == 0


def test_a_step_longer_than_the_hold_is_read_raw(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    rows = [row for row in regular(1, 12 * HOUR, 10, lambda t: t % 700) if not 7_300 < row[1] < 7_400]
    assert worn(make_source(rows), make_info(period_s=10.0), hours(start_us, 0, 6, 6, 12)) == 351
    # Three periods of 40 s bridge the hole, so that nothing is cut off.
    assert worn(make_source(rows), make_info(period_s=40.0), hours(start_us, 0, 6, 6, 12)) == 0


def test_windows_that_cut_hours_read_their_minutes(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    rows = regular(1, 6 * HOUR, 2, lambda t: t % 700)
    info, windows = make_info(period_s=2.0), hours(start_us, 0, 6) + 1_800 * SECOND
    assert worn(make_source(rows), info, windows) == 0
    # Without the level of minutes the hour itself is read.
    assert worn(make_source(rows, minutes=[False]), info, windows) == 1_800


def test_what_retention_took_away_is_answered_from_its_rollups(
    two_days: MemorySource, make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    windows = hours(start_us, 0, 12) + 1_800 * SECOND
    empty = two_days.rows(SampleKind.NUMERIC).slice(0, 0)
    with patch.object(two_days, "raw", return_value=empty):
        (row,) = aggregate(two_days, [make_info(period_s=10.0)], windows).to_pylist()
    # The hour that the window cuts counts wholly where it begins, before the window.
    assert row["count"] == 11 * 360


def test_interpolation_can_be_chosen(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    source = make_source([(1, 0, 0.0), (1, 1, 10.0), (1, 2, 20.0)])
    window = start_us + np.array([[0, 2]]) * SECOND
    means = [
        aggregate(source, [make_info(step=step)], window, chosen)["mean"].to_pylist()
        for step, chosen in ((False, None), (True, None), (False, {1: True}), (True, {1: False}))
    ]
    assert means == [[10.0], [5.0], [5.0], [10.0]]


def test_signals_of_every_kind_come_together_in_their_order(
    make_source: Callable[..., MemorySource],
    make_rows: Callable[..., pa.Table],
    make_info: Callable[..., SignalInfo],
    start_us: int,
) -> None:
    source = make_source([(1, t, float(t)) for t in range(10)])
    source.chunks[SampleKind.INTEGER] = [
        make_rows(SampleKind.INTEGER, [(3, t, 2**60 + t) for t in range(10)])
    ]
    source.chunks[SampleKind.TEXT] = [make_rows(SampleKind.TEXT, [(2, 0, "run"), (2, 2, None, BAD)])]
    source.chunks[SampleKind.ARRAY] = [make_rows(SampleKind.ARRAY, [(4, t, [1.0]) for t in range(10)])]
    infos = [
        make_info(4, kind=SampleKind.ARRAY),
        make_info(3, kind=SampleKind.INTEGER, period_s=90_000.0),
        make_info(1),
        make_info(2, kind=SampleKind.TEXT, step=True),
        make_info(5),
    ]
    windows = start_us + np.array([[2, 8], [0, 4]]) * SECOND
    found = aggregate(source, infos, windows)
    assert found["signal"].to_pylist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    check(source, sorted(infos, key=lambda i: i.id), windows, found)


@pytest.mark.parametrize("windows", [[[5, 5]], [[5, 4]], [1, 2]])
def test_a_window_that_is_none_is_refused(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], windows: Sequence[Any]
) -> None:
    with pytest.raises(ValueError, match="window"):
        aggregate(make_source([]), [make_info()], np.array(windows))


def test_too_many_answers_are_refused(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo]
) -> None:
    start = np.arange(1_000_001)
    with pytest.raises(ValueError, match="longer windows"):
        aggregate(make_source([]), [make_info(i) for i in range(5)], np.column_stack([start, start + 1]))


def test_nothing_asked_is_nothing_answered(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo]
) -> None:
    assert aggregate(make_source([]), [], np.array([[0, 1]])).num_rows == 0
    assert aggregate(make_source([]), [make_info()], np.zeros((0, 2), dtype=np.int64)).num_rows == 0


def test_a_window_before_all_times_is_only_empty(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo]
) -> None:
    windows = np.array([[-5 * SECOND, 5 * SECOND], [-9, -5]])
    found = aggregate(make_source([(1, 0, 1.0)]), [make_info()], windows)
    assert found["count"].to_pylist() == [0, 0]
    assert found["completeness"].to_pylist() == [0.0, 0.0]
