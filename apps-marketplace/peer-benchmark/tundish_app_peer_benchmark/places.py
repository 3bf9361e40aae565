"""Where a figure lies among quartiles: 4 is the best quarter, 1 the worst."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LOWER_IS_BETTER: Final = frozenset({"kwh_per_piece"})


@dataclass(frozen=True, slots=True)
class Place:
    """One figure among peers.

    Attributes:
        own: None where it could not be computed.
        cell: the platform's quartiles; None where there are none, `reason` then says why.
        quartile: 1 to 4; None without either.
        gap: from the own figure to where the best quarter begins; negative within it.
    """

    figure: str
    own: float | None
    cell: Mapping[str, Any] | None
    reason: str
    quartile: int | None
    gap: float | None


def place(figure: str, own: float | None, row: Mapping[str, Any] | None) -> Place:
    """Lay a figure beside the cell it belongs to."""
    told = row if row is not None and None not in (row["q1"], row["median"], row["q3"]) else None
    reason = "" if told else str((row or {}).get("reason") or "not_given")
    if told is None or own is None:
        return Place(figure, own, told, reason, None, None)
    sign = -1.0 if figure in LOWER_IS_BETTER else 1.0
    bounds = sorted(sign * told[name] for name in ("q1", "median", "q3"))
    # A value on a bound is in the better quarter.
    return Place(
        figure, own, told, "", 1 + sum(sign * own >= bound for bound in bounds), bounds[-1] - sign * own
    )
