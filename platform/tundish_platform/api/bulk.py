"""Bulk telemetry: columns checked row by row against the tenant's signals, stored all or none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.api.errors import Problem
from tundish_platform.api.frames import refuse_compressed_stream
from tundish_platform.api.rowerrors import RowErrors
from tundish_platform.api.rowsjson import TIMESTAMP, tables_of_json
from tundish_platform.assets import numbers_by_path, signal_kinds
from tundish_platform.samples import SCHEMAS, CodecError, Origin, SampleBatch, SampleKind
from tundish_platform.store import Appended
from tundish_platform.store.rows import EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.tenancy import TenantScope

# A record of the log holds a batch; so many rows keep it well below what a record may have.
_ROWS_A_BATCH: Final = 500_000
_COLUMNS: Final = frozenset({"signal", "path", "ts", "value", "status"})
_KINDS: Final = (SampleKind.NUMERIC, SampleKind.INTEGER, SampleKind.TEXT, SampleKind.ARRAY)
_UNKNOWN: Final = -1
_MOST_STATUS: Final = 2**32 - 1
_FIRST_US, _LAST_US = (round((at - EARLIEST).total_seconds() * 1e6) for at in (EARLIEST, LATEST))


class _Part(NamedTuple):
    """Rows whose values have one type.

    Attributes:
        table: ``signal`` or ``path``, ``ts``, ``value``, ``status``.
        rows: their numbers in the body.
    """

    table: pa.Table
    rows: NDArray[np.int64]


def store_rows(
    context: PlatformContext, scope: TenantScope, body: bytes, form: str, origin: Origin
) -> Appended:
    """Store the samples of a body once they are durable; all or none.

    Args:
        context: the platform's parts.
        scope: with the permission to ingest.
        body: bytes.
        form: ``arrow`` or ``json``.
        origin: live, or imported history.

    Raises:
        Problem: which rows are wrong, and why.
        CodecError: the bytes are no Arrow stream.
    """
    found = [_of_arrow(body)] if form == "arrow" else tables_of_json(body)
    parts = [_Part(*one) for one in found if one[0].num_rows]
    wrong, arrival = RowErrors(), datetime.now(UTC)
    batches = list(_batches(context, scope, parts, wrong))
    if wrong:
        raise wrong.problem()
    sent = [
        SampleBatch(kind, table.slice(start, _ROWS_A_BATCH), arrival, origin)
        for kind, table in batches
        for start in range(0, table.num_rows, _ROWS_A_BATCH)
    ]
    return context.telemetry.append(scope, sent) if sent else Appended(0)


def _of_arrow(body: bytes) -> tuple[pa.Table, NDArray[np.int64]]:
    refuse_compressed_stream(body)
    try:
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CodecError(f"not an Arrow stream: {error}") from error
    names = table.column_names
    foreign = sorted(set(names) - _COLUMNS)
    if foreign or len(set(names)) < len(names) or not {"ts", "value"} <= set(names):
        raise _no_columns(f"has the columns {', '.join(names)[:300]}")
    if ("signal" in names) is ("path" in names):
        raise _no_columns("needs either signal or path")
    return table, np.arange(table.num_rows, dtype=np.int64)


def _batches(
    context: PlatformContext, scope: TenantScope, parts: Iterable[_Part], wrong: RowErrors
) -> Iterable[tuple[SampleKind, pa.Table]]:
    """Tables of each kind; rows that are wrong are told and left out."""
    for part in parts:
        signal = _signals(context, scope, part, wrong)
        columns = {
            "signal": signal,
            "ts": _times(part, wrong),
            "status": _statuses(part, wrong),
        }
        kinds = _kinds(context, scope, part, signal, wrong)
        for code in np.unique(kinds[kinds != _UNKNOWN]).tolist():
            mask = None if (kinds == code).all() else pa.array(kinds == code)
            value = _values(part, _KINDS[code], mask)
            if value is None:
                _other_kind(part, kinds == code, _KINDS[code], wrong)
            elif not wrong:
                kept = {name: one if mask is None else one.filter(mask) for name, one in columns.items()}
                yield (
                    _KINDS[code],
                    pa.table(kept | {"value": value})
                    .select(SCHEMAS[_KINDS[code]].names)
                    .cast(SCHEMAS[_KINDS[code]]),
                )


def _signals(context: PlatformContext, scope: TenantScope, part: _Part, wrong: RowErrors) -> pa.ChunkedArray:
    """Numbers of signals, 0 where there is none; 0 is nobody's."""
    if "path" not in part.table.column_names:
        column = part.table["signal"]
        if not pa.types.is_integer(column.type):
            raise _no_columns("needs whole numbers as signal")
        if _is_plain(column):
            return column
        numbers = column.cast(pa.int64(), safe=False).fill_null(-1)
        outside = pc.or_(pc.less(numbers, 0), pc.greater(numbers, _MOST_STATUS))
        _tell(outside, part, wrong, "signal", "is no number of a signal", "不是信号编号")
        return pc.if_else(outside, 0, numbers).cast(pa.uint32())
    column = part.table["path"]
    if not pa.types.is_string(column.type):
        raise _no_columns("needs texts as path")
    paths = [path for path in pc.unique(column).to_pylist() if path is not None]
    with context.metadata.session() as session:
        known = numbers_by_path(session, scope, paths)
    at = pc.index_in(column, value_set=pa.array(list(known), pa.string()))
    _tell(pc.is_null(at), part, wrong, "path", "is no signal's; declare it first", "没有对应信号, 请先声明")
    return pc.take(pa.array(list(known.values()), pa.uint32()), at).fill_null(0)


