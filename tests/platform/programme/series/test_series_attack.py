"""An attacker with all months, counties, industries and parks works out no move of fewer than five."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from tundish_platform.programme.series import guarding
from tundish_platform.programme.series.figures import best_of, by_cell, counted
from tundish_platform.programme.series.guarding import nearest, stepped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_KEYS = ("cloud", "platform")
_BASES = ("current", "ever")
_LEAST = 5
_NEAR, _HELD = 2, 6


@dataclass(frozen=True)
class Town:
    """Enterprises of few fine cells (county, industry, park), and the stage of each in each month."""

    labels: tuple[tuple[str, str, str], ...]
    ranks: NDArray[np.int8]

    def cut(self, place: int) -> list[str]:
        return [label[place] for label in self.labels]


def town(seed: int, months: int = 3) -> Town:
    rng = np.random.default_rng(seed)
    cells = [cell for cell in product("AB", "XY", ("", "P")) if rng.random() < 0.75]
    labels = tuple(cell for cell in cells for _ in range(int(rng.integers(1, 10))))
    ranks = np.zeros((len(labels), months), np.int8)
    ranks[:, 0] = rng.integers(0, 3, len(labels)) * (rng.random(len(labels)) < rng.random())
    rise, fall = rng.choice([0.05, 0.2, 0.5]), rng.choice([0.0, 0.05, 0.2])
    for month in range(1, months):
        moved = (rng.random(len(labels)) < rise).astype(int) - (rng.random(len(labels)) < fall)
        ranks[:, month] = np.clip(ranks[:, month - 1] + moved, 0, 2)
    return Town(labels, ranks)


@dataclass
class Attacker:
    """Integer programming over how many of each fine cell have each stage in each month.

    Knows who lies where, the exact counts of the whole town, that stages above hold those below, and that
    what was ever reached is never unreached.
    """

    town: Town
    rows: list[tuple[list[tuple[int, float]], float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fine = sorted(set(self.town.labels))
        self.sizes = [self.town.labels.count(cell) for cell in self.fine]
        self.months = self.town.ranks.shape[1]
        self.shape = (len(_BASES), len(_KEYS), len(self.fine), self.months)
        every = [len(self.fine), self.months]
        for cell, month in product(*map(range, every)):
            for basis in range(2):
                self.least([((basis, 0, cell, month), 1), ((basis, 1, cell, month), -1)])
            for stage in range(2):
                self.least([((1, stage, cell, month), 1), ((0, stage, cell, month), -1)])
                if month:
                    self.least([((1, stage, cell, month), 1), ((1, stage, cell, month - 1), -1)])
        everybody = np.zeros(len(self.town.labels), np.int64)
        whole = counted(self.town.ranks, everybody, 1, 2)
        for basis, of in enumerate((whole.current, whole.ever)):
            for stage, month in product(range(2), range(self.months)):
                total = float(of[0, month, stage])
                self.told(basis, stage, range(len(self.fine)), month, (total, total))

    def least(self, terms: list[tuple[tuple[int, ...], float]]) -> None:
        self.rows.append(([(self.at(place), weight) for place, weight in terms], 0, np.inf))

    def told(
        self, basis: int, stage: int, cells: Sequence[int], month: int, bounds: tuple[float, float]
    ) -> None:
        self.rows.append(([(self.at((basis, stage, cell, month)), 1) for cell in cells], *bounds))

    def at(self, place: tuple[int, ...]) -> int:
        return int(np.ravel_multi_index(place, self.shape))

    def moved(self, basis: int, stage: int, cells: Sequence[int], before: int, after: int) -> tuple[int, int]:
        """Least and greatest move of a cell between two months; before month 0 nobody was anywhere."""
        aim, size = np.zeros(int(np.prod(self.shape))), int(np.prod(self.shape))
        for cell in cells:
            aim[self.at((basis, stage, cell, after))] += 1
            if before >= 0:
                aim[self.at((basis, stage, cell, before))] -= 1
        matrix = np.zeros((len(self.rows), size))
        for row, (terms, _, _) in enumerate(self.rows):
            for column, weight in terms:
                matrix[row, column] = weight
        rules = LinearConstraint(matrix, [low for _, low, _ in self.rows], [up for *_, up in self.rows])
        bounds = Bounds(0, np.broadcast_to(np.array(self.sizes)[:, None], self.shape).ravel())
        ends = []
        for sign in (1, -1):
            solved = milp(sign * aim, integrality=np.ones(size), bounds=bounds, constraints=rules)
            assert solved.x is not None
            ends.append(round(sign * solved.fun))
        return ends[0], ends[1]


def is_telling(least: int, most: int) -> bool:
    return 1 <= least <= most < _LEAST or -_LEAST < least <= most <= -1


def renewed(row: Sequence[int]) -> list[int]:
    """Months in which a shown count is one that wasn't shown before."""
    return [m for m, value in enumerate(row) if value not in {0, *row[:m]}]


