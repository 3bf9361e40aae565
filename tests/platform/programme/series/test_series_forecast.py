"""Projections: moves are counted as they were, and futures follow from them alone."""

from __future__ import annotations

import numpy as np

from tundish_platform.programme.series.forecast import as_figures, moves, project


def test_moves_tell_who_entered_rose_fell_and_left() -> None:
    ranks = np.array([[0, 1, 1, 1, 1, 1, 2], [1, 1, 1, 1, 1, 1, -1], [-1, -1, -1, -1, -1, -1, 1]], np.int8)
    found = moves(ranks, 2)
    assert found is not None
    assert found.between[0].tolist() == [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert found.between[-1].tolist() == [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]
    assert found.entered.tolist()[-1] == [0, 1, 0]
    assert found.standing.tolist() == [0, 1, 1]
    assert moves(ranks[:, :6], 2) is None


def test_the_same_seed_gives_the_same_figures_and_nobody_is_invented() -> None:
    ranks = np.tile(np.array([[1], [2]] * 20, np.int8), (1, 8))
    found = moves(ranks, 2)
    assert found is not None
    made = project(found, 3, np.random.default_rng(5))
    again = project(found, 3, np.random.default_rng(5))
    assert as_figures(made, 1) == as_figures(again, 1)
    assert (made.high <= 40).all()
    assert (made.low <= made.middle).all()
    assert (made.middle <= made.high).all()
    # Nobody ever moved: the middle stays, and the interval says that some might.
    assert made.middle[-1].tolist() == [40, 20]
    assert made.low[-1, 1] < 20
