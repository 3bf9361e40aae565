"""Cells of a table that may be shown: none that could tell of a single enterprise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

LEAST_ENTERPRISES: Final = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """Enterprises of one county or industry, rounded; None where withheld, as is a stage that is missing."""

    key: str
    suppressed: bool
    enterprises: int | None
    stages: Mapping[str, int] | None


def hidden_cells(sizes: Mapping[str, int], never: Collection[str] = ()) -> set[str]:
    """Cells to suppress: the small ones, and others until the total no longer gives the small ones away.

    Args:
        sizes: enterprises by cell; the cells make up the whole.
        never: cells that are not shown in any case.
    """
    hidden = {key for key, size in sizes.items() if size < LEAST_ENTERPRISES or key in never}
    rest = sorted((key for key in sizes if key not in hidden), key=lambda key: (sizes[key], key))
    while rest and 0 < sum(sizes[key] for key in hidden) < LEAST_ENTERPRISES:
        hidden.add(rest.pop(0))
    return hidden
