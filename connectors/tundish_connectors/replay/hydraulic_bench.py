"""Recording of kit `hydraulic-bench`: 60-s load cycles with known condition of four components."""

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

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

CYCLE_S: Final = 60

_SENSORS: Final = {
    **{f"PS{n}": f"HPU1/Circuit/Pressure{n}" for n in range(1, 7)},
    **{f"FS{n}": f"HPU1/Circuit/Flow{n}" for n in (1, 2)},
    **{f"TS{n}": f"HPU1/Tank/Temperature{n}" for n in range(1, 5)},
    "EPS1": "HPU1/Motor/ActivePower",
    "VS1": "HPU1/Pump/Vibration",
    "CE": "HPU1/Cooler/Efficiency",
    "CP": "HPU1/Cooler/Power",
    "SE": "HPU1/Circuit/EfficiencyFactor",
}
# A float32 carries seven digits, of which a power in watts needs four before the point.
_DIGITS: Final = {"EPS1": 3}
_LABELS: Final = {
    "cooler": "HPU1/Inspection/Cooler",
    "valve": "HPU1/Inspection/Valve",
    "pump_leak": "HPU1/Inspection/PumpLeakage",
    "accumulator": "HPU1/Inspection/Accumulator",
}


def block_numbers(profile: pa.Table) -> NDArray[np.int64]:
    """Number of the condition block that each recorded cycle belongs to; shape ``(cycles,)``.

    A block ends where the condition of a component changes or the recorded cycles jump.
    """
    conditions = np.column_stack([profile[name].to_numpy() for name in _LABELS])
    cycle = profile["cycle"].to_numpy()
    begins = np.any(np.diff(conditions, axis=0) != 0, axis=1) | (np.diff(cycle) != 1)
    return np.concatenate([[0], np.cumsum(begins)]).astype(np.int64)


def chosen_cycles(part: PartName, profile: pa.Table) -> NDArray[np.bool_]:
    """Which recorded cycles belong to a part: even blocks are history, odd ones live; shape ``(cycles,)``."""
    odd: NDArray[np.bool_] = block_numbers(profile) % 2 == 1
    return odd if part is PartName.LIVE else ~odd


def _sensors(table: pa.Table, rows: NDArray[np.bool_]) -> list[Channel]:
    ts = np.arange(int(rows.sum()), dtype=np.int64)
    return [
        Channel(path, SampleKind.NUMERIC, ts, decimals(table[name], _DIGITS.get(name, 5))[rows])
        for name, path in _SENSORS.items()
    ]


def _cycle_channels(profile: pa.Table, chosen: NDArray[np.bool_], first_count: int) -> list[Channel]:
    cycles = int(chosen.sum())
    start = np.arange(cycles, dtype=np.int64) * CYCLE_S
    end = start + CYCLE_S - 1
    counts = np.arange(first_count, first_count + cycles, dtype=np.int64)
    labels = [
        Channel(path, SampleKind.NUMERIC, end, profile[name].to_numpy()[chosen].astype(np.float64))
        for name, path in _LABELS.items()
    ]
    return [
        Channel("HPU1/Bench/CycleCount", SampleKind.INTEGER, start, counts, per_pass=cycles),
        Channel("HPU1/Bench/State", SampleKind.TEXT, start, texts(["Execute"] * cycles)),
        *labels,
    ]


def _build(part: PartName) -> tuple[Part, ...]:
    table = read_recording("hydraulic.parquet")
    profile = read_recording("hydraulic_profile.parquet")
    chosen = chosen_cycles(part, profile)
    cycles = int(chosen.sum())
    first_count = 1 if part is PartName.HISTORY else len(chosen) - cycles + 1
    sensors = _sensors(table, np.repeat(chosen, CYCLE_S))
    pressure = next(channel for channel in sensors if channel.path.endswith("Pressure1"))
    end = np.arange(cycles, dtype=np.int64) * CYCLE_S + CYCLE_S - 1
    profile_channel = Channel(
        "HPU1/Bench/PressureProfile", SampleKind.ARRAY, end, pressure.values.reshape(cycles, CYCLE_S)
    )
    channels = (*sensors, *_cycle_channels(profile, chosen, first_count), profile_channel)
    return (Part("HPU1", channels, cycles * CYCLE_S),)


HYDRAULIC_BENCH: Final = Recording(
    "hydraulic-bench",
    _build,
    # A quarter of an hour every four hours, the first one hour after the start.
    (Silence("HPU1/Cooler/Power", every_s=14_400, start_s=3_600, length_s=900),),
)
