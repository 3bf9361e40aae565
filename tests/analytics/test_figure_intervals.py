"""Intervals of figures: known values, and units that err together counted once."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tundish_analytics.evaluate.confusion import Fold, accuracy, fold_interval, macro_f1, scores
from tundish_analytics.models.intervals import drawn, of_mean, of_share


def test_a_share_has_the_exact_binomial_ends() -> None:
    hits = np.arange(20) < 18
    # Clopper and Pearson for 18 of 20, as in the usual tables.
    assert of_share(hits) == pytest.approx((0.6830, 0.9877), abs=1e-4)
    assert of_share(np.ones(10, bool)) == pytest.approx((0.6915, 1.0), abs=1e-4)


def test_cases_of_a_unit_that_agree_count_as_one() -> None:
    units = np.repeat(np.arange(20), 50)
    together = np.repeat(np.arange(20) < 18, 50)
    assert of_share(together, units) == pytest.approx((0.68, 0.99), abs=0.02)
    apart = np.arange(1_000) % 10 != 0
    assert of_share(apart, units) == pytest.approx(of_share(apart), abs=1e-9)
    assert of_share(np.ones(1_000, bool), units) == pytest.approx(of_share(np.ones(20, bool)))


def test_whole_units_are_drawn() -> None:
    generator = np.random.default_rng(1)
    own = generator.normal(size=40)
    values, units = np.repeat(own, 25), np.repeat(np.arange(40), 25)
    ends = drawn(units, lambda rows: float(values[rows].mean()))
    assert ends is not None
    assert ends[1] - ends[0] == pytest.approx(2 * 1.96 * own.std() / np.sqrt(40), rel=0.15)
    alone = drawn(np.arange(1_000), lambda rows: float(values[rows].mean()))
    assert alone is not None
    assert alone[1] - alone[0] < 0.3 * (ends[1] - ends[0])
    assert drawn(np.zeros(9), lambda rows: float(values[rows].mean())) is None


def test_the_mean_of_few_has_students_interval() -> None:
    # Three values, t = 4.3027 with two degrees of freedom.
    assert of_mean([1.0, 2.0, 3.0]) == pytest.approx(
        (2 - 4.3027 / np.sqrt(3), 2 + 4.3027 / np.sqrt(3)), abs=1e-3
    )
    assert of_mean([0.1, 0.9, 0.2], 0, 1) == (0, pytest.approx(1.0))
    assert of_mean([1.0]) is None


def test_macro_f1_is_that_of_scikit_learn_and_a_unit_is_drawn_in_all_folds_alike() -> None:
    generator = np.random.default_rng(2)
    truth = generator.integers(0, 4, 300)
    found = np.where(generator.random(300) < 0.7, truth, generator.integers(0, 3, 300))
    parts = [np.arange(n, 300, 3) for n in range(3)]
    folds = [Fold(rows, truth[rows], found[rows]) for rows in parts]
    for fold, ours, right in zip(folds, scores(folds, macro_f1), scores(folds, accuracy), strict=True):
        assert ours == pytest.approx(f1_score(fold.truth, fold.found, average="macro"))
        assert right == pytest.approx(np.mean(fold.truth == fold.found))
    once = fold_interval(folds, np.arange(300), accuracy)
    again = fold_interval(folds * 10, np.arange(300), accuracy)
    assert once is not None
    assert again == pytest.approx(once)
