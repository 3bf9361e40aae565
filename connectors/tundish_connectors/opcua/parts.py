"""From variables to what can be stored of them: a plain value as it stands, a structure as its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from tundish_connectors.opcua.structures import MOST_ELEMENTS, MOST_FIELDS, FieldOf
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_connectors.opcua.browse import FoundVariable
    from tundish_connectors.opcua.describe import Description

_KIND_OF_TYPE: dict[int, SampleKind] = {
    **dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 10, 11, 26), SampleKind.NUMERIC),
    **dict.fromkeys((8, 9, 27, 28), SampleKind.INTEGER),
    **dict.fromkeys((12, 13, 14, 20, 21, 29), SampleKind.TEXT),
}
_COUNTABLE = {SampleKind.NUMERIC, SampleKind.INTEGER}
_MOMENTS = {ObjectIds.DateTime, ObjectIds.UtcTime}


@dataclass(frozen=True, slots=True)
class Part:
    """What one signal is made of.

    Attributes:
        path: on the server; a structure's field stands behind its variable.
        kind: how its values are stored; None where they cannot be.
        why: the reason, where they cannot be.
        state: a text that holds until the next one, and no moment in time.
        pick: takes the value out of a structure.
    """

    path: str
    display: str
    kind: SampleKind | None
    why: str = ""
    state: bool = False
    enum: dict[int, str] | None = None
    pick: FieldOf | None = None


def parts_of(variable: FoundVariable, description: Description) -> Iterator[Part]:
    """The parts of a variable; one without a kind, and the reason, where nothing can be stored."""
    if description.data_type == ObjectIds.Structure:
        yield from _fields(variable, description)
        return
    kind, data_type = _kind(description)
    yield Part(
        variable.path,
        variable.display,
        kind,
        "" if kind else "a data type that cannot be stored",
        # A moment told as text is nothing a machine can be in.
        state=kind is SampleKind.TEXT and data_type not in _MOMENTS,
        enum=description.enum,
    )


def _fields(variable: FoundVariable, description: Description) -> Iterator[Part]:
    structure = description.structure
    if structure is None:
        why = "a structure whose fields the server does not describe"
        yield Part(variable.path, variable.display, None, why)
        return
    elements: list[int | None] = [None]
    if description.rank >= 0 or isinstance(description.value, list):
        elements = list(range(len(description.value or [])))
    leaves = list(structure.leaves())
    if len(leaves) > MOST_FIELDS or len(elements) > MOST_ELEMENTS or not elements:
        why = f"{len(elements)} structures of {len(leaves)} fields; at most {MOST_ELEMENTS} of {MOST_FIELDS}"
        yield Part(variable.path, variable.display, None, why)
        return
    for element in elements:
        for names, field in leaves:
            place = names if element is None else (str(element), *names)
            kind = _KIND_OF_TYPE.get(field.built_in)
            if field.array:
                kind = SampleKind.ARRAY if kind in _COUNTABLE else None
            yield Part(
                "/".join((variable.path, *place)),
                " ".join((variable.display, *place)),
                kind,
                "" if kind else "a field of a type that cannot be stored",
                state=kind is SampleKind.TEXT and field.built_in not in _MOMENTS,
                enum=field.enum,
                pick=FieldOf(structure, names, element),
            )


def _kind(description: Description) -> tuple[SampleKind | None, int | None]:
    data_type = description.data_type
    if data_type is None or data_type == ObjectIds.BaseDataType:
        data_type = _type_of_value(description.value)
    kind = _KIND_OF_TYPE.get(data_type or 0)
    if description.rank >= 0 or (description.rank != -1 and isinstance(description.value, list)):
        return (SampleKind.ARRAY if kind in _COUNTABLE else None), data_type
    return kind, data_type


def _type_of_value(value: object) -> int | None:
    if isinstance(value, list):
        value = value[0] if value else None
    for python_type, data_type in ((bool, 1), (int, 8), (float, 11), (str, 12), (ua.LocalizedText, 21)):
        if isinstance(value, python_type):
            return data_type
    return None
