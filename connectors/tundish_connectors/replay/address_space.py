"""The address space of a replay server.

``Objects/Machines/<Site>/<Area>/<Line>/<Machine>/<Component>/<Variable>`` and ``Objects/Replay/<Variable>``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from tundish_connectors.replay.ua_values import numeric_id, text_id
from tundish_platform.samples import SampleKind
from tundish_platform.samples.units import UNECE_NAMESPACE, engineering_unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncua.server.server import Server

    from tundish_platform.samples import SignalSpec

VARIANTS: Final = {
    SampleKind.NUMERIC: ua.VariantType.Double,
    SampleKind.INTEGER: ua.VariantType.Int64,
    SampleKind.TEXT: ua.VariantType.String,
    SampleKind.ARRAY: ua.VariantType.Double,
}

_DEPTH_OF_OBJECTS: Final = 3  # Site, Area and Line are folders; Machine and Component are objects.


class AddressSpace:
    """Builds the nodes of one namespace; node ids are strings equal to the paths, so they never change."""

    def __init__(self, server: Server, namespace: int) -> None:
        self._session = server.iserver.isession
        self._namespace = namespace
        self._made: set[str] = set()

    def node_id(self, path: str) -> ua.NodeId:
        """The id of the node at a path below ``Machines``."""
        return text_id(path, self._namespace)

    async def add_tree(self, specs: Iterable[SignalSpec]) -> None:
        """Add all signals with the folders and objects above them."""
        await self._add_level("Machines", numeric_id(ObjectIds.ObjectsFolder), folder=True)
        for spec in specs:
            parent = "Machines"
            steps = spec.path.split("/")[:-1]
            for depth in range(1, len(steps) + 1):
                path = "/".join(steps[:depth])
                await self._add_level(path, self.node_id(parent), folder=depth <= _DEPTH_OF_OBJECTS)
                parent = path
            await self._add_signal(spec, self.node_id(parent))

    async def add_replay_nodes(self, values: dict[str, ua.Variant]) -> None:
        """Add the folder ``Objects/Replay`` with plain variables that tell of the play itself."""
        await self._add_level("Replay", numeric_id(ObjectIds.ObjectsFolder), folder=True)
        for name, value in values.items():
            attributes = _variable_attributes(value.VariantType, array=False)
            attributes.DisplayName = ua.LocalizedText(name)
            attributes.Value = value
            item = _item(self.node_id(f"Replay/{name}"), name, self._namespace, attributes)
            await self._add(item, self.node_id("Replay"), ObjectIds.HasComponent)

    async def _add_level(self, path: str, parent: ua.NodeId, *, folder: bool) -> None:
        if path in self._made:
            return
        self._made.add(path)
        name = path.rpartition("/")[2]
        attributes = ua.ObjectAttributes()
        attributes.DisplayName = attributes.Description = ua.LocalizedText(name)
        item = _item(self.node_id(path), name, self._namespace, attributes)
        item.NodeClass = ua.NodeClass.Object
        kind = ObjectIds.FolderType if folder else ObjectIds.BaseObjectType
        item.TypeDefinition = numeric_id(kind)
        await self._add(item, parent, ObjectIds.Organizes if folder else ObjectIds.HasComponent)

    async def _add_signal(self, spec: SignalSpec, parent: ua.NodeId) -> None:
        attributes = _variable_attributes(VARIANTS[spec.kind], array=spec.kind is SampleKind.ARRAY)
        attributes.DisplayName = ua.LocalizedText(spec.name_zh, "zh-CN")
        attributes.Description = ua.LocalizedText(spec.name_en, "en")
        item = _item(self.node_id(spec.path), spec.path.rpartition("/")[2], self._namespace, attributes)
        unit = engineering_unit(spec.unit)
        if unit and spec.low is not None and spec.high is not None:
            item.TypeDefinition = numeric_id(ObjectIds.AnalogItemType)
        await self._add(item, parent, ObjectIds.HasComponent)
        if unit:
            information = ua.EUInformation(
                UNECE_NAMESPACE, unit.unit_id, ua.LocalizedText(unit.symbol), ua.LocalizedText(unit.ucum)
            )
            await self._add_property(spec.path, "EngineeringUnits", information, ObjectIds.EUInformation)
        if spec.low is not None and spec.high is not None:
            await self._add_property(spec.path, "EURange", ua.Range(spec.low, spec.high), ObjectIds.Range)

    async def _add_property(self, path: str, name: str, value: Any, data_type: int) -> None:  # noqa: ANN401
        attributes = _variable_attributes(ua.VariantType.ExtensionObject, array=False)
        attributes.DataType = numeric_id(data_type)
        attributes.DisplayName = ua.LocalizedText(name)
        attributes.Value = ua.Variant(value, ua.VariantType.ExtensionObject)
        item = _item(self.node_id(f"{path}.{name}"), name, 0, attributes)
        item.TypeDefinition = numeric_id(ObjectIds.PropertyType)
        await self._add(item, self.node_id(path), ObjectIds.HasProperty)

    async def _add(self, item: ua.AddNodesItem, parent: ua.NodeId, reference: int) -> None:
        item.ParentNodeId = parent
        item.ReferenceTypeId = numeric_id(reference)
        (result,) = await self._session.add_nodes([item])
        result.StatusCode.check()


def _item(node_id: ua.NodeId, name: str, namespace: int, attributes: Any) -> ua.AddNodesItem:  # noqa: ANN401
    item = ua.AddNodesItem()
    item.RequestedNewNodeId = node_id
    item.BrowseName = ua.QualifiedName(name, namespace)
    item.NodeClass = ua.NodeClass.Variable
    item.TypeDefinition = numeric_id(ObjectIds.BaseDataVariableType)
    item.NodeAttributes = attributes
    return item


def _variable_attributes(variant: ua.VariantType, *, array: bool) -> ua.VariableAttributes:
    attributes = ua.VariableAttributes()
    attributes.DataType = numeric_id(variant.value)
    attributes.Value = ua.Variant(None, ua.VariantType.Null)
    attributes.ValueRank = ua.ValueRank.OneDimension if array else ua.ValueRank.Scalar
    if array:
        attributes.ArrayDimensions = [ua.UInt32(0)]
    attributes.WriteMask = attributes.UserWriteMask = 0
    attributes.Historizing = False
    attributes.AccessLevel = attributes.UserAccessLevel = ua.AccessLevel.CurrentRead.mask
    return attributes
