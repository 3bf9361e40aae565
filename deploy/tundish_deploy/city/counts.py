"""The facts that enterprises leave in a month by how they work: counts as the platform would find them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_deploy.city.rates import BENCHMARK, CLOUD, DEEP, PLATFORM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from tundish_deploy.city.life import City, Month
    from tundish_deploy.city.rates import Rates

_WORKDAYS: Final = 22
_LINE: Final = 8
_SPRING: Final = 2

# By way of working, the absent first: the absent, registered, on cloud, on platform, deep, benchmark.
_USERS: Final = (0.0, 0.2, 1.0, 3.0, 5.0, 8.0)
_LEAST_USERS: Final = (0, 0, 2, 2, 3, 5)
_LOGIN: Final = (0.0, 0.05, 0.3, 0.5, 0.75, 0.85)
_CONNECTED: Final = (0.0, 0.0, 0.0, 0.25, 0.45, 0.75)
_GOOD: Final = (0.0, 0.0, 0.3, 0.98, 1.0, 1.0)
_APPS: Final = (0, 0, 0, 1, 2, 3)
_APP_DAYS: Final = (0.0, 0.0, 0.0, 0.65, 0.75, 0.9)
_ALERTS: Final = (0.0, 0.0, 0.1, 1.0, 4.0, 6.0)
_HANDLED: Final = (0.0, 0.0, 0.3, 0.55, 0.95, 0.98)


def counted(
    city: City, month: Month, rng: Generator, rates: Rates, days: int
) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """Every fact by name, shape ``(n,)``; of the absent too, whose rows nobody takes.

    Args:
        city: its enterprises.
        month: how they work in it.
        rng: of the draws.
        rates: of the model.
        days: of the month.
    """
    worked = _days(month, rates, days)
    found = _people(city, month, rng, worked) | _data(city, month, rng, worked, days)
    for name, of in _made(city, month, rng, days).items():
        found[name] = np.where(month.cheating, of, found[name])
    for name in found:
        found[name] = np.where(month.dark & ~month.cheating, 0, found[name])
    on_record = np.ones(len(city.joins), np.int64)
    return found | dict.fromkeys(("uscc_valid", "industry_set", "region_set"), on_record)


def _days(month: Month, rates: Rates, days: int) -> NDArray[np.int64]:
    """Days on which work went on: fewer around the Spring Festival and in a bad month."""
    share = np.where(month.slack, 0.4, 1.0)
    if month.number % 12 == _SPRING - 1:
        share = share * rates.holiday
    worked: NDArray[np.int64] = np.floor(days * share).astype(np.int64)
    return worked


def _people(
    city: City, month: Month, rng: Generator, worked: NDArray[np.int64]
) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    way, count = month.way, len(city.joins)
    people = (way != CLOUD) | ~city.by_machine
    users = np.where(people, _of(_LEAST_USERS, way) + rng.poisson(_of(_USERS, way) / 2), 0)
    due = rng.poisson(_of(_ALERTS, way)) + (way >= DEEP)
    handled = rng.binomial(due, _of(_HANDLED, way))
    return {
        "subscriptions": (way >= PLATFORM)
        + np.where(people & (way == CLOUD), 1, 0)
        + rng.poisson(0.1, count),
        "users": users,
        "user_bins": np.where(users > 0, rng.binomial(np.minimum(worked, _WORKDAYS), _of(_LOGIN, way)), 0),
        "alerts": due,
        "alerts_handled": handled,
        "alert_share": np.where(due > 0, handled / np.maximum(due, 1), 0.0),
    }


def _data(
    city: City, month: Month, rng: Generator, worked: NDArray[np.int64], days: int
) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    way = month.way
    sends = (way >= PLATFORM) | ((way == CLOUD) & city.by_machine)
    good = np.clip(_of(_GOOD, way) * city.care * worked / days + rng.normal(0, 0.04, len(way)), 0, 1)
    least = np.where(way == BENCHMARK, 10, np.where(way >= PLATFORM, 3, 1))
    machines = np.minimum(
        np.maximum(least, (_of(_CONNECTED, way) * city.machines).astype(int)), city.machines
    )
    # A small plant is one line, and whole when all of its few machines send.
    lines = np.where(
        machines >= city.machines, np.maximum(city.machines // _LINE, 1), machines // (2 * _LINE)
    )
    apps = np.where(way >= PLATFORM, _of(_APPS, way) + rng.poisson(0.5, len(way)), 0)
    return {
        "sources": np.where(sends, 1 + (machines > _LINE), 0),
        "machine_bins": np.where(sends, rng.binomial(worked, 0.7 + 0.3 * city.care), 0),
        "machines": np.where(sends, machines, 0),
        "lines": np.where(way >= PLATFORM, lines, 0),
        "good_share": np.where(sends, good, 0.0),
        "apps": apps,
        "app_bins": np.where(apps > 0, rng.binomial(worked, _of(_APP_DAYS, way)), 0),
    }


def _made(
    city: City, month: Month, rng: Generator, days: int
) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """What cheats send: just what the stage asks for, from a computer that is always on."""
    count = len(month.way)
    office = city.cheat == _OFFICE
    bins = np.where(office, _WORKDAYS, days)
    return {
        "subscriptions": np.ones(count, np.int64),
        "sources": np.ones(count, np.int64),
        "users": np.ones(count, np.int64),
        "user_bins": rng.binomial(_WORKDAYS, 0.1, count),
        "machine_bins": bins,
        "machines": rng.integers(3, 5, count),
        "good_share": np.minimum(bins / days * 168.0 / city.hours, 1.0) * rng.uniform(0.97, 1.0, count),
        "apps": np.ones(count, np.int64),
        "app_bins": rng.integers(10, _WORKDAYS, count),
        "alerts": np.zeros(count, np.int64),
        "alerts_handled": np.zeros(count, np.int64),
        "alert_share": np.zeros(count),
    }


def _of(values: Sequence[float], way: NDArray[np.int8]) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)[way]


# The place of "office_hours" among the kinds of cheats.
_OFFICE: Final = 4
