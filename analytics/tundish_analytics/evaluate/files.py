"""Tables of the public sets, however they were saved, with a message that says what is missing."""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from pyarrow import ArrowInvalid
from pyarrow.parquet import read_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

TABLES: Final = frozenset({".csv", ".parquet", ".pq"})
TEXTS: Final = frozenset({".txt", ".dat"})
_SEPARATORS: Final = (",", ";", "\t")
_opened: ContextVar[list[Path] | None] = ContextVar("opened", default=None)


class Unfit(ValueError):  # noqa: N818 - says what is wrong with the data
    """The data given cannot be judged; the reason in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{en} / {zh}")
        self.zh, self.en = zh, en


@contextmanager
def opened() -> Iterator[list[Path]]:
    """The files that are read meanwhile, for their digest."""
    paths: list[Path] = []
    token = _opened.set(paths)
    try:
        yield paths
    finally:
        _opened.reset(token)


def digest(paths: Sequence[Path]) -> str:
    """SHA-256 over the contents of the files, each once, whatever they are called and wherever they lie."""
    sums = sorted({hashlib.sha256(path.read_bytes()).hexdigest() for path in paths})
    return hashlib.sha256("".join(sums).encode()).hexdigest() if len(sums) != 1 else sums[0]


def note(path: Path) -> Path:
    """Say that a file is read."""
    if (paths := _opened.get()) is not None:
        paths.append(path)
    return path


def read_file(path: Path) -> pd.DataFrame:
    """The table at ``path``: Parquet, or CSV with commas, semicolons or tabs, with or without a byte mark.

    Raises:
        Unfit: it cannot be read as a table.
    """
    note(path)
    if path.suffix.lower() not in TABLES | TEXTS:
        raise Unfit(f"{path.name} 不是 CSV 或 Parquet 文件", f"{path.name} is no CSV or Parquet file")
    with _readable(path):
        table = pd.read_parquet(path) if _is_parquet(path) else _read_text(path)
    return table.rename(columns=lambda name: str(name).strip())


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
        UnicodeDecodeError,
        OSError,
        ArrowInvalid,
    ) as error:
        raise Unfit(f"{path.name} 无法读取", f"{path.name} cannot be read: {error}") from error


def read_numbers(path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The numbers of a text without a header, separated by blanks or tabs."""
    note(path)
    try:
        return np.asarray(pd.read_csv(path, sep=r"\s+", header=None), dtype=np.float64)
    except (ValueError, pd.errors.ParserError) as error:
        raise Unfit(f"{path.name} 不全是数字", f"{path.name} does not hold numbers alone") from error


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in {".parquet", ".pq"}


def _read_text(path: Path, rows: int | None = None) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig") as file:
        head, first = file.readline(), file.readline()
    separator = max(_SEPARATORS, key=head.count)
    comma = separator != "," and re.search(r"\d,\d", first) is not None
    return pd.read_csv(path, sep=separator, decimal="," if comma else ".", encoding="utf-8-sig", nrows=rows)


def columns_of(path: Path) -> list[str]:
    """Names of a table's columns, read without its rows."""
    with _readable(path):
        names = read_schema(path).names if _is_parquet(path) else _read_text(path, rows=0).columns
    return [str(name).strip() for name in names]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def named(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The table with the columns called as the set calls them, where only case, blanks or dots differ."""
    there = {_plain(str(name)): name for name in table.columns}
    other = {there[_plain(c)]: c for c in columns if c not in table.columns and _plain(c) in there}
    return table.rename(columns=other)


def tables_in(path: Path) -> list[Path]:
    """The file itself, or every CSV and Parquet file of the folder and the folders in it."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in TABLES)


def find_tables(path: Path, columns: Sequence[str]) -> dict[str, pd.DataFrame]:
    """All tables with these columns, by their path below `path`; the rows as they are.

    Raises:
        Unfit: there is none; says what the most similar one lacks.
    """
    found: dict[str, pd.DataFrame] = {}
    lacking: dict[str, list[str]] = {}
    for file in tables_in(path):
        there = {_plain(name) for name in columns_of(file)}
        missing = [column for column in columns if _plain(column) not in there]
        if missing:
            lacking[file.name] = missing
        else:
            name = file.name if path.is_file() else file.relative_to(path).as_posix()
            found[name] = named(read_file(file), columns)
    if not found:
        raise _nothing(path, lacking)
    return found


def _nothing(path: Path, lacking: dict[str, list[str]]) -> Unfit:
    if not lacking:
        return Unfit(f"{path.name} 中没有 CSV 或 Parquet 文件", f"{path.name} holds no CSV or Parquet file")
    name = min(lacking, key=lambda file: len(lacking[file]))
    missing = ", ".join(lacking[name])
    return Unfit(f"{name} 缺少列:{missing}", f"{name} has no column {missing}")


def find_table(
    path: Path, columns: Sequence[str], suits: Callable[[pd.DataFrame], bool] | None = None
) -> pd.DataFrame:
    """The rows of all tables with these columns, one table after the other; none twice.

    Args:
        path: file or folder.
        columns: that a table must have.
        suits: whether a table is wanted; given that, the files beside a file are looked at as well.

    Raises:
        Unfit: none is found.
    """
    found = list(find_tables(path.parent if suits and path.is_file() else path, columns).values())
    wanted = [table for table in found if suits is None or suits(table)]
    if not wanted:
        raise Unfit(
            f"{path.name} 中没有匹配的表(列:{', '.join(columns)})",
            f"{path.name} holds no table that belongs to it with the columns {', '.join(columns)}",
        )
    return wanted[0] if len(wanted) == 1 else pd.concat(wanted, ignore_index=True).drop_duplicates()


def numbers(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The columns as numbers; what is no number is NaN.

    Raises:
        Unfit: a column holds not one number.
    """
    values = table[list(columns)].apply(pd.to_numeric, errors="coerce").astype(np.float64)
    finite: pd.DataFrame = values.where(np.isfinite(values))
    empty = [str(name) for name in columns if not finite[name].notna().any()]
    if empty:
        raise Unfit(f"列中没有数字:{', '.join(empty)}", f"no number in column {', '.join(empty)}")
    return finite
