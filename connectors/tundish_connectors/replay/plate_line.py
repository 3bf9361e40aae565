"""Recording of kit `plate-line`: inspected steel plates, one each 30 s, and an energy meter, each 900 s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_connectors.replay.recording import (
    Channel,
    Part,
    PartName,
    Recording,
    Silence,
    decimals,
    read_recording,
    texts,
)
from tundish_platform.samples import SampleKind
from tundish_platform.samples.kits import kit

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

PLATE_S: Final = 30
METER_S: Final = 900
DAY_S: Final = 86_400
HISTORY_DAYS: Final = 273  # January to September of the recorded year
HISTORY_SHARE: Final = 0.7
_SEED: Final = 198

_METER: Final = {
    "usage": "EM1/Meter/Usage",
    "reactive_lagging": "EM1/Meter/ReactiveLagging",
    "reactive_leading": "EM1/Meter/ReactiveLeading",
    "power_factor_lagging": "EM1/Meter/PowerFactorLagging",
}


def chosen_plates(part: PartName, classes: NDArray[np.object_]) -> NDArray[np.int64]:
    """Row numbers of a part's plates in the order of their play; shape ``(plates,)``.

    70 % of each class are history. The file is sorted by class, so both parts are shuffled, by a fixed seed.
    """
    generator = np.random.default_rng(_SEED)
    chosen = []
    for name in sorted(set(classes)):
        rows = generator.permutation(np.flatnonzero(classes == name))
        cut = round(HISTORY_SHARE * len(rows))
        chosen.append(rows[:cut] if part is PartName.HISTORY else rows[cut:])
    order: NDArray[np.int64] = generator.permutation(np.concatenate(chosen)).astype(np.int64)
    return order


def _feature_matrix(table: pa.Table, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    features = [name for name in table.column_names if name != "fault_class"]
    return np.column_stack([decimals(table[name], 4) for name in features])[rows]


def _plates(part: PartName) -> Part:
    table = read_recording("steel_plates.parquet")
    classes = texts(table["fault_class"].to_pylist())
    rows = chosen_plates(part, classes)
    ts = np.arange(len(rows), dtype=np.int64) * PLATE_S
    matrix = _feature_matrix(table, rows)
    # The kit lists the features in the order of the published data set.
    features = [spec.path for spec in kit("plate-line").signals if spec.semantic.startswith("defect.")]
    results = [Channel(path, SampleKind.NUMERIC, ts, matrix[:, index]) for index, path in enumerate(features)]
    others = (
        Channel("SIS1/Result/FeatureVector", SampleKind.ARRAY, ts, matrix),
        Channel("SIS1/Tracking/PlateId", SampleKind.TEXT, ts, texts([f"SP{row + 1:04d}" for row in rows])),
        Channel("SIS1/Tracking/State", SampleKind.TEXT, ts, texts(["Execute"] * len(rows))),
        # A person classifies the plate while the next one is inspected.
        Channel("SIS1/Inspection/FaultClass", SampleKind.TEXT, ts, classes[rows], at=ts + PLATE_S),
    )
    return Part("SIS1", (*results, *others), (len(rows) + 1) * PLATE_S)


def _meter(part: PartName) -> Part:
    table = read_recording("steel_energy.parquet")
    cut = HISTORY_DAYS * DAY_S // METER_S
    import_kwh = np.round(np.cumsum(decimals(table["usage"], 2)), 2)
    rows = slice(0, cut) if part is PartName.HISTORY else slice(cut, None)
    count = len(import_kwh[rows])
    # The set stamps each interval with its end.
    ts = (np.arange(count, dtype=np.int64) + 1) * METER_S
    grown = float(import_kwh[-1] - import_kwh[cut - 1])
    words = [word.replace("_", " ") for word in table["load_type"].to_pylist()[rows]]
    measured = [
        Channel(path, SampleKind.NUMERIC, ts, decimals(table[name], 2)[rows]) for name, path in _METER.items()
    ]
    channels = (
        Channel("EM1/Meter/ActiveImport", SampleKind.NUMERIC, ts, import_kwh[rows], per_pass=grown),
        *measured,
        Channel("EM1/Meter/LoadType", SampleKind.TEXT, ts, texts(words)),
    )
    return Part("EM1", channels, count * METER_S, day_aligned=True)


def _build(part: PartName) -> tuple[Part, ...]:
    return (_plates(part), _meter(part))


PLATE_LINE: Final = Recording(
    "plate-line",
    _build,
    # Three hours of each day of the play, from its sixth hour on.
    (Silence("EM1/Meter/PowerFactorLagging", every_s=DAY_S, start_s=21_600, length_s=10_800),),
)
