"""Leave-one-regime-out: what is held out is never trained on, and it does not flatter."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from tundish_analytics.condition.cycles import cycle_features
from tundish_analytics.condition.hydraulic import make_classifier
from tundish_analytics.evaluate import regimes
from tundish_analytics.evaluate.hydraulic import macro_f1
from tundish_analytics.evaluate.regimes import Leak, combinations, held_out, levels, regime_figures
from tundish_analytics.models.folds import grouped_folds
from tundish_analytics.tables import HydraulicData

SEMANTICS = ("temperature.oil.hydraulic", "vibration.velocity.rms")
CYCLES = 3


def bench(*, shifted: bool) -> HydraulicData:
    """All combinations of two levels, each in two runs of three cycles.

    The first signal tells the valve, the second one the cooler; if it is `shifted`, the cooler moves the
    first signal by much more than the valve does.
    """
    labels = np.repeat(np.array(list(product((0.0, 1.0), repeat=4)) * 2), CYCLES, axis=0)
    windows = np.random.default_rng(7).normal(scale=0.05, size=(len(labels), 60, len(SEMANTICS)))
    windows[:, :, 0] += (labels[:, 1] + 5 * labels[:, 0] * shifted)[:, None]
    windows[:, :, 1] += labels[:, [0]]
    return HydraulicData(windows, SEMANTICS, labels, np.arange(len(labels)) * 60)


def value_of(data: HydraulicData) -> dict[str, float]:
    return {figure.name: figure.value for figure in regime_figures(data)[0]}


def test_a_model_that_fails_in_an_unseen_regime_is_shown_to_fail() -> None:
    level = "valve macro-F1, a level of another component held out, worst fold"
    easy, hard = value_of(bench(shifted=False)), value_of(bench(shifted=True))
    assert easy[level] == easy["valve macro-F1, a combination of the others held out"] == 1.0
    assert hard[level] < 0.5

    # Runs held out do not show it: other runs teach how much the cooler shifts.
    data = bench(shifted=True)
    y = data.labels[:, 1].astype(np.int64)
    features = cycle_features(data.windows, SEMANTICS)
    assert min(macro_f1(make_classifier(2), features, y, grouped_folds(y, data.blocks))) == 1.0


def test_no_cycle_of_the_regime_is_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bench(shifted=False)
    trained: list[np.ndarray] = []
    make = regimes.make_classifier

    def noted(classes: int) -> Any:  # noqa: ANN401 - a scikit-learn pipeline
        made = make(classes)
        fit = made.fit
        made.fit = lambda features, y: (trained.append(features), fit(features, y))[1]
        return made

    monkeypatch.setattr(regimes, "make_classifier", noted)
    features = np.arange(len(data.labels), dtype=float)[:, None] + np.zeros((1, 3))
    for _, held in levels(data.labels, 2):
        held_out(features, data.labels[:, 2], data.blocks, held)
        assert set(trained.pop()[:, 0]) == set(features[~held, 0])


def test_a_run_on_both_sides_is_a_leak() -> None:
    data = bench(shifted=False)
    held = np.zeros(len(data.labels), bool)
    held[1] = True
    with pytest.raises(Leak):
        held_out(np.zeros((len(held), 3)), data.labels[:, 0], data.blocks, held)


def test_regimes_are_of_the_other_components_and_cover_every_cycle() -> None:
    data = bench(shifted=False)
    named = dict(levels(data.labels, 0))
    assert set(named) == {f"{name} {n}" for name in ("valve", "pump_leakage", "accumulator") for n in (0, 1)}
    assert np.sum(list(combinations(data.labels, 0)), axis=0).tolist() == [1] * len(data.labels)
    for held in combinations(data.labels, 0):
        assert set(data.labels[held, 0]) == {0.0, 1.0}
        assert len(np.unique(data.labels[held, 1:], axis=0)) == 1


def test_a_component_that_never_changes_has_no_figures() -> None:
    data = bench(shifted=False)
    still = data.take(data.labels[:, 3] == 0)
    assert not [name for name in value_of(still) if name.startswith("accumulator")]
