"""Features of a history: nothing from later, nothing of the load, nothing that never moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tundish_analytics.life.features import TrajectoryFeatures, trailing_mean, trailing_slope
from tundish_analytics.life.regimes import RegimeScaler
from tundish_analytics.life.trajectories import SharedUnit, Trajectories, refuse_shared

if TYPE_CHECKING:
    from collections.abc import Callable


def test_windows_are_what_they_are_called() -> None:
    rows = np.random.default_rng(1).normal(size=(50, 2))
    assert trailing_mean(rows, 7)[30] == pytest.approx(rows[24:31].mean(axis=0))
    assert trailing_mean(rows, 7)[2] == pytest.approx(rows[:3].mean(axis=0))
    fitted = np.polyfit(np.arange(7), rows[24:31], 1)[0]
    assert trailing_slope(rows, 7)[30] == pytest.approx(fitted)
    assert trailing_slope(rows, 7)[0].tolist() == [0.0, 0.0]


def test_remaining_life_ends_at_zero_in_each_unit(make_fleet: Callable[..., Trajectories]) -> None:
    fleet = make_fleet(3)
    left = fleet.remaining()
    assert left[fleet.lasts].tolist() == [0, 0, 0]
    assert left[fleet.firsts].tolist() == (fleet.cycle[fleet.lasts] - 1).tolist()


def test_features_of_a_row_read_no_later_row(make_fleet: Callable[..., Trajectories]) -> None:
    fleet = make_fleet(6)
    features = TrajectoryFeatures().fit(fleet, np.minimum(fleet.remaining(), 60))
    whole = fleet.of(np.array([4]))
    upto = np.arange(50)
    changed = Trajectories(whole.unit, whole.cycle, whole.settings, whole.sensors.copy())
    changed.sensors[50:] += 100
    expected = features.transform(whole)[upto]
    assert features.transform(whole.take(upto)) == pytest.approx(expected)
    assert features.transform(changed)[upto] == pytest.approx(expected)


def test_load_is_taken_out_and_what_never_moves_is_left_out(make_fleet: Callable[..., Trajectories]) -> None:
    fleet = make_fleet(6, loads=3)
    scaler = RegimeScaler().fit(fleet)
    assert scaler.regimes == 3
    assert 6 not in scaler.kept
    z = scaler.transform(fleet)
    load = np.round(fleet.settings[:, 0] / 20)
    assert abs(np.corrcoef(z[:, 0], load)[0, 1]) < 0.05
    assert abs(np.corrcoef(fleet.sensors[:, 0], load)[0, 1]) > 0.9
    assert RegimeScaler().fit(make_fleet(6, loads=1)).regimes == 1


def test_a_shortened_copy_under_another_number_is_refused(make_fleet: Callable[..., Trajectories]) -> None:
    fleet = make_fleet(4)
    train, other = fleet.of(np.array([1, 2, 3])), fleet.of(np.array([4]))
    refuse_shared(train, other)
    copy = fleet.of(np.array([2])).take(np.arange(40))
    renamed = Trajectories(np.full(40, 99), copy.cycle, copy.settings, copy.sensors)
    with pytest.raises(SharedUnit, match="99"):
        refuse_shared(train, renamed)
