"""What a server says it can bear, and what it has shown since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from tundish_connectors.opcua.batching import Batching

if TYPE_CHECKING:
    from tundish_connectors.opcua.session import RawSession

_NODES = {
    "browse": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    "read": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    "items": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
}
_DEFAULT_ITEMS = 1000
_DEFAULT_READ = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """Operations per call; None where the server states no limit."""

    browse: int | None = None
    read: int | None = None
    items: int | None = None


@dataclass
class Profile:
    """What is known of one server; it outlives lines and sessions.

    Attributes:
        items: operations per call on monitored items, as stated at first, then as learned from refusals.
        read: nodes per read.
    """

    items: Batching = field(default_factory=lambda: Batching(_DEFAULT_ITEMS))
    read: int = _DEFAULT_READ

    def state(self, limits: Limits) -> None:
        """Take over what the server states; a size that it has refused since is not tried again."""
        stated = limits.items or _DEFAULT_ITEMS
        self.items.size = min(self.items.size, stated) if self.items.size < _DEFAULT_ITEMS else stated
        self.read = limits.read or _DEFAULT_READ


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
