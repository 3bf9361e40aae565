"""Counters that roll over, are reset or jump."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.oee import read_counter


def test_rollover_reset_and_an_impossible_jump_are_told_apart() -> None:
    values = np.array([65_000, 65_500, 100, 150, 20, 60, 40_000, 40_010], float)
    found = read_counter(np.arange(8.0) * 10, values, modulus=2**16, rate=80)
    assert found.steps.tolist() == [500, 136, 50, 20, 40, 0, 10]
    assert (found.resets, found.suspects) == ((4,), (6,))
    assert found.total == 756


def test_without_a_modulus_a_fall_is_a_reset() -> None:
    found = read_counter(np.arange(3.0), np.array([65_500.0, 100, 110]))
    assert (found.total, found.resets) == (110, (1,))
    with pytest.raises(ValueError, match="must rise"):
        read_counter(np.array([0.0, 0]), np.array([1.0, 2]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60), st.integers(0, 2**16 - 1))
def test_what_was_counted_is_read_whatever_the_counter_shows(steps: list[int], start: int) -> None:
    true = np.cumsum([start, *steps])
    found = read_counter(np.arange(true.size, dtype=float), (true % 2**16).astype(float), modulus=2**16)
    assert found.total == sum(steps)
    assert found.resets == ()
