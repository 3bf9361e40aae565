"""Run rules, exactly: what each pattern needs, what breaks it, which point is flagged."""

from __future__ import annotations

import numpy as np
import pytest

from tundish_analytics.spc import beyond, one_side, trend, zone

NAN = float("nan")


@pytest.mark.parametrize(
    ("z", "expected"),
    [([3.0, -3.0], []), ([3.0001], [0]), ([-3.1, 0.0, 4.0], [0, 2]), ([NAN], [])],
)
def test_beyond_is_strict(z: list[float], expected: list[int]) -> None:
    assert beyond(np.array(z)) == expected


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
    assert one_side(np.array(z)) == expected


def test_western_electric_needs_eight_on_one_side() -> None:
    assert one_side(np.array([0.1] * 8), length=8) == [7]


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
    assert trend(np.array(z, float)) == expected


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
    assert zone(np.array(z), 2, 3, 2.0) == expected


def test_four_of_five_beyond_one_sigma() -> None:
    assert zone(np.array([1.1, 1.1, 0.0, 1.1, 1.1]), 4, 5, 1.0) == [4]
    assert zone(np.array([1.1, 1.1, 0.0, 0.0, 1.1, 1.1]), 4, 5, 1.0) == []


def test_false_alarms_of_rule_one_are_as_rare_as_published() -> None:
    # NIST 6.3.2: one false alarm in 370.4 points.
    found = len(beyond(np.random.default_rng(3).normal(size=1_000_000)))
    assert found == pytest.approx(1_000_000 / 370.4, rel=0.06)
