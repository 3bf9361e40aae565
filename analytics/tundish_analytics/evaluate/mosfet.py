"""Evaluation of `LifeModel`, device by device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.life import (
    MIN_RECORDS,
    LifeModel,
    end_of_life,
    extrapolated,
    remaining,
)
from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.evaluate.files import Unfit
from tundish_analytics.life.scores import alpha_lambda
from tundish_analytics.models.intervals import of_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_LAMBDAS: Final = (0.5, 0.7, 0.9)
_SAME: Final = 200
_PROTOCOL: Final = (
    "Leave one device out: each device is predicted by a model fitted on all others that reached the "
    "threshold (with a file: the shipped ones and the file's), record by record from the thousandth record "
    "to the first at which the trailing median of 21 records reaches 0.05 Ohm. Devices that never reach the "
    "threshold have no known life and are not judged. The set states no time base, so life is counted in "
    "records. With so few devices the figures describe these devices and no population."
)
_GUARD: Final = (
    "A device is recognised by its records, not its name, and never trained on itself; an estimate reads no "
    "later record."
)
_INTERVALS: Final = "Student's, over devices"


def evaluate_mosfet(
    train: Mapping[str, NDArray[np.float64]], test: Mapping[str, NDArray[np.float64]] | None = None
) -> Evaluation:
    """Figures of the remaining-life model.

    Args:
        train: change of on-resistance in Ohm per device, run to failure.
        test: devices held back elsewhere, the only ones to be judged; without them all of `train` are.

    Raises:
        ValueError: too few devices reached the threshold.
    """
    figures, errors, coverage, right = [], [], [], []
    ends: dict[float, list[float]] = {part: [] for part in _LAMBDAS}
    judged = train if test is None else test
    censored = [name for name, delta in judged.items() if (end_of_life(delta) or 0) <= MIN_RECORDS]
    failed = _distinct([*train.values(), *(test or {}).values()])
    for name, delta in judged.items():
        if name in censored:
            continue
        known = [other for other in failed if not _same(other, delta)]
        of_device = _device(name, LifeModel.fit(known), known, delta)
        figures += of_device
        errors.append(of_device[0].value)
        coverage.append(of_device[1].value)
        right.append(of_device[3].value)
        named = {figure.name: figure.value for figure in of_device}
        for part, found in ends.items():
            found.append(abs(named[_end_name(name, part)]))
    if not errors:
        raise Unfit(
            "文件中没有器件达到 0.05 Ω:没有可比较的寿命终点",
            "no device of the file reaches 0.05 Ohm: there is no end of life to compare with",
        )
    figures = [*_heads(errors, coverage, right, ends), *figures]
    figures += [
        Figure("80 % interval, lowest coverage of a device", float(np.min(coverage)), bar=0.75),
    ]
    facts = {
        "train_devices": list(train),
        "test_devices": [name for name in judged if name not in censored],
        "not judged, threshold never reached": censored,
        "minimum_history": MIN_RECORDS,
    }
    return Evaluation(LifeModel.model_id, _PROTOCOL, _GUARD, _INTERVALS, tuple(figures), facts)


def _heads(
    errors: list[float], coverage: list[float], right: list[float], ends: dict[float, list[float]]
) -> list[Figure]:
    """Means over the devices."""
    return [
        Figure("alpha_lambda", float(np.mean(right)), interval=of_mean(right, 0, 1)),
        Figure("mae", float(np.mean(errors)), "records", "less", interval=of_mean(errors, 0)),
        Figure("interval80_coverage", float(np.mean(coverage)), interval=of_mean(coverage, 0, 1)),
        *(
            Figure(
                f"end_of_life_error, absolute, at {part:.0%} of life",
                float(np.mean(found)),
                "%",
                "less",
                interval=of_mean(found, 0),
            )
            for part, found in ends.items()
        ),
    ]


def _end_name(device: str, part: float) -> str:
    return f"{device} end-of-life error at {part:.0%} of life"


def _distinct(devices: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """The devices that reached the threshold; a copy under another name would vouch for itself."""
    kept: list[NDArray[np.float64]] = []
    for delta in devices:
        if end_of_life(delta) is not None and not any(_same(other, delta) for other in kept):
            kept.append(delta)
    return kept


def _same(known: NDArray[np.float64], judged: NDArray[np.float64]) -> bool:
    """Whether two records begin alike, so that one is the other or a part of it."""
    rows = min(len(known), len(judged), _SAME)
    return bool(np.allclose(known[:rows], judged[:rows], atol=1e-7, equal_nan=True))


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
        figure
        for part in _LAMBDAS
        for figure in (
            Figure(
                f"{name} relative error at {part:.0%} of life",
                _relative(estimate.records, truth, part),
                better="less",
            ),
            Figure(
                _end_name(name, part),
                _end_error(estimate.records, truth, part),
                "%",
                "none",
            ),
        )
    ]
    return [
        Figure(f"{name} MAE", float(np.abs(life - left).mean()), "records", "less"),
        Figure(f"{name} 80 % interval, coverage", float(((low <= left) & (left <= high)).mean()), bar=0.75),
        Figure(f"{name} 80 % interval, mean width", float((high - low).mean()), "records", "less"),
        Figure(f"{name} share of records within 20 %", alpha_lambda(life, left)),
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


def _end_error(estimate: NDArray[np.float64], truth: NDArray[np.float64], part: float) -> float:
    """How much later than the true end the predicted one is, in % of the whole life."""
    record = int(part * len(truth))
    return float(100 * (estimate[record] - truth[record]) / len(truth))
