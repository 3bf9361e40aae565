"""Reading what a browser sent: the expected shape, or 400."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

from dash import ctx
from flask import abort

if TYPE_CHECKING:
    from collections.abc import Collection

Word = TypeVar("Word", bound=str)
_HUGE = 1e15


def _refuse(what: str) -> NoReturn:
    abort(400, description=f"The page sent {what} in a form that the server does not know. Load it again.")


def asker() -> object:
    """Id of the component that made the page ask; Dash reads it out of the message only when it is wanted."""
    try:
        return ctx.triggered_id
    except (AttributeError, KeyError, TypeError, ValueError):
        _refuse("the part that was clicked")


def whole(value: object, what: str, low: int, high: int, default: int) -> int:
    """A whole number, moved into ``[low, high]``; the default for none."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124 - NaN
        _refuse(what)
    return round(min(max(value, low), high))


def amount(value: object, what: str) -> float | None:
    """A finite number; None for none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _HUGE:
        _refuse(what)
    return float(value)


def one_of(value: object, what: str, known: Collection[Word], default: Word) -> Word:
    """One of the known words; the default for none."""
    if value is None:
        return default
    found = next((word for word in known if word == value), None)
    return found if found is not None else _refuse(what)


def numbers(value: object, what: str, most: int) -> list[int]:
    """A list of at most ``most`` whole numbers, given as numbers or digits; empty for none."""
    if value is None:
        return []
    if not isinstance(value, list):
        _refuse(what)
    kept: list[int] = []
    for item in value[:most]:
        if isinstance(item, str) and item.isascii() and item.isdigit() and len(item) < 11:  # noqa: PLR2004 - u32
            kept.append(int(item))
        elif isinstance(item, int) and not isinstance(item, bool):
            kept.append(item)
        else:
            _refuse(what)
    return kept


def word(value: object, what: str, longest: int = 200) -> str:
    """A short text; empty for none."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        _refuse(what)
    return value


def click() -> dict[str, object]:
    """Id of the button of a list that was clicked; empty where none was.

    New buttons on a refreshed page report themselves without a click.
    """
    asked = asker()
    return asked if isinstance(asked, dict) and ctx.triggered and ctx.triggered[0]["value"] else {}


def turned(field: str, search: object) -> tuple[int, str] | None:
    """From which number a searched list goes on, and for what; None where nobody turned or searched it.

    Args:
        field: id of the field that is searched by.
        search: what it holds.
    """
    asked = click()
    if not asked and asker() != field:
        return None
    return whole(asked.get("number"), "the page", 0, 2**31 - 1, 0), word(search, "the search")


def filled(values: object, ids: object, key: str, most: int = 100) -> dict[str, object]:
    """Values of a form by the names of its fields, from two lists of the same length."""
    if (
        not isinstance(values, list)
        or not isinstance(ids, list)
        or len(values) != len(ids)
        or len(ids) > most
    ):
        _refuse("the form")
    names = [one.get(key) if isinstance(one, dict) else None for one in ids]
    return {word(name, "the form"): value for name, value in zip(names, values, strict=True)}
