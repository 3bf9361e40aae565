"""What a worker needs to read one tenant's published tables, and the reading."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo

_TIMESTAMP: Final = pa.timestamp("us", tz="UTC")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TenantTables:
    """One tenant's tables.

    Attributes:
        slug: the tenant's short name.
        place: its folder, or its URL on an object store, that every worker can read.
        signals: the tenant's signals, or those the job is about.
        options: for an object store, as delta-rs takes them.
        versions: of each table, once `pinned`.
    """

    slug: str
    place: str
    signals: tuple[SignalInfo, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[SampleKind, int] = field(default_factory=dict)

    def pinned(self) -> TenantTables:
        """The same at the tables' present versions, so that all tasks of a job read alike, repeated ones too.

        The files of a version stay for a day after they were replaced; a job must end within it.
        """
        kinds = {signal.kind for signal in self.signals} | {SampleKind.GAP}
        found = {
            kind: DeltaTable(self._uri(kind), storage_options=dict(self.options)).version()
            for kind in kinds
            if DeltaTable.is_deltatable(self._uri(kind), dict(self.options))
        }
        return replace(self, versions=found)

    def rows(self, kind: SampleKind, signals: Sequence[int], start: int | None, end: int) -> pa.Table:
        """Rows of some signals with ``start <= ts < end`` (µs since 1970), by signal and time, each once."""
        names = ["signal", "ts", "end"] if kind is SampleKind.GAP else ["signal", "ts", "value", "status"]
        if kind not in self.versions:
            return pa.table({name: pa.array([], pa.int64()) for name in names})
        table = DeltaTable(self._uri(kind), self.versions[kind], storage_options=dict(self.options))
        days = f"day <= '{_time(end):%Y-%m-%d}'"
        wanted = (pc.field("ts") < pa.scalar(end, _TIMESTAMP)) & pc.field("signal").isin(list(signals))
        if start is not None:
            days += f" AND day >= '{_time(start):%Y-%m-%d}'"
            wanted &= pc.field("ts") >= pa.scalar(start, _TIMESTAMP)
        found = table.to_pyarrow_dataset(file_pruning_predicate=days).to_table(columns=names, filter=wanted)
        return found.sort_by([("signal", "ascending"), ("ts", "ascending")])

    def _uri(self, kind: SampleKind) -> str:
        return f"{self.place.rstrip('/')}/{kind}"


def by_signal(table: pa.Table) -> dict[int, pa.Table]:
    """The rows of each signal of a table that is sorted by signal."""
    signals: NDArray[np.int64] = table["signal"].to_numpy()
    numbers, firsts, counts = np.unique(signals, return_index=True, return_counts=True)
    triples = zip(numbers.tolist(), firsts.tolist(), counts.tolist(), strict=True)
    return {number: table.slice(first, count) for number, first, count in triples}


def _time(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
