"""The turbofan protocol on made-up fleets: files, the official split, and what its guard refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tundish_analytics.evaluate.cmapss import cut_off, evaluate_cmapss
from tundish_analytics.evaluate.fleets import COLUMNS, Fleet, read_fleets
from tundish_analytics.life.trajectories import SharedUnit, Trajectories

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def table(fleet: Trajectories) -> pd.DataFrame:
    """The set's own columns; sensors that the made-up units lack never move."""
    sensors = np.column_stack([fleet.sensors, np.full((len(fleet), 13), 1.0)])
    settings = np.column_stack([fleet.settings, np.zeros(len(fleet))])
    values = np.column_stack([fleet.unit, fleet.cycle, settings, sensors])
    return pd.DataFrame(values, columns=list(COLUMNS)).astype({"unit": int, "cycle": int})


@pytest.fixture
def folder(tmp_path: Path, make_fleet: Callable[..., Trajectories]) -> Path:
    cut, left = cut_off(make_fleet(12, seed=5))
    table(make_fleet(30, seed=4)).to_parquet(tmp_path / "train_FD009.parquet")
    table(cut).to_csv(tmp_path / "test_FD009.csv", index=False)
    np.savetxt(tmp_path / "RUL_FD009.txt", left, fmt="%d")
    return tmp_path


def test_a_set_is_found_by_folder_and_by_any_of_its_files(folder: Path) -> None:
    (whole,) = read_fleets(folder)
    assert whole.train is not None
    assert whole.test is not None
    assert whole.left is not None
    assert len(whole.train.units) == 30
    assert len(whole.left) == len(whole.test.units) == 12
    (again,) = read_fleets(folder / "test_FD009.csv")
    assert np.array_equal(again.left, whole.left)
    (folder / "train_FD009.parquet").rename(folder / "mine.parquet")
    (plain,) = read_fleets(folder / "mine.parquet")
    assert (plain.name, plain.test) == ("mine", None)
    pd.read_parquet(folder / "mine.parquet").to_csv(
        folder / "train_FD008.txt", sep=" ", header=False, index=False
    )
    (published,) = read_fleets(folder / "train_FD008.txt")
    assert published.train is not None
    assert np.allclose(published.train.sensors, whole.train.sensors)
    np.savetxt(folder / "RUL_FD009.txt", [3], fmt="%d")
    with pytest.raises(ValueError, match="1 lives for 12"):
        read_fleets(folder)


def test_sensors_say_more_than_age_and_intervals_hold(folder: Path) -> None:
    evaluation = evaluate_cmapss(read_fleets(folder), folds=3)
    found = {figure.name: figure.value for figure in evaluation.figures}
    assert found["rmse"] < 0.6 * found["rmse, by age alone"]
    ends = evaluation.figures[0].interval
    assert ends is not None
    assert ends[0] < found["rmse"] < ends[1]
    assert found["interval90_coverage"] >= 0.75
    assert found["interval90 mean width"] < 90
    assert evaluation.facts["FD009"]["engines judged"] == 12


def test_a_test_engine_among_the_training_engines_is_refused(folder: Path) -> None:
    (whole,) = read_fleets(folder)
    leaked = Fleet("FD009", whole.train, *cut_off(whole.train.of(np.arange(1, 6))))
    with pytest.raises(SharedUnit, match="among the training units"):
        evaluate_cmapss([leaked])


def test_a_set_without_training_engines_needs_the_shipped(folder: Path) -> None:
    (whole,) = read_fleets(folder)
    alone = Fleet("FD009", None, whole.test, whole.left)
    with pytest.raises(ValueError, match="no engines run to failure"):
        evaluate_cmapss([alone])


def test_engines_are_cut_off_before_their_end_and_asked_what_was_left(
    make_fleet: Callable[..., Trajectories],
) -> None:
    whole = make_fleet(8, seed=3)
    cut, left = cut_off(whole)
    assert np.array_equal(cut.cycle[cut.lasts] + left, whole.cycle[whole.lasts])
    assert (left > 0).all()
