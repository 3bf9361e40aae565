"""Tables that anybody may read: an attacker who puts all of them together cannot work out a single cell."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tundish_platform.programme.published.attack import Attacker, Said, doubtful
from tundish_platform.programme.published.crossed import (
    ALL,
    Population,
    SafeCell,
    crossed,
    disclosed,
    said_by,
)
from tundish_platform.programme.published.rounding import BASE, could_be, rounded

_MEASURES = ("on_cloud", "on_platform")
_SECRET = b"of the test"
_COUNTIES, _INDUSTRIES = ("430202", "430203"), ("C18", "C30", "C33")


@st.composite
def towns(draw: st.DrawFn) -> Population:
    """Small towns: cells of none to nine enterprises, where giving one away is easiest."""
    rows: list[tuple[tuple[str, ...], int]] = []
    for cell in product(_COUNTIES, _INDUSTRIES):
        rows += [(cell, rank) for rank in draw(st.lists(st.integers(0, 2), max_size=9))]
    rows.append(((_COUNTIES[0], _INDUSTRIES[0]), 0))
    return Population.of(rows, len(_MEASURES))


def totals_of(town: Population) -> dict[str, int]:
    """The counts of the whole town that may stand as they are."""
    everybody = int(town.sizes.sum())
    counts = dict(zip(_MEASURES, town.counts.sum(axis=1).tolist(), strict=True))
    return {name: count for name, count in counts.items() if BASE <= count <= everybody - BASE}


def naive(town: Population, least: int = 5) -> tuple[SafeCell, ...]:
    """What one would publish with the cells below the least withheld and nothing else done."""
    cells: dict[tuple[str, ...], None] = {}
    for fine in town.cells:
        cells |= dict.fromkeys([(fine[0], ALL), (ALL, fine[1]), fine])
    found = []
    for cell in cells:
        at = list(town.inside(cell))
        size, counts = int(town.sizes[at].sum()), town.counts[:, at].sum(axis=1).tolist()
        open_ = size >= least
        found.append(
            SafeCell(
                cell, size if open_ else None, dict(zip(_MEASURES, counts, strict=True)) if open_ else {}
            )
        )
    return tuple(found)


def worked_out(town: Population, said: list[Said]) -> set[tuple[int, int]]:
    """Every count of a finest cell that integer programming pins down."""
    attacker = Attacker(town.sizes, len(_MEASURES), said)
    found = set()
    for measure, cell in np.ndindex(town.counts.shape):
        least, most = attacker.range_of(measure, cell)
        assert least <= town.counts[measure, cell] <= most
        if least == most:
            found.add((measure, cell))
    return found


def exactly(town: Population, cells: tuple[SafeCell, ...]) -> list[Said]:
    """Tables of counts as they are."""
    return [
        Said(measure, town.inside(one.cell), one.counts[name], one.counts[name])
        for one in cells
        for measure, name in enumerate(_MEASURES)
        if name in one.counts
    ]


@settings(max_examples=6, deadline=None, derandomize=True)
@given(towns())
def test_no_count_of_a_cell_can_be_worked_out_from_all_tables(town: Population) -> None:
    totals = totals_of(town)
    cells = crossed(town, _MEASURES, _SECRET, totals)
    said = said_by(town, _MEASURES, cells, totals)
    told = {(one.measure, cell) for one in said for cell in one.cells}
    if len(town.cells) > 1:
        assert not worked_out(town, said) & told


def test_with_nothing_but_small_cells_withheld_the_attack_succeeds() -> None:
    """The positive control: two small cells in different rows, each the total of its row less the rest."""
    rows = [((a, b), 1) for a, b in product(_COUNTIES, _INDUSTRIES) for _ in range(3)]
    rows += [((a, b), 0) for a, b in product(_COUNTIES, _INDUSTRIES) for _ in range(4)]
    rows += [(("430205", "C18"), 2)] * 2 + [(("430205", "C30"), 1)] * 6
    town = Population.of(rows, len(_MEASURES))
    small = town.cells.index(("430205", "C18"))
    assert (1, small) in worked_out(town, exactly(town, naive(town)))
    assert not worked_out(town, said_by(town, _MEASURES, crossed(town, _MEASURES, _SECRET), {}))


def test_with_no_least_size_the_attack_succeeds_everywhere() -> None:
    town = Population.of([(("430202", "C18"), 2), (("430203", "C30"), 0), (("430203", "C18"), 1)], 2)
    assert worked_out(town, exactly(town, naive(town, least=0))) == {
        (m, c) for m in (0, 1) for c in (0, 1, 2)
    }


def test_rounding_alone_can_give_cells_away_and_the_publisher_notices() -> None:
    """Four cells of at most four, and a total of fifteen or more: each of them is full, or nearly."""
    town = Population.of(
        [((county, "C18"), 1) for county in "abcd" for _ in range(4)] + [(("e", "C30"), 0)] * 9, 1
    )
    cells = [SafeCell((ALL, "C18"), 15, {"on_cloud": 20}), SafeCell(("e", ALL), 10, {"on_cloud": 0})]
    assert disclosed(town, ["on_cloud"], cells, {}) is not None
    safe = crossed(town, ["on_cloud"], _SECRET)
    assert disclosed(town, ["on_cloud"], safe, {}) is None


@settings(max_examples=6, deadline=None, derandomize=True)
@given(towns())
def test_the_short_way_calls_nothing_doubtful_that_can_be_worked_out(town: Population) -> None:
    for said in (exactly(town, naive(town)), said_by(town, _MEASURES, crossed(town, _MEASURES, _SECRET), {})):
        sure = doubtful(town.counts, town.sizes, said)
        assert not {(m, c) for m, c in worked_out(town, said) if sure[m, c]}


def test_cells_below_five_are_never_shown_whatever_their_rounding() -> None:
    for size in range(1, 10):
        town = Population.of([(("430202", "C18"), 1)] * size + [(("430203", "C30"), 1)] * 50, 1)
        shown = {one.cell: one.enterprises for one in crossed(town, ["on_cloud"], _SECRET)}
        assert (shown[("430202", "C18")] is None) == (size < 5)


@given(st.integers(0, 10_000), st.text("abc", max_size=3))
@example(0, "a")
def test_a_rounded_count_is_a_neighbour_and_the_same_again(count: int, cell: str) -> None:
    value = rounded(count, _SECRET, "on_cloud", [cell])
    assert value % BASE == 0
    assert abs(value - count) < BASE
    assert rounded(count, _SECRET, "on_cloud", [cell]) == value
    least, most = could_be(value)
    assert least <= count <= most


def test_rounding_is_right_on_the_average_and_nobody_without_the_secret_can_repeat_it() -> None:
    mean = np.mean([rounded(7, _SECRET, "on_cloud", [str(cell)]) for cell in range(4_000)])
    assert mean == pytest.approx(7, abs=0.2)
    mine = [rounded(7, _SECRET, "on_cloud", [str(cell)]) for cell in range(200)]
    theirs = [rounded(7, b"guessed", "on_cloud", [str(cell)]) for cell in range(200)]
    assert 60 < sum(a == b for a, b in zip(mine, theirs, strict=True)) < 160
