"""The bytes between sandbox and app: a JSON header and Arrow streams, in and out.

What comes back from an app is read by a JSON parser and a schema; its columns have one form only, which is
found without a decoder of native layouts (`tundish_platform.sdk.columns`).
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tundish_platform.samples import SampleKind, SignalInfo
from tundish_platform.sdk.columns import (
    ColumnError,
    ColumnHead,
    OutputColumn,
    check_column,
    decode_column,
    encode_column,
)
from tundish_platform.sdk.inputs import AppInputs
from tundish_platform.sdk.manifest import Manifest
from tundish_platform.sdk.records import RecordKind
from tundish_platform.sdk.screen import AppOutputs

if TYPE_CHECKING:
    from tundish_platform.sdk.screen import OutputValue

_LENGTH = struct.Struct("<Q")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ContractError(ValueError):
    """An app handed back something its manifest does not declare."""


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid")

    manifest: Manifest
    start: AwareDatetime
    end: AwareDatetime
    signals: tuple[SignalInfo, ...]
    parameters: dict[str, float | str]
    kinds: tuple[SampleKind, ...]
    mapping: dict[str, tuple[int, ...]] | None = None
    conversions: tuple[tuple[int, str, float, float], ...] = ()
    records: tuple[RecordKind, ...] = ()


def encode_inputs(inputs: AppInputs) -> bytes:
    """One window as bytes: header, then one Arrow IPC stream per kind of samples and of records."""
    header = _Header(
        manifest=inputs.manifest,
        start=inputs.start,
        end=inputs.end,
        signals=inputs.signals,
        parameters=dict(inputs.parameters),
        kinds=tuple(inputs.tables),
        mapping=None if inputs.mapping is None else dict(inputs.mapping),
        conversions=tuple((*place, *linear) for place, linear in inputs.conversions.items()),
        records=tuple(inputs.records),
    )
    tables = (*inputs.tables.values(), *inputs.records.values())
    parts = [header.model_dump_json().encode(), *(_stream(table) for table in tables)]
    return b"".join(piece for part in parts for piece in (_LENGTH.pack(len(part)), part))


def decode_inputs(data: bytes) -> AppInputs:
    """The window that `encode_inputs` wrote."""
    parts, position = [], 0
    while position < len(data):
        (length,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size
        parts.append(data[position : position + length])
        position += length
    header = _Header.model_validate_json(parts[0])
    read = [pa.ipc.open_stream(part).read_all() for part in parts[1:]]
    tables = dict(zip(header.kinds, read[: len(header.kinds)], strict=True))
    records = dict(zip(header.records, read[len(header.kinds) :], strict=True))
    conversions = {(signal, unit): (factor, offset) for signal, unit, factor, offset in header.conversions}
    return AppInputs(
        header.manifest, header.start, header.end, header.signals, tables, header.parameters,
        header.mapping, conversions, records,
    )  # fmt: skip


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    outputs: AppOutputs
    columns: Annotated[tuple[ColumnHead, ...], Field(max_length=64)] = ()


def encode_outputs(outputs: AppOutputs) -> bytes:
    """What an app hands back as bytes: a line of JSON, then one Arrow IPC stream for each column."""
    encoded = [encode_column(column) for column in outputs.columns]
    answer = _Answer(outputs=outputs, columns=tuple(head for head, _ in encoded))
    return b"".join([answer.model_dump_json().encode(), b"\n", *(data for _, data in encoded)])


def decode_outputs(data: bytes, manifest: Manifest) -> AppOutputs:
    """What `encode_outputs` wrote, from an app that nobody vouches for.

    Raises:
        ContractError: a column that the manifest does not declare, or that is none.
        ValidationError: the line is no answer.
    """
    line, _, rest = data.partition(b"\n")
    answer = _Answer.model_validate_json(line)
    kinds, columns, position = {output.key: output.kind for output in manifest.outputs}, [], 0
    for head in answer.columns:
        if head.output not in kinds:
            raise ContractError(f"{manifest.id} wrote {head.output!r}, which its manifest does not declare")
        part, position = rest[position : position + head.size], position + head.size
        try:
            told = decode_column(head, part, kinds[head.output])
        except ColumnError as error:
            raise ContractError(f"{manifest.id}: {error}") from error
        columns.append(told)
    if position != len(rest):
        raise ContractError(f"{manifest.id} handed back {len(rest)} bytes of columns and named {position}")
    return answer.outputs.model_copy(update={"columns": tuple(columns)})


def check_outputs(inputs: AppInputs, outputs: AppOutputs) -> None:
    """Refuse outputs that are undeclared, of another kind, outside the window, or twice at one instant.

    Raises:
        ContractError: names the first thing that is wrong.
    """
    manifest = inputs.manifest
    for value in outputs.values:
        _check_value(inputs, value)
    if len({(value.output, value.ts) for value in outputs.values}) < len(outputs.values):
        raise ContractError(f"{manifest.id} wrote an output twice for the same instant")
    written = [*{value.output for value in outputs.values}, *(column.output for column in outputs.columns)]
    if len(written) != len(set(written)):
        raise ContractError(f"{manifest.id} wrote an output in two columns, or as values and as a column")
    for column in outputs.columns:
        _check_column(inputs, column)
    reads = {i.key for i in manifest.inputs} | {wish.kind.value for wish in manifest.records}
    unknown = set(outputs.missing) - reads
    if unknown:
        raise ContractError(f"{manifest.id} misses inputs it never declared: {', '.join(sorted(unknown))}")
    documents = [(document.key, document.subject) for document in outputs.documents]
    unknown = {key for key, _ in documents} - {document.key for document in manifest.documents}
    if unknown or len(set(documents)) < len(documents):
        raise ContractError(f"{manifest.id} handed back a document twice, or one it never declared")


def _check_value(inputs: AppInputs, value: OutputValue) -> None:
    name = inputs.manifest.id
    output = next((o for o in inputs.manifest.outputs if o.key == value.output), None)
    if output is None:
        raise ContractError(f"{name} wrote {value.output!r}, which its manifest does not declare")
    if value.value is not None and isinstance(value.value, str) is not (output.kind == SampleKind.TEXT):
        raise ContractError(f"{name} declares {value.output!r} as {output.kind}")
    if not inputs.start <= value.ts <= inputs.end:
        raise ContractError(f"{name} wrote {value.output!r} for {value.ts}, outside the window it was given")


def _check_column(inputs: AppInputs, column: OutputColumn) -> None:
    name = inputs.manifest.id
    output = next((o for o in inputs.manifest.outputs if o.key == column.output), None)
    if output is None:
        raise ContractError(f"{name} wrote {column.output!r}, which its manifest does not declare")
    try:
        check_column(column)
    except ColumnError as error:
        raise ContractError(f"{name}: {error}") from error
    if column.kind is not output.kind:
        raise ContractError(f"{name} declares {column.output!r} as {output.kind}")
    # Times rise, so the first and the last tell where all lie.
    first, last = (column.ts[place].cast(pa.int64()).as_py() for place in (0, -1))
    if first < _micros(inputs.start) or last > _micros(inputs.end):
        raise ContractError(f"{name} wrote {column.output!r} outside the window it was given")


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
