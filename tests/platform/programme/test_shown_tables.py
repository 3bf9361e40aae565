"""The bureau's tables: an attacker who has all of them, of all months, bounds no small cell exactly."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from tundish_platform.programme.published.crossed import ALL
from tundish_platform.programme.published.magnitudes import (
    CLOSE,
    Amounts,
    SumTables,
    base_of,
    dominated,
    sum_tables,
)
from tundish_platform.programme.published.rounding import BASE, could_be
from tundish_platform.programme.published.stages import stage_tables

SECRET = b"of the test"
COUNTIES, INDUSTRIES = ("430202", "430203"), ("C18", "C30", "C33")
FINE = tuple(product(COUNTIES, INDUSTRIES))
STAGES = ("registered", "on_cloud")
Town = list[tuple[tuple[str, str], int]]


@st.composite
def histories(draw: st.DrawFn) -> list[Town]:
    """Three months of a small town in which stages once reached stay, and few move at a time."""
    town = [(cell, draw(st.integers(1, 2))) for cell in FINE for _ in range(draw(st.integers(0, 7)))]
    town += [(FINE[0], 1)] * 5
    months = [town]
    for _ in range(2):
        moving = draw(st.sets(st.integers(0, len(town) - 1), max_size=3))
        town = [(cell, 2 if place in moving else rank) for place, (cell, rank) in enumerate(town)]
        months.append(town)
    return months


def rows_of(town: Town, secret: bytes | None = SECRET) -> list[tuple[tuple[int, ...], int, int]]:
    """What a month's tables tell of enterprises on the cloud: places of finest cells, least and most."""
    told = []
    for dimension, table in enumerate(stage_tables(town, STAGES, secret)):
        for cell in table:
            inside = tuple(n for n, fine in enumerate(FINE) if fine[dimension] == cell.key)
            if (cell.stages or {}).get("on_cloud") is not None:
                told.append((inside, *could_be((cell.stages or {})["on_cloud"])))
    return told


def pinned(months: list[Town], told: list[list[tuple[tuple[int, ...], int, int]]]) -> set[tuple[int, int]]:
    """Month and finest cell of every count that integer programming over all months together pins down.

    The attacker knows the register, all tables, the city's count where it may be exact, and that nobody
    ever falls back.
    """
    width = len(FINE)
    sizes = np.array([sum(cell == fine for cell, _ in months[0]) for fine in FINE])
    rows: list[np.ndarray] = []
    least: list[float] = []
    most: list[float] = []
    for month, town in enumerate(months):
        total = sum(rank >= 2 for _, rank in town)
        exact = [(tuple(range(width)), total, total)] if BASE <= total <= len(town) - BASE else []
        for inside, low, high in told[month] + exact:
            row = np.zeros(width * len(months))
            row[[month * width + n for n in inside]] = 1
            rows.append(row)
            least.append(low)
            most.append(high)
    for month, n in product(range(1, len(months)), range(width)):
        row = np.zeros(width * len(months))
        row[month * width + n], row[(month - 1) * width + n] = 1, -1
        rows.append(row)
        least.append(0)
        most.append(np.inf)
    rules = LinearConstraint(np.array(rows), least, most)
    found = set()
    for month, n in product(range(len(months)), range(width)):
        ends = []
        for sign in (1.0, -1.0):
            aim = np.zeros(width * len(months))
            aim[month * width + n] = sign
            solved = milp(aim, integrality=np.ones(len(aim)), bounds=Bounds(0, np.tile(sizes, len(months))),
                          constraints=rules)  # fmt: skip
            assert solved.x is not None, "the true counts agree with what is told"
            ends.append(round(sign * solved.fun))
        if ends[0] == ends[1] and sizes[n]:
            found.add((month, n))
    return found


@settings(max_examples=12, deadline=None, derandomize=True)
@given(histories())
def test_tables_of_all_months_together_pin_no_count_of_a_finest_cell(months: list[Town]) -> None:
    assert pinned(months, [rows_of(town) for town in months]) == set()


@pytest.mark.parametrize("secret", [bytes([n]) for n in range(16)])
def test_the_citys_exact_count_gives_no_county_away_however_the_coin_falls(secret: bytes) -> None:
    """A county told as 0 to 4 and one of five told as 1 to 9 are known where the city has exactly nine."""
    town: Town = [(FINE[0], 2)] * 4 + [(FINE[0], 1)] * 7 + [(FINE[3], 2)] * 5
    assert not pinned([town], [rows_of(town, secret)])


def test_exact_tables_of_the_same_months_are_broken_by_the_same_attacker() -> None:
    town: Town = [(FINE[0], 1)] * 6 + [(FINE[1], 2)] * 6 + [(FINE[3], 2)] * 2 + [(FINE[5], 1)] * 9
    exact = [
        (inside, count, count)
        for dimension, keys in ((0, COUNTIES), (1, INDUSTRIES))
        for key in keys
        for inside in [tuple(n for n, fine in enumerate(FINE) if fine[dimension] == key)]
        for count in [sum(cell[dimension] == key and rank >= 2 for cell, rank in town)]
    ]
    assert pinned([town], [exact])
    assert not pinned([town], [rows_of(town)])


def test_the_same_counts_are_told_the_same_way_and_large_cells_are_told() -> None:
    town: Town = [(cell, 1 + n % 2) for cell in FINE for n in range(20)]
    by_region, by_industry = stage_tables(town, STAGES, SECRET)
    assert stage_tables(town, STAGES, SECRET) == (by_region, by_industry)
    assert not any(cell.suppressed for cell in (*by_region, *by_industry))
    assert all(cell.stages and cell.stages["on_cloud"] % BASE == 0 for cell in by_region)
    assert all(cell.suppressed for table in stage_tables(town, STAGES, None) for cell in table)


