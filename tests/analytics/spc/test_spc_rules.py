"""Run rules, exactly: what each pattern needs, what breaks it, which point is flagged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.spc import DEFAULT_RULES, NELSON, WESTERN_ELECTRIC, LiveRules, RunRule, signals
from tundish_analytics.spc.patterns import alternating, beyond, both_sides, one_side, trend, within, zone

NAN = float("nan")


def places(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(mask).tolist()


@pytest.mark.parametrize(
    ("z", "expected"),
    [([3.0, -3.0], []), ([3.0001], [0]), ([-3.1, 0.0, 4.0], [0, 2]), ([NAN], [])],
)
def test_beyond_is_strict(z: list[float], expected: list[int]) -> None:
    assert places(beyond(np.array(z))) == expected


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        ([0.1] * 9, [8]),
        ([0.1] * 8, []),
        ([0.1] * 10, [8, 9]),
        ([0.1] * 5 + [-0.1] * 9, [13]),
        ([0.1] * 8 + [0.0] + [0.1] * 8, []),
        ([0.1] * 8 + [NAN] + [0.1] * 8, []),
    ],
)
def test_nine_on_one_side(z: list[float], expected: list[int]) -> None:
    assert places(one_side(np.array(z))) == expected


def test_western_electric_needs_eight_on_one_side() -> None:
    assert places(one_side(np.array([0.1] * 8), length=8)) == [7]


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        ([1, 2, 3, 4, 5, 6], [5]),
        ([1, 2, 3, 4, 5], []),
        ([6, 5, 4, 3, 2, 1], [5]),
        ([1, 2, 3, 3, 4, 5, 6], []),
        ([1, 2, 3, NAN, 4, 5, 6, 7, 8], []),
        ([1, 2, 3, NAN, 4, 5, 6, 7, 8, 9], [9]),
        ([9, 1, 2, 3, 4, 5, 6], [6]),
    ],
)
def test_six_points_are_five_strict_steps(z: list[float], expected: list[int]) -> None:
    assert places(trend(np.array(z, float))) == expected


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        ([2.1, 0.0, 2.1], [2]),
        ([2.1, 2.1], [1]),
        ([2.1, 0.0, 0.0, 2.1], []),
        ([2.1, 0.0, -2.1], []),
        ([2.0, 0.0, 2.0], []),
        # The third point completes nothing: it is not beyond itself.
        ([2.1, 2.1, 0.0], [1]),
        ([2.1, NAN, 2.1], []),
        ([-2.1, -2.1], [1]),
    ],
)
def test_two_of_three_beyond_two_sigma(z: list[float], expected: list[int]) -> None:
    assert places(zone(np.array(z), 2, 3, 2.0)) == expected


def test_four_of_five_beyond_one_sigma() -> None:
    assert places(zone(np.array([1.1, 1.1, 0.0, 1.1, 1.1]), 4, 5, 1.0)) == [4]
    assert places(zone(np.array([1.1, 1.1, 0.0, 0.0, 1.1, 1.1]), 4, 5, 1.0)) == []


def test_false_alarms_of_rule_one_are_as_rare_as_published() -> None:
    # NIST 6.3.2: one false alarm in 370.4 points.
    found = np.count_nonzero(beyond(np.random.default_rng(3).normal(size=1_000_000)))
    assert found == pytest.approx(1_000_000 / 370.4, rel=0.06)


UP_AND_DOWN = [0.0, 1.0] * 7


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        (UP_AND_DOWN, [13]),
        (UP_AND_DOWN[1:], []),
        ([*UP_AND_DOWN, 0.0], [13, 14]),
        ([*UP_AND_DOWN[:7], 0.0, *UP_AND_DOWN[7:]], []),
        ([*UP_AND_DOWN[:7], NAN, *UP_AND_DOWN], [21]),
    ],
)
def test_fourteen_up_and_down_in_turn(z: list[float], expected: list[int]) -> None:
    assert places(alternating(np.array(z))) == expected


def test_fifteen_within_one_sigma_count_the_limit_itself() -> None:
    assert places(within(np.array([1.0, -1.0, 0.0] * 5))) == [14]
    assert places(within(np.array([1.0, -1.0, 0.0] * 4 + [1.01, 0, 0]))) == []
    assert places(within(np.array([0.0] * 14 + [NAN] + [0.0] * 15))) == [29]


def test_eight_beyond_one_sigma_need_both_sides() -> None:
    assert places(both_sides(np.array([1.1] * 7 + [-1.1]))) == [7]
    assert places(both_sides(np.array([1.1] * 8))) == []
    assert places(both_sides(np.array([1.1] * 6 + [-1.0, -1.1]))) == []


def naive(rule: RunRule, z: np.ndarray) -> list[int]:
    """Each rule read out loud, a window at a time."""
    key, found = rule.key, []
    for last in range(z.size):
        w = z[max(0, last - rule.reach + 1) : last + 1]
        holes = np.flatnonzero(np.isnan(w))
        w = w[holes[-1] + 1 :] if holes.size else w
        full, steps = w.size == rule.reach, np.diff(w)
        hit = False
        if key in {"N1", "W1"}:
            hit = full and abs(w[-1]) > 3
        elif key in {"N2", "W4"}:
            hit = full and (all(w > 0) or all(w < 0))
        elif key == "N3":
            hit = full and (all(steps > 0) or all(steps < 0))
        elif key == "N4":
            hit = full and all(a * b < 0 for a, b in zip(np.sign(steps), np.sign(steps[1:]), strict=False))
        elif key == "N7":
            hit = full and all(abs(w) <= 1)
        elif key == "N8":
            hit = full and all(abs(w) > 1) and any(w > 0) and any(w < 0)
        else:
            count, sigmas = {"N5": (2, 2), "W2": (2, 2), "N6": (4, 1), "W3": (4, 1)}[key]
            hit = any(
                w.size > 0 and side * w[-1] > sigmas and np.count_nonzero(side * w > sigmas) >= count
                for side in (1, -1)
            )
        if hit:
            found.append(last)
    return found


# Steps of half a sigma hit centre, limits and ties; the alternation makes long patterns likely.
levels = st.sampled_from([-3.5, -2.5, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.5, 3.0, 3.5])
stretches = st.lists(
    st.one_of(
        st.lists(st.one_of(levels, st.just(NAN)), min_size=1, max_size=6),
        st.tuples(levels, levels, st.integers(3, 10)).map(lambda part: [part[0], part[1]] * part[2]),
        st.tuples(levels, st.integers(3, 16)).map(lambda part: [part[0]] * part[1]),
    ),
    min_size=1,
    max_size=6,
).map(lambda parts: np.array([point for part in parts for point in part]))


@settings(max_examples=150, deadline=None)
@given(stretches, st.lists(st.integers(1, 25), max_size=6))
def test_every_rule_finds_what_reading_it_out_finds_whole_and_live(z: np.ndarray, cuts: list[int]) -> None:
    rules = (*NELSON, *WESTERN_ELECTRIC)
    live = LiveRules(rules)
    pieces = np.split(z, np.unique(np.minimum(np.cumsum(cuts), z.size)).astype(int))
    updates = [live.update(piece) for piece in pieces]
    whole = signals(z, rules)
    for rule in rules:
        expected = naive(rule, z)
        assert whole[rule.key].tolist() == expected
        assert rule.find(z) == expected
        assert np.concatenate([update[rule.key] for update in updates]).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(stretches)
def test_a_mirrored_series_has_the_same_signals(z: np.ndarray) -> None:
    for key, found in signals(z, NELSON).items():
        assert signals(-z, NELSON)[key].tolist() == found.tolist()


def test_signals_do_not_depend_on_how_blocks_fall() -> None:
    z = np.random.default_rng(9).normal(size=100_000)
    blocks, whole = signals(z, NELSON), {rule.key: places(rule.mask(z)) for rule in NELSON}
    assert {key: found.tolist() for key, found in blocks.items()} == whole
    assert [rule.key for rule in DEFAULT_RULES] == ["N1", "N2", "N3", "N5"]


def test_western_electric_rules_together_alarm_as_often_as_published() -> None:
    # NIST 6.3.2: 91.75 points between false alarms of the four rules together, each run begun anew.
    generator, lengths = np.random.default_rng(11), []
    for _ in range(1500):
        found = signals(generator.normal(size=1200), WESTERN_ELECTRIC)
        lengths.append(min(int(places_of[0]) for places_of in found.values() if places_of.size) + 1)
    assert np.mean(lengths) == pytest.approx(91.75, rel=0.08)
