"""Tables of the public sets, as CSV or Parquet, with a message that says what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence
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
