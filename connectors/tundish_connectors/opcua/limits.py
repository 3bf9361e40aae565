"""What a server says it can bear in one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

if TYPE_CHECKING:
    from tundish_connectors.opcua.session import RawSession

_NODES = {
    "browse": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    "read": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    "items": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Operations per call; None where the server states no limit."""

    browse: int | None = None
    read: int | None = None
    items: int | None = None


async def read_limits(session: RawSession) -> Limits:
    """The stated limits; what cannot be read counts as not stated, because calls adapt by themselves.

    Raises:
        OSError: the connection is gone.
    """
    stated: dict[str, int | None] = {}
    for name, node in _NODES.items():
        parameters = ua.ReadParameters()
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
        parameters.NodesToRead = [
            ua.ReadValueId(NodeId=ua.NodeId(ua.Int32(node)), AttributeId=AttributeIds.Value)
        ]
        (answer,) = await session.read(parameters)
        value = answer.Value.Value if answer.Value else None
        stated[name] = value if isinstance(value, int) and value > 0 else None
    return Limits(**stated)
