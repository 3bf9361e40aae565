"""What was made and ordered by month, which orders were served, and how regularly electricity was used."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from tundish_app_credit_report.indices import months_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.sdk import AppInputs

_ZONE: Final = ZoneInfo("Asia/Shanghai")
# An order may take a month; a younger one is not held against the enterprise.
_SERVED_WITHIN: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Operation:
    """Whole months, oldest first.

    Attributes:
        made: lots and pieces declared; `orders` orders declared.
        served: share of the orders older than a month for which anything was made; None without any.
    """

    months: tuple[str, ...]
    made: tuple[float, ...]
    orders: tuple[float, ...]
    served: float | None


@dataclass(frozen=True, slots=True)
class Electricity:
    """Shares of the days of the window.

    Attributes:
        measured: on which anything good was measured.
        used: of those, on which the counter rose.
    """

    measured: float
    used: float | None


def operation(rows: Sequence[dict[str, Any]], end: datetime) -> Operation:
    """Counts of the months that are over, from the first that has any to the last before ``end``."""
    made: Counter[str] = Counter()
    orders: Counter[str] = Counter()
    asked: dict[str, datetime] = {}
    served: set[str] = set()
    for row in rows:
        if row["event"] != "declared" or None in (row["at"], row["kind"], row["series"], row["number"]):
            continue
        month = row["at"].astimezone(_ZONE).strftime("%Y-%m")
        if row["kind"] == "order":
            orders[month] += 1
            asked[f"{row['series']}/{row['number']}"] = row["at"]
        else:
            made[month] += 1
            served.add(row["order"] or "")
    last = (end.astimezone(_ZONE).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    known = sorted({*made, *orders})
    months = months_between(known[0], last) if known else []
    due = [key for key, at in asked.items() if at <= end - _SERVED_WITHIN]
    share = sum(key in served for key in due) / len(due) if due else None
    made_then, ordered_then = (tuple(float(count[month]) for month in months) for count in (made, orders))
    return Operation(tuple(months), made_then, ordered_then, share)


def electricity(inputs: AppInputs) -> Electricity | None:
    """How regularly electricity was used in the window; None where no counter was granted."""
    signals = inputs.found("energy")
    if not signals:
        return None
    measured: set[np.datetime64] = set()
    used: set[np.datetime64] = set()
    for signal in signals:
        times, values = inputs.good(signal)
        days = (times + np.timedelta64(8, "h")).astype("datetime64[D]")
        measured |= set(days.tolist())
        used |= set(days[1:][np.diff(values) > 0].tolist())
    whole = max(1, round(inputs.manifest.window_s / 86_400))
    return Electricity(min(1.0, len(measured) / whole), len(used) / len(measured) if measured else None)
