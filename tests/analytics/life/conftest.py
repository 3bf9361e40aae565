"""Made-up fleets whose wear is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tundish_analytics.life.trajectories import Trajectories

Fleet = Callable[..., Trajectories]


def _unit(number: int, generator: np.random.Generator, loads: int) -> Trajectories:
    """Wear grows faster and faster; six sensors see it through noise, one never moves, one shows the load."""
    life = int(generator.integers(90, 200))
    cycle = np.arange(1, life + 1)
    wear = np.exp((cycle - life) / 30)
    load = generator.integers(0, loads, life)
    settings = np.column_stack([20.0 * load + 0.01 * generator.normal(size=life), np.full(life, 100.0)])
    gains = np.array([2.0, -1.5, 1.0, 3.0, -2.0, 0.5])
    sensors = 500 + 40 * load[:, None] + wear[:, None] * gains + 0.3 * generator.normal(size=(life, 6))
    flat = np.column_stack([np.full(life, 14.62), 100.0 * load + 0.1 * generator.normal(size=life)])
    return Trajectories(np.full(life, number), cycle, settings, np.column_stack([sensors, flat]))


@pytest.fixture(scope="session")
def make_fleet() -> Fleet:
    """``make_fleet(units, seed, loads)``: so many units run to failure."""

    def make(units: int, seed: int = 0, loads: int = 1) -> Trajectories:
        generator = np.random.default_rng(seed)
        parts = [_unit(number, generator, loads) for number in range(1, units + 1)]
        return Trajectories(
            np.concatenate([part.unit for part in parts]),
            np.concatenate([part.cycle for part in parts]),
            np.concatenate([part.settings for part in parts]),
            np.concatenate([part.sensors for part in parts]),
        )

    return make
