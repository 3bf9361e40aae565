"""Columns that an app might forge: each is an Arrow stream that a trusting reader takes."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_platform.sdk import OutputColumn
from tundish_platform.sdk.columns import encode_column

if TYPE_CHECKING:
    from collections.abc import Sequence

_AT: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)
_TS: Final = pa.timestamp("us", tz="UTC")
_ABSENT_ROWS: Final = 2**28
_MUCH: Final = 1_000
_MARK: Final = "mark"


@dataclass(frozen=True, slots=True)
class Forged:
    """A line of JSON and a stream behind it.

    Attributes:
        stream: what a reader of Arrow is given.
        rows: that the line tells of.
    """

    name: str
    output: str
    stream: bytes
    rows: int = 1
    nulls: int = 0
    texts: int = 0
    behind: bytes = b""

    @property
    def answer(self) -> bytes:
        """All of it as an app would send it."""
        head = {
            "output": self.output, "rows": self.rows, "nulls": self.nulls, "texts": self.texts,
            "size": len(self.stream),
        }  # fmt: skip
        line = json.dumps({"outputs": {}, "columns": [head]}).encode()
        return line + b"\n" + self.stream + self.behind

    def taken(self) -> bool:
        """Whether a reader that trusts it takes the stream, or makes room for the rows it is told of."""
        if self.rows == _ABSENT_ROWS:
            return np.empty(self.rows).nbytes > _MUCH * len(self.answer)
        return bool(pa.ipc.open_stream(self.stream).read_all().num_rows)


def forged_columns() -> tuple[Forged, ...]:
    """The list."""
    number = _number([1.0])
    word = encode_column(OutputColumn("words", _times(1), pa.array([_MARK])))[1]
    # The last of two offsets: where the text ends.
    end = word.rindex(_MARK.encode()) - 4
    far, before = _with(word, end, b"\xff\xff\xff\x7f"), _with(word, end, b"\xfc\xff\xff\xff")
    packed = pa.ipc.IpcWriteOptions(compression="zstd")
    return (
        Forged("a text that ends far behind its bytes", "words", far, texts=4),
        Forged("a text that ends before it begins", "words", before, texts=4),
        Forged("a text that is none", "words", word.replace(_MARK.encode(), b"\xff\xfe\xfd\xfc"), texts=4),
        Forged("a column with a number that is none", "number", _number([float("nan")])),
        Forged("a column with a number without end", "number", _number([float("inf")])),
        Forged("a column of times that fall", "number", _number([1.0, 2.0], [1, 0]), rows=2),
        Forged("a column of one time twice", "number", _number([1.0, 2.0], [0, 0]), rows=2),
        Forged("a column behind the window", "number", _number([1.0], [10**9])),
        Forged("a column of an output it never declared", "forged", number),
        Forged("texts where the column is of numbers", "number", word, texts=4),
        Forged("numbers where the column is of texts", "words", number),
        Forged("rows that are not there", "number", number, rows=_ABSENT_ROWS),
        Forged("nulls that are not there", "number", number, nulls=1),
        Forged("bytes behind the columns", "number", number, behind=b"\x00" * 8),
        Forged("a column that was compressed", "number", _written(options=packed)),
        Forged("a column with words of its own", "number", _written(metadata={"pandas": "x"})),
        Forged("a column that unpacks to rows without end", "number", _endless(), rows=1),
    )  # fmt: skip


def _number(values: Sequence[float], seconds: Sequence[int] = (0,)) -> bytes:
    return encode_column(OutputColumn("number", _times(*seconds), pa.array(values)))[1]


def _times(*seconds: int) -> pa.Array:
    at = np.datetime64(_AT.replace(tzinfo=None), "us")
    return pa.array(at + np.array(seconds, "timedelta64[s]")).cast(_TS)


def _with(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def _written(options: pa.ipc.IpcWriteOptions | None = None, metadata: dict[str, str] | None = None) -> bytes:
    schema = pa.schema([pa.field("ts", _TS, nullable=False), ("value", pa.float64())], metadata=metadata)
    return _streamed([_times(0), pa.array([1.0])], schema, options)


def _endless() -> bytes:
    rows = pa.RunEndEncodedArray.from_arrays(pa.array([_ABSENT_ROWS], pa.int32()), pa.array([1.0]))
    return _streamed([rows], pa.schema([("value", rows.type)]))


def _streamed(
    arrays: Sequence[pa.Array], schema: pa.Schema, options: pa.ipc.IpcWriteOptions | None = None
) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        writer.write_batch(pa.record_batch(list(arrays), schema=schema))
    return sink.getvalue()
