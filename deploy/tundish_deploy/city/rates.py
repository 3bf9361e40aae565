"""How the enterprises of the made city behave: every rate in one place, with where it comes from.

Published figures are those of two cities; docs/reference/city-simulation.md names them. Everything else is an
assumption, and called one there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

FIRST_MONTH: Final = "2021-01"

# GB/T 2260 codes and how many of a hundred enterprises lie there.
COUNTIES: Final = {
    "430202": 12, "430203": 14, "430204": 13, "430211": 22, "430212": 9, "430223": 9, "430224": 5,
    "430225": 2, "430281": 14,
}  # fmt: skip

# Divisions of GB/T 4754-2017 with weights.
INDUSTRIES: Final = {
    "C13": 7, "C18": 13, "C26": 6, "C29": 4, "C30": 20, "C32": 5, "C33": 13, "C34": 9, "C35": 7, "C37": 8,
    "C38": 5, "C39": 3,
}  # fmt: skip

# Parks of no real name and how many of a hundred enterprises lie there; the rest lies in none.
PARKS: Final = {
    "模拟高新区": 18, "模拟经开区": 12, "模拟陶瓷园": 6, "模拟服饰园": 5, "模拟航空园": 2.5,
    "模拟新材料园": 2, "模拟循环园": 0.5, "模拟创业园": 0.01,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """A size class: its share of the enterprises, machines (least, most), and how fast it climbs."""

    key: str
    share: float
    machines: tuple[int, int]
    climbs: float


SIZES: Final = (
    Size("micro", 0.62, (2, 6), 0.5),
    Size("small", 0.33, (5, 24), 1.5),
    Size("medium", 0.044, (20, 90), 3.0),
    Size("large", 0.006, (80, 400), 4.0),
)

# Hours a week a plant is scheduled to run, with weights.
HOURS: Final = {48.0: 55, 72.0: 20, 112.0: 15, 168.0: 10}

# The reasons of the detector of ghosts, with weights.
CHEATS: Final = {"flat": 30, "replayed": 25, "synthetic": 20, "cloned": 15, "office_hours": 10}

# Ways of working, in the order in which an enterprise climbs them.
REGISTERED, CLOUD, PLATFORM, DEEP, BENCHMARK = 1, 2, 3, 4, 5


@dataclass(frozen=True, slots=True)
class Rates:
    """Chances a month, and shares.

    Attributes:
        growth: share by which the register grows a month, of its first month's number.
        on_cloud, on_platform: shares of the first month's enterprises that work so from the first month.
        climb: chance of the next way of working, by the present one (index 1 is registered).
        stall, resume: chance of standing still from now on, and of going on again.
        leave, come_back: chance of sending nothing from now on by way of working, and of beginning again.
        dissolve: chance of leaving the register.
        cheats: share of enterprises that would cheat; one does so only before it works on the platform.
        begin_cheating, stop_cheating: chance of each.
        slack: chance of a bad month.
        holiday: what is left of the days of the month in which the Spring Festival mostly lies.
    """

    growth: float = 0.25 / 60
    on_cloud: float = 0.92
    on_platform: float = 515 / 24_000
    climb: tuple[float, ...] = (0.0, 0.08, 0.0075, 0.2, 0.03, 0.0)
    stall: float = 0.012
    resume: float = 0.02
    leave: tuple[float, ...] = (0.0, 0.002, 0.004, 0.003, 0.0015, 0.0005)
    come_back: float = 0.02
    dissolve: float = 0.0005
    cheats: float = 0.02
    begin_cheating: float = 0.06
    stop_cheating: float = 0.04
    slack: float = 0.015
    holiday: float = 0.85

    def climbing(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """`climb` by way of working, 0 for the absent."""
        return np.asarray(self.climb)

    def leaving(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """`leave` by way of working, 0 for the absent."""
        return np.asarray(self.leave)
