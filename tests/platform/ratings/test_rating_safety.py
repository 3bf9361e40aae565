"""No told cell, and nothing that is reckoned from told cells, is about few tenants or mostly about one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.ratings import safety
from tundish_platform.ratings.safety import Told, Unit, tellable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERSIONS = ("1.0.0", "1.1.0", "2.0.0")
INDUSTRIES = ("C25", "C31", "C33")
UNITS = st.dictionaries(
    st.tuples(st.integers(1, 30), st.sampled_from(VERSIONS)), st.integers(1, 6), min_size=1, max_size=60
)


def units_of(drawn: dict[tuple[int, str], int]) -> list[Unit]:
    """Each tenant in an industry of its own choice, which its number decides, unevenly."""
    return [
        Unit(tenant, version, INDUSTRIES[(tenant * tenant) % 3], float(weight))
        for (tenant, version), weight in drawn.items()
    ]


def cells(units: Sequence[Unit], told: Told) -> dict[str, list[bool]]:
    """For each told cell which units are in it."""
    found = {"total": [True] * len(units)} if told.total else {}
    found |= {one: [unit.version == one for unit in units] for one in told.versions}
    return found | {one: [unit.industry == one for unit in units] for one in told.industries}


def reckoned(units: Sequence[Unit], told: Told) -> Iterator[tuple[int, float, float]]:
    """Of all that is had by adding and subtracting told cells: tenants, all that remains, the most of one."""
    of_cells = list(cells(units, told).values())
    for signs in itertools.product((-1, 0, 1), repeat=len(of_cells)):
        each: dict[int, float] = {}
        for place, unit in enumerate(units):
            factor = sum(sign * cell[place] for sign, cell in zip(signs, of_cells, strict=True))
            if factor:
                each[unit.tenant] = each.get(unit.tenant, 0.0) + abs(factor) * unit.weight
        if each:
            yield len(each), sum(each.values()), max(each.values())


def pinpoints(units: Sequence[Unit], told: Told) -> bool:
    return any(tenants < 5 for tenants, _, _ in reckoned(units, told))


@given(UNITS)
@settings(max_examples=60, deadline=None)
def test_nothing_that_can_be_reckoned_is_about_few_tenants(drawn: dict[tuple[int, str], int]) -> None:
    units = units_of(drawn)
    told = tellable(units)
    assert not pinpoints(units, told)
    for cell in cells(units, told).values():
        sums: dict[int, float] = {}
        for unit, there in zip(units, cell, strict=True):
            sums[unit.tenant] = sums.get(unit.tenant, 0.0) + unit.weight * there
        assert max(sums.values()) <= sum(sums.values()) / 2


@given(UNITS, UNITS)
@settings(max_examples=20, deadline=None)
def test_neither_is_anything_from_the_tables_of_two_months(
    first: dict[tuple[int, str], int], second: dict[tuple[int, str], int]
) -> None:
    """Months are of different cases, so a sum over both holds what either leaves, and each leaves enough."""
    tables = [(units_of(month), tellable(units_of(month))) for month in (first, second)]
    left = [[{"none"}, *_tenants(units, told)] for units, told in tables]
    for one, other in itertools.product(*left):
        tenants = (one | other) - {"none"}
        assert not tenants or len(tenants) >= 5


def _tenants(units: Sequence[Unit], told: Told) -> list[set[str]]:
    of_cells = list(cells(units, told).values())
    found = []
    for signs in itertools.product((-1, 0, 1), repeat=min(len(of_cells), 4)):
        kept = {
            str(unit.tenant)
            for place, unit in enumerate(units)
            if sum(sign * cell[place] for sign, cell in zip(signs, of_cells, strict=False))
        }
        found += [kept] if kept else []
    return found


def test_enough_plants_are_told_by_version_and_industry() -> None:
    """So that the rule does not pass by telling nothing."""
    units = [
        Unit(n, version, industry)
        for n in range(20)
        for version, industry in [("1.0.0" if n % 2 else "2.0.0", "C25" if n < 10 else "C33")]
    ]
    told = tellable(units)
    assert told == Told(
        total=True, versions=frozenset({"1.0.0", "2.0.0"}), industries=frozenset({"C25", "C33"})
    )


@pytest.mark.parametrize(("plants", "told"), [(4, False), (5, True)])
def test_five_plants_are_enough_and_four_are_not(plants: int, told: bool) -> None:
    assert tellable([Unit(n, "1.0.0", "C25") for n in range(plants)]).total is told


def test_a_small_industry_takes_another_one_with_it() -> None:
    """Otherwise the total less what is told would tell of the small one."""
    units = [Unit(n, "1.0.0", industry) for n, industry in enumerate(["C25"] * 7 + ["C31"] * 6 + ["C33"] * 3)]
    assert tellable(units).industries == {"C25"}


def test_a_version_that_is_an_industry_and_one_plant_more_is_not_told() -> None:
    """Version 1 less all of C25 would be the one plant of another industry that runs it."""
    units = [Unit(n, "1.0.0", "C25") for n in range(6)]
    units += [Unit(9, "1.0.0", "C33"), *(Unit(n, "2.0.0", "C33") for n in range(9, 16))]
    told = tellable(units, ["2.0.0", "1.0.0"])
    assert not pinpoints(units, told)
    both = Told(total=True, versions=frozenset({"1.0.0"}), industries=frozenset({"C25"}))
    assert pinpoints(units, both)


def test_a_sum_of_which_one_plant_has_more_than_half_is_not_told() -> None:
    units = [Unit(n, "1.0.0", "C25", 1.0) for n in range(8)]
    assert tellable(units).total
    assert not tellable([*units, Unit(9, "1.0.0", "C25", 8.5)]).total


def test_the_search_finds_what_a_smaller_floor_would_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check above sees a rule that is off by one."""
    monkeypatch.setattr(safety, "LEAST_TENANTS", 4)
    units = [Unit(n, "1.0.0", "C25") for n in range(4)]
    assert pinpoints(units, tellable(units))
