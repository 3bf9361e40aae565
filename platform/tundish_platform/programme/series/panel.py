"""Facts of many enterprises and months as columns."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

# Shares; everything else is a count.
_SHARES: Final = ("good_share", "alert_share")
FACTS: Final = (
    "uscc_valid", "industry_set", "region_set", "subscriptions", "sources", "users", "user_bins",
    "machine_bins", "machines", "lines", "good_share", "apps", "app_bins", "alerts", "alerts_handled",
    "alert_share",
)  # fmt: skip
SCHEMA: Final = pa.schema(
    [("enterprise", pa.int32()), *((f, pa.float64() if f in _SHARES else pa.int32()) for f in FACTS)]
)


@dataclass(frozen=True, slots=True)
class Panel:
    """Facts by enterprise and month.

    Attributes:
        enterprises: their numbers, rising, shape ``(n,)``.
        months: without a hole, the oldest first; m of them.
        present: shape ``(n, m)``; whether the enterprise was on the register when the month was frozen.
        facts: by name, shape ``(n, m)``; 0 where absent.
    """

    enterprises: NDArray[np.int32]
    months: tuple[str, ...]
    present: NDArray[np.bool_]
    facts: Mapping[str, NDArray[np.float64] | NDArray[np.int32]]

    def windows(self, row: int, column: int) -> list[dict[str, float]]:
        """What the rule is applied to at the end of a month: its facts and those before, the newest first."""
        found = []
        for back in range(column, -1, -1):
            if not self.present[row, back]:
                break
            found.append({name: of[row, back].item() for name, of in self.facts.items()})
        return found


def table_of(numbers: Sequence[int], facts: Sequence[Mapping[str, float]]) -> pa.Table:
    """One month's facts as a table, by enterprise; a fact that is not named is 0."""
    order = np.argsort(np.asarray(numbers, np.int64), kind="stable")
    columns = [pa.array([numbers[i] for i in order], pa.int32())]
    columns += [
        pa.array([facts[i].get(field.name, 0) for i in order], field.type) for field in list(SCHEMA)[1:]
    ]
    return pa.table(columns, schema=SCHEMA)


def packed(table: pa.Table) -> bytes:
    """A month's table as Parquet: the same facts give the same bytes under one version of the writer."""
    sink = io.BytesIO()
    pq.write_table(table.cast(SCHEMA), sink, compression="zstd")
    return sink.getvalue()


def unpacked(content: bytes) -> pa.Table:
    """The table of `packed`."""
    return pq.read_table(io.BytesIO(content))


def panel_of(months: Sequence[str], tables: Sequence[pa.Table], wanted: Sequence[str] = FACTS) -> Panel:
    """Months put beside each other.

    Args:
        months: without a hole, the oldest first.
        tables: one a month, of `SCHEMA`, by enterprise.
        wanted: facts that are needed.
    """
    keys = [table.column("enterprise").to_numpy() for table in tables]
    known = np.unique(np.concatenate(keys)) if keys else np.empty(0, np.int32)
    shape = (len(known), len(months))
    present = np.zeros(shape, np.bool_)
    facts: dict[str, NDArray[np.float64] | NDArray[np.int32]] = {
        name: np.zeros(shape, np.float64) if name in _SHARES else np.zeros(shape, np.int32) for name in wanted
    }
    for column, (key, table) in enumerate(zip(keys, tables, strict=True)):
        rows = np.searchsorted(known, key)
        present[rows, column] = True
        for name, of in facts.items():
            of[rows, column] = table.column(name).to_numpy()
    return Panel(known.astype(np.int32), tuple(months), present, facts)
