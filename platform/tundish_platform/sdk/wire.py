"""The bytes between sandbox and app: a JSON header and Arrow streams in, JSON alone out.

What comes back from an app is read by a JSON parser and a schema only, never by a decoder of native layouts.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict

from tundish_platform.samples import SampleKind, SignalInfo
from tundish_platform.sdk.inputs import AppInputs
from tundish_platform.sdk.manifest import Manifest
from tundish_platform.sdk.records import RecordKind

if TYPE_CHECKING:
    from tundish_platform.sdk.screen import AppOutputs, OutputValue

_LENGTH = struct.Struct("<Q")


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


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
