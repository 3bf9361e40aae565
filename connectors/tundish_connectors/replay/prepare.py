"""Makes the shipped recordings out of the published data sets: ``prepare.py <folder of sets> <target>``.

Needed only when a recording is made anew; nothing at run time reads the original sets. The folder holds one
folder per set, each with the Parquet copies named in `recordings/README.md`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from numpy.typing import NDArray

ON_CURRENT_A = 7.0
SAMPLES_PER_SECOND = 20
FAULT_CLASSES = ("Pastry", "Z_Scratch", "K_Scatch", "Stains", "Dirtiness", "Bumps", "Other_Faults")


def _write(table: pa.Table, target: Path) -> None:
    floats = [f.name for f in table.schema if pa.types.is_float32(f.type)]
    others = [f.name for f in table.schema if f.name not in floats]
    pq.write_table(
        table,
        target,
        compression="zstd",
        compression_level=19,
        use_dictionary=others,
        use_byte_stream_split=floats,
        row_group_size=1_000_000,
        store_schema=False,
    )


def hydraulic(source: Path, target: Path) -> None:
    """ZeMA: one row a second, and one row a cycle with the condition of the four components."""
    folder = source / "hydraulic_zema" / "compact"
    _write(pq.read_table(folder / "hydraulic_1hz__dev.parquet"), target / "hydraulic.parquet")
    profile = pq.read_table(folder / "profile__dev.parquet")
    small = pa.table({name: profile[name].cast(pa.int16()) for name in profile.column_names})
    _write(small, target / "hydraulic_profile.parquet")


def _on_mean(values: NDArray[np.float64], on: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Mean of each second's on-state samples, NaN where it has none. Shapes ``(seconds, samples)``."""
    count = on.sum(axis=1)
    total = np.where(on, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def igbt(source: Path, target: Path) -> None:
    """NASA IGBT: 20 Hz brought to one row a second; the second's collector voltage is kept as a waveform."""
    table = pq.read_table(source / "igbt_nasa_dc_gate" / "compact" / "igbt__dev.parquet")
    seconds = table.num_rows // SAMPLES_PER_SECOND
    names = ("Package Temp", "Collector Current", "Collector Voltage", "Gate Current")
    columns = {
        name: table[name].to_numpy()[: seconds * SAMPLES_PER_SECOND].astype(np.float64).reshape(seconds, -1)
        for name in names
    }
    current, voltage = columns["Collector Current"], columns["Collector Voltage"]
    on = current > ON_CURRENT_A
    result: dict[str, pa.Array] = {
        "vce_on": pa.array(_on_mean(voltage, on), from_pandas=True),
        "current": pa.array(_on_mean(current, on), from_pandas=True),
        "gate_current": pa.array(_on_mean(columns["Gate Current"] * 1000.0, on), from_pandas=True),
        "temperature": pa.array(columns["Package Temp"].mean(axis=1).astype(np.float32)),
        "on_share": pa.array(on.mean(axis=1).astype(np.float32)),
    }
    for index in range(SAMPLES_PER_SECOND):
        result[f"vce_{index:02d}"] = pa.array(voltage[:, index].astype(np.float32))
    _write(pa.table(result), target / "igbt.parquet")


def mosfet(source: Path, target: Path) -> None:
    """NASA MOSFET: change of the on-resistance, record by record, of three devices."""
    table = pq.read_table(source / "mosfet_nasa_rdson" / "compact" / "mosfet__dev.parquet")
    small = pa.table(
        {"device": table["device"].cast(pa.int16()), "i": table["i"].cast(pa.int32()), "dR": table["dR"]}
    )
    _write(small, target / "mosfet.parquet")


def plates(source: Path, target: Path) -> None:
    """Steel plates: 27 features and the class as one word instead of seven columns."""
    table = pq.read_table(source / "steel_plates_faults" / "compact" / "steel_plates_faults.parquet")
    flags = np.column_stack([table[name].to_numpy() for name in FAULT_CLASSES])
    if not bool((flags.sum(axis=1) == 1).all()):
        raise ValueError("a plate has no class or two; the file is not the published set")
    words = np.array([name.replace("Scatch", "Scratch") for name in FAULT_CLASSES])[flags.argmax(axis=1)]
    features = table.drop_columns(list(FAULT_CLASSES))
    _write(features.append_column("fault_class", pa.array(words.tolist())), target / "steel_plates.parquet")


def energy(source: Path, target: Path) -> None:
    """Steel industry energy: the metered columns; CO2 and calendar columns follow from them and stay out."""
    table = pq.read_table(source / "steel_industry_energy" / "compact" / "steel_industry_energy.parquet")
    names = {
        "Usage_kWh": "usage",
        "Lagging_Current_Reactive.Power_kVarh": "reactive_lagging",
        "Leading_Current_Reactive_Power_kVarh": "reactive_leading",
        "Lagging_Current_Power_Factor": "power_factor_lagging",
        "Load_Type": "load_type",
    }
    kept = pa.table({new: table[old] for old, new in names.items()})
    _write(kept, target / "steel_energy.parquet")


def main() -> None:
    """Read both folders from the command line and write every recording."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    for step in (hydraulic, igbt, mosfet, plates, energy):
        step(arguments.source, arguments.target)


if __name__ == "__main__":
    main()
