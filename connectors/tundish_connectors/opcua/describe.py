"""Reads what a server says of its variables: types, names, units, ranges, texts of enumerations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from tundish_connectors.opcua.browse import browse_nodes
from tundish_connectors.opcua.structures import Field, Structure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.opcua.batching import Batching
    from tundish_connectors.opcua.browse import FoundVariable
    from tundish_connectors.opcua.session import RawSession

_PROPERTIES = {"EURange", "EngineeringUnits"}
_MAX_SUPERTYPES = 16
_BUILT_IN_LIMIT = 29
_MAX_NESTING = 8
_ANY_STRUCTURE = ua.NodeId(ua.Int32(ObjectIds.Structure))


@dataclass(slots=True)
class Description:
    """What is known of a variable.

    Attributes:
        data_type: id of the built-in or abstract type of namespace 0 it comes down to; None if unknown.
        rank: value rank; -1 scalar, 0 and more arrays, others undecided.
        value: the present value; None where it was bad or null.
        status: why the variable cannot be read, ``""`` where it can.
        enum: texts by number, for enumerations.
        structure: fields, for structures whose type the server describes.
    """

    data_type: int | None = None
    rank: int = -1
    value: Any = None
    status: str = ""
    range: ua.Range | None = None
    unit: ua.EUInformation | None = None
    enum: dict[int, str] | None = None
    type_node: ua.NodeId = field(default_factory=ua.NodeId)
    structure: Structure | None = None


class Describer:
    """Reads descriptions in bounded calls; types are looked up once."""

    def __init__(self, session: RawSession, browse: Batching, read: Batching) -> None:
        self._session = session
        self._browse = browse
        self._read = read
        self._types: dict[ua.NodeId, int | None] = {}
        self._enums: dict[ua.NodeId, dict[int, str] | None] = {}
        self._structures: dict[ua.NodeId, Structure | None] = {}

    async def describe(self, variables: Sequence[FoundVariable]) -> list[Description]:
        """A description per variable, in order.

        Raises:
            asyncua.ua.UaError: the server refuses to be read.
            OSError: the connection is gone.
        """
        nodes = [variable.node_id for variable in variables]
        descriptions = [Description() for _ in nodes]
        types = await self.read_all(nodes, AttributeIds.DataType)
        ranks = await self.read_all(nodes, AttributeIds.ValueRank)
        values = await self.read_all(nodes, AttributeIds.Value)
        for one, data_type, rank, value in zip(descriptions, types, ranks, values, strict=True):
            _fill(one, data_type, rank, value)
        await self._properties(nodes, descriptions)
        for one in descriptions:
            one.data_type = await self._built_in(one.type_node)
            if one.data_type == ObjectIds.Enumeration:
                one.enum = await self._enum(one.type_node)
            elif one.data_type == ObjectIds.Structure:
                one.structure = await self._structure(one.type_node)
        return descriptions

    async def read_all(self, nodes: Sequence[ua.NodeId], attribute: AttributeIds) -> list[ua.DataValue]:
        """One attribute of many nodes."""

        async def call(part: Sequence[ua.NodeId]) -> list[ua.DataValue]:
            parameters = ua.ReadParameters()
            parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
            parameters.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=attribute) for node in part]
            return await self._session.read(parameters)

        return await self._read.run(nodes, call)

    async def _properties(self, nodes: Sequence[ua.NodeId], descriptions: list[Description]) -> None:
        async def call(part: Sequence[ua.NodeId]) -> list[ua.BrowseResult]:
            return await browse_nodes(self._session, part, ObjectIds.HasProperty)

        found: list[tuple[Description, str, ua.NodeId]] = []
        for one, result in zip(descriptions, await self._browse.run(nodes, call), strict=True):
            for reference in result.References or []:
                if reference.BrowseName.Name in _PROPERTIES:
                    node = reference.NodeId
                    plain = ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)
                    found.append((one, str(reference.BrowseName.Name), plain))
        values = await self.read_all([node for _, _, node in found], AttributeIds.Value)
        for (one, name, _), data in zip(found, values, strict=True):
            value = data.Value.Value if data.Value else None
            if name == "EURange" and isinstance(value, ua.Range):
                one.range = value
            elif name == "EngineeringUnits" and isinstance(value, ua.EUInformation):
                one.unit = value

    async def _built_in(self, data_type: ua.NodeId) -> int | None:
        if data_type not in self._types:
            self._types[data_type] = await self._walk_up(data_type)
        return self._types[data_type]

    async def _walk_up(self, data_type: ua.NodeId) -> int | None:
        for _ in range(_MAX_SUPERTYPES):
            if data_type.NamespaceIndex == 0 and 1 <= int(data_type.Identifier) <= _BUILT_IN_LIMIT:
                return int(data_type.Identifier)
            results = await browse_nodes(
                self._session, [data_type], ObjectIds.HasSubtype, ua.BrowseDirection.Inverse
            )
            references = results[0].References if results else None
            if not references:
                return None
            above = references[0].NodeId
            data_type = ua.NodeId(above.Identifier, above.NamespaceIndex, above.NodeIdType)
        return None

    async def _enum(self, data_type: ua.NodeId) -> dict[int, str] | None:
        if data_type not in self._enums:
            self._enums[data_type] = await self._read_enum(data_type)
        return self._enums[data_type]

    async def _read_enum(self, data_type: ua.NodeId) -> dict[int, str] | None:
        results = await browse_nodes(self._session, [data_type], ObjectIds.HasProperty)
        for reference in results[0].References or []:
            if reference.BrowseName.Name not in {"EnumStrings", "EnumValues"}:
                continue
            node = reference.NodeId
            plain = ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)
            (data,) = await self.read_all([plain], AttributeIds.Value)
            return _enum_texts(data.Value.Value if data.Value else None)
        return _defined_texts(await self._definition(data_type))

    async def _definition(self, data_type: ua.NodeId) -> object:
        (data,) = await self.read_all([data_type], AttributeIds.DataTypeDefinition)
        return data.Value.Value if data.Value else None

    async def _structure(self, data_type: ua.NodeId, depth: int = 0) -> Structure | None:
        """The structure's definition; None where the server does not tell it or it has no end."""
        if data_type not in self._structures:
            # Until it is known, a structure that contains itself is not followed.
            self._structures[data_type] = None
            self._structures[data_type] = await self._read_structure(data_type, depth)
        return self._structures[data_type]

    async def _read_structure(self, data_type: ua.NodeId, depth: int) -> Structure | None:
        definition = await self._definition(data_type)
        if not isinstance(definition, ua.StructureDefinition) or depth > _MAX_NESTING:
            return None
        if definition.StructureType > ua.StructureType.Union:
            return None
        fields: list[Field] = []
        for stated in definition.Fields or []:
            built_in = await self._built_in(stated.DataType)
            inner = built_in == ObjectIds.Structure and stated.DataType != _ANY_STRUCTURE
            nested = await self._structure(stated.DataType, depth + 1) if inner else None
            if built_in is None or (inner and nested is None):
                return None
            enum = await self._enum(stated.DataType) if built_in == ObjectIds.Enumeration else None
            array = stated.ValueRank >= 0
            name = str(stated.Name).replace("/", "∕")
            fields.append(Field(name, built_in, array, bool(stated.IsOptional), enum, nested))
        (named,) = await self.read_all([data_type], AttributeIds.BrowseName)
        title = named.Value.Value.Name if named.Value and named.Value.Value else data_type.to_string()
        return Structure(str(title), ua.StructureType(definition.StructureType), tuple(fields))


def _fill(one: Description, data_type: ua.DataValue, rank: ua.DataValue, value: ua.DataValue) -> None:
    if data_type.Value and isinstance(data_type.Value.Value, ua.NodeId):
        one.type_node = data_type.Value.Value
    if rank.Value and isinstance(rank.Value.Value, int):
        one.rank = rank.Value.Value
    if value.StatusCode is not None and value.StatusCode.is_bad():
        one.status = value.StatusCode.name
    elif value.Value is not None:
        one.value = value.Value.Value


def _enum_texts(value: object) -> dict[int, str] | None:
    if not isinstance(value, list):
        return None
    texts: dict[int, str] = {}
    for index, item in enumerate(value):
        if isinstance(item, ua.LocalizedText):
            texts[index] = str(item.Text)
        elif isinstance(item, ua.EnumValueType):
            texts[int(item.Value)] = str(item.DisplayName.Text)
    return texts


def _defined_texts(definition: object) -> dict[int, str] | None:
    if not isinstance(definition, ua.EnumDefinition):
        return None
    return {
        int(one.Value): str((one.DisplayName.Text if one.DisplayName else None) or one.Name)
        for one in definition.Fields or []
    }
