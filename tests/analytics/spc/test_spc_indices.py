"""Capability and performance against qcc, the NIST e-Handbook and Montgomery."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.spc import (
    Baseline,
    Index,
    Specification,
    chi_square_index,
    from_deviations,
    from_ranges,
    indices,
    individual_chart,
    judge,
)

RINGS = Specification(73.95, 74.05)


def exactly(mean: float, sigma: float, count: int = 100) -> np.ndarray:
    """Values with just this mean and standard deviation."""
    raw = np.random.default_rng(1).normal(size=count)
    return mean + sigma * (raw - raw.mean()) / raw.std(ddof=1)


def test_the_piston_rings_as_qcc_prints_them(piston_rings: np.ndarray) -> None:
    # qcc counts 124 degrees of freedom for a sigma from ranges, and one-sided limits for Cpl and Cpu.
    within = Baseline(74.00118, 0.009785039, 25, 124)
    found = indices(piston_rings[:25], RINGS, within)
    both = [found.cp, found.cpk]
    expected = [(1.70, 1.49, 1.91), (1.66, 1.45, 1.88)]
    for index, numbers in zip(both, expected, strict=True):
        assert index is not None
        assert (index.value, index.low, index.high) == pytest.approx(numbers, abs=6e-3)
    one_sided = indices(piston_rings[:25], RINGS, within, confidence=0.9)
    sides = [one_sided.cpl, one_sided.cpu]
    for index, numbers in zip(sides, [(1.74, 1.55, 1.93), (1.66, 1.48, 1.84)], strict=True):
        assert index is not None
        assert (index.value, index.low, index.high) == pytest.approx(numbers, abs=6e-3)
    assert found.note is None
    assert found.observed_outside == 0


def test_cpm_of_the_piston_rings(piston_rings: np.ndarray) -> None:
    # qcc takes the spread within groups where this takes the whole one; both are near 0.0098 … 0.0101.
    found = indices(piston_rings[:25], RINGS)
    assert found.cpm is not None
    off = (74.00118 - 74) / piston_rings[:25].std(ddof=1)
    assert found.pp is not None
    assert found.cpm.value == pytest.approx(found.pp.value / math.sqrt(1 + off**2), rel=1e-4)
    ratio = (found.cpm.low / found.cpm.value, found.cpm.high / found.cpm.value)
    assert ratio == pytest.approx((1.48 / 1.69, 1.90 / 1.69), abs=6e-3)
    assert found.cp is None


def test_the_handbooks_process() -> None:
    # NIST 6.1.6: limits 8 and 20, mean 16, sigma 2.
    found = indices(exactly(16, 2), Specification(8, 20), Baseline(16, 2))
    values = [index.value for index in (found.cp, found.cpl, found.cpu, found.cpk) if index]
    assert values == pytest.approx([1.0, 1.3333, 0.6667, 0.6667], abs=5e-5)
    assert found.expected_outside == pytest.approx(0.02275 + 0.0000317, abs=1e-5)


def test_montgomerys_interval() -> None:
    # Example 8.4: limits 38 and 62, 20 values, s 1.75.
    cp = chi_square_index(2.29, 19, 0.95, "")
    assert (cp.low, cp.high) == pytest.approx((1.57, 3.01), abs=5e-3)


def test_a_sigma_from_ranges_is_worth_fewer_degrees_of_freedom(piston_rings: np.ndarray) -> None:
    # Duncan's table of degrees of freedom of a mean range: 25 groups of 5 have 90.7 or so, 5 groups 18.4.
    assert from_ranges(piston_rings[:25]).freedom == pytest.approx(90.7, abs=0.5)
    assert from_ranges(piston_rings[:5]).freedom == pytest.approx(18.4, abs=0.2)
    assert 90 < from_deviations(piston_rings[:25]).freedom < 100
    assert individual_chart(piston_rings[:25].ravel()).baseline.freedom == pytest.approx(0.62 * 124, rel=0.05)


def test_the_interval_holds_the_true_index_as_often_as_it_says() -> None:
    generator, held = np.random.default_rng(4), {"pp": 0, "ppk": 0, "cpk": 0}
    limits = Specification(-4, 4.5)
    for _ in range(400):
        groups = generator.normal(size=(20, 5))
        found = indices(groups, limits, from_ranges(groups))
        for key, truth in (("pp", 8.5 / 6), ("ppk", 4 / 3), ("cpk", 4 / 3)):
            index = getattr(found, key)
            held[key] += index.low <= truth <= index.high
    assert {key: count / 400 for key, count in held.items()} == pytest.approx(
        {"pp": 0.95, "ppk": 0.95, "cpk": 0.95}, abs=0.035
    )


def test_one_limit_invents_no_other() -> None:
    found = indices(exactly(10, 1), Specification(upper=13), Baseline(10, 1))
    assert (found.cp, found.cpl, found.pp, found.ppl, found.cpm) == (None, None, None, None, None)
    assert found.cpk == found.cpu
    assert found.ppk.value == pytest.approx(1.0)


def test_too_few_values_are_said_and_not_judged() -> None:
    few = indices(exactly(10, 0.1, 20), Specification(9, 11))
    assert few.note is not None
    assert "nothing is judged" in few.note[1]
    assert judge(few.ppk, 20) == "undecided"
    some = indices(exactly(10, 0.1, 60), Specification(9, 11))
    assert some.note is not None
    assert "preliminary" in some.note[1]
    assert judge(some.ppk, 60) == "capable"
    assert judge(Index(1.3, 1.1, 1.5, ""), 60) == "undecided"
    assert judge(Index(1.0, 0.8, 1.2, ""), 60) == "not capable"


def test_specifications_that_cannot_be_are_refused() -> None:
    for wrong in ((None, None, None), (2.0, 1.0, None), (1.0, 2.0, 5.0)):
        with pytest.raises(ValueError, match=r"limit|target"):
            Specification(*wrong)
    with pytest.raises(ValueError, match="two values"):
        indices(np.full(50, 3.0), Specification(1, 5))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shift=st.floats(-100, 100),
    scale=st.floats(0.01, 100),
    low=st.floats(-6, -0.5),
    high=st.floats(0.5, 6),
)
def test_indices_do_not_depend_on_the_unit(
    seed: int, shift: float, scale: float, low: float, high: float
) -> None:
    groups = np.random.default_rng(seed).normal(size=(12, 4))
    plain = indices(groups, Specification(low, high), from_ranges(groups))
    moved = shift + scale * groups
    limits = Specification(shift + scale * low, shift + scale * high)
    other = indices(moved, limits, from_ranges(moved))
    mirrored = indices(-groups, Specification(-high, -low), from_ranges(-groups))
    for key in ("cp", "cpk", "pp", "ppk", "cpm"):
        mine, theirs = getattr(plain, key), getattr(other, key)
        assert (theirs.value, theirs.low, theirs.high) == pytest.approx(
            (mine.value, mine.low, mine.high), abs=1e-6
        )
        assert getattr(mirrored, key).value == pytest.approx(mine.value)
    assert plain.ppk.value <= plain.pp.value  # type: ignore[union-attr]  # both limits are set
    assert plain.cpm.value <= plain.pp.value + 1e-12  # type: ignore[union-attr]  # the same
