"""Evaluation of `LifeModel`, device by device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.life import MIN_RECORDS, LifeModel, extrapolated, remaining
from tundish_analytics.evaluate.figures import Evaluation, Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_ALPHA: Final = 0.2
_LAMBDAS: Final = (0.5, 0.7, 0.9)
_PROTOCOL: Final = (
    "Each device is predicted by a model fitted without it (or on the training devices, where test devices "
    "are given), "
    "record by record from the thousandth record to the first at which the trailing median of 21 records "
    "reaches "
    "0.05 Ohm. The set states no time base, so life is counted in records. With so few devices the figures "
    "describe "
    "these devices and no population."
)


def evaluate_mosfet(
    train: Mapping[str, NDArray[np.float64]], test: Mapping[str, NDArray[np.float64]] | None = None
) -> Evaluation:
    """Figures of the remaining-life model.

    Args:
        train: change of on-resistance in Ohm per device, run to failure.
        test: devices held back elsewhere; without them each training device is held out in turn.

    Raises:
        ValueError: too few devices reached the threshold.
    """
    figures, errors, coverage = [], [], []
    for name, delta in (train if test is None else test).items():
        known = [values for other, values in train.items() if test is not None or other != name]
        of_device = _device(name, LifeModel.fit(known), known, delta)
        figures += of_device
        errors.append(of_device[0].value)
        coverage.append(of_device[1].value)
    figures += [
        Figure("MAE, mean over devices", float(np.mean(errors)), "records", "less"),
        Figure("80 % interval, lowest coverage of a device", float(np.min(coverage)), bar=0.75),
    ]
    facts = {
        "train_devices": list(train),
        "test_devices": list(test or train),
        "minimum_history": MIN_RECORDS,
    }
    return Evaluation(LifeModel.model_id, _PROTOCOL, tuple(figures), facts)


def _device(
    name: str, model: LifeModel, known: list[NDArray[np.float64]], delta: NDArray[np.float64]
) -> list[Figure]:
    truth = remaining(delta)
    estimate = model.estimate(delta)
    rows = slice(MIN_RECORDS, len(truth))
    life, low, high = estimate.records[rows], estimate.low[rows], estimate.high[rows]
    left = truth[rows]
    age = np.maximum(np.mean([len(remaining(values)) for values in known]) - np.arange(len(truth))[rows], 0)
    line = np.exp(extrapolated(delta))[rows]
    within = [
        Figure(
            f"{name} relative error at {part:.0%} of life",
            _relative(estimate.records, truth, part),
            better="less",
        )
        for part in _LAMBDAS
    ]
    return [
        Figure(f"{name} MAE", float(np.abs(life - left).mean()), "records", "less"),
        Figure(f"{name} 80 % interval, coverage", float(((low <= left) & (left <= high)).mean()), bar=0.75),
        Figure(f"{name} 80 % interval, mean width", float((high - low).mean()), "records", "less"),
        Figure(f"{name} share of records within 20 %", float((np.abs(life - left) <= _ALPHA * left).mean())),
        *within,
        Figure(
            f"{name} MAE, mean life of the others minus age",
            float(np.abs(age - left).mean()),
            "records",
            "none",
        ),
        Figure(f"{name} MAE, straight line", float(np.abs(line - left).mean()), "records", "none"),
    ]


def _relative(estimate: NDArray[np.float64], truth: NDArray[np.float64], part: float) -> float:
    record = int(part * len(truth))
    return float(abs(estimate[record] - truth[record]) / truth[record])
