"""No cell over county and industry is given away by the totals of its county or its industry."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tundish_platform.programme.disclosure import hidden_cells
from tundish_platform.programme.series.crossing import hidden_crossed

SIZES = st.dictionaries(
    st.tuples(st.sampled_from("ABCDE"), st.sampled_from("uvwxy")), st.integers(0, 40), max_size=25
)


def totals(sizes: dict[tuple[str, str], int], side: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for cell, size in sizes.items():
        if size:
            found[cell[side]] = found.get(cell[side], 0) + size
    return found


def test_a_small_cell_takes_one_of_its_row_and_one_of_its_column_with_it() -> None:
    sizes = {("A", "u"): 3, ("A", "v"): 9, ("A", "w"): 30, ("B", "u"): 8, ("B", "v"): 12, ("B", "w"): 20}
    hidden = hidden_crossed(sizes)
    assert {("A", "u"), ("A", "v"), ("B", "u"), ("B", "v")} == hidden


def test_a_county_that_is_withheld_shows_none_of_its_industries() -> None:
    # B goes with C, so that C's three do not follow from the city's total.
    sizes = {("A", "u"): 40, ("A", "v"): 30, ("B", "u"): 6, ("B", "v"): 7, ("C", "u"): 3}
    assert {("B", "u"), ("B", "v"), ("C", "u")} <= hidden_crossed(sizes)


@given(SIZES)
def test_each_line_with_a_withheld_cell_has_two_of_five_together_or_nothing_else(
    sizes: dict[tuple[str, str], int],
) -> None:
    hidden, held = hidden_crossed(sizes), {cell: n for cell, n in sizes.items() if n}
    assert {cell for cell, n in held.items() if n < 5} <= hidden <= set(held)
    for side in (0, 1):
        for key in totals(sizes, side):
            line = [cell for cell in held if cell[side] == key]
            inside = [cell for cell in line if cell in hidden]
            if inside and len(inside) < len(line):
                assert len(inside) >= 2
                assert sum(held[cell] for cell in inside) >= 5
            if key in hidden_cells(totals(sizes, side)):
                assert inside == line
