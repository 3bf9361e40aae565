"""One field of one enterprise in two times: statements in the order of their changes, asked for a day.

A statement sets what holds from a day until the next day that another statement names. A later statement
about the same day replaces it, or withdraws it: then the field did not change on that day. So a correction
of 2020 leaves what was said of 2024 alone, and nothing is ever overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date


class Statement(NamedTuple):
    """What a change said: from ``valid_from`` on the field has the value, or did not change on that day."""

    change: int
    valid_from: date
    value: str | None
    withdrawn: bool = False


def standing(statements: Iterable[Statement], known: int) -> list[Statement]:
    """What was not replaced or withdrawn by the change ``known``, by day."""
    newest: dict[date, Statement] = {}
    for one in sorted(statements, key=lambda one: one.change):
        if one.change <= known:
            newest[one.valid_from] = one
    return [newest[day] for day in sorted(newest) if not newest[day].withdrawn]


def holding(statements: Iterable[Statement], known: int, on: date) -> Statement | None:
    """What held on a day, as known at a change; None where nothing was said of it."""
    held = [one for one in standing(statements, known) if one.valid_from <= on]
    return held[-1] if held else None
