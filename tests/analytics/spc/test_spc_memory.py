"""EWMA, CUSUM and run lengths against the NIST e-Handbook, Montgomery, Lucas with Crosier and Saccucci."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.spc import Baseline, Cusum, Ewma, cusum, cusum_arl, ewma, ewma_arl, shewhart_arl

EWMA_DATA = np.array(
    [52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6,
     52.4, 53.6, 52.1]
)  # fmt: skip
CUSUM_DATA = np.array(
    [324.925, 324.675, 324.725, 324.350, 325.350, 325.225, 324.125, 324.525, 325.225, 324.600, 324.625,
     325.150, 328.325, 327.250, 327.825, 328.500, 326.675, 327.775, 326.875, 328.350]
)  # fmt: skip
# Montgomery, table 9.1: target 10, sigma 1, a shift of one sigma after the 20th value.
SHIFTED = np.array(
    [9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40, 10.08, 9.37,
     10.62, 10.31, 8.52, 10.84, 10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62, 11.31, 10.52]
)  # fmt: skip


def test_ewma_stays_within_its_limits() -> None:
    chart = ewma(EWMA_DATA, Baseline(50.0, 2.0539), weight=0.3, exact=False)
    assert chart.statistic[-2:] == pytest.approx([51.94, 51.99], abs=5e-3)
    assert (chart.lower[0], chart.upper[-1]) == pytest.approx((47.4115, 52.5884), abs=6e-4)
    assert not chart.outside().any()


def test_exact_limits_of_the_ewma_widen_to_those_of_the_long_run() -> None:
    chart = ewma(SHIFTED, Baseline(10, 1), weight=0.1, width=2.7)
    # Montgomery, example 9.2.
    assert chart.statistic[:2] == pytest.approx([9.945, 9.7495])
    assert (chart.lower[0], chart.upper[0]) == pytest.approx((9.73, 10.27))
    assert (chart.lower[1], chart.upper[1]) == pytest.approx((9.64, 10.36), abs=5e-3)
    assert (chart.lower[-1], chart.upper[-1]) == pytest.approx((9.38, 10.62), abs=5e-3)
    assert np.all(np.diff(chart.upper) > 0)
    assert chart.outside().any()


def test_cusum_signals_at_sample_14() -> None:
    path = cusum(CUSUM_DATA, target=325.0, slack=0.3175)
    assert int(np.argmax(path.outside(4.1959))) + 1 == 14
    assert (path.up[13], path.up[-1]) == pytest.approx((4.94, 19.04), abs=6e-3)
    assert np.all(path.down < 4.1959)


def test_cusum_tells_since_when_and_how_far_the_mean_has_moved() -> None:
    path = cusum(SHIFTED, target=10, slack=0.5)
    first = int(np.argmax(path.outside(5)))
    assert first + 1 == 29
    assert (path.up[first], path.up_run[first]) == (pytest.approx(5.28), 7)
    assert Cusum(10, 0.5).shifted_mean(path, first) == pytest.approx(11.25, abs=5e-3)


def test_a_head_start_finds_a_shift_from_the_start_sooner_and_fades_otherwise() -> None:
    # Montgomery, 9.1.7: K 3, H 12, head start 6, target 100.
    values = np.array([102, 97, 104, 93, 100, 105, 96, 98, 105, 99], float)
    path = cusum(values, target=100, slack=3, head_start=6)
    assert (path.up[:3].tolist(), path.down[:3].tolist()) == ([5, 0, 1], [1, 1, 0])
    shifted = cusum(values + 5, target=100, slack=3, head_start=6)
    late = cusum(values + 5, target=100, slack=3)
    assert int(np.argmax(shifted.outside(12))) < int(np.argmax(late.outside(12)))


@pytest.mark.parametrize(
    ("shift", "h4", "h5", "h4_fir", "h5_fir"),
    [
        (0.0, 168, 465, 149, 430),
        (0.25, 74.2, 139, 62.7, 122),
        (0.5, 26.6, 38.0, 20.1, 28.7),
        (0.75, 13.3, 17.0, 8.97, 11.2),
        (1.0, 8.38, 10.4, 5.29, 6.35),
        (1.5, 4.75, 5.75, 2.86, 3.37),
        (2.0, 3.34, 4.01, 2.01, 2.36),
    ],
)
def test_run_lengths_of_the_cusum(shift: float, h4: float, h5: float, h4_fir: float, h5_fir: float) -> None:
    # Lucas and Crosier (1982), tables 1 and 2; also Montgomery, table 9.3.
    found = (
        cusum_arl(shift, limit=4),
        cusum_arl(shift, limit=5),
        cusum_arl(shift, limit=4, head_start=2),
        cusum_arl(shift, limit=5, head_start=2.5),
    )
    assert found == pytest.approx((h4, h5, h4_fir, h5_fir), rel=4e-3)


@pytest.mark.parametrize(
    ("weight", "width", "none", "half", "one", "two"),
    [
        (0.4, 3.054, 500, 71.2, 14.3, 3.5),
        (0.25, 2.998, 500, 48.2, 11.1, 3.6),
        (0.2, 2.962, 500, 41.8, 10.5, 3.7),
        (0.1, 2.814, 500, 31.3, 10.3, 4.4),
        (0.05, 2.615, 500, 28.8, 11.4, 5.2),
    ],
)
def test_run_lengths_of_the_ewma(
    weight: float, width: float, none: float, half: float, one: float, two: float
) -> None:
    # Lucas and Saccucci (1990), as in Montgomery, table 9.11.
    found = [ewma_arl(shift, weight, width) for shift in (0, 0.5, 1, 2)]
    assert found == pytest.approx([none, half, one, two], rel=1.5e-2)


def test_run_lengths_of_the_mean_chart() -> None:
    # The qcc vignette's operating characteristics.
    found = [shewhart_arl(shift, size) for size in (1, 5) for shift in (0, 0.1, 0.2)]
    assert found == pytest.approx([370, 353, 308, 370, 296, 178], abs=0.6)


def test_simulated_run_lengths_agree_with_the_computed_one() -> None:
    generator = np.random.default_rng(8)
    lengths = []
    for _ in range(400):
        path = cusum(generator.normal(1.0, 1, 100), target=0, slack=0.5)
        lengths.append(int(np.argmax(path.outside(4))) + 1)
    assert np.mean(lengths) == pytest.approx(cusum_arl(1.0, limit=4), rel=0.1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-50, 50), st.just(float("nan"))), min_size=1, max_size=80),
    st.lists(st.integers(1, 20), max_size=8),
)
def test_a_stream_gives_the_same_bits_as_the_whole(values: list[float], cuts: list[int]) -> None:
    points = np.array(values)
    average, sums = Ewma(Baseline(1, 2), weight=0.3), Cusum(1, 0.5, head_start=2)
    pieces = np.split(points, np.unique(np.minimum(np.cumsum(cuts), points.size)).astype(int))
    charts = [average.update(piece) for piece in pieces]
    paths = [sums.update(piece) for piece in pieces]
    whole, path = ewma(points, Baseline(1, 2), weight=0.3), cusum(points, 1, 0.5, head_start=2)
    for name in ("statistic", "upper"):
        joined = np.concatenate([getattr(chart, name) for chart in charts])
        assert np.array_equal(joined, getattr(whole, name), equal_nan=True)
    for name in ("up", "down", "up_run", "down_run"):
        joined = np.concatenate([getattr(part, name) for part in paths])
        assert np.array_equal(joined, getattr(path, name), equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-100, 100), scale=st.floats(0.1, 10))
def test_shift_and_scale_leave_the_verdicts(seed: int, shift: float, scale: float) -> None:
    points = np.random.default_rng(seed).normal(size=60)
    plain = ewma(points, Baseline(0, 1)).standardised()
    moved = ewma(shift + scale * points, Baseline(shift, scale)).standardised()
    assert moved == pytest.approx(plain, abs=1e-6)
    up = cusum(points, 0, 0.5).up
    assert cusum(shift + scale * points, shift, scale * 0.5).up / scale == pytest.approx(up, abs=1e-6)
    assert cusum(-points, 0, 0.5).down == pytest.approx(up)