def _times(part: _Part, wrong: RowErrors) -> pa.ChunkedArray:
    column = part.table["ts"]
    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        raise _no_columns("needs timestamps with a time zone as ts")
    micros = column.cast(TIMESTAMP, safe=False).cast(pa.int64()).fill_null(-1)
    outside = pc.or_(pc.less(micros, _FIRST_US), pc.greater_equal(micros, _LAST_US))
    en = f"is absent or outside {EARLIEST:%Y} to {LATEST:%Y}; set the source's clock"
    _tell(outside, part, wrong, "ts", en, "为空或超出可存储的时间范围, 请校准时钟")
    return micros.cast(TIMESTAMP)


def _statuses(part: _Part, wrong: RowErrors) -> pa.ChunkedArray:
    if "status" not in part.table.column_names:
        return pa.chunked_array([pa.array(np.zeros(part.table.num_rows, dtype=np.uint32))])
    column = part.table["status"]
    if not pa.types.is_integer(column.type):
        raise _no_columns("needs whole numbers as status")
    if _is_plain(column):
        return column
    numbers = column.cast(pa.int64(), safe=False).fill_null(-1)
    outside = pc.or_(pc.less(numbers, 0), pc.greater(numbers, _MOST_STATUS))
    _tell(outside, part, wrong, "status", "is no StatusCode", "不是有效的状态码")
    return pc.if_else(outside, 0, numbers).cast(pa.uint32())


def _is_plain(column: pa.ChunkedArray) -> bool:
    """Whether the type itself says that each number is within bounds and none is absent."""
    return column.type == pa.uint32() and not column.null_count


def _kinds(
    context: PlatformContext, scope: TenantScope, part: _Part, signal: pa.ChunkedArray, wrong: RowErrors
) -> NDArray[np.int8]:
    """Place in `_KINDS` of each row's signal, `_UNKNOWN` where the tenant has no such signal."""
    with context.metadata.session() as session:
        known = signal_kinds(session, scope, pc.unique(signal).to_pylist())
    # Numbers are counted up from 1 in each tenant, so a table by number is small.
    table = np.full(max(known, default=0) + 2, _UNKNOWN, dtype=np.int8)
    for number, kind in known.items():
        table[number] = _KINDS.index(kind)
    kinds: NDArray[np.int8] = table[np.minimum(signal.to_numpy(), len(table) - 1)]
    en, zh = "is no signal of this tenant; declare it first", "没有此信号, 请先声明"
    wrong.add_where(kinds == _UNKNOWN, part.rows, "signal", en, zh)
    return kinds


def _values(part: _Part, kind: SampleKind, mask: pa.Array | None) -> pa.ChunkedArray | None:
    """The values as the kind keeps them; ``None`` where their type is another one."""
    column = part.table["value"]
    if not _fits(column.type, kind):
        return None
    if mask is not None:
        column = column.filter(mask)
    try:
        return column.cast(SCHEMAS[kind].field("value").type)
    except pa.ArrowInvalid as error:
        raise _no_columns(f"has values that {kind} samples cannot keep exactly ({error!s:.120})") from None


def _fits(found: pa.DataType, kind: SampleKind) -> bool:
    is_ = pa.types
    if is_.is_null(found):
        return True
    if kind is SampleKind.NUMERIC:
        return bool(is_.is_floating(found) or is_.is_integer(found) or is_.is_boolean(found))
    if kind is SampleKind.INTEGER:
        return bool(is_.is_integer(found))
    if kind is SampleKind.TEXT:
        return bool(is_.is_string(found))
    return bool(
        is_.is_list(found) and (is_.is_floating(found.value_type) or is_.is_integer(found.value_type))
    )


def _other_kind(part: _Part, mask: NDArray[np.bool_], kind: SampleKind, wrong: RowErrors) -> None:
    found = part.table["value"].type
    wrong.add_where(
        mask,
        part.rows,
        "value",
        f"is {found}, but the signal has {kind} samples",
        f"类型为 {found}, 而信号为 {kind}",
    )


def _tell(mask: pa.ChunkedArray, part: _Part, wrong: RowErrors, column: str, en: str, zh: str) -> None:
    if pc.any(mask).as_py():
        wrong.add_where(mask.to_numpy(), part.rows, column, en, zh)


def _no_columns(en: str) -> Problem:
    return Problem(
        400,
        f"Nothing was stored: the table {en}. Send signal or path, ts, value and, if you like, status.",
        f"未存储任何数据: 列不符合要求 ({en})。请发送 signal 或 path, ts, value 以及可选的 status。",
        "bad_columns",
    )
