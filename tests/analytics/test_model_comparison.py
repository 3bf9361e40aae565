"""Champion and challenger: paired, blocked, and undecided as long as nothing is sure."""

from __future__ import annotations

import numpy as np
import pytest

from tundish_analytics.models.compare import Comparison, Said, mcnemar_p, overall


def judged(champion: np.ndarray, challenger: np.ndarray) -> Comparison:
    comparison = Comparison()
    for end, (one, other) in enumerate(zip(champion.tolist(), challenger.tolist(), strict=True)):
        comparison.judged(0, end, right=one)
        comparison.judged(1, end, right=other)
    return comparison


def test_versions_agree_on_classes_on_overlapping_values_and_on_silence() -> None:
    assert Said(1.0).agrees(Said(1.0))
    assert not Said(1.0).agrees(Said(2.0))
    assert Said(None).agrees(Said(None))
    assert not Said(None).agrees(Said(1.0))
    assert Said(10.0, 8.0, 12.0).agrees(Said(11.0, 9.0, 13.0))
    assert not Said(10.0, 8.0, 12.0).agrees(Said(11.5, 11.0, 12.0))


def test_windows_count_once_both_have_spoken_in_whatever_order() -> None:
    comparison = Comparison()
    for end in range(10):
        comparison.said(0, end, Said(1.0))
    for end in reversed(range(8)):
        comparison.said(1, end, Said(1.0 if end < 6 else 2.0))
    found = comparison.document()
    assert (found["windows"], found["agreement"]) == (8, 0.75)
    assert found["agreement_95"][0] < 0.75 < found["agreement_95"][1]
    assert found["verdict"] == "too few"


def test_a_better_challenger_is_told_from_an_equal_one() -> None:
    generator = np.random.default_rng(1)
    champion = generator.random(600) < 0.8
    better = judged(champion, champion | (generator.random(600) < 0.5)).document()
    assert better["verdict"] == "challenger better"
    assert better["gain_95"][0] > 0
    assert better["only_champion_right"] == 0
    assert better["gain"] == pytest.approx(
        better["challenger_hit_rate"] - better["champion_hit_rate"], abs=1e-5
    )
    worse = judged(champion | (generator.random(600) < 0.5), champion)
    assert worse.verdict == "champion better"
    assert judged(champion, champion).verdict == "undecided"


def test_equal_versions_seem_different_no_more_often_than_promised_even_where_errors_come_in_runs() -> None:
    wrong = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        # Each version fails over whole stretches of ten cases, apart from the other.
        one, other = (np.repeat(generator.random(60) < 0.8, 10) for _ in range(2))
        wrong += judged(one, other).verdict != "undecided"
    # 5 % are promised, which gives 3; drawn by single cases, 36 of the 60 would seem different.
    assert wrong <= 6


def test_mcnemars_exact_p_value() -> None:
    assert mcnemar_p(0, 0) == 1.0
    # Fleiss, Levin and Paik: binomial with one half, both tails; 1 of 10 gives 2 (1 + 10) / 1024.
    assert mcnemar_p(1, 9) == pytest.approx(22 / 1024)
    assert mcnemar_p(9, 1) == mcnemar_p(1, 9)


def test_a_version_is_better_only_if_it_is_worse_in_nothing() -> None:
    assert overall([]) == "too few"
    assert overall(["too few", "undecided"]) == "undecided"
    assert overall(["undecided", "challenger better"]) == "challenger better"
    assert overall(["champion better", "challenger better"]) == "undecided"
