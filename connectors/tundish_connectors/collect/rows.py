"""From single values to batches of one kind."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

BAD_TYPE_MISMATCH = 0x80740000
BAD_OUT_OF_RANGE = 0x803C0000
_INT64 = 2**63
Row = tuple[int, int, Any, int]


def fit(kind: SampleKind, value: Any, status: int) -> tuple[Any, int]:  # noqa: ANN401 - whatever came
    """A value as its kind's column takes it; null with a bad status where it cannot be that."""
    if value is None:
        return None, status
    try:
        return _convert(kind, value), status
    except OverflowError:
        return None, BAD_OUT_OF_RANGE
    except (TypeError, ValueError):
        return None, BAD_TYPE_MISMATCH


def _convert(kind: SampleKind, value: Any) -> Any:  # noqa: ANN401 - whatever came
    if kind is SampleKind.TEXT:
        if not isinstance(value, str):
            raise TypeError
        # Half a surrogate pair is no text that could be encoded.
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, str):
        raise TypeError
    if kind is SampleKind.ARRAY:
        return [float(one) for one in value]
    if kind is SampleKind.INTEGER:
        whole = int(value)
        if isinstance(value, float) and not (math.isfinite(value) and value == whole):
            raise ValueError
        if not -_INT64 <= whole < _INT64:
            raise OverflowError
        return whole
    return float(value)


def value_batch(kind: SampleKind, rows: Sequence[Row], arrival: datetime, origin: Origin) -> SampleBatch:
    """Rows (signal number, source time in µs, value that fits the kind, status) as a batch."""
    schema = SCHEMAS[kind]
    signal, ts, value, status = zip(*rows, strict=True)
    columns = [
        pa.array(signal, pa.uint32()),
        pa.array(ts, pa.int64()).view(schema.field("ts").type),
        pa.array(value, schema.field("value").type),
        pa.array(status, pa.uint32()),
    ]
    return SampleBatch(kind, pa.Table.from_arrays(columns, schema=schema), arrival, origin)


def gap_batch(rows: Sequence[tuple[int, int, int, str]], arrival: datetime) -> SampleBatch:
    """Gap records (signal number, start and end in µs, reason) as a batch."""
    schema = SCHEMAS[SampleKind.GAP]
    signal, start, end, reason = zip(*rows, strict=True)
    columns = [
        pa.array(signal, pa.uint32()),
        pa.array(start, pa.int64()).view(schema.field("ts").type),
        pa.array(end, pa.int64()).view(schema.field("end").type),
        pa.array(reason, pa.string()),
    ]
    return SampleBatch(SampleKind.GAP, pa.Table.from_arrays(columns, schema=schema), arrival)
