"""Cycles of the hydraulic bench, devices and power pulses, from whatever files of their columns are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from tundish_analytics import tables
from tundish_analytics.condition.cycles import CYCLE_S
from tundish_analytics.evaluate.files import Unfit, columns_of, find_table, numbers, read_numbers, tables_in
from tundish_analytics.tables import (
    HYDRAULIC_COLUMNS,
    IGBT_SAMPLES,
    IGBT_SECONDS,
    LABEL_COLUMNS,
    HydraulicData,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_PROFILE: Final = "profile.txt"
_TIME: Final = ("cycle", "second")


def read_hydraulic(path: Path) -> HydraulicData:
    """Inspected cycles from tables of sensors and conditions, or from the seventeen published texts.

    Cycles that only one of the tables has, or whose condition is not known, are left out; seconds that a
    cycle lacks are unknown.

    Raises:
        Unfit: a table or column is missing, or no cycle has both sensors and condition.
    """
    folder = path if path.is_dir() else path.parent
    texts = next(iter(sorted(folder.rglob(_PROFILE))), None)
    if texts is not None and (path.is_dir() or path.suffix == ".txt"):
        return _of_texts(texts.parent)
    columns = [*_TIME, *HYDRAULIC_COLUMNS]
    sensors = numbers(find_table(path, columns), columns).dropna(subset=list(_TIME))
    wanted = ["cycle", *LABEL_COLUMNS]
    there = set(sensors["cycle"])
    found = find_table(path, wanted, lambda table: bool(there & set(table["cycle"])))
    profile = numbers(found, wanted).dropna().drop_duplicates("cycle")
    both = sorted(there & set(profile["cycle"]))
    if not both:
        raise Unfit(
            "没有一个循环同时有传感器数据和状态", "no cycle has both values of the sensors and a condition"
        )
    grid = pd.MultiIndex.from_product([both, range(_first(sensors), _first(sensors) + CYCLE_S)], names=_TIME)
    whole = sensors.drop_duplicates(list(_TIME)).set_index(list(_TIME)).reindex(grid).reset_index()
    return HydraulicData.from_tables(whole, profile[profile["cycle"].isin(both)])


def _first(sensors: pd.DataFrame) -> int:
    """Seconds count from 0 or from 1."""
    return int(sensors["second"].min())


def _of_texts(folder: Path) -> HydraulicData:
    """A row a cycle in each text; faster sensors as the mean of each second."""
    missing = [f"{name}.txt" for name in HYDRAULIC_COLUMNS if not (folder / f"{name}.txt").is_file()]
    if missing:
        raise Unfit(f"缺少文件:{', '.join(missing)}", f"{folder.name} has no {', '.join(missing)}")
    labels = read_numbers(folder / _PROFILE)[:, : len(LABEL_COLUMNS)]
    windows = np.empty((len(labels), CYCLE_S, len(HYDRAULIC_COLUMNS)))
    for number, name in enumerate(HYDRAULIC_COLUMNS):
        values = read_numbers(folder / f"{name}.txt")
        if len(values) != len(labels) or values.shape[1] % CYCLE_S:
            raise Unfit(
                f"{name}.txt 的行数或列数与 {_PROFILE} 不符",
                f"{name}.txt has not a row a cycle of {_PROFILE} and so many values a second",
            )
        windows[:, :, number] = values.reshape(len(labels), CYCLE_S, -1).mean(axis=2)
    return HydraulicData(
        windows, tuple(HYDRAULIC_COLUMNS.values()), labels, np.arange(len(labels), dtype=np.int64) * CYCLE_S
    )


def read_devices(path: Path) -> dict[str, NDArray[np.float64]]:
    """Change of on-resistance in Ohm per device; records without a number are left out.

    Raises:
        Unfit: a column is missing.
    """
    table = find_table(path, ["device", "dR"])
    order = numbers(table, ["i"])["i"] if "i" in table.columns else np.arange(len(table))
    known = numbers(table, ["dR"]).assign(device=table["device"].astype(str), i=order).dropna()
    return tables.devices_from_table(known)


def read_seconds(path: Path) -> NDArray[np.float64]:
    """Seconds of an IGBT run, as `tables.seconds_from_table` gives them, from samples or seconds.

    Raises:
        Unfit: a column is missing.
    """
    sampled = any(set(IGBT_SAMPLES) <= set(columns_of(file)) for file in tables_in(path))
    columns = IGBT_SAMPLES if sampled else IGBT_SECONDS
    values = numbers(find_table(path, columns), columns)
    if sampled:
        values = values.dropna(subset=["t_s"]).sort_values("t_s")
    return tables.seconds_from_table(values)
