from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind, SignalInfo
from tundish_platform.store.query.summary import Samples, summarise

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from conftest import World

BAD = 0x80310000
UNCERTAIN = 0x40000000
MS = 1_000


@pytest.fixture
def ask(
    world: World, make_spec: Callable[..., SignalInfo], at: Callable[[float], datetime]
) -> Callable[..., dict[str, Any]]:
    """Stores rows and asks for their summary over a window in seconds."""

    def summary(
        rows: list[tuple[Any, ...]],
        window: tuple[float, float],
        gaps: list[tuple[float, float]] = (),  # type: ignore[assignment]
        **spec: Any,  # noqa: ANN401 - fields of `SignalInfo`
    ) -> dict[str, Any]:
        kind = spec.get("kind", SampleKind.NUMERIC)
        world.append([(1, *row) for row in rows], kind)
        world.append([(1, a, b, "silent") for a, b in gaps], "gap")
        table = world.telemetry.summary(
            world.scopes["steel"], [make_spec(1, **spec)], at(window[0]), at(window[1])
        )
        (row,) = table.to_pylist()
        return {name: value for name, value in row.items() if name != "signal"}

    return summary


def near(**expected: float | None) -> dict[str, Any]:
    return {name: v if v is None else pytest.approx(v, abs=1e-12) for name, v in expected.items()}


EVERY = [(t, float(t * 10)) for t in range(10)]


def test_a_step_signal_holds_each_value(ask: Callable[..., dict[str, Any]]) -> None:
    # Values 0, 10, …, 90, each for one second: their plain mean.
    assert ask(EVERY, (0, 10), step=True) == near(
        mean=45, min=0, max=90, count=10, good_share=1, completeness=1
    )


def test_other_signals_run_on_the_line_between_samples(ask: Callable[..., dict[str, Any]]) -> None:
    # (0+10)/2, (10+20)/2, … (80+90)/2 for nine seconds, then 90 held for the tenth: (405 + 90) / 10.
    assert ask(EVERY, (0, 10))["mean"] == pytest.approx(49.5)


def test_the_line_goes_on_to_the_sample_behind_the_window(ask: Callable[..., dict[str, Any]]) -> None:
    # From 25 to 35 on the straight line 10 t.
    assert ask(EVERY, (2.5, 3.5)) == near(mean=30, min=30, max=30, count=1, good_share=1, completeness=1)


def test_a_window_between_two_samples_knows_its_mean_but_has_no_sample(
    ask: Callable[..., dict[str, Any]],
) -> None:
    assert ask(EVERY, (2.25, 2.75)) == near(
        mean=25, min=None, max=None, count=0, good_share=None, completeness=1
    )


def test_a_sample_speaks_for_three_periods_at_most(ask: Callable[..., dict[str, Any]]) -> None:
    # 4 is held from 0 to 3, nothing is known from 3 to 8, 6 is held from 8 to 10: (3 · 4 + 2 · 6) / 5.
    assert ask([(0, 4.0), (8, 6.0)], (0, 10)) == near(
        mean=4.8, min=4, max=6, count=2, good_share=1, completeness=0.5
    )


def test_exactly_three_periods_are_still_bridged(ask: Callable[..., dict[str, Any]]) -> None:
    assert ask([(0, 4.0), (3, 10.0)], (0, 3)) == near(
        mean=7, min=4, max=4, count=1, good_share=1, completeness=1
    )


def test_a_sample_three_periods_before_the_window_says_nothing(ask: Callable[..., dict[str, Any]]) -> None:
    assert ask([(0, 4.0)], (3, 4))["completeness"] == 0
    assert ask([], (2.5, 3.5))["completeness"] == pytest.approx(0.5)


def test_nothing_is_known_in_a_recorded_gap(ask: Callable[..., dict[str, Any]]) -> None:
    # Without the gap all ten seconds would be covered; 2.5 of them are taken away.
    assert ask(EVERY, (0, 10), gaps=[(3, 5.5)], step=True) == near(
        mean=(0 + 10 + 20 + 60 + 70 + 80 + 90) / 7,
        min=0,
        max=90,
        count=10,
        good_share=1,
        completeness=0.7,
    )


def test_a_gap_that_began_before_the_window_and_overlapping_ones_count_once(
    ask: Callable[..., dict[str, Any]],
) -> None:
    got = ask(EVERY, (1, 9), gaps=[(-500, 2), (1.5, 3), (8, 900)], step=True)
    assert got["completeness"] == pytest.approx(5 / 8)


def test_bad_samples_are_counted_and_never_averaged(ask: Callable[..., dict[str, Any]]) -> None:
    rows = [(0, 1.0), (1, 999.0, BAD), (2, None, BAD), (3, 500.0, UNCERTAIN), (4, 3.0), (5, math.nan)]
    # Good are seconds 0 and 4 only; a bad sample ends the one before it.
    assert ask(rows, (0, 6)) == near(mean=2, min=1, max=3, count=6, good_share=2 / 6, completeness=2 / 6)


def test_signals_sent_on_events_have_a_plain_mean_and_no_completeness(
    ask: Callable[..., dict[str, Any]],
) -> None:
    assert ask([(0, 1.0), (9, 2.0), (10, 50.0)], (0, 10), period_s=None) == near(
        mean=1.5, min=1, max=2, count=2, good_share=1, completeness=None
    )


def test_texts_and_arrays_have_completeness_but_no_numbers(ask: Callable[..., dict[str, Any]]) -> None:
    assert ask([(0, "run"), (1, None, BAD), (2, "stop")], (0, 4), kind=SampleKind.TEXT, step=True) == near(
        mean=None, min=None, max=None, count=3, good_share=2 / 3, completeness=3 / 4
    )


