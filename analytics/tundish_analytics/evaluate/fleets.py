"""Fleets run to failure, from the files of the turbofan sets or of the same columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from tundish_analytics.evaluate.files import TABLES, TEXTS, Unfit, named, numbers, read_file, read_numbers
from tundish_analytics.life.trajectories import Trajectories

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

SETTINGS: Final = ("op1", "op2", "op3")
SENSORS: Final = tuple(f"s{number}" for number in range(1, 22))
COLUMNS: Final = ("unit", "cycle", *SETTINGS, *SENSORS)
LIFE: Final = "rul"
_NAME: Final = re.compile(r"(train|test|RUL)_(.+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fleet:
    """One set: units run to failure, units cut off before, and the life that those had left.

    Attributes:
        name: of the set, as its files are called.
        train: run to failure, or ``None`` where only units to be judged are given.
        test: cut off, or ``None``.
        left: true cycles left after the last row of each test unit, in the order of the units.
    """

    name: str
    train: Trajectories | None
    test: Trajectories | None = None
    left: NDArray[np.float64] | None = None


def read_fleets(path: Path) -> list[Fleet]:
    """The sets in a folder and the folders in it, or the one a file belongs to.

    ``train_X``, ``test_X`` and ``RUL_X`` belong together; a file with another name is taken for units run to
    failure. CSV or Parquet with `COLUMNS`, or the published text without a header.

    Raises:
        Unfit: there is no such file, a column is missing, or lives and test units differ in number.
    """
    if path.is_dir():
        names = {match[2] for file in _files(path) if (match := _NAME.fullmatch(file.stem))}
        if not names:
            raise Unfit(
                f"{path.name} 中没有 train_…、test_…、RUL_… 文件",
                f"{path.name} holds no files train_…, test_… and RUL_…",
            )
        return [_fleet(path, name) for name in sorted(names)]
    match = _NAME.fullmatch(path.stem)
    if match:
        return [_fleet(path.parent, match[2])]
    return [Fleet(path.stem, _trajectories(path))]


def _fleet(folder: Path, name: str) -> Fleet:
    found: dict[str, Path] = {}
    for file in _files(folder):
        match = _NAME.fullmatch(file.stem)
        if match and match[2] == name:
            found.setdefault(match[1].lower(), file)
    train, test, left = (found.get(part) for part in ("train", "test", "rul"))
    if test is None or left is None:
        if train is None:
            raise Unfit(
                f"{name} 既没有运行至失效的数据(train_{name}),也没有带寿命的测试数据",
                f"{name} has neither units run to failure (train_{name}) nor test units with lives",
            )
        return Fleet(name, _trajectories(train))
    cut = _trajectories(test)
    lives = _lives(left)
    if len(lives) != len(cut.units):
        raise Unfit(
            f"{left.name} 有 {len(lives)} 个寿命,{test.name} 有 {len(cut.units)} 台",
            f"{left.name} has {len(lives)} lives for {len(cut.units)} units of {test.name}",
        )
    return Fleet(name, None if train is None else _trajectories(train), cut, lives)


def _files(folder: Path) -> Iterable[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in TABLES | {".txt"})


def _trajectories(path: Path) -> Trajectories:
    if path.suffix.lower() in TEXTS:
        values = read_numbers(path)
        if values.shape[1] < len(COLUMNS):
            raise Unfit(f"{path.name} 少于 26 列", f"{path.name} has fewer than the 26 columns")
        table = pd.DataFrame(values[:, : len(COLUMNS)], columns=list(COLUMNS))
    else:
        table = named(read_file(path), COLUMNS)
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise Unfit(
            f"{path.name} 缺少列:{', '.join(missing)}", f"{path.name} has no column {', '.join(missing)}"
        )
    found = numbers(table, COLUMNS).dropna(subset=["unit", "cycle"]).sort_values(["unit", "cycle"])
    # A missing value is the unit's last one before it; before the first one it stays unknown.
    known = found.groupby("unit")[[*SETTINGS, *SENSORS]].ffill()
    known[list(SETTINGS)] = known[list(SETTINGS)].fillna(known[list(SETTINGS)].median())
    return Trajectories.from_table(found[["unit", "cycle"]].join(known), SETTINGS, SENSORS)


def _lives(path: Path) -> NDArray[np.float64]:
    if path.suffix.lower() in TEXTS:
        return read_numbers(path)[:, 0]
    table = named(read_file(path), [LIFE])
    column = LIFE if LIFE in table.columns else str(table.columns[-1])
    return numbers(table, [column])[column].to_numpy(np.float64)
