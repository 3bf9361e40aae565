"""Size classes by 统计上大中小微型企业划分办法 (2017): from staff and yearly revenue, by industry."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Size(StrEnum):
    """Size class of an enterprise."""

    LARGE = "large"
    MEDIUM = "medium"
    SMALL = "small"
    MICRO = "micro"


SIZE_NAMES: Final = {
    Size.LARGE: ("大型", "large"), Size.MEDIUM: ("中型", "medium"),
    Size.SMALL: ("小型", "small"), Size.MICRO: ("微型", "micro"),
}  # fmt: skip


class _Limits(NamedTuple):
    """Lower bounds of large, medium and small; None where the method does not look at the figure."""

    staff: tuple[int, int, int] | None
    revenue: tuple[int, int, int] | None


_INDUSTRY: Final = _Limits((1000, 300, 20), (40_000, 2_000, 300))
_TRANSPORT: Final = _Limits((1000, 300, 20), (30_000, 3_000, 200))
_HOSPITALITY: Final = _Limits((300, 100, 10), (10_000, 2_000, 100))
_OTHER: Final = _Limits((300, 100, 10), None)
# By the longest prefix of the code. What is absent (building, land development, leasing: by total assets;
# finance, schools, hospitals, railways: not covered) has no computed class.
_BY_PREFIX: Final = {
    "A": _Limits(None, (20_000, 500, 50)),
    "B": _INDUSTRY, "C": _INDUSTRY, "D": _INDUSTRY,
    "F51": _Limits((200, 20, 5), (40_000, 5_000, 1_000)),
    "F52": _Limits((300, 50, 10), (20_000, 500, 100)),
    "G54": _TRANSPORT, "G55": _TRANSPORT, "G56": _TRANSPORT, "G57": _TRANSPORT, "G58": _TRANSPORT,
    "G591": _TRANSPORT,
    **{f"G59{group}": _Limits((200, 100, 20), (30_000, 1_000, 100)) for group in range(2, 10)},
    "G60": _Limits((1000, 300, 20), (30_000, 2_000, 100)),
    "H": _HOSPITALITY,
    "I63": _Limits((2000, 100, 10), (100_000, 1_000, 100)),
    "I64": _Limits((2000, 100, 10), (100_000, 1_000, 100)),
    "I65": _Limits((300, 100, 10), (10_000, 1_000, 50)),
    "K702": _Limits((1000, 300, 100), (5_000, 1_000, 500)),
    "K703": _OTHER, "K709": _OTHER,
    "M": _OTHER, "N": _OTHER, "O": _OTHER, "Q85": _OTHER, "R": _OTHER,
}  # fmt: skip


def size_class(industry: str, staff: int | None, revenue: float | None) -> Size | None:
    """The class that the method gives, or None where it cannot be computed.

    Large, medium and small need every bound that the industry has; who misses one is a class lower.

    Args:
        industry: GB/T 4754 code with its letter.
        staff: persons.
        revenue: of a year, in 万元.
    """
    limits = next((_BY_PREFIX[industry[:n]] for n in range(4, 0, -1) if industry[:n] in _BY_PREFIX), None)
    if limits is None:
        return None
    reached = [
        None if value is None else sum(value >= bound for bound in bounds)
        for value, bounds in ((staff, limits.staff), (revenue, limits.revenue))
        if bounds is not None
    ]
    if any(rank is None for rank in reached):
        # One figure below the lowest bound makes a micro enterprise, whatever the other one is.
        return Size.MICRO if 0 in reached else None
    return list(reversed(Size))[min(rank for rank in reached if rank is not None)]
