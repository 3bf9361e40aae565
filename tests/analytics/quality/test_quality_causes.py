"""Causes ranked in groups on made lines whose effects are known, and silence where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from tundish_analytics.quality import Cause, Ranking, ranked_causes
from tundish_analytics.quality.causes import TooFewBlocks, signal_groups

NAMES = ("speed", "zone 1", "zone 2", "zone 3", "pressure", "humidity")
ZONES = {"zone 1", "zone 2", "zone 3"}


def line(pieces: int = 500, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Process values of pieces, 20 of a heat; three zones say the same, each through its own noise."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(pieces, len(NAMES)))
    heat = np.repeat(np.arange(pieces // 20), 20)
    x[:, 1:4] = x[:, [1]] + 0.3 * x[:, 1:4] + 0.5 * generator.normal(size=pieces // 20)[heat][:, None]
    return x, heat


def by_name(ranking: Ranking, name: str) -> Cause:
    return next(cause for cause in ranking.causes if name in cause.signals)


@pytest.fixture(scope="module")
def ranking() -> Ranking:
    x, heat = line()
    noise = np.random.default_rng(2).normal(size=len(x))
    y = 2 * x[:, 2] - 1.2 * x[:, 4] + noise
    return ranked_causes(x, y, NAMES, heat)


def test_signals_that_say_the_same_are_taken_together() -> None:
    x, _ = line()
    groups = {frozenset(NAMES[n] for n in group) for group in signal_groups(x)}
    assert groups == {
        frozenset(ZONES),
        frozenset({"speed"}),
        frozenset({"pressure"}),
        frozenset({"humidity"}),
    }


def test_what_moves_the_result_is_ranked_with_its_direction_and_the_rest_is_not(ranking: Ranking) -> None:
    first, second = ranking.causes[:2]
    assert set(first.signals) == ZONES
    assert second.signals == ("pressure",)
    assert first.ranked
    assert second.ranked
    assert (first.correlation > 0.4, second.correlation < -0.2) == (True, True)
    assert not by_name(ranking, "speed").ranked
    assert not by_name(ranking, "humidity").ranked
    assert first.interval[0] < first.importance < first.interval[1]
    assert ranking.skill > 0.5
    assert "不是因果" in ranking.statement_zh
    assert "not cause" in ranking.statement_en


@pytest.mark.parametrize("seed", [3, 4])
def test_a_shuffled_result_ranks_nothing(seed: int) -> None:
    x, heat = line()
    y = np.random.default_rng(seed).permutation(2 * x[:, 2] - 1.2 * x[:, 4])
    assert not [cause for cause in ranked_causes(x, y, NAMES, heat).causes if cause.ranked]


def test_a_trend_shared_by_whole_heats_only_ranks_nothing() -> None:
    """A signal that differs by heat and a result that differs by heat, each by chance: 25 cases, not 500."""
    x, heat = line()
    generator = np.random.default_rng(6)
    x[:, 0] = generator.normal(size=25)[heat]
    y = generator.normal(size=25)[heat] + 0.1 * generator.normal(size=len(x))
    assert not [cause for cause in ranked_causes(x, y, NAMES, heat).causes if cause.ranked]


def test_good_and_bad_pieces_are_explained_alike_and_holes_are_borne() -> None:
    x, heat = line()
    y = (x[:, 4] > 0.8).astype(float)
    x[::7, 4] = np.nan
    y[5] = np.nan
    x[:, 5] = np.nan
    ranking = ranked_causes(x, y, NAMES, heat)
    assert ranking.causes[0].signals == ("pressure",)
    assert ranking.causes[0].ranked
    assert ranking.pieces == len(x) - 1


def test_too_few_heats_or_a_result_that_never_changes_are_refused() -> None:
    x, heat = line(180)
    with pytest.raises(TooFewBlocks, match="10 blocks"):
        ranked_causes(x, x[:, 0], NAMES, heat)
    x, heat = line()
    with pytest.raises(ValueError, match="same for all"):
        ranked_causes(x, np.ones(len(x)), NAMES, heat)