@st.composite
def payments(draw: st.DrawFn) -> list[Amounts]:
    amount = st.sampled_from([0, 1_000, 5_000, 20_000, 90_000])
    made = [
        Amounts(cell, (draw(amount), draw(amount)))
        for cell in FINE
        for _ in range(draw(st.integers(0, 6)))
    ]  # fmt: skip
    return [*made, *[Amounts(FINE[0], (1_000, 0))] * 5]


def inside_of(key: tuple[str, str]) -> list[int]:
    return [n for n, fine in enumerate(FINE) if all(k in (ALL, f) for k, f in zip(key, fine, strict=True))]


def range_of(tables: SumTables, name: str, cell: int) -> tuple[float, float]:
    """What linear programming over all tables knows of a finest cell's sum."""
    rows, most = [], []
    for key, one in tables.cells.items():
        if name in one.sums:
            low, high = could_be(one.sums[name], tables.base)
            row = np.zeros(len(FINE))
            row[inside_of(key)] = 1
            rows += [row, -row]
            most += [high, -low]
    aim = np.zeros(len(FINE))
    aim[cell] = 1
    ends = []
    for sign in (1, -1):
        solved = linprog(sign * aim, A_ub=np.array(rows) if rows else None, b_ub=most or None)
        ends.append(np.inf if solved.status == 3 else sign * solved.fun)
    return float(ends[0]), float(ends[1])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(payments())
def test_no_small_or_dominated_sum_is_known_closely_from_all_tables(members: list[Amounts]) -> None:
    tables = sum_tables(members, ("issued", "redeemed"), SECRET)
    for place, name in enumerate(("issued", "redeemed")):
        for n, fine in enumerate(FINE):
            amounts = [m.of[place] for m in members if m.cell == fine]
            if any(amounts) and (len(amounts) < BASE or dominated(amounts)):
                low, high = range_of(tables, name, n)
                assert low <= sum(amounts) <= high
                assert high - low >= 2 * CLOSE * sum(amounts) - 1e-6, (name, fine)
        for key, one in tables.cells.items():
            held = [m.of[place] for m in members if FINE.index(m.cell) in inside_of(key)]
            assert one.enterprises is None or len(held) >= BASE
            assert name not in one.sums or not dominated(held), "one enterprise is the sum"
            assert name not in one.sums or abs(one.sums[name] - sum(held)) < tables.base


def test_one_enterprise_with_nearly_everything_hides_the_sum_and_its_difference() -> None:
    big = [Amounts(FINE[0], (86_000,)), *[Amounts(FINE[0], (2_000,))] * 7]
    even = [Amounts(FINE[3], (10_000,))] * 9
    tables = sum_tables(big + even, ("issued",), SECRET)
    assert "issued" not in tables.cells[COUNTIES[0], ALL].sums
    assert "issued" in tables.cells[COUNTIES[1], ALL].sums
    low, high = range_of(tables, "issued", 0)
    assert high - low >= 86_000, "total less the other county does not give it back"


@pytest.mark.parametrize(
    ("amounts", "wanted"),
    [
        ([], False), ([0, 0], False), ([86, 14], True), ([85, 5, 5, 5], True), ([40, 30, 20, 10], False),
        ([50, 49, 1], True), ([50, 40, 8, 2], False), ([100, 0, 0, 0, 0], True), ([10] * 5, False),
    ],
)  # fmt: skip
def test_dominance_is_the_share_and_the_p_percent_rule(amounts: list[int], wanted: bool) -> None:
    assert dominated(amounts) is wanted


def test_the_base_is_the_least_step_that_no_amount_exceeds() -> None:
    assert [base_of(n) for n in (0, 1, 2, 3, 5, 6, 10, 11, 999, 5_000)] == [
        1,
        1,
        2,
        5,
        5,
        10,
        10,
        20,
        1_000,
        5_000,
    ]


def test_an_amount_that_is_added_between_months_is_not_told_by_the_difference() -> None:
    before = [Amounts(cell, (10_000,)) for cell in FINE for _ in range(6)]
    after = [*before, Amounts(FINE[0], (9_000,))]
    one, two = (sum_tables(members, ("issued",), SECRET) for members in (before, after))
    assert one.base == two.base == 10_000
    for key in ((ALL, ALL), (COUNTIES[0], ALL), (ALL, INDUSTRIES[0])):
        moved = two.cells[key].sums["issued"] - one.cells[key].sums["issued"]
        assert moved in (0, 10_000), "a step says that somebody moved by something up to two bases"


@pytest.mark.parametrize("secret", [bytes([n]) for n in range(24)])
def test_who_knows_every_other_sum_knows_a_small_one_no_closer_than_the_p_percent_rule(secret: bytes) -> None:
    small = [Amounts(FINE[0], (10_000,))] * 4
    others = [Amounts(fine, (9_000,)) for fine in FINE[1:] for _ in range(6)]
    tables = sum_tables(small + others, ("issued",), secret)
    low, high = 0.0, float("inf")
    for key, one in tables.cells.items():
        if "issued" in one.sums and 0 in inside_of(key):
            known = sum(m.of[0] for m in others if FINE.index(m.cell) in inside_of(key))
            least, most = could_be(one.sums["issued"], tables.base)
            low, high = max(low, least - known), min(high, most - known)
    assert high - low >= 2 * CLOSE * 40_000
