"""Reads what a server says of its variables: types, names, units, ranges, texts of enumerations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from tundish_connectors.opcua.browse import browse_nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.opcua.batching import Batching
    from tundish_connectors.opcua.browse import FoundVariable
    from tundish_connectors.opcua.session import RawSession

_PROPERTIES = {"EURange", "EngineeringUnits"}
_MAX_SUPERTYPES = 16
_BUILT_IN_LIMIT = 29


@dataclass(slots=True)
class Description:
    """What is known of a variable.

    Attributes:
        data_type: id of the built-in or abstract type of namespace 0 it comes down to; None if unknown.
        rank: value rank; -1 scalar, 0 and more arrays, others undecided.
        value: the present value; None where it was bad or null.
        status: why the variable cannot be read, ``""`` where it can.
        enum: texts by number, for enumerations.
    """

    data_type: int | None = None
    rank: int = -1
    value: Any = None
    status: str = ""
    range: ua.Range | None = None
    unit: ua.EUInformation | None = None
    enum: dict[int, str] | None = None
    type_node: ua.NodeId = field(default_factory=ua.NodeId)


class Describer:
    """Reads descriptions in bounded calls; types are looked up once."""

    def __init__(self, session: RawSession, browse: Batching, read: Batching) -> None:
        self._session = session
        self._browse = browse
        self._read = read
        self._types: dict[ua.NodeId, int | None] = {}
        self._enums: dict[ua.NodeId, dict[int, str] | None] = {}

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
        return None


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
