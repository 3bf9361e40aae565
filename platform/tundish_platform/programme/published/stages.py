"""Stages by county and by industry as the bureau's page shows them, under the same control as in public."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.programme.disclosure import LEAST_ENTERPRISES, Cell
from tundish_platform.programme.published.crossed import ALL, Population, crossed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tundish_platform.programme.published.crossed import SafeCell

Row = tuple[tuple[str, str], int]


def stage_tables(
    rows: Sequence[Row], stages: Sequence[str], secret: bytes | None
) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    """Cells by county and by industry: rounded, and withheld where all tables together tell too much.

    Both tables are judged together with the crossed one that is published, and with those exact totals that
    tell neither of nearly nobody nor of nearly everybody.

    Args:
        rows: of each enterprise county and industry, and the rank of its stage, 0 for none.
        stages: keys of the stages of rank 1, 2, …; counts are cumulative.
        secret: of the rounding; without one every cell is withheld.
    """
    if secret is None or len(rows) < LEAST_ENTERPRISES:
        return _withheld(row[0][0] for row in rows), _withheld(row[0][1] for row in rows)
    names = [f"enterprises.{stage}.current" for stage in stages]
    people = Population.of(rows, len(stages))
    counts = dict(zip(names, people.counts.sum(axis=1).tolist(), strict=True))
    most = len(rows) - LEAST_ENTERPRISES
    totals = {name: count for name, count in counts.items() if LEAST_ENTERPRISES <= count <= most}
    safe = crossed(people, names, secret, totals)
    by_region = [(one.cell[0], one) for one in safe if one.cell[1] == ALL]
    by_industry = [(one.cell[1], one) for one in safe if one.cell[0] == ALL]
    return _cells(by_region, stages, names), _cells(by_industry, stages, names)


def _cells(
    found: Sequence[tuple[str, SafeCell]], stages: Sequence[str], names: Sequence[str]
) -> tuple[Cell, ...]:
    return tuple(_cell(key, one, stages, names) for key, one in sorted(found, key=lambda pair: pair[0]))


def _cell(key: str, one: SafeCell, stages: Sequence[str], names: Sequence[str]) -> Cell:
    told = {stage: one.counts[name] for stage, name in zip(stages, names, strict=True) if name in one.counts}
    if one.enterprises is None:
        return Cell(key, suppressed=True, enterprises=None, stages=None)
    return Cell(key, suppressed=False, enterprises=one.enterprises, stages=told)


def _withheld(keys: Iterable[str]) -> tuple[Cell, ...]:
    return tuple(Cell(key, suppressed=True, enterprises=None, stages=None) for key in sorted(set(keys)))
