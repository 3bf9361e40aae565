"""The watch without labels: its rate of false alarms, what it finds, whom it blames, and what it ignores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tundish_analytics.anomaly import AnomalyWatch, Cases, HealthyScores, PcaModel, TooLittle, held_out
from tundish_analytics.anomaly.watch import STATISTICS
from tundish_analytics.spc.multivariate import t_squared_rows

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNALS = 8
MEANS = np.ones(SIGNALS, np.bool_)


def machine(seed: int) -> Callable[[int], np.ndarray]:
    """A machine of two hidden causes that eight sensors see, each with noise of its own."""
    rng = np.random.default_rng(seed)
    load = rng.normal(size=(2, SIGNALS))
    offset, scale = rng.uniform(-50, 50, SIGNALS), 10.0 ** rng.uniform(-2, 2, SIGNALS)
    return lambda n: offset + scale * (rng.normal(size=(n, 2)) @ load + 0.3 * rng.normal(size=(n, SIGNALS)))


@pytest.fixture(scope="module")
def watched() -> tuple[AnomalyWatch, Callable[[int], np.ndarray]]:
    made = machine(3)
    return AnomalyWatch.fit(made(900), MEANS), made


def test_alarms_on_healthy_rows_come_about_as_often_as_stated() -> None:
    rates = []
    for seed in range(4):
        made = machine(seed)
        rates.append(np.mean(AnomalyWatch.fit(made(700), MEANS).judge(made(1000)).p <= 0.05))
    # The averages remember twenty rows, so 280 held-out rows are fewer cases than they look.
    assert 0.03 < np.mean(rates) < 0.08


def test_a_sensor_that_goes_its_own_way_is_found_and_blamed(
    watched: tuple[AnomalyWatch, Callable[[int], np.ndarray]],
) -> None:
    watch, made = watched
    healthy = made(2000)
    rows = made(200)
    rows[:, 5] += 2.5 * healthy[:, 5].std()
    judged = watch.judge(rows)
    assert np.mean(judged.p <= 0.01) > 0.9
    late = np.flatnonzero(judged.p <= 0.01)[-5:]
    for row in late:
        parts = watch.parts(judged, int(row))
        assert parts.argmax() == 5
        assert parts.sum() == pytest.approx(1.0)
    q = np.array([STATISTICS[n] in {"q", "slow_q"} for n in judged.leading])
    assert q.mean() > 0.8, "the sensors' relation broke, which Q shows"
    assert abs(watch.expected(judged, 199)[5] - healthy[:, 5].mean()) < 2 * healthy[:, 5].std()


def test_rows_together_far_out_show_in_t_squared(
    watched: tuple[AnomalyWatch, Callable[[int], np.ndarray]],
) -> None:
    watch, made = watched
    rows = made(60)
    centre = made(3000).mean(axis=0)
    judged = watch.judge(centre + 4 * (rows - centre))
    leading = [STATISTICS[n] for n in judged.leading[judged.p <= 0.01]]
    assert len(leading) > 30
    assert any(name.endswith("t2") for name in leading)


def test_a_slow_shift_below_the_noise_is_found_by_the_averages(
    watched: tuple[AnomalyWatch, Callable[[int], np.ndarray]],
) -> None:
    watch, made = watched
    rows = made(300)
    rows[:, 2] += 0.8 * made(2000)[:, 2].std()
    judged = watch.judge(rows)
    late = judged.p[60:] <= 0.01
    assert late.mean() > 0.8
    assert all(STATISTICS[n].startswith("slow") for n in judged.leading[60:][late][-20:])


def test_judging_in_pieces_is_judging_at_once(
    watched: tuple[AnomalyWatch, Callable[[int], np.ndarray]],
) -> None:
    watch, made = watched
    rows = made(50)
    whole = watch.judge(rows)
    first = watch.judge(rows[:20])
    second = watch.judge(rows[20:], first.slow[-1])
    assert np.allclose(np.concatenate([first.score, second.score]), whole.score)


def test_a_change_of_operating_mode_that_was_learnt_is_no_anomaly() -> None:
    idle, busy = machine(7), machine(7)
    step = np.arange(SIGNALS) * 5.0 * idle(500).std(axis=0)

    def day(n: int) -> np.ndarray:
        parts = [idle(n) if k % 2 else busy(n) + step for k in range(20)]
        return np.concatenate(parts)

    watch = AnomalyWatch.fit(day(50), MEANS)
    assert len(watch.regimes) == 2
    judged = watch.judge(day(50))
    assert np.mean(judged.p <= 0.01) < 0.04
    between = idle(30) + 0.5 * step
    assert np.mean(watch.judge(between).p <= 0.01) > 0.9
    halves = idle(10), busy(10) + step
    assert watch.in_transition(*halves).all()
    assert not watch.in_transition(idle(10), idle(10)).any()


def test_a_missing_value_neither_raises_an_alarm_nor_hides_one(
    watched: tuple[AnomalyWatch, Callable[[int], np.ndarray]],
) -> None:
    watch, made = watched
    rows = made(1000)
    rows[np.random.default_rng(1).random(rows.shape) < 0.15] = np.nan
    assert np.mean(watch.judge(rows).p <= 0.01) < 0.04
    broken = made(100)
    broken[:, 5] += 4 * made(2000)[:, 5].std()
    broken[:, 0] = np.nan
    assert np.mean(watch.judge(broken).p <= 0.01) > 0.9


def test_what_stands_still_or_only_drifts_is_not_watched() -> None:
    made = machine(4)
    rows = made(800)
    rows[:, 1] = 7.0
    rows[:, 6] = np.linspace(0, 100, 800) + np.random.default_rng(2).normal(size=800)
    watch = AnomalyWatch.fit(rows, MEANS)
    assert watch.kept.tolist() == [True, False, True, True, True, True, False, True]
    later = made(300)
    later[:, 1], later[:, 6] = 7.0, 140.0
    assert np.mean(watch.judge(later).p <= 0.01) < 0.05


def test_too_little_history_is_said() -> None:
    with pytest.raises(TooLittle, match="99 held-out"):
        AnomalyWatch.fit(machine(1)(200), MEANS)
    with pytest.raises(TooLittle, match="two signals"):
        AnomalyWatch.fit(np.ones((800, SIGNALS)), MEANS)


def test_the_forest_gives_the_librarys_scores(
    watched: tuple[AnomalyWatch, Callable[[int], np.ndarray]],
) -> None:
    watch, made = watched
    z = watch.judge(made(40)).z
    library = -watch._forest._forest.score_samples(z)
    assert np.allclose(watch._forest.score(z), library, rtol=0, atol=1e-12)
    out = z[0].copy()
    out[3] = 12.0
    assert watch._forest.parts(out, z.mean(axis=0)).argmax() == 3


def test_parts_of_t_squared_over_all_components_are_those_of_the_chart() -> None:
    rows = machine(11)(300)
    z = (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1)
    chart = t_squared_rows(z)
    pca = PcaModel.fit(z, explained=1.0)
    assert np.allclose(pca.t_squared(z), chart.statistic)
    assert np.allclose(pca.t_squared_parts(z), chart.parts)
    plane = PcaModel.fit(z, explained=0.8)
    # By Pythagoras: distance within the plane and distance from it.
    within = np.sum((z @ plane.axes) ** 2, axis=1)
    even = PcaModel(plane.axes, plane.variance, np.ones(SIGNALS))
    assert np.allclose(within + even.q(z), np.sum(z**2, axis=1))
    # A part is how far Q falls when the variable is set as well as it can be.
    grid = z[:1] + np.linspace(-9, 9, 18_001)[:, None] * (np.arange(SIGNALS) == 4)
    assert plane.q(z[:1])[0] - plane.q(grid).min() == pytest.approx(plane.q_parts(z[:1])[0, 4], abs=1e-3)


def test_p_values_count_the_held_out() -> None:
    healthy = HealthyScores.of(np.arange(99.0))
    assert healthy.p_value(np.array([-1.0, 98.0, 1000.0])) == pytest.approx([1.0, 0.02, 0.01])
    assert np.isnan(healthy.p_value(np.array([np.nan]))).all()
    assert healthy.resolves(0.01)
    assert not healthy.resolves(0.009)
    assert held_out(10).tolist() == [False] * 6 + [True] * 4


def test_similar_cases_are_the_nearest_with_their_names() -> None:
    places = np.array([[0.0, 0.0], [1.0, 0.0], [1.1, 0.0], [5.0, 5.0]])
    cases = Cases(places, np.array([0, 100, 101, 500]), ["", "worn valve", "", ""])
    assert [case[:2] for case in cases.nearest(np.array([1.0, 0.0]), 2)] == [(100, "worn valve"), (101, "")]
    assert [case[0] for case in cases.nearest(np.array([1.0, 0.0]), 2, apart_us=50)] == [100, 0]
    cases.add(np.array([5.0, 5.1]), 900, "confirmed")
    assert cases.nearest(np.array([5.0, 5.1]), 1)[0][:2] == (900, "confirmed")
    many = Cases(np.zeros((3000, 1)), np.arange(3000), ["x" if n % 10 == 0 else "" for n in range(3000)])
    assert len(many) <= 2000
    assert sum(label == "x" for label in many.state()["labels"]) == 300


def test_a_stored_watch_says_the_same(
    watched: tuple[AnomalyWatch, Callable[[int], np.ndarray]],
) -> None:
    watch, made = watched
    rows = made(30)
    again = AnomalyWatch.from_state(watch.state())
    assert np.array_equal(again.judge(rows).p, watch.judge(rows).p)
