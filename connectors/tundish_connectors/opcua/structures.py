"""Structures of a server's own types: their fields, and a field's value out of the bytes.

The definition comes from the data type's DataTypeDefinition attribute (OPC 10000-3, 8.48); bodies are decoded
here (OPC 10000-6, 5.2.6), so that nothing is registered in asyncua's process-wide tables.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.common.utils import Buffer, NotEnoughData
from asyncua.ua.ua_binary import (
    extensionobject_from_binary,
    nodeid_from_binary,
    struct_from_binary,
    unpack_uatype,
    variant_from_binary,
)
from asyncua.ua.uaerrors import UaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_I32 = struct.Struct("<i")
_U32 = struct.Struct("<I")
MOST_FIELDS = 64
MOST_ELEMENTS = 16


class StructureError(ValueError):
    """The bytes do not fit the structure's definition."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a structure.

    Attributes:
        built_in: number of the built-in type that its data type comes down to; 22 for a structure, 29 for an
            enumeration.
        array: whether the field is an array.
        optional: whether the field may be left out.
        enum: texts by number, for enumerations.
        nested: definition of a field that is itself a structure.
    """

    name: str
    built_in: int
    array: bool = False
    optional: bool = False
    enum: dict[int, str] | None = None
    nested: Structure | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """A structure's definition: its fields in the order of the wire."""

    name: str
    kind: ua.StructureType
    fields: tuple[Field, ...]

    def leaves(self, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Field]]:
        """The fields that are no structures themselves, with their names from the outside in."""
        for field in self.fields:
            if field.nested is not None and not field.array:
                yield from field.nested.leaves((*above, field.name))
            else:
                yield (*above, field.name), field


@dataclass(frozen=True, slots=True)
class FieldOf:
    """Picks one field's value out of a structure's.

    Attributes:
        structure: definition of the whole.
        names: the field's names from the outside in.
        element: which element, where the variable holds an array of structures.
    """

    structure: Structure
    names: tuple[str, ...]
    element: int | None = None

    def __call__(self, value: object) -> Any:  # noqa: ANN401 - any built-in type of OPC UA
        """The field's value; None where it, or the whole, is absent.

        Raises:
            StructureError: the value is no such structure.
        """
        if self.element is not None:
            if not isinstance(value, list):
                raise StructureError("no array of structures")
            value = value[self.element] if self.element < len(value) else None
        if value is None:
            return None
        found: Any = value
        if isinstance(value, ua.ExtensionObject):
            found = unpack(self.structure, value.Body or b"")
        for name in self.names:
            if found is None:
                return None
            if not isinstance(found, dict) and not hasattr(found, name):
                raise StructureError(f"{type(found).__name__} has no field {name}")
            found = found[name] if isinstance(found, dict) else getattr(found, name)
        return found


def unpack(structure: Structure, body: bytes) -> dict[str, Any]:
    """The values of all fields by name; absent optional ones are None.

    Raises:
        StructureError: the bytes are torn or of another structure.
    """
    buffer = Buffer(body)
    try:
        return _unpack(structure, buffer)
    except (struct.error, NotEnoughData, UaError, ValueError, IndexError, TypeError) as error:
        raise StructureError(f"{structure.name}: {error}") from error


def _unpack(structure: Structure, buffer: Buffer) -> dict[str, Any]:
    if structure.kind == ua.StructureType.Union:
        (chosen,) = _U32.unpack(buffer.read(4))
        return {
            field.name: _field(field, buffer) if at == chosen else None
            for at, field in enumerate(structure.fields, start=1)
        }
    present = -1
    if structure.kind == ua.StructureType.StructureWithOptionalFields:
        (present,) = _U32.unpack(buffer.read(4))
    values: dict[str, Any] = {}
    bit = 1
    for field in structure.fields:
        here = not field.optional or bool(present & bit)
        bit <<= field.optional
        values[field.name] = _field(field, buffer) if here else None
    return values


def _field(field: Field, buffer: Buffer) -> Any:  # noqa: ANN401 - any built-in type of OPC UA
    if not field.array:
        return _scalar(field, buffer)
    (length,) = _I32.unpack(buffer.read(4))
    if length > len(buffer):
        raise StructureError(f"{field.name}: {length} elements in {len(buffer)} bytes")
    return [_scalar(field, buffer) for _ in range(length)] if length >= 0 else None


def _scalar(field: Field, buffer: Buffer) -> Any:  # noqa: ANN401 - any built-in type of OPC UA
    if field.nested is not None:
        return _unpack(field.nested, buffer)
    read = _READERS.get(field.built_in)
    return read(buffer) if read else unpack_uatype(ua.VariantType(field.built_in), buffer)


_READERS: dict[int, Callable[[Buffer], Any]] = {
    17: nodeid_from_binary,
    18: nodeid_from_binary,
    22: extensionobject_from_binary,
    23: lambda buffer: struct_from_binary(ua.DataValue, buffer),
    # A field of an abstract type carries its own type: BaseDataType, Number, Integer, UInteger.
    **dict.fromkeys((24, 26, 27, 28), lambda buffer: variant_from_binary(buffer).Value),
    29: lambda buffer: _I32.unpack(buffer.read(4))[0],
}
