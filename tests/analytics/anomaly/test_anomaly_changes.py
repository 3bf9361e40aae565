"""Change points: none where there is none, the right ones where there are."""

from __future__ import annotations

import numpy as np
import pytest

from tundish_analytics.anomaly import change_points


def test_noise_has_no_changes() -> None:
    found = [len(change_points(np.random.default_rng(seed).normal(size=(1500, 3)))) for seed in range(8)]
    assert sum(found) == 0


def test_steps_are_found_where_they_are_with_their_size_and_signal() -> None:
    rows = np.random.default_rng(5).normal(size=(1500, 3)) * [1.0, 10.0, 0.1]
    rows[500:, 1] += 15.0
    rows[1100:, 2] -= 0.3
    first, second = change_points(rows)
    assert abs(first.row - 500) <= 5
    assert abs(second.row - 1100) <= 5
    assert first.shift[1] == pytest.approx(15.0, abs=1.5)
    assert second.shift[2] == pytest.approx(-0.3, abs=0.03)
    assert first.parts.argmax() == 1
    assert second.parts.argmax() == 2
    assert first.parts.sum() == pytest.approx(1.0)


def test_neighbours_alike_are_no_change() -> None:
    rng = np.random.default_rng(0)
    wandering = np.zeros((3000, 2))
    for row in range(1, 3000):
        wandering[row] = 0.9 * wandering[row - 1] + rng.normal(size=2)
    assert change_points(wandering) == []
    wandering[1500:] += 8.0
    (change,) = change_points(wandering)
    assert abs(change.row - 1500) <= 15


def test_holes_short_histories_and_still_signals() -> None:
    rows = np.random.default_rng(6).normal(size=(800, 2))
    rows[400:, 0] += 3
    rows[::7, 0] = np.nan
    rows[:, 1] = 4.0
    (change,) = change_points(rows)
    assert abs(change.row - 400) <= 8
    assert change.parts.tolist() == [1.0, 0.0]
    assert change_points(np.zeros((100, 2))) == []
    assert change_points(rows[:15]) == []
    with pytest.raises(ValueError, match="average them"):
        change_points(np.zeros((20_001, 1)))
