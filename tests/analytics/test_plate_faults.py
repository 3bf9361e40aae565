"""Plate classes, the reject option and its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tundish_analytics import checks
from tundish_analytics.quality import PlateFaults
from tundish_analytics.quality.steel import UNSURE
from tundish_analytics.tables import plates_from_table
from tundish_platform.samples import SignalSpec

if TYPE_CHECKING:
    import pandas as pd

SIGNALS = [SignalSpec(path=f"s/{n}", name_zh=f"{n}", name_en=f"{n}", semantic="defect.x") for n in range(27)]


@pytest.fixture(scope="module")
def parts(plates: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    features, labels = plates_from_table(plates)
    order = np.random.default_rng(4).permutation(len(labels))
    return features[order], labels[order], order


@pytest.fixture(scope="module")
def model(parts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> PlateFaults:
    features, labels, _ = parts
    return PlateFaults.fit(features[:1000], labels[:1000].tolist())


def test_unseen_plates_are_told_apart_and_doubt_pays(
    model: PlateFaults, parts: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    features, labels, _ = parts
    reading = model.read(features[1000:], SIGNALS)
    right = np.array(model.classes)[reading.best] == labels[1000:]
    sure = reading.number != UNSURE
    assert right.mean() > 0.72
    assert 0.4 < sure.mean() < 0.95
    assert right[sure].mean() > right[~sure].mean() + 0.2
    assert right[sure].mean() > 0.83
    assert abs(reading.probability.mean() - right.mean()) < 0.06


def test_evidence_is_where_the_plate_resembles_its_class(
    model: PlateFaults, parts: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    features, _, _ = parts
    reading = model.read(features[:20], SIGNALS)
    for row, items in enumerate(reading.evidence):
        assert len(items) == 5
        assert 0 < sum(item.contribution for item in items) <= 1.0001
        assert [i.contribution for i in items] == sorted((i.contribution for i in items), reverse=True)
        assert items[0].value == features[row, int(items[0].name_en)]


def test_missing_features_are_tolerated(
    model: PlateFaults, parts: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    features = parts[0][:50].copy()
    features[:, 4] = np.nan
    reading = model.read(features, SIGNALS)
    assert np.isfinite(reading.probability).all()
    assert all(item.signal != "s/4" for items in reading.evidence for item in items)


def test_labels_without_meaning_are_not_learnt() -> None:
    generator = np.random.default_rng(6)
    features = generator.normal(size=(300, 27))
    labels = generator.choice(["a", "b", "c"], 300)
    model = PlateFaults.fit(features, labels.tolist())
    unseen = model.read(generator.normal(size=(100, 27)), SIGNALS)
    assert (unseen.number == UNSURE).mean() > 0.9
    with pytest.raises(ValueError, match="needs 5 plates"):
        PlateFaults.fit(features, ["a"] * 298 + ["b"] * 2)


def test_each_class_of_the_set_has_words_in_both_languages(plates: pd.DataFrame) -> None:
    for name in set(plates["fault_class"]):
        meaning = checks.plate_fault(name)
        assert meaning.zh != name
        assert meaning.check_zh
        assert meaning.check_en
    assert checks.plate_fault("Blister").en == "Blister"
