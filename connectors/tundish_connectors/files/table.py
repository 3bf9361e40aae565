"""`PathTable`: rows whose signals are still named by path, before the tenant gave them numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class PathTable:
    """Columns ``path dictionary<string>, ts timestamp[us, UTC], value, status u32``.

    Attributes:
        kind: what the values are; never a gap.
        table: the rows; `value` has the type of the kind's schema in `SCHEMAS`.
    """

    kind: SampleKind
    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def present(self) -> set[str]:
        """The paths that have rows."""
        return set(pc.unique(self.table["path"]).to_pylist())

    def batch(self, ids: Mapping[str, int], arrival: datetime) -> SampleBatch:
        """The rows as a batch that the store takes, marked as imported.

        Args:
            ids: the tenant's numbers of the signals.
            arrival: when the rows were read (UTC).

        Raises:
            KeyError: a path has no number.
        """
        # Encoded anew, because a filtered table's dictionary may name paths that have no rows in it.
        column = self.table["path"].cast(pa.string()).dictionary_encode().combine_chunks()
        numbers = np.array([ids[path] for path in column.dictionary.to_pylist()], dtype=np.uint32)
        others = (self.table[name] for name in ("ts", "value", "status"))
        columns = [pa.array(numbers[column.indices.to_numpy()]), *others]
        table = pa.table(columns, schema=SCHEMAS[self.kind])
        return SampleBatch(self.kind, table, arrival, Origin.IMPORT)