def listened(attacker: Attacker) -> list[tuple[int, int, tuple[int, ...], int, int]]:
    """Tell the attacker every table; returns the pairs of months in which a cell's count was renewed."""
    pairs = []
    for cut in range(3):
        for cell in by_cell(attacker.town.ranks, attacker.town.cut(cut), _KEYS):
            inside = tuple(i for i, fine in enumerate(attacker.fine) if fine[cut] == cell["key"])
            for (basis, name), (stage, key) in product(enumerate(_BASES), enumerate(_KEYS)):
                row: Any = cell["figures"] and cell["figures"][name][key]
                if row is None:
                    continue
                new = renewed(row)
                for month, value in enumerate(row):
                    off = _NEAR if month in new else _HELD if value else _LEAST - 1
                    attacker.told(basis, stage, inside, month, (value - off, value + off))
                pairs += [(basis, stage, inside, *two) for two in combinations([-1, *new], 2)]
    return pairs


def worked_out(attacker: Attacker, pairs: Sequence[tuple[int, int, tuple[int, ...], int, int]]) -> int:
    """Of how many pairs it is known that one to four moved, which the town's totals alone don't tell."""
    blind = Attacker(attacker.town)
    return sum(is_telling(*attacker.moved(*pair)) and not is_telling(*blind.moved(*pair)) for pair in pairs)


@pytest.mark.parametrize("seed", range(8))
def test_no_two_shown_months_tell_that_fewer_than_five_moved(seed: int) -> None:
    attacker = Attacker(town(seed))
    pairs = listened(attacker)
    assert pairs
    assert worked_out(attacker, pairs) == 0


def test_with_every_months_counts_shown_the_attack_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: the same tables, counts as they are."""
    monkeypatch.setattr("tundish_platform.programme.series.figures.guarded", lambda counts, _open: counts)
    made = town(7)
    attacker = Attacker(made)
    found = []
    for cell in by_cell(made.ranks, made.cut(0), _KEYS):
        inside = tuple(i for i, fine in enumerate(attacker.fine) if fine[0] == cell["key"])
        row = cell["figures"]["current"]["cloud"] if cell["figures"] else []
        for month, value in enumerate(row):
            attacker.told(0, 0, inside, month, (value, value))
        found += [(0, 0, inside, a, b) for a, b in combinations(range(-1, len(row)), 2)]
    assert worked_out(attacker, found) > 0


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=36))
def test_shown_counts_lie_five_apart_or_are_the_same_and_near_the_truth(
    months: list[tuple[int, bool]],
) -> None:
    counts, open_ = [n for n, _ in months], [told for _, told in months]
    stood = stepped(counts, open_)
    known = sorted({0, *stood})
    assert all(b - a >= _LEAST for a, b in pairwise(known))
    assert all(abs(s - c) < _LEAST for s, c, told in zip(stood, counts, open_, strict=True) if told)
    assert all(stood[i] == ([0, *stood][i]) for i, told in enumerate(open_) if not told)
    shown = {nearest(n) for n in known}
    assert len(shown) == len(known)
    assert all(n % _LEAST == 0 for n in shown)


def test_a_count_that_comes_back_is_told_as_before() -> None:
    assert stepped([3, 8, 9, 15, 11, 9, 2], [True] * 7) == [0, 8, 8, 15, 15, 8, 0]
    assert stepped([8, 20], [True, False]) == [8, 8]
    assert [nearest(n) for n in (0, 2, 3, 7, 8)] == [0, 0, 5, 5, 10]
    assert guarding.guarded(np.array([[8, 9]]), np.array([[True, True]])).tolist() == [[10, 10]]


def test_what_is_new_is_the_step_of_what_was_shown() -> None:
    ranks = np.array([[0, 1, 1]] * 4 + [[0, 0, 1]] * 3 + [[1, 1, 1]] * 6, np.int8)
    (cell,) = by_cell(ranks, ["A"] * 13, ["cloud"])
    assert best_of(ranks).sum(axis=0).tolist() == [6, 10, 13]
    assert cell["figures"]["ever"]["cloud"] == [5, 5, 15]
    assert cell["figures"]["new"]["cloud"] == [5, 0, 10]
