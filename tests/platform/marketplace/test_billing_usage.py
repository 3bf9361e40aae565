"""Usage by day and the lines made of it, against a clock that is walked a quarter of an hour at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import count
from math import floor
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.marketplace import (
    Outcome,
    Run,
    change_plan,
    give_grant,
    pause,
    record_run,
    resume,
    stop,
    subscribe,
    withdraw_grant,
)
from tundish_platform.marketplace.billing.charges import charged, lines_of
from tundish_platform.marketplace.billing.usage import counted_by_day, counted_one_by_one, usage_of_month
from tundish_platform.marketplace.days import day_start, days_of
from tundish_platform.samples import SignalSpec
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace import Catalogue
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

SLOT = timedelta(minutes=15)
# Clocks change at midnight, at odd offsets, on either side of the equator, or not at all.
ZONES = [
    "Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Asia/Kathmandu",
    "America/St_Johns", "Pacific/Apia",
]  # fmt: skip
PRICES = {"month": ("flat", 10001), "signal": ("per_signal", 777), "run": ("per_run", 3)}
ACTS = ("subscribe", "month", "signal", "run", "pause", "resume", "take", "give", "stop", "run_ok", "run_bad")
SPECS = [
    SignalSpec(path=f"S/A/L1/M1/C/P{n}", name_zh="压", name_en="P", semantic="pressure.gas")
    for n in (1, 2, 3)
]
numbers = count()


@dataclass
class Walked:
    """What was done, told by the test itself: state by quarter of an hour, and each run."""

    slots: list[tuple[datetime, int, str, frozenset[int], datetime]] = field(default_factory=list)
    runs: list[tuple[datetime, int, bool]] = field(default_factory=list)
    subscription: int = 0
    plan: str = ""
    running: bool = False
    granted: frozenset[int] = frozenset()
    first: datetime | None = None


def plant_in(session: Session, zone: str) -> TenantScope:
    slug = f"plant-{next(numbers)}"
    tenant = create_tenant(session, slug, "厂", "Plant", timezone=zone)
    principal = Principal(1, "o", {slug: (tenant.id, frozenset({Role.OWNER, Role.ANALYST}))})
    scope = access_tenant(principal, slug, Permission.SUBSCRIBE)
    upsert_signals(session, scope, "opcua-1", SPECS)
    return scope


def a_run(at: datetime, *, well: bool) -> Run:
    return Run(
        app="dear", version="0.1.0", started_at=at, window_start=at - SLOT, window_end=at, seconds=0.5,
        rows_in=10, values_out=1, isolation="process", filtered=True,
        outcome=Outcome.OK if well else Outcome.FAILED,
    )  # fmt: skip


def do(
    session: Session, scope: TenantScope, catalogue: Catalogue, walked: Walked, act: str, at: datetime
) -> None:
    """Do one thing for real, and note what it means."""
    signals = list_signals(session, scope)
    if act == "subscribe" and not walked.plan:
        view = subscribe(session, scope, catalogue, "dear", signals, now=at)
        walked.subscription, walked.plan, walked.running = view.id, "month", True
        walked.granted, walked.first = frozenset(view.signals), walked.first or at
    elif not walked.plan:
        return
    elif act in PRICES:
        walked.plan = change_plan(session, scope, catalogue, "dear", act, at).plan
    elif act in {"pause", "resume"}:
        (pause if act == "pause" else resume)(session, scope, "dear", at)
        walked.running = act == "resume"
    elif act == "take" and walked.granted:
        walked.granted = frozenset(withdraw_grant(session, scope, "dear", min(walked.granted), at).signals)
    elif act == "give":
        walked.granted = frozenset(give_grant(session, scope, catalogue, "dear", signals[0], at).signals)
    elif act == "stop":
        stop(session, scope, "dear", at)
        walked.plan, walked.running, walked.granted = "", False, frozenset()
    elif act.startswith("run_") and walked.running:
        record_run(session, scope, a_run(at, well=act == "run_ok"))
        walked.runs.append((at, walked.subscription, act == "run_ok"))


def expected(walked: Walked, month: date, zone: ZoneInfo) -> dict[tuple[int, str, str], int]:
    """By subscription, kind of line and plan the quantity of a month."""
    last: dict[tuple[date, int], tuple[str, frozenset[int], datetime]] = {}
    for at, subscription, plan, granted, until in walked.slots:
        day = at.astimezone(zone).date()
        before = last.get((day, subscription), ("", frozenset(), until))
        last[day, subscription] = plan, before[1] | granted, until
    found: dict[tuple[int, str, str], int] = {}
    for (day, subscription), (plan, granted, until) in last.items():
        if (day.year, day.month) != (month.year, month.month):
            continue
        trial = plan == "month" and datetime.combine(day, datetime.min.time(), zone) < until
        accepted = sum(
            well and of == subscription and at.astimezone(zone).date() == day for at, of, well in walked.runs
        )
        quantity = 1 if trial else {"month": 1, "signal": len(granted), "run": accepted}[plan]
        key = subscription, "trial" if trial else "plan", plan
        found[key] = found.get(key, 0) + quantity
    return found


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    zone=st.sampled_from(ZONES),
    begin=st.sampled_from([datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 10, 8, tzinfo=UTC)]),
    acts=st.lists(st.tuples(st.integers(0, 42 * 96), st.sampled_from(ACTS)), min_size=6, max_size=16),
)
def test_the_lines_are_what_a_walk_along_the_clock_finds(
    base: Metadata, priced: Catalogue, zone: str, begin: datetime, acts: list[tuple[int, str]]
) -> None:
    walked, where = Walked(), ZoneInfo(zone)
    acts = sorted([(0, "subscribe"), *acts], key=lambda pair: pair[0])
    end = begin + 44 * 96 * SLOT
    with base.session() as session:
        scope = plant_in(session, zone)
        for n in range(44 * 96):
            at = begin + n * SLOT
            while acts and acts[0][0] == n:
                do(session, scope, priced, walked, acts.pop(0)[1], at)
            if walked.running:
                assert walked.first is not None
                until = day_start(walked.first.astimezone(where).date() + timedelta(days=3), where)
                walked.slots.append((at, walked.subscription, walked.plan, walked.granted, until))
        for month in {begin.date().replace(day=1), end.date().replace(day=1)}:
            days = usage_of_month(session, scope, month, where, end)
            lines = lines_of(days, month)
            assert {(x.subscription, x.kind, x.plan): x.quantity for x in lines} == expected(
                walked, month, where
            )
            in_month = [at for at, _, _ in walked.runs if at.astimezone(where).date().replace(day=1) == month]
            assert sum(day.runs for day in days) == len(in_month)
            assert sum(day.rows for day in days) == 10 * len(in_month)
            assert counted_by_day(session, scope, days_of(month), where) == counted_one_by_one(
                session, scope, month, where
            )
            for line in lines:
                price = Fraction(
                    PRICES[line.plan][1] * line.quantity, 1 if line.plan == "run" else line.of_days
                )
                assert line.amount_fen == (floor(price + Fraction(1, 2)) if line.kind == "plan" else 0)


@pytest.fixture
def base(new_sqlite: Callable[[], Metadata]) -> Metadata:
    return new_sqlite()


def test_a_whole_month_costs_its_price_and_parts_are_rounded_once() -> None:
    assert charged(10001, 31, "flat", 31) == 10001
    assert (charged(10001, 15, "flat", 30), charged(10001, 1, "flat", 30)) == (5001, 333)
    assert charged(777, 62, "per_signal", 31) == 1554
    assert charged(3, 17, "per_run", 31) == 51


def test_a_neighbours_runs_and_grants_are_not_counted(metadata: Metadata, priced: Catalogue) -> None:
    at, month, zone = (
        datetime(2026, 3, 20, tzinfo=UTC),
        datetime(2026, 3, 1, tzinfo=UTC).date(),
        ZoneInfo("UTC"),
    )
    with metadata.session() as session:
        mine, theirs = plant_in(session, "UTC"), plant_in(session, "UTC")
        for scope in (mine, theirs):
            subscribe(session, scope, priced, "dear", list_signals(session, scope), plan="signal", now=at)
        for scope, runs in ((mine, 2), (theirs, 5)):
            for n in range(runs):
                record_run(session, scope, a_run(at + n * SLOT, well=True))
        withdraw_grant(session, theirs, "dear", 1, at)
        days = usage_of_month(session, mine, month, zone, at + 4 * SLOT)
        counted = counted_one_by_one(session, mine, month, zone)
    assert [(day.runs, day.signals, day.state) for day in days] == [(2, 3, "billed")]
    assert [one.runs for one in counted.values()] == [2]
