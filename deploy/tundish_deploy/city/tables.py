"""The made city as tables: its register and its facts by month. Every row says that it is simulated."""

from __future__ import annotations

import calendar
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_deploy.city.counts import counted
from tundish_deploy.city.life import founded, simulate
from tundish_deploy.city.rates import CHEATS, COUNTIES, FIRST_MONTH, INDUSTRIES, PARKS, SIZES, Rates
from tundish_platform.programme.uscc import FICTIONAL_REGION, check_digit, organisation_digit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_deploy.city.life import City

# Facts of the rules by name.
COUNTS: Final = (
    "uscc_valid", "industry_set", "region_set", "subscriptions", "sources", "users", "user_bins",
    "machine_bins", "machines", "lines", "apps", "app_bins", "alerts", "alerts_handled",
)  # fmt: skip
SHARES: Final = ("good_share", "alert_share")
SCHEMA: Final = pa.schema(
    [
        ("month", pa.string()),
        ("enterprise", pa.int32()),
        *((name, pa.int32()) for name in COUNTS),
        *((name, pa.float64()) for name in SHARES),
        ("simulated", pa.bool_()),
    ]
)


def facts(enterprises: int, months: int, seed: int) -> pa.Table:
    """All months' facts in one table of `SCHEMA`, by month and enterprise.

    Args:
        enterprises: how many are on the register at some time, numbered from 1.
        months: how many, from January 2021 on.
        seed: the same seed gives the same city.
    """
    return pa.concat_tables(
        [table for _, table in monthly(enterprises, months, seed)], promote_options="none"
    )


def monthly(enterprises: int, months: int, seed: int) -> Iterator[tuple[str, pa.Table]]:
    """The facts, month after month: the month, like ``2021-01``, and its table of `SCHEMA`.

    Raises:
        ValueError: no enterprise or no month.
    """
    rates = Rates()
    city, rng = _city(enterprises, months, seed, rates)
    for month in simulate(city, rng, months, rates):
        name = named(month.number)
        found = counted(city, month, rng, rates, calendar.monthrange(*_parts(month.number))[1])
        rows = np.flatnonzero(month.here)
        columns = [pa.array([name] * len(rows)), pa.array((rows + 1).astype(np.int32))]
        columns += [pa.array(found[fact][rows].astype(np.int32)) for fact in COUNTS]
        columns += [pa.array(np.round(found[fact][rows], 4)) for fact in SHARES]
        yield name, pa.table([*columns, pa.array(np.ones(len(rows), np.bool_))], schema=SCHEMA)


def register(enterprises: int, months: int, seed: int) -> pa.Table:
    """The city's register, with what no bureau knows: who would cheat, and how (``""`` for the honest)."""
    city, _ = _city(enterprises, months, seed, Rates())
    numbers = range(1, enterprises + 1)
    # A generator of its own: what is drawn here changes nobody's life.
    lies = np.random.default_rng([seed, enterprises]).choice(
        len(PARKS) + 1, enterprises, p=[*(share / 100 for share in PARKS.values()), _no_park()]
    )
    return pa.table(
        {
            "enterprise": pa.array(numbers, pa.int32()),
            "uscc": [code(number) for number in numbers],
            "name_zh": [f"模拟企业{number:05d}号(模拟)" for number in numbers],
            "name_en": [f"Made enterprise {number:05d} (simulated)" for number in numbers],
            "region": pa.array(np.array(list(COUNTIES))[city.region]),
            "industry": pa.array(np.array(list(INDUSTRIES))[city.industry]),
            "park": pa.array(np.array([*PARKS, ""])[lies]),
            "size": pa.array(np.array([s.key for s in SIZES])[city.size]),
            "machines": pa.array(city.machines),
            "hours_week": pa.array(city.hours),
            "joined": [named(number) for number in city.joins.tolist()],
            "cheats_by": pa.array(np.array([*CHEATS, ""])[city.cheat]),
            "simulated": pa.array(np.ones(enterprises, np.bool_)),
        }
    )


def code(number: int) -> str:
    """A unified social credit code of no real region; such codes pass as fictional only."""
    body = f"CT{number:06d}"
    start = f"91{FICTIONAL_REGION}{body}{organisation_digit(body)}"
    return start + check_digit(start)


def _no_park() -> float:
    return 1 - sum(PARKS.values()) / 100


def named(number: int) -> str:
    """The month so many months after the first, like ``2021-01``."""
    year, month = _parts(number)
    return f"{year:04d}-{month:02d}"


def _parts(number: int) -> tuple[int, int]:
    first_year, first_month = (int(part) for part in FIRST_MONTH.split("-"))
    years, month = divmod(first_month - 1 + number, 12)
    return first_year + years, month + 1


def _city(enterprises: int, months: int, seed: int, rates: Rates) -> tuple[City, np.random.Generator]:
    if enterprises < 1 or months < 1:
        raise ValueError("a city has an enterprise and a month at least")
    rng = np.random.default_rng(seed)
    return founded(rng, enterprises, months, rates), rng
