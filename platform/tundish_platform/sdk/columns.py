"""Outputs as columns: the values of one output at many instants, and their one form as an Arrow stream.

What an app sends is never read by a decoder of Arrow's metadata. Its length and the places of its columns
follow from a few whole numbers (Arrow columnar format, "Encapsulated message format"); the columns are taken
from there, checked, and written again: bytes in any other form than the writer's own are refused.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_TS: Final = pa.timestamp("us", tz="UTC")
_TYPES: Final = {SampleKind.NUMERIC: pa.float64(), SampleKind.TEXT: pa.string()}
_MESSAGE: Final = struct.Struct("<II")
_ALIGNED: Final = 8
_EIGHT: Final = 8
_FOUR: Final = 4
LONGEST_TEXT: Final = 4_000


class ColumnError(ValueError):
    """A column that is not what its place asks for."""


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """Values of one declared output, for apps that hand back more than a few.

    Attributes:
        output: key of the output in the manifest.
        ts: source times they stand for, ``timestamp[us, UTC]``, rising.
        value: as many, ``double`` or ``string``; null where the app could not tell.
    """

    output: str
    ts: pa.Array
    value: pa.Array

    @property
    def kind(self) -> SampleKind:
        """Of the output that it fits."""
        return SampleKind.TEXT if self.value.type == pa.string() else SampleKind.NUMERIC

    def __len__(self) -> int:
        return len(self.ts)


def output_column(
    output: str, times: NDArray[np.datetime64] | Sequence[Any], values: NDArray[np.float64] | Sequence[Any]
) -> OutputColumn:
    """A column from arrays or lists, shape ``(n,)`` each.

    Args:
        output: key in the manifest.
        times: rising, UTC; ``datetime64`` or aware ``datetime``.
        values: numbers, where NaN means that the app could not tell, or texts, where None does.

    Raises:
        ColumnError: of another length each, not rising, infinite, too long, or neither numbers nor texts.
    """
    try:
        column = column_of(output, times, values)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ColumnError(f"{output} is neither numbers nor texts: {error}") from error
    check_column(column)
    return column


def column_of(
    output: str, times: NDArray[np.datetime64] | Sequence[Any], values: NDArray[np.float64] | Sequence[Any]
) -> OutputColumn:
    """As `output_column`, of what was checked elsewhere."""
    if isinstance(times, np.ndarray):
        times = pa.array(times.astype("datetime64[us]"))
    texts = not isinstance(values, np.ndarray) and any(isinstance(one, str) for one in values)
    value = pa.array(values, _TYPES[SampleKind.TEXT if texts else SampleKind.NUMERIC], from_pandas=True)
    return OutputColumn(output, pa.array(times, _TS), value)


def check_column(column: OutputColumn) -> None:
    """Refuse what no column may hold, whatever the manifest says.

    Raises:
        ColumnError: names the first thing that is wrong.
    """
    name, ts, value = column.output, column.ts, column.value
    if not len(ts) or len(ts) != len(value):
        raise ColumnError(f"{name} has {len(ts)} times and {len(value)} values; it needs as many, and some")
    if ts.type != _TS or value.type not in _TYPES.values() or ts.null_count:
        raise ColumnError(f"{name} has columns {ts.type} and {value.type}, or a time that is none")
    if (np.diff(ts.to_numpy().astype(np.int64)) <= 0).any():
        raise ColumnError(f"the times of {name} do not rise")
    if column.kind is SampleKind.TEXT:
        if (pc.max(pc.utf8_length(value)).as_py() or 0) > LONGEST_TEXT:
            raise ColumnError(f"{name} has a text of more than {LONGEST_TEXT} characters")
    elif not np.isfinite(value.drop_null().to_numpy()).all():
        raise ColumnError(f"{name} has a number that is not finite")


class ColumnHead(BaseModel):
    """What is to be known of a column before its bytes are looked at; the sender says it.

    Attributes:
        rows, nulls: values, and nulls among them.
        texts: bytes of all its texts together, UTF-8; 0 for numbers.
        size: bytes of the stream.
    """

    model_config = ConfigDict(extra="forbid")

    output: Annotated[str, Field(max_length=60)]
    rows: Annotated[int, Field(ge=1, lt=2**31)]
    nulls: Annotated[int, Field(ge=0)]
    texts: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=1)]


def encode_column(column: OutputColumn) -> tuple[ColumnHead, bytes]:
    """A column as an Arrow IPC stream of one batch ``ts, value``, which any Arrow reader reads."""
    data, texts = _stream(column.ts, column.value), 0
    if column.kind is SampleKind.TEXT:
        texts = pc.sum(pc.binary_length(column.value)).as_py() or 0
    nulls = column.value.null_count
    head = ColumnHead(output=column.output, rows=len(column), nulls=nulls, texts=texts, size=len(data))
    return head, data


def decode_column(head: ColumnHead, data: bytes, kind: SampleKind) -> OutputColumn:
    """The column in a stream that nobody vouches for.

    Args:
        head: as the sender says.
        data: in the form of `encode_column`.
        kind: as the manifest declares the output.

    Raises:
        ColumnError: it is not that, or in another form.
    """
    places = _places(head, data, kind)
    times, valid, *rest = (pa.py_buffer(data[start:end]) for start, end in places)
    try:
        ts = pa.Array.from_buffers(_TS, head.rows, [None, times])
        value = pa.Array.from_buffers(_TYPES[kind], head.rows, [valid if head.nulls else None, *rest])
        value.validate(full=True)
    except (pa.ArrowInvalid, ValueError) as error:
        raise ColumnError(f"{head.output} holds no column: {error}") from error
    if _stream(ts, value) != data:
        raise ColumnError(f"{head.output} comes in another form than an Arrow stream of its times and values")
    column = OutputColumn(head.output, ts, value)
    check_column(column)
    return column


def _places(head: ColumnHead, data: bytes, kind: SampleKind) -> list[tuple[int, int]]:
    """Where times, bitmap of nulls and values lie; an empty place for what is left out."""
    start = len(_schema(_TYPES[kind]).serialize().to_pybytes())
    if len(data) < start + _MESSAGE.size:
        raise ColumnError(f"{head.output} ends before it begins")
    _, metadata = _MESSAGE.unpack_from(data, start)
    position = start + _MESSAGE.size + metadata
    sizes = [_EIGHT * head.rows, -(-head.rows // 8) if head.nulls else 0]
    sizes += [_FOUR * (head.rows + 1), head.texts] if kind is SampleKind.TEXT else [_EIGHT * head.rows]
    places = []
    for size in sizes:
        places.append((position, position + size))
        position += -(-size // _ALIGNED) * _ALIGNED
    if position > len(data):
        raise ColumnError(f"{head.output} is shorter than its values")
    return places


def _schema(value: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field("ts", _TS, nullable=False), pa.field("value", value)])


def _stream(ts: pa.Array, value: pa.Array) -> bytes:
    schema, sink = _schema(value.type), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch([ts, value], schema=schema))
    return bytes(sink.getvalue())
