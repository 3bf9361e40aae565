"""Raw rows for answers that have to fit in memory: read by stretches, and refused where they are too many."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.api.errors import Problem
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.query.queries import Queries
    from tundish_platform.tenancy import TenantScope

MAX_ROWS: Final = {"arrow": 5_000_000, "json": 100_000}
# Texts and waveforms make few rows large.
MAX_BYTES: Final = 256 * 1024 * 1024
MAX_READ: Final = 10_000_000

_ROWS_A_STRETCH: Final = 1_000_000
_MOST_STRETCHES: Final = 20_000
# Signals that are sent on events do not say how often; most come far less often than this.
_UNKNOWN_PERIOD_S: Final = 1.0
_US: Final = timedelta(microseconds=1)
_NUMBERS: Final = (SampleKind.NUMERIC, SampleKind.INTEGER)


def rows(
    telemetry: Queries,
    scope: TenantScope,
    signals: Sequence[SignalInfo],
    window: tuple[datetime, datetime],
    kind: SampleKind,
    form: str,
) -> pa.Table:
    """``signal, ts, value, status, arrival`` of a window, sorted by signal and time; refused if too many.

    Args:
        telemetry: where rows come from.
        scope: whose.
        signals: those of other kinds have no rows.
        window: start, and end outside.
        kind: of the rows.
        form: ``arrow`` or ``json``; says how many may be answered.
    """
    members = [s for s in signals if s.kind is kind]
    ids = [s.id for s in members]
    start, end = window
    stretch = reach_of(members)
    if end - start > stretch:
        end = heard_until(telemetry, scope, ids, start, end)
    if (end - start) / stretch > _MOST_STRETCHES:
        raise too_many(form)
    parts: list[pa.Table] = []
    count = size = 0
    while start < end or not parts:
        parts.append(telemetry.read(scope, ids, start, min(start + stretch, end), kind))
        start += stretch
        count, size = count + parts[-1].num_rows, size + parts[-1].nbytes
        if count > MAX_ROWS[form] or size > MAX_BYTES:
            raise too_many(form)
    if len(parts) == 1:
        return parts[0]
    return pa.concat_tables(parts).sort_by([("signal", "ascending"), ("ts", "ascending")])


def heard_until(
    telemetry: Queries, scope: TenantScope, ids: Sequence[int], start: datetime, end: datetime
) -> datetime:
    """The end, or right behind the newest sample if that comes before; never before the start."""
    newest = pc.max(telemetry.latest(scope, ids)["ts"]).as_py()
    return start if newest is None else max(start, min(end, newest + _US))


def require_few(
    telemetry: Queries, scope: TenantScope, signals: Sequence[SignalInfo], start_us: int, end_us: int
) -> None:
    """Refuse a question that would have to read more than `MAX_READ` raw numbers; rollups count them.

    Texts come on events and are not counted.
    """
    numbers = [s for s in signals if s.kind in _NUMBERS]
    counted = telemetry.aggregate(scope, numbers, np.array([[start_us, end_us]]))
    if (pc.sum(counted["count"]).as_py() or 0) > MAX_READ:
        raise Problem(
            422,
            f"More than {MAX_READ} samples would have to be read. Ask for a shorter window or fewer signals; "
            "a trend can be had with thinning=extremes.",
            f"需要读取的采样超过 {MAX_READ} 个。请缩短时间段或减少信号; 趋势可使用 thinning=extremes。",
            "too_many_rows",
        )


def reach_of(members: Sequence[SignalInfo]) -> timedelta:
    """How long the members need for so many rows as memory should hold at once."""
    per_second = sum(1 / (s.period_s or _UNKNOWN_PERIOD_S) for s in members) or 1.0
    return max(
        timedelta(seconds=1), min(timedelta(days=3_660), timedelta(seconds=_ROWS_A_STRETCH / per_second))
    )


def too_many(form: str) -> Problem:
    """The refusal of an answer that would be too large, to be raised."""
    most, size = MAX_ROWS[form], MAX_BYTES // 2**20
    return Problem(
        422,
        f"These are more than {most} rows or {size} MiB of format={form}. Ask for a shorter window or fewer "
        "signals, or take all of them as a file from /export.",
        f"超过 {most} 行或 {size} MiB (format={form})。请缩短时间段或减少信号, 或通过 /export 下载文件。",
        "too_many_rows",
    )
