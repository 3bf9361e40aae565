"""Charts of counts against published cases (NIST e-Handbook; Montgomery, as qcc prints them)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from tundish_analytics.spc import c_chart, dispersion_of, np_chart, p_chart, too_sparse, u_chart

WAFER_DEFECTS = np.array(
    [16, 14, 28, 16, 12, 20, 10, 12, 10, 17, 19, 17, 14, 16, 15, 13, 14, 16, 11, 20, 11, 19, 16, 31, 13],
    float,
)  # fmt: skip
CANS = np.array(
    [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12,
     7, 13, 9, 6],
    float,
)  # fmt: skip
BOARDS = np.array(
    [21, 24, 16, 12, 15, 5, 28, 20, 31, 25, 20, 24, 16, 19, 10, 17, 13, 22, 18, 39, 30, 24, 16, 19, 17, 15],
    float,
)  # fmt: skip
COMPUTERS = np.array([10, 12, 8, 14, 10, 16, 11, 7, 10, 15, 9, 5, 7, 11, 12, 6, 8, 10, 7, 5], float)
# Montgomery's dyed cloth: faults per 50 m² and the inspected multiples of 50 m².
CLOTH = np.array([14, 12, 20, 11, 7, 10, 21, 16, 19, 23], float)
CLOTH_SIZES = np.array([10, 8, 13, 10, 9.5, 10, 12, 10.5, 12, 12.5])


def test_counts_of_wafer_defects_and_a_point_exactly_on_the_limit() -> None:
    chart = c_chart(WAFER_DEFECTS)
    assert (chart.centre[0], chart.lower[0], chart.upper[0]) == (16.0, 4.0, 28.0)
    assert np.flatnonzero(chart.outside()).tolist() == [23]


def test_share_of_faulty_cans() -> None:
    chart = p_chart(CANS, 50)
    assert chart.baseline.centre == pytest.approx(0.2313333, abs=5e-8)
    assert (chart.lower[0], chart.upper[0]) == pytest.approx((0.05242755, 0.4102391), abs=5e-8)
    assert (np.flatnonzero(chart.outside()) + 1).tolist() == [15, 23]
    rest = p_chart(np.delete(CANS, [14, 22]), 50)
    assert (rest.lower[0], rest.upper[0]) == pytest.approx((0.04070284, 0.3892972), abs=5e-8)


def test_number_of_faulty_cans() -> None:
    chart = np_chart(CANS, 50)
    assert (chart.centre[0], chart.lower[0], chart.upper[0]) == pytest.approx(
        (11.56667, 2.621377, 20.51196), abs=5e-6
    )


def test_faults_of_circuit_boards_as_counts_and_per_unit() -> None:
    chart = c_chart(BOARDS)
    assert (chart.centre[0], chart.lower[0], chart.upper[0]) == pytest.approx(
        (19.84615, 6.481447, 33.21086), abs=5e-6
    )
    assert (np.flatnonzero(chart.outside()) + 1).tolist() == [6, 20]
    units = u_chart(np.delete(BOARDS, [5, 19]), 100)
    assert (units.centre[0], units.lower[0], units.upper[0]) == pytest.approx(
        (0.1966667, 0.06362532, 0.329708), abs=5e-7
    )


def test_faults_per_computer() -> None:
    chart = u_chart(COMPUTERS, 5)
    assert (chart.centre[0], chart.lower[0], chart.upper[0]) == pytest.approx(
        (1.93, 0.06613305, 3.793867), abs=5e-6
    )


def test_limits_follow_the_inspected_cloth() -> None:
    chart = u_chart(CLOTH, CLOTH_SIZES)
    # Montgomery, table 7.12: ū 1.42; limits of roll 1 0.29 and 2.55, of roll 2 0.16 and 2.68.
    assert chart.baseline.centre == pytest.approx(153 / 107.5)
    assert (chart.lower[:2], chart.upper[:2]) == (
        pytest.approx([0.29, 0.16], abs=6e-3),
        pytest.approx([2.55, 2.68], abs=1e-2),
    )


def test_exact_limits_keep_their_false_alarm_rate_where_three_sigmas_do_not() -> None:
    rare = np.array([0, 1, 0, 2, 1, 0, 1, 0, 0, 1], float)
    chart = c_chart(rare, exact=True)
    assert too_sparse(chart, 1)
    assert poisson.sf(chart.upper[0], 0.6) <= 0.00135 < poisson.sf(chart.upper[0] - 1, 0.6)
    assert poisson.sf(c_chart(rare).upper[0], 0.6) > 0.00135
    share = p_chart(rare, 40, exact=True)
    assert binom.sf(round(share.upper[0] * 40), 40, 0.015) <= 0.00135


def test_shares_that_vary_more_than_binomially_are_told() -> None:
    generator = np.random.default_rng(5)
    sizes = np.full(400, 20_000.0)
    steady = generator.binomial(20_000, 0.05, 400).astype(float)
    wandering = generator.binomial(20_000, generator.normal(0.05, 0.006, 400)).astype(float)
    assert dispersion_of(p_chart(steady, sizes)) == pytest.approx(1, abs=0.15)
    factor = dispersion_of(p_chart(wandering, sizes))
    assert factor > 3
    assert p_chart(wandering, sizes, dispersion=factor).outside().mean() < 0.01
    assert p_chart(wandering, sizes).outside().mean() > 0.2


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="more pieces"):
        p_chart(np.array([5.0]), 4)
    with pytest.raises(ValueError, match="sizes"):
        u_chart(np.array([5.0]), 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 1)), min_size=2, max_size=40), st.integers(1, 9))
def test_shares_depend_on_counts_and_sizes_only(groups: list[tuple[int, float]], times: int) -> None:
    sizes = np.array([size for size, _ in groups], float)
    faulty = np.floor(sizes * np.array([share for _, share in groups]))
    chart = p_chart(faulty, sizes)
    assert np.all(chart.lower >= 0)
    assert chart.baseline.centre == pytest.approx(faulty.sum() / sizes.sum())
    more = p_chart(faulty * times, sizes * times)
    assert more.statistic == pytest.approx(chart.statistic)
    assert more.sigma == pytest.approx(chart.sigma / np.sqrt(times))
    again = p_chart(faulty, sizes, chart.baseline)
    assert np.array_equal(again.upper, chart.upper)
