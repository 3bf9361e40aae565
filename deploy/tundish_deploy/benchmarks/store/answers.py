"""Answers of two engines brought to one form and compared: a wrong fast answer fails the benchmark."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_deploy.benchmarks.store.engine import WrongRows

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_deploy.benchmarks.store.questions import Ask

POINTS: Final = 2000
# A chart keeps five samples of each.
BUCKETS: Final = POINTS // 5
_TOLERANCE: Final = 1e-9
_UNCERTAIN: Final = 1 << 30
_US: Final = timedelta(microseconds=1)
_BAD: Final = 2 << 30


def same(what: str, mine: pa.Table, theirs: pa.Table) -> None:
    """Compare two tables of the same columns, sorted alike.

    Raises:
        WrongRows: a value differs by more than rounding; it is named.
    """
    if mine.num_rows != theirs.num_rows:
        raise WrongRows(f"{what}: {mine.num_rows:,} rows, and {theirs.num_rows:,} from the peer")
    for name in theirs.column_names:
        ours, other = _numbers(mine[name]), _numbers(theirs[name])
        close = np.isclose(ours, other, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True)
        if not close.all():
            at = int(np.flatnonzero(~close)[0])
            row = mine.slice(at, 1).to_pylist()[0]
            raise WrongRows(
                f"{what}: {(~close).sum():,} of {len(close):,} values of {name} differ, the first "
                f"{ours[at]!r} from the peer's {other[at]!r} in {row}"
            )


def newest(_ask: Ask, mine: pa.Table, theirs: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The latest of each signal."""
    columns = ["signal", "ts", "value", "status"]
    return mine.select(columns).sort_by("signal"), theirs.select(columns)


def aggregates(ask: Ask, mine: pa.Table, theirs: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Windows in which anything is known; SQL has no rows for the others."""
    mine = mine.filter(pc.or_(pc.greater(mine["count"], 0), pc.greater(mine["completeness"], 0)))
    theirs = theirs.filter(pc.or_(pc.greater(theirs["count"], 0), pc.greater(theirs["completeness"], 0)))
    start = pc.cast(mine["start"], pa.int64()).to_numpy() - _micros(ask.start)
    end = pc.cast(mine["end"], pa.int64()).to_numpy() - _micros(ask.start)
    width = (end - start)[0] if len(start) else 1
    mine = mine.append_column("bucket", pa.array(start // width))
    columns = ["signal", "bucket", "mean", "min", "max", "count", "completeness"]
    order = [("signal", "ascending"), ("bucket", "ascending")]
    return mine.select(columns).sort_by(order), theirs.select(columns).sort_by(order)


def plain_windows(rows: pa.Table, start: datetime, width: timedelta) -> pa.Table:
    """Counts, lowest and highest good value by signal and window, from the rows themselves."""
    bucket = (pc.cast(rows["ts"], pa.int64()).to_numpy() - _micros(start)) // (width // _US)
    good = pc.if_else(pc.less(rows["status"], _UNCERTAIN), rows["value"], None)
    rows = pa.table({"signal": rows["signal"], "bucket": bucket, "value": rows["value"], "good": good})
    asked = [("good", "min"), ("good", "max"), ("value", "count")]
    found = rows.group_by(["signal", "bucket"]).aggregate(asked)
    found = found.rename_columns(["signal", "bucket", "min", "max", "count"])
    return found.sort_by([("signal", "ascending"), ("bucket", "ascending")])


def buckets_of_points(ask: Ask, mine: pa.Table, theirs: pa.Table) -> tuple[pa.Table, pa.Table]:
    """First, last, lowest and highest of each bucket, from a chart's points."""
    width = -(-((ask.end - ask.start) // _US) // BUCKETS)
    bucket = (pc.cast(mine["ts"], pa.int64()).to_numpy() - _micros(ask.start)) // width
    value = mine["value"].to_numpy()
    usable = mine["status"].to_numpy() < _BAD
    edges = np.flatnonzero(np.append(True, np.diff(bucket)))
    ends = np.append(edges[1:], len(bucket)) - 1
    low = np.minimum.reduceat(np.where(usable, value, np.inf), edges)
    high = np.maximum.reduceat(np.where(usable, value, -np.inf), edges)
    table = pa.table(
        {
            "bucket": bucket[edges],
            "first": value[edges],
            "last": value[ends],
            "min": np.where(np.isinf(low), np.nan, low),
            "max": np.where(np.isinf(high), np.nan, high),
        }
    )
    return table, theirs.select(table.column_names)


def extremes(_ask: Ask, mine: pa.Table, theirs: pa.Table) -> tuple[pa.Table, pa.Table]:
    """What a chart must show whatever its buckets are: first, last, lowest and highest of all."""
    value = mine["value"].to_numpy()
    usable = value[mine["status"].to_numpy() < _BAD]
    ours = {"first": [value[0]], "last": [value[-1]], "min": [usable.min()], "max": [usable.max()]}
    other = {
        "first": [theirs["first"][0].as_py()],
        "last": [theirs["last"][-1].as_py()],
        "min": [pc.min(theirs["min"]).as_py()],
        "max": [pc.max(theirs["max"]).as_py()],
    }
    return pa.table(ours), pa.table(other)


def cells(_ask: Ask, mine: pa.Table, theirs: pa.Table) -> tuple[pa.Table, pa.Table]:
    """A grid without its times; the peer's rows are in their order."""
    return mine.select(theirs.column_names), theirs


def _micros(when: datetime) -> int:
    return round(when.timestamp() * 1_000_000)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    found: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found
