"""Phases with limits of their own, and charts that live."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.spc import (
    NELSON,
    LiveChart,
    Stage,
    from_ranges,
    in_stages,
    individual_chart,
    mean_chart,
    p_chart,
)


def test_each_stage_is_judged_by_its_own_baseline_and_no_run_crosses_the_change() -> None:
    generator = np.random.default_rng(1)
    points = np.concatenate([generator.normal(0, 1, 60), generator.normal(5, 0.5, 60)])
    points[30] = 40.0
    stages = [
        Stage(0, 40, "first baseline", {30: "gauge was touched"}),
        Stage(60, 30, "new tool", {}),
    ]
    chart = in_stages(points, stages, individual_chart)
    first, second = chart.charts
    assert first.baseline.centre == pytest.approx(np.delete(points[:40], 30).mean())
    assert second.baseline.centre == pytest.approx(points[60:90].mean())
    found = chart.signals(NELSON[:2])
    assert 30 in found["N1"]
    # By the first limits every later point would be one of a run above the centre.
    assert set(found["N2"]) <= set(range(60)) | set(range(68, 120))
    plain = individual_chart(points, first.baseline).signals(NELSON[:2])
    assert len(plain["N2"]) > 50


def test_stages_out_of_order_or_without_their_baseline_are_refused() -> None:
    points = np.arange(20.0)
    with pytest.raises(ValueError, match="follow each other"):
        in_stages(points, [Stage(5, 5, "", {})], individual_chart)
    with pytest.raises(ValueError, match="shorter than its baseline"):
        in_stages(points, [Stage(0, 10, "", {}), Stage(15, 10, "", {})], individual_chart)


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.one_of(st.floats(-4, 4), st.just(float("nan"))), min_size=2, max_size=120),
    cuts=st.lists(st.integers(1, 30), max_size=8),
)
def test_a_live_chart_signals_what_the_whole_chart_signals(values: list[float], cuts: list[int]) -> None:
    points = np.array(values)
    base = individual_chart(np.array([0.0, 1.1284, 0.0, 1.1284])).baseline
    live = LiveChart(individual_chart, base, NELSON)
    pieces = np.split(points, np.unique(np.minimum(np.cumsum(cuts), points.size)).astype(int))
    updates = [live.update(piece)[1] for piece in pieces]
    for key, expected in individual_chart(points, base).signals(NELSON).items():
        assert np.concatenate([update[key] for update in updates]).tolist() == expected.tolist()


def test_groups_and_counts_live_too(piston_rings: np.ndarray) -> None:
    live = LiveChart(mean_chart, from_ranges(piston_rings[:25]))
    found = [live.update(piston_rings[start : start + 1])[1]["N1"].tolist() for start in range(25, 40)]
    assert [number for new in found for number in new] == [11, 12, 13]
    shares = LiveChart(
        lambda points, baseline=None: p_chart(points, 50, baseline), p_chart(np.full(20, 5.0), 50).baseline
    )
    chart, signals = shares.update(np.array([5.0, 20.0]))
    assert chart.statistic.tolist() == [0.1, 0.4]
    assert signals["N1"].tolist() == [1]
