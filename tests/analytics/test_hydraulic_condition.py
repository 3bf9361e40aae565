"""Features, imputer, folds, calibration and the hydraulic model."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tundish_analytics.condition.cycles import condition_blocks, cycle_features, feature_names
from tundish_analytics.condition.hydraulic import HydraulicCondition, make_classifier
from tundish_analytics.condition.imputer import ConditionalImputer
from tundish_analytics.condition.targets import TARGETS
from tundish_analytics.evaluate.hydraulic import macro_f1
from tundish_analytics.models.calibration import calibrated, calibration_error, fit_temperature
from tundish_analytics.models.folds import TooFewGroups, grouped_folds
from tundish_platform.samples import SignalSpec

if TYPE_CHECKING:
    from tundish_analytics.tables import HydraulicData

SEMANTICS = ("pressure.hydraulic", "temperature.oil.hydraulic")


@pytest.fixture(scope="module")
def halves(hydraulic_data: HydraulicData) -> tuple[HydraulicData, HydraulicData]:
    odd = hydraulic_data.blocks % 2 == 1
    return hydraulic_data.take(~odd), hydraulic_data.take(odd)


@pytest.fixture(scope="module")
def model(halves: tuple[HydraulicData, HydraulicData]) -> HydraulicCondition:
    train, _ = halves
    return HydraulicCondition.fit(train.windows, train.semantics, train.labels, train.starts)


def signals_of(data: HydraulicData) -> list[SignalSpec]:
    return [SignalSpec(path=f"l/{n}", name_zh=s, name_en=s, semantic=s) for n, s in enumerate(data.semantics)]


def test_a_features_row_depends_on_its_own_cycle_only() -> None:
    windows = np.random.default_rng(1).normal(size=(5, 60, 2))
    whole = cycle_features(windows, SEMANTICS)
    for cycle in range(5):
        assert np.array_equal(cycle_features(windows[cycle : cycle + 1], SEMANTICS)[0], whole[cycle])
    changed = windows.copy()
    changed[3:] = 99.0
    assert np.array_equal(cycle_features(changed, SEMANTICS)[:3], whole[:3])


def test_features_are_what_numpy_says_of_each_cycle_by_itself() -> None:
    generator = np.random.default_rng(4)
    windows = generator.normal(40, 3, size=(70, 60, 3))
    windows[generator.random(windows.shape) < 0.05] = np.nan
    windows[3, :13, 0] = np.nan
    windows[50, 10:20, 2] = np.nan
    windows[66] = np.nan
    windows[[10, 69]] = generator.normal(size=(2, 60, 3))
    kinds = (*SEMANTICS, "vibration.velocity.rms")
    found = cycle_features(windows, kinds)
    with warnings.catch_warnings():
        # A cycle that is silent has no mean, says numpy.
        warnings.simplefilter("ignore", RuntimeWarning)
        for row, window in zip(found, windows, strict=True):
            means = [np.nanmean(part, axis=0) for part in np.split(window[:, 1:], 6)]
            thin = np.isnan(window).sum(axis=0) > 12
            last = [np.where(thin, np.nan, of(window, axis=0)) for of in (np.nanstd, np.nanmax)]
            wanted = np.concatenate([window[:, 0], *means, *last])
            np.testing.assert_allclose(row, wanted, rtol=1e-12)
    for cycle in range(70):
        assert np.array_equal(cycle_features(windows[[cycle]], kinds)[0], found[cycle], equal_nan=True)


def test_features_are_named_and_holes_stay_holes() -> None:
    windows = np.tile(np.arange(60.0)[None, :, None], (1, 1, 2))
    windows[0, :, 1] += 100
    features, names = cycle_features(windows, SEMANTICS)[0], feature_names(SEMANTICS)
    assert len(names) == len(features)
    by_name = {(f.column, f.en): v for f, v in zip(names, features, strict=True)}
    assert by_name[0, "second 11"] == 10
    assert by_name[1, "mean of seconds 11-20"] == pytest.approx(114.5)
    assert by_name[1, "maximum in the cycle"] == 159
    assert by_name[0, "standard deviation in the cycle"] == pytest.approx(np.arange(60).std())
    windows[0, :, 1] = np.nan
    holed = cycle_features(windows, SEMANTICS)[0]
    assert [f.column for f, v in zip(names, holed, strict=True) if np.isnan(v)].count(1) == 8
    assert not any(np.isnan(v) for f, v in zip(names, holed, strict=True) if f.column == 0)
    with pytest.raises(ValueError, match="must be"):
        cycle_features(windows[:, :59], SEMANTICS)


def test_the_imputer_fills_from_what_is_correlated() -> None:
    generator = np.random.default_rng(2)
    common = generator.normal(size=(400, 1))
    rows = common * np.array([1.0, 1.0, -1.0, 0.0]) + 0.05 * generator.normal(size=(400, 4))
    imputer = ConditionalImputer().fit(rows)
    holed = np.array([[2.0, np.nan, -2.0, np.nan], [1.0, 1.0, -1.0, 0.0]])
    filled = imputer.transform(holed)
    assert filled[0, 1] == pytest.approx(2.0, abs=0.15)
    assert filled[0, 3] == pytest.approx(0.0, abs=0.15)
    assert np.array_equal(filled[1], holed[1])


def test_condition_blocks_end_with_the_condition_and_with_a_pause() -> None:
    labels = np.array([[1.0], [1.0], [2.0], [2.0], [2.0]])
    assert condition_blocks(labels, np.array([0, 60, 120, 180, 600])).tolist() == [0, 0, 1, 1, 2]


def test_no_block_lies_in_training_and_test(hydraulic_data: HydraulicData) -> None:
    blocks = hydraulic_data.blocks
    y = np.unique(hydraulic_data.labels[:, 3], return_inverse=True)[1]
    tested = []
    for train, test in grouped_folds(y, blocks):
        assert not set(blocks[train]) & set(blocks[test])
        assert set(y[test]) == {0, 1, 2, 3}
        tested += test.tolist()
    assert sorted(tested) == list(range(len(y)))
    with pytest.raises(TooFewGroups):
        list(grouped_folds(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2])))


def test_labels_shuffled_among_blocks_leave_chance_level(hydraulic_data: HydraulicData) -> None:
    blocks = hydraulic_data.blocks
    features = cycle_features(hydraulic_data.windows, hydraulic_data.semantics)[::2]
    of_block = np.random.default_rng(5).integers(0, 4, blocks.max() + 1)
    y, groups = of_block[blocks][::2], blocks[::2]
    scores = macro_f1(make_classifier(4), features, y, grouped_folds(y, groups))
    assert np.mean(scores) < 0.40


def test_held_out_blocks_are_read_right(
    model: HydraulicCondition, halves: tuple[HydraulicData, HydraulicData]
) -> None:
    test = halves[1]
    readings, complete = model.read(test.windows, signals_of(test))
    for number, (target, least) in enumerate(zip(TARGETS, (0.97, 0.97, 0.97, 0.93), strict=True)):
        reading, truth = readings[target.name], test.labels[:, number]
        assert f1_score(truth, reading.value, average="macro") >= least
        assert calibration_error(reading.probability, reading.value == truth) < 0.06
    pressure, truth = readings["accumulator_pressure"], test.labels[:, 3]
    assert np.abs(pressure.value - truth).mean() < 5
    assert 0.7 <= ((pressure.low <= truth) & (truth <= pressure.high)).mean() <= 0.98
    assert np.all(complete == 1)


@pytest.mark.parametrize("semantic", ["power.cooling", "vibration.velocity.rms", "power.active.pump"])
def test_a_silent_signal_costs_little(
    model: HydraulicCondition, halves: tuple[HydraulicData, HydraulicData], semantic: str
) -> None:
    test = halves[1].take(np.arange(0, len(halves[1].labels), 4))
    windows = test.windows.copy()
    windows[:, :, test.semantics.index(semantic)] = np.nan
    found = model.classes("accumulator")[model.probabilities("accumulator", windows).argmax(axis=1)]
    assert f1_score(test.labels[:, 3], found, average="macro") > 0.9


def test_evidence_names_the_signals_that_left_health(
    model: HydraulicCondition, halves: tuple[HydraulicData, HydraulicData]
) -> None:
    test = halves[1]
    hot = test.take(test.labels[:, 0] == 3)
    readings, _ = model.read(hot.windows[:5], signals_of(test))
    first = readings["cooler"].evidence[0]
    assert len(first) == 5
    assert sum(item.contribution for item in first) <= 1
    cooling = {"efficiency.cooler", "temperature.oil.hydraulic", "power.cooling"}
    assert any(name in first[0].name_en for name in cooling)
    assert abs(first[0].value - first[0].expected) > 1
    state = HydraulicCondition.from_state(model.state())
    again, _ = state.read(hot.windows[:5], signals_of(test))
    assert np.array_equal(again["cooler"].probability, readings["cooler"].probability)
    assert again["cooler"].evidence == readings["cooler"].evidence


def test_temperature_makes_overconfidence_honest() -> None:
    generator = np.random.default_rng(7)
    truth = generator.integers(0, 3, 3000)
    # Scores whose softmax is right, sharpened five times.
    honest = generator.normal(size=(3000, 3))
    honest[np.arange(3000), truth] += 1.0
    log_probability = honest - np.log(np.exp(honest).sum(axis=1, keepdims=True))
    temperature = fit_temperature(5 * log_probability, truth)
    assert temperature == pytest.approx(5, rel=0.1)
    probability = calibrated(5 * log_probability, temperature)
    right = probability.argmax(axis=1) == truth
    assert calibration_error(probability.max(axis=1), right) < 0.03
    assert calibration_error(calibrated(5 * log_probability, 1.0).max(axis=1), right) > 0.1
