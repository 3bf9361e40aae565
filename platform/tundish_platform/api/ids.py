"""Numbers of things as they stand in addresses and bodies."""

from __future__ import annotations

from typing import Final

from werkzeug.routing import IntegerConverter

from tundish_platform.api.errors import Problem

MAX_ID: Final = 2**31 - 1


class Number(IntegerConverter):
    """A number in an address, no longer than any that is given: SQLite fails at one of 20 digits."""

    regex = r"\d{1,10}"


def known_id(number: int, least: int = 0) -> int:
    """A number from an address.

    Raises:
        Problem: 404, because more than the databases' ids hold, or less than the least, is nobody's.
    """
    if not least <= number <= MAX_ID:
        raise Problem(404)
    return number
