from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind
from tundish_platform.store.query.states import STATES_SCHEMA, time_in_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import MemorySource

    from tundish_platform.samples import SignalInfo

BAD = 0x80310000
SECOND = 1_000_000

Row = tuple[str | None, float, int]


@pytest.fixture(scope="session")
def ask(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> Callable[..., list[list[Row]]]:
    """Rows ``state, seconds, entries`` of each window in seconds, of one signal."""

    def states(
        rows: list[tuple[Any, ...]],
        *windows: tuple[float, float],
        kind: SampleKind = SampleKind.TEXT,
        gaps: list[tuple[float, float]] = (),  # type: ignore[assignment]
        known_until: float = 1e6,
        **spec: Any,  # noqa: ANN401 - fields of `SignalInfo`
    ) -> list[list[Row]]:
        source = make_source([(1, *row) for row in rows], kind=kind, gaps=[(1, a, b) for a, b in gaps])
        bounds = start_us + (np.array(windows) * SECOND).astype(np.int64)
        info = make_info(kind=kind, **spec)
        found = time_in_state(source, [info], bounds, start_us + int(known_until * SECOND))
        assert found.schema.equals(STATES_SCHEMA)
        answers: list[list[Row]] = []
        for start, end in bounds.tolist():
            of_window = [
                row
                for row in found.set_column(1, "start", found["start"].cast(pa.int64()))
                .set_column(2, "end", found["end"].cast(pa.int64()))
                .to_pylist()
                if (row["start"], row["end"]) == (start, end)
            ]
            known = sum(row["seconds"] for row in of_window if row["state"] is not None)
            for row in of_window:
                assert row["completeness"] == pytest.approx(known * SECOND / (end - start), abs=1e-12)
            answers.append([(row["state"], row["seconds"], row["entries"]) for row in of_window])
        return answers

    return states


def test_a_state_sent_on_events_holds_until_the_next(ask: Callable[..., Any]) -> None:
    rows = [(0, "run"), (100, "stop"), (160, "run")]
    assert ask(rows, (0, 200), period_s=None) == [[("run", 140, 2), ("stop", 60, 1)]]


def test_the_state_that_holds_when_a_window_begins_counts(ask: Callable[..., Any]) -> None:
    rows = [(-9_000, "run"), (100, "stop")]
    assert ask(rows, (0, 60), (60, 120), period_s=None) == [
        [("run", 60, 0)],
        [("run", 40, 0), ("stop", 20, 1)],
    ]


def test_a_state_with_a_period_is_known_three_periods_at_most(ask: Callable[..., Any]) -> None:
    assert ask([(0, "run"), (10, "run"), (50, "stop")], (0, 60), period_s=10.0) == [
        # After the hole nobody knows whether it ran on: it is entered anew.
        [("run", 40, 1), ("stop", 10, 1), (None, 10, 0)]
    ]


def test_the_same_state_again_is_no_entry(ask: Callable[..., Any]) -> None:
    assert ask([(t, "run") for t in range(10)], (0, 10), step=True) == [[("run", 10, 1)]]
    assert ask([(t, "run") for t in range(-1, 10)], (0, 10), step=True) == [[("run", 10, 0)]]


def test_nothing_is_known_in_a_gap_or_from_a_bad_sample_on(ask: Callable[..., Any]) -> None:
    rows = [(0, "run"), (50, "stop", BAD), (60, None), (70, "run")]
    assert ask(rows, (0, 100), period_s=None, gaps=[(20, 30)]) == [[("run", 50, 2), (None, 50, 0)]]


def test_a_state_is_not_held_into_the_future(ask: Callable[..., Any]) -> None:
    assert ask([(0, "run")], (0, 100), period_s=None, known_until=40) == [[("run", 40, 1), (None, 60, 0)]]


def test_whole_numbers_and_booleans_are_states(ask: Callable[..., Any]) -> None:
    rows = [(0, 10), (1, 2), (3, 10)]
    assert ask(rows, (0, 4), kind=SampleKind.INTEGER, step=True) == [[("2", 2, 1), ("10", 2, 2)]]
    switched = [(0, 1.0), (1, 0.0), (3, float("nan"))]
    assert ask(switched, (0, 4), kind=SampleKind.NUMERIC, step=True) == [
        [("0", 2, 1), ("1", 1, 1), (None, 1, 0)]
    ]


def test_what_is_no_state_is_refused(ask: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"S/A/L/M/C/V1 has values like 0\.5"):
        ask([(0, 0.5)], (0, 4), kind=SampleKind.NUMERIC)
    with pytest.raises(ValueError, match="arrays"):
        ask([(0, [1.0])], (0, 4), kind=SampleKind.ARRAY)


def test_a_window_without_a_sample_is_unknown(ask: Callable[..., Any]) -> None:
    assert ask([], (0, 4), (2, 9)) == [[(None, 4, 0)], [(None, 7, 0)]]


def test_signals_of_several_kinds_come_by_number(
    make_source: Callable[..., MemorySource],
    make_rows: Callable[..., pa.Table],
    make_info: Callable[..., SignalInfo],
    start_us: int,
) -> None:
    source = make_source([(2, 0, "run"), (3, 0, "stop")], kind=SampleKind.TEXT)
    source.chunks[SampleKind.INTEGER] = [make_rows(SampleKind.INTEGER, [(1, 0, 7)])]
    kinds = {3: SampleKind.TEXT, 1: SampleKind.INTEGER, 2: SampleKind.TEXT}
    infos = [make_info(n, kind=kind, period_s=None) for n, kind in kinds.items()]
    found = time_in_state(source, infos, start_us + np.array([[0, SECOND]]))
    assert found.select(["signal", "state"]).to_pylist() == [
        {"signal": 1, "state": "7"},
        {"signal": 2, "state": "run"},
        {"signal": 3, "state": "stop"},
    ]
    assert time_in_state(source, [], start_us + np.array([[0, SECOND]])).num_rows == 0


def test_an_empty_window_is_refused(ask: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="window"):
        ask([], (5, 5))


TICKS = st.integers(-50, 150)
SAMPLES = st.lists(
    st.tuples(TICKS, st.sampled_from(["a", "b", None]), st.sampled_from([0, 0, 0, BAD])),
    max_size=20,
    unique_by=lambda row: row[0],
)
SPANS = st.lists(st.tuples(TICKS, st.integers(1, 60)), max_size=4)


def by_the_tick(
    rows: list[tuple[Any, ...]], gaps: list[tuple[int, int]], window: tuple[int, int], hold: int | None
) -> dict[str | None, tuple[int, int]]:
    """The same by walking through time second by second; rows sorted."""
    found: dict[str | None, list[int]] = {}

    def known(now: float) -> str | None:
        """The state spoken in the middle of a second."""
        past = [row for row in rows if row[0] <= now]
        if not past or past[-1][2] == BAD or past[-1][1] is None:
            return None
        t, state, _ = past[-1]
        if hold is not None and now >= t + hold:
            return None
        return None if any(a < now and b > t for a, b in gaps) else state

    changes = {row[0] for row in rows}
    for second in range(*window):
        state = known(second + 0.5)
        of_state = found.setdefault(state, [0, 0])
        of_state[0] += 1
        if state is not None and second in changes and known(second - 0.5) != state:
            of_state[1] += 1
    return {state: (seconds, entries) for state, (seconds, entries) in found.items()}


@settings(max_examples=150, deadline=None)
@given(rows=SAMPLES, gaps=SPANS, windows=SPANS.filter(bool), period=st.sampled_from([None, 4.0, 11.0]))
def test_it_is_what_walking_through_time_finds(
    ask: Callable[..., Any],
    rows: list[tuple[Any, ...]],
    gaps: list[tuple[int, int]],
    windows: list[tuple[int, int]],
    period: float | None,
) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    stretches, recorded = ([(a, a + n) for a, n in spans] for spans in (windows, gaps))
    answers = ask(rows, *dict.fromkeys(stretches), gaps=recorded, period_s=period)
    hold = None if period is None else int(period * 3)
    for window, answer in zip(dict.fromkeys(stretches), answers, strict=True):
        expected = by_the_tick(rows, recorded, window, hold)
        assert {state: (seconds, entries) for state, seconds, entries in answer} == expected
