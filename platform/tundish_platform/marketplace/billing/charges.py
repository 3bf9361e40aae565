"""From usage to amounts, in whole fen: one line for each subscription and plan of a month.

Rounding: a line is rounded once, half a fen up. A whole month of a plan is exactly its price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from tundish_platform.marketplace.days import days_of
from tundish_platform.sdk import PlanKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from tundish_platform.marketplace.billing.usage import UsageDay


class Line(BaseModel):
    """One line of a statement.

    Attributes:
        kind: ``plan`` is charged, ``trial`` and ``free`` say what cost nothing, ``correction`` makes good
            what an earlier statement had too much (negative) or too little.
        month: first day of the month that it is about.
        quantity: days of a flat plan, signal-days of one per signal, accepted runs of one per run.
        fen: the plan's price; ``of_days`` is how many days of its month it stands for.
        amount_fen: what is owed for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["plan", "trial", "free", "correction"]
    month: str
    subscription: int
    app: str
    plan: str
    plan_kind: str
    fen: int
    quantity: int
    of_days: int
    amount_fen: int

    @property
    def key(self) -> tuple[int, str, str, int]:
        """What makes two lines speak of the same thing, in whatever statement."""
        return self.subscription, self.plan, self.plan_kind, self.fen


def charged(fen: int, quantity: int, kind: str, of_days: int) -> int:
    """The amount for so many days, signal-days or runs, half a fen rounded up."""
    if kind == PlanKind.PER_RUN:
        return fen * quantity
    return (2 * fen * quantity + of_days) // (2 * of_days)


def lines_of(days: Iterable[UsageDay], month: date) -> list[Line]:
    """The month's lines, by subscription and plan."""
    of_days = len(days_of(month))
    totals: dict[tuple[int, str, str, str, str, int], int] = {}
    for day in days:
        if day.state != "paused":
            kind = "plan" if day.state == "billed" else day.state
            key = day.subscription, day.app, kind, day.plan, day.plan_kind, day.fen
            totals[key] = totals.get(key, 0) + _quantity(day)
    return [
        Line.model_validate(
            {
                "kind": kind, "month": f"{month:%Y-%m}", "subscription": subscription, "app": app,
                "plan": plan, "plan_kind": plan_kind, "fen": fen, "quantity": quantity, "of_days": of_days,
                "amount_fen": charged(fen, quantity, plan_kind, of_days) if kind == "plan" else 0,
            }
        )
        for (subscription, app, kind, plan, plan_kind, fen), quantity in sorted(totals.items())
    ]  # fmt: skip


def _quantity(day: UsageDay) -> int:
    if day.state == "billed" and day.plan_kind == PlanKind.PER_SIGNAL:
        return day.signals
    if day.state == "billed" and day.plan_kind == PlanKind.PER_RUN:
        return day.accepted
    return 1
