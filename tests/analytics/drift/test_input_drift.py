"""Inputs that stay as at training raise no more alarms than stated; a made shift is found in stated time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import binom

from tundish_analytics.drift import InputWatch, Reference
from tundish_analytics.drift.levels import FALSE_ALARM, holm, worst

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from tundish_analytics.tables import HydraulicData

TRAINED = 700


@pytest.fixture(scope="module")
def plate_orders(plates: pd.DataFrame) -> list[NDArray[np.float64]]:
    """The plates in random orders: nothing changes with time, and each plate stands for itself."""
    values = plates.drop(columns="fault_class").to_numpy(float)
    return [values[np.random.default_rng(seed).permutation(len(values))] for seed in range(5)]


@pytest.fixture(scope="module")
def cycle_orders(hydraulic_data: HydraulicData) -> list[NDArray[np.float64]]:
    """Mean of each signal by cycle, runs of equal condition in random orders.

    Nothing changes over all of them, but neighbouring cycles are much alike.
    """
    means, blocks = hydraulic_data.windows.mean(axis=1), hydraulic_data.blocks
    runs = [np.flatnonzero(blocks == number) for number in np.unique(blocks)]
    found = []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(runs))
        found.append(means[np.concatenate([runs[number] for number in order])])
    return found


def watch_of(values: NDArray[np.float64]) -> InputWatch:
    reference = Reference.learn(values[:TRAINED], [f"f{number}" for number in range(values.shape[1])])
    assert reference is not None
    return InputWatch(reference)


def live(watch: InputWatch, values: NDArray[np.float64]) -> list[str]:
    return [str(level) for level in watch.add(np.arange(len(values)), values)]


@pytest.mark.parametrize("orders", ["plate_orders", "cycle_orders"])
def test_stationary_recordings_raise_no_more_alarms_than_stated(
    orders: str, request: pytest.FixtureRequest
) -> None:
    said: list[str] = []
    for values in request.getfixturevalue(orders):
        said += live(watch_of(values), values[TRAINED:])
    alarms = sum(level != "ok" for level in said)
    assert len(said) > 100
    # More than that would come from the stated rate once in a thousand such tests.
    assert alarms <= binom.ppf(0.999, len(said), FALSE_ALARM)
    assert "act" not in said


def test_a_shift_of_two_standard_deviations_is_found_within_three_batches(
    plate_orders: list[NDArray[np.float64]],
) -> None:
    for feature in range(0, plate_orders[0].shape[1], 2):
        values = plate_orders[feature % len(plate_orders)]
        watch = watch_of(values)
        shifted = values[TRAINED : TRAINED + 3 * watch.reference.batch].copy()
        shifted[:, feature] += 2 * watch.reference.features[feature].spread
        assert "act" in live(watch, shifted), watch.reference.names[feature]
        assert watch.since is not None
        assert f"f{feature}" in {found["feature"] for found in watch.found}


def test_where_regimes_alternate_a_shift_must_leave_what_training_has_seen(
    cycle_orders: list[NDArray[np.float64]],
) -> None:
    """Conditions move the signals as far as a shift would: within that nothing is proved."""
    values = cycle_orders[0]
    for feature in range(values.shape[1]):
        watch = watch_of(values)
        known = watch.reference.features[feature]
        shifted = values[TRAINED : TRAINED + 3 * watch.reference.batch].copy()
        shifted[:, feature] += 2 * (known.high - known.low)
        assert "act" in live(watch, shifted), feature


def test_a_signal_that_falls_silent_is_found_and_one_that_was_always_silent_is_not(
    plate_orders: list[NDArray[np.float64]],
) -> None:
    values = plate_orders[0].copy()
    values[:, 3] = np.nan
    watch = watch_of(values)
    silent = values[TRAINED:].copy()
    silent[:, 5] = np.nan
    assert live(watch, silent)[1] == "act"
    assert [found["feature"] for found in watch.found] == ["f5"]
    assert watch.found[0]["mean"] is None
    json.dumps(watch.found, allow_nan=False)


def test_a_constant_that_changes_is_found(plate_orders: list[NDArray[np.float64]]) -> None:
    values = plate_orders[1].copy()
    values[:, 2] = 7.0
    changed = values[TRAINED:].copy()
    changed[:, 2] = 7.5
    assert live(watch_of(values), values[TRAINED:]) == live(
        watch_of(plate_orders[1]), plate_orders[1][TRAINED:]
    )
    assert live(watch_of(values), changed)[1] == "act"


def test_the_level_falls_again_when_the_inputs_are_as_before(plate_orders: list[NDArray[np.float64]]) -> None:
    values = plate_orders[0]
    watch = watch_of(values)
    batch = watch.reference.batch
    away = values[TRAINED : TRAINED + 2 * batch] + 3 * values.std(axis=0)
    assert live(watch, away) == ["watch", "act"]
    begun = watch.since
    assert begun == 0
    assert live(watch, values[TRAINED : TRAINED + batch]) == ["ok"]
    assert (watch.since, watch.found) == (None, [])


def test_windows_that_come_one_by_one_give_the_same(cycle_orders: list[NDArray[np.float64]]) -> None:
    values = cycle_orders[0]
    at_once, singly = watch_of(values), watch_of(values)
    whole = live(at_once, values[TRAINED:])
    found = [level for row in values[TRAINED:] for level in live(singly, row[None])]
    assert found == whole
    assert singly.found == at_once.found


def test_the_reference_survives_the_registry_and_a_short_training_has_none(
    cycle_orders: list[NDArray[np.float64]],
) -> None:
    reference = watch_of(cycle_orders[0]).reference
    assert Reference.from_state(json.loads(json.dumps(reference.state()))) == reference
    assert Reference.learn(cycle_orders[0][:150], ["f"] * cycle_orders[0].shape[1]) is None


def test_adjusted_p_values_are_those_of_holm() -> None:
    # Holm by hand: 0.01 x 4, 0.02 x 3, 0.03 x 2, and the largest not below the one before.
    assert holm(np.array([0.02, 0.04, 0.01, 0.03])) == pytest.approx([0.06, 0.06, 0.04, 0.06])
    assert holm(np.array([[0.5, 0.9]])).tolist() == [[1.0, 1.0]]
    assert worst([]) == "ok"
    assert worst(["ok", "act", "watch"]) == "act"
