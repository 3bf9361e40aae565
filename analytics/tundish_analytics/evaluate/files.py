"""Tables of the public sets, as CSV or Parquet, with a message that says what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pyarrow.parquet import read_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """The table at ``path`` (``.csv`` or ``.parquet``).

    Raises:
        ValueError: a column is missing.
    """
    table = pd.read_csv(path) if path.suffix.lower() == ".csv" else pd.read_parquet(path)
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{path.name} has no column {', '.join(missing)}")
    return table


def find_table(
    path: Path, columns: Sequence[str], suits: Callable[[pd.DataFrame], bool] | None = None
) -> pd.DataFrame:
    """The table with these columns: the file itself, or the first such file of a folder.

    Args:
        path: file or folder, ``.csv`` or ``.parquet``.
        columns: that it must have.
        suits: whether it is the one wanted; given that, the files beside a file are looked at as well.

    Raises:
        ValueError: none is found.
    """
    folder = path if path.is_dir() else path.parent
    others = sorted(file for file in folder.iterdir() if file.suffix.lower() in {".csv", ".parquet"})
    files = others if path.is_dir() else [path, *others] if suits else [path]
    for file in files:
        if set(columns) <= set(_columns(file)):
            table = read_table(file, columns)
            if suits is None or suits(table):
                return table
    raise ValueError(f"{path.name} holds no table with the columns {', '.join(columns)}")


def _columns(file: Path) -> list[str]:
    if file.suffix.lower() == ".csv":
        return list(pd.read_csv(file, nrows=0).columns)
    return list(read_schema(file).names)
