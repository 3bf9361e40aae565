"""Recording of kit `igbt-ageing`: one IGBT on channel 1, MOSFETs one after the other on channel 2."""

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
    from numpy.typing import NDArray

HISTORY_S: Final = 3_600
PASS_S: Final = 7_200
STATE_S: Final = 60
DEVICES: Final = {PartName.HISTORY: (9, 11), PartName.LIVE: (12,)}

_COLUMNS: Final = {
    "vce_on": "PCT1/Channel1/VCEon",
    "current": "PCT1/Channel1/Current",
    "temperature": "PCT1/Channel1/PackageTemperature",
    "gate_current": "PCT1/Channel1/GateCurrent",
    "on_share": "PCT1/Channel1/OnShare",
}


def _present(path: str, values: NDArray[np.float64]) -> Channel:
    """A channel without the seconds in which the device did not conduct."""
    rows = np.flatnonzero(~np.isnan(values)).astype(np.int64)
    return Channel(path, SampleKind.NUMERIC, rows, values[rows])


def _state(path: str, busy_s: int, length_s: int) -> Channel:
    ts = np.union1d(np.arange(0, length_s, STATE_S), [busy_s] if busy_s < length_s else []).astype(np.int64)
    return Channel(path, SampleKind.TEXT, ts, texts(["Execute" if t < busy_s else "Complete" for t in ts]))


def _channel_1(part: PartName) -> Part:
    table = read_recording("igbt.parquet")
    table = table.slice(0, HISTORY_S) if part is PartName.HISTORY else table.slice(HISTORY_S)
    length = HISTORY_S if part is PartName.HISTORY else PASS_S
    voltages = [name for name in table.column_names if name.startswith("vce_") and name != "vce_on"]
    waveforms = np.column_stack([decimals(table[name]) for name in voltages])
    seconds = np.arange(table.num_rows, dtype=np.int64)
    channels = [_present(path, decimals(table[name])) for name, path in _COLUMNS.items()]
    channels.append(Channel("PCT1/Channel1/VCEWaveform", SampleKind.ARRAY, seconds, waveforms))
    channels.append(_state("PCT1/Channel1/State", table.num_rows, length))
    return Part("Channel1", tuple(channels), length)


def _channel_2(part: PartName) -> Part:
    table = read_recording("mosfet.parquet")
    device = table["device"].to_numpy()
    rows = np.concatenate([np.flatnonzero(device == number) for number in DEVICES[part]])
    device = device[rows]
    seconds = np.arange(len(rows), dtype=np.int64)
    length = len(rows) if part is PartName.HISTORY else PASS_S
    begins = np.flatnonzero(np.diff(device, prepend=-1) != 0).astype(np.int64)
    names = texts([f"MOSFET-{number:02d}" for number in device[begins]])
    channels = (
        Channel("PCT1/Channel2/DeltaRdsOn", SampleKind.NUMERIC, seconds, decimals(table["dR"])[rows]),
        Channel(
            "PCT1/Channel2/AgeCount",
            SampleKind.INTEGER,
            seconds,
            table["i"].to_numpy()[rows].astype(np.int64),
        ),
        Channel("PCT1/Channel2/DeviceId", SampleKind.TEXT, begins, names),
        _state("PCT1/Channel2/State", len(rows), length),
    )
    return Part("Channel2", channels, length)


def _build(part: PartName) -> tuple[Part, ...]:
    return (_channel_1(part), _channel_2(part))


IGBT_AGEING: Final = Recording(
    "igbt-ageing",
    _build,
    (Silence("PCT1/Channel1/GateCurrent", every_s=PASS_S, start_s=1_440, length_s=360),),
)
