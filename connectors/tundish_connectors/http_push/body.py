"""What a request says: rows from JSON or from an Arrow stream."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from tundish_platform.samples import GOOD, SampleKind

JSON: Final = "application/json"
ARROW: Final = "application/vnd.apache.arrow.stream"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATUS = 2**32
# Years 1970 to 9999.
_LATEST_US = 253_402_300_800_000_000


class BodyError(ValueError):
    """The request's body cannot be used; the message says why, in both languages."""


@dataclass(frozen=True, slots=True)
class PushedRow:
    """One value: path below the device, source time in µs since 1970, status code."""

    path: str
    ts_us: int
    value: Any
    status: int

    @property
    def kind(self) -> SampleKind:
        """As the value itself shows; whole numbers are numeric, so that a later 1.5 fits."""
        if isinstance(self.value, str):
            return SampleKind.TEXT
        return SampleKind.ARRAY if isinstance(self.value, list) else SampleKind.NUMERIC


def read_body(content_type: str, body: bytes, arrival_us: int, most_rows: int) -> list[PushedRow]:
    """The rows of a body.

    Args:
        content_type: JSON or an Arrow stream.
        body: of JSON ``{"values": [{"path", "value", "ts"?, "status"?}, …]}``; ``ts`` is ISO 8601 with a zone
            or milliseconds since 1970, the arrival if absent. Of Arrow columns ``path``, ``ts`` with a zone,
            ``value`` and, if wanted, ``status``.
        arrival_us: when it came.
        most_rows: bound.

    Raises:
        BodyError: it cannot be used; nothing of it was.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        rows = _from_json(body, arrival_us, most_rows)
    elif kind == ARROW:
        rows = _from_arrow(body, most_rows)
    else:
        raise BodyError(f"send {JSON} or {ARROW} / 请发送 {JSON} 或 {ARROW}")
    for row in rows:
        if not 0 <= row.ts_us < _LATEST_US:
            raise BodyError(
                f"{row.path}: the time is not between 1970 and 9999 / 时间不在 1970 至 9999 年之间"
            )
    return rows


def _from_json(body: bytes, arrival_us: int, most_rows: int) -> list[PushedRow]:
    try:
        values = json.loads(body)["values"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BodyError('the body is not {"values": […]} / 请求体不是 {"values": […]}') from error
    if not isinstance(values, list) or len(values) > most_rows:
        raise BodyError(f"values is a list of {most_rows} rows at most / values 是列表,最多 {most_rows} 行")
    return [_row(value, arrival_us) for value in values]


def _row(value: Any, arrival_us: int) -> PushedRow:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(value, dict) or not isinstance(value.get("path"), str) or "value" not in value:
        raise BodyError("a row needs path and value / 每行需要 path 和 value")
    status = value.get("status", GOOD)
    if not isinstance(status, int) or isinstance(status, bool) or not 0 <= status < _STATUS:
        raise BodyError(f"{value['path']}: status is an OPC UA code / status 应为 OPC UA 状态码")
    return PushedRow(value["path"], _moment(value, arrival_us), value["value"], status)


def _moment(value: dict[str, Any], arrival_us: int) -> int:
    ts = value.get("ts")
    if ts is None:
        return arrival_us
    if isinstance(ts, int | float) and not isinstance(ts, bool) and abs(ts) < _LATEST_US:
        return round(ts * 1000)
    try:
        moment = datetime.fromisoformat(ts)
        if moment.tzinfo is not None:
            return (moment - _EPOCH) // timedelta(microseconds=1)
    except (TypeError, ValueError, OverflowError):
        pass
    raise BodyError(
        f"{value['path']}: ts is ISO 8601 with a zone or milliseconds since 1970 / "
        "ts 应为带时区的 ISO 8601 时间或毫秒数"
    )


def _from_arrow(body: bytes, most_rows: int) -> list[PushedRow]:
    try:
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            rows = 0
            batches = []
            for batch in reader:
                rows += batch.num_rows
                if rows > most_rows:
                    raise BodyError(f"{most_rows} rows at most / 最多 {most_rows} 行")
                batches.append(batch)
            table = pa.Table.from_batches(batches, reader.schema)
        table.validate(full=True)
        ts = table["ts"]
        if (
            not pa.types.is_timestamp(ts.type)
            or ts.type.tz is None
            or ts.null_count
            or table["path"].null_count
        ):
            raise BodyError(
                "path and ts are needed in each row, ts with a zone / 每行需要 path 和带时区的 ts"
            )
        moments = ts.cast(pa.timestamp("us", tz="UTC"), safe=False).cast(pa.int64()).to_pylist()
        paths = table["path"].cast(pa.string()).to_pylist()
        status = (
            table["status"].cast(pa.uint32()).to_pylist() if "status" in table.column_names else [GOOD] * rows
        )
        values = table["value"].to_pylist()
    except (pa.ArrowException, KeyError, OSError) as error:
        raise BodyError(f"the body is no such Arrow stream ({error}) / 请求体不是所需的 Arrow 流") from error
    return [
        PushedRow(path, moment, value, GOOD if code is None else code)
        for path, moment, value, code in zip(paths, moments, values, status, strict=True)
    ]