def test_integers_beyond_what_floats_hold_exactly_are_no_trouble(ask: Callable[..., dict[str, Any]]) -> None:
    got = ask([(0, 2**60 + 1), (1, 2**60 + 3)], (0, 2), kind=SampleKind.INTEGER, step=True)
    assert got["mean"] == pytest.approx(2**60)


def test_silence_is_told_as_such(ask: Callable[..., dict[str, Any]]) -> None:
    assert ask([], (0, 10)) == near(mean=None, min=None, max=None, count=0, good_share=None, completeness=0)


def test_an_empty_window_is_refused(ask: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="window"):
        ask([], (5, 5))


def test_each_signal_has_its_own_hold(
    world: World, make_spec: Callable[..., SignalInfo], at: Callable[[float], datetime]
) -> None:
    world.append([(1, 0, 5.0), (2, 0, 5.0)])
    specs = [make_spec(2, period_s=60.0), make_spec(1), make_spec(3)]
    table = world.telemetry.summary(world.scopes["steel"], specs, at(10), at(20))
    assert table["signal"].to_pylist() == [1, 2, 3]
    assert table["completeness"].to_pylist() == [0, 1, 0]


TIMES = st.lists(st.integers(-4_000, 14_000), unique=True, max_size=14).map(sorted)
INTERVALS = st.lists(st.tuples(st.integers(-5_000, 14_000), st.integers(0, 3_000)), max_size=4)


@st.composite
def signals(draw: st.DrawFn) -> tuple[Samples, np.ndarray, SignalInfo]:
    """Samples about every second, in a window of ten, with gaps; in ms."""
    ts = np.array(draw(TIMES), dtype=np.int64) * MS
    value = np.array(draw(st.lists(st.floats(-100, 100), min_size=len(ts), max_size=len(ts))))
    good = np.array(draw(st.lists(st.booleans(), min_size=len(ts), max_size=len(ts))), dtype=bool)
    gaps = np.array([(a, a + n) for a, n in draw(INTERVALS)], dtype=np.int64).reshape(-1, 2) * MS
    spec = SignalInfo(
        path="S/A/L/M/C/V",
        name_zh="量",
        name_en="v",
        semantic="x.y",
        period_s=1.0,
        step=draw(st.booleans()),
        id=1,
        source="test",
    )
    return Samples(ts, value.astype(float), good), gaps, spec


def integral(
    spec: SignalInfo, samples: Samples, gaps: np.ndarray, window: tuple[int, int]
) -> tuple[float, float]:
    row = summarise(spec, samples, gaps, window[0] * MS, window[1] * MS)
    covered = row["completeness"] * (window[1] - window[0])
    return (row["mean"] or 0.0) * covered, covered


def by_the_millisecond(
    spec: SignalInfo, samples: Samples, gaps: np.ndarray, window: tuple[int, int]
) -> tuple[float, float]:
    """The same by walking through time: what is known in the middle of each millisecond."""
    total, covered = 0.0, 0
    ts = samples.ts / MS
    for start in range(*window):
        now = start + 0.5
        at = int(np.searchsorted(ts, now)) - 1
        if at < 0 or not samples.good[at]:
            continue
        held = now < ts[at] + 3_000
        hole = min((a / MS for a, b in gaps if b > a and b / MS > ts[at]), default=math.inf)
        if not held or hole < now:
            continue
        value = samples.value[at]
        follows = at + 1 < len(ts) and samples.good[at + 1]
        if not spec.step and follows and ts[at + 1] <= min(ts[at] + 3_000, hole):
            share = (now - ts[at]) / (ts[at + 1] - ts[at])
            value += (samples.value[at + 1] - value) * share
        total += value
        covered += 1
    return total, covered


@given(signals(), st.integers(0, 9_000), st.integers(1, 9_999))
def test_it_is_what_walking_through_time_finds(
    case: tuple[Samples, np.ndarray, SignalInfo], start: int, length: int
) -> None:
    samples, gaps, spec = case
    window = (start, start + min(length, 3_000))
    got, expected = integral(spec, samples, gaps, window), by_the_millisecond(spec, samples, gaps, window)
    assert got == (pytest.approx(expected[0], abs=1e-6 * 3_000 * 100), pytest.approx(expected[1], abs=1e-6))


@given(signals(), st.integers(1, 9_999))
def test_two_windows_add_up_to_the_whole(case: tuple[Samples, np.ndarray, SignalInfo], middle: int) -> None:
    samples, gaps, spec = case
    whole = integral(spec, samples, gaps, (0, 10_000))
    parts = [integral(spec, samples, gaps, w) for w in ((0, middle), (middle, 10_000))]
    assert [sum(p) for p in zip(*parts, strict=True)] == pytest.approx(whole, abs=1e-6)


@given(signals(), st.floats(0.01, 100), st.floats(-50, 50))
def test_the_mean_scales_with_the_values_and_stays_between_them(
    case: tuple[Samples, np.ndarray, SignalInfo], factor: float, offset: float
) -> None:
    samples, gaps, spec = case
    before = summarise(spec, samples, gaps, 0, 10_000 * MS)
    scaled = Samples(samples.ts, samples.value * factor + offset, samples.good)
    after = summarise(spec, scaled, gaps, 0, 10_000 * MS)
    assert 0 <= before["completeness"] <= 1
    assert after["completeness"] == before["completeness"]
    if before["mean"] is None:
        assert after["mean"] is None
    else:
        assert after["mean"] == pytest.approx(before["mean"] * factor + offset, abs=1e-6)
        values = samples.value[samples.good]
        assert values.min() - 1e-9 <= before["mean"] <= values.max() + 1e-9
