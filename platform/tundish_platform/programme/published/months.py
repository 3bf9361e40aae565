"""Cells of months as they may be shown: the same coin as in every other table, month by month. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tundish_platform.programme.disclosure import LEAST_ENTERPRISES
from tundish_platform.programme.published.crossed import ALL
from tundish_platform.programme.published.rounding import rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Cell = Mapping[str, Any]

_TABLES: Final = {"by_region": 0, "by_industry": 1, "by_park": 2}
_BASES: Final = ("current", "ever", "new")


def rounded_months(figures: Mapping[str, Any], secret: bytes | None) -> dict[str, Any]:
    """Figures of months with every cell rounded, and withheld in months in which few lie in it.

    A count that does not change from month to month is told the same each time, so a step says that
    somebody moved, and not how many or who.

    Args:
        figures: as `series.stored` keeps them; the whole city's stay as they are.
        secret: of the rounding; without one every cell is withheld.
    """
    cells = {
        table: [_cell(cell, dimension, secret) for cell in figures[table]]
        for table, dimension in _TABLES.items()
    }
    return {**figures, **cells}


def _cell(cell: Cell, dimension: int, secret: bytes | None) -> dict[str, Any]:
    found = cell["figures"]
    if found is None or secret is None:
        return {"key": cell["key"], "suppressed": True, "figures": None}
    # Parks are a table of their own, beside the two that are crossed.
    place = tuple(cell["key"] if at == dimension else ALL for at in range(max(2, dimension + 1)))
    sizes = found["enterprises"]
    told = {
        basis: {
            stage: _row(counts, sizes, secret, f"enterprises.{stage}.{basis}", place)
            for stage, counts in found[basis].items()
        }
        for basis in _BASES
    }
    return {
        "key": cell["key"], "suppressed": False,
        "figures": {"enterprises": _row(sizes, sizes, secret, "enterprises", place), **told},
    }  # fmt: skip


def _row(
    counts: Sequence[int | None], sizes: Sequence[int | None], secret: bytes, measure: str,
    place: tuple[str, ...],
) -> list[int | None]:  # fmt: skip
    return [
        None
        if count is None or size is None or 0 < size < LEAST_ENTERPRISES
        else rounded(count, secret, measure, place)
        for count, size in zip(counts, sizes, strict=True)
    ]
